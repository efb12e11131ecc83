"""PostScript, EPS and their like, and broken PDF, by an interpreter of the Ghostscript family."""

import os
import re
import sys

from frisket.prepress.inside.making import DOCUMENT, Maker, Refused, Task, run
from frisket.prepress.inside.stream import Tell

__all__ = ["main", "says_protected"]

# The name /Encrypt of a trailer, whichever of its letters are written as numbers (ISO 32000-1 section 7.3.5).
_PROTECTED = re.compile(b"/" + b"".join(b"(?:%c|#%02x|#%02X)" % (each, each, each) for each in b"Encrypt"))
_PIECE = 1 << 20
_LONGEST_NAME = 1 + 3 * len("Encrypt")
_ENCAPSULATED = b"EPSF-"
_WITH_PREVIEW = b"\xc5\xd0\xd3\xc6"  # an EPS file that carries a picture of itself


def main() -> None:
    run(lambda: maker(sys.argv[1]))


def maker(program: str) -> Maker:
    def make(task: Task, result: int, tell: Tell) -> None:
        tell(began=True)
        # What is made here has no protection any more, and whether its author allows that cannot be asked of what
        # the PDF library cannot open: so it stays as it is, and counts as damaged (PREP-46).
        if task["format"] == "application/pdf" and says_protected(DOCUMENT):
            raise Refused("damaged")
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


def says_protected(path: str) -> bool:
    """Does a PDF say anywhere that it is encrypted? A text in it may say so too."""
    before = b""
    with open(path, "rb") as document:
        while piece := document.read(_PIECE):
            if _PROTECTED.search(before + piece):
                return True
            before = piece[-_LONGEST_NAME:]
    return False
