"""PostScript, EPS and their like, and broken PDF, by an interpreter of the Ghostscript family."""

import os
import sys

from frisket.prepress.inside.making import DOCUMENT, Maker, Task, run
from frisket.prepress.inside.stream import Tell

__all__ = ["main"]

_ENCAPSULATED = b"EPSF-"
_WITH_PREVIEW = b"\xc5\xd0\xd3\xc6"  # an EPS file that carries a picture of itself


def main() -> None:
    run(lambda: maker(sys.argv[1]))


def maker(program: str) -> Maker:
    def make(task: Task, result: int, tell: Tell) -> None:
        tell(began=True)
        width, height = task["sheet"]
        line = [program, "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-sstdout=%stderr"]
        line += [f"-dDEVICEWIDTHPOINTS={width}", f"-dDEVICEHEIGHTPOINTS={height}", "-dAutoRotatePages=/None"]
        with open(DOCUMENT, "rb") as document:
            start = document.read(4096)
        if _ENCAPSULATED in start[:256] or start.startswith(_WITH_PREVIEW):
            line.append("-dEPSCrop")
        os.dup2(result, 1, inheritable=True)
        # The interpreter takes this process' place: nothing here may start another one.
        os.execve(program, [*line, "-sOutputFile=-", DOCUMENT], {"TMPDIR": "/tmp", "HOME": "/tmp"})

    return make
