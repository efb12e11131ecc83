"""Page facts of the document on descriptor 0: frames of JSON on descriptor 1.

Runs inside the sandbox as its own program; argument: the document format. Facts go out as soon as they are
known, so that a document that hits a limit later still has a page count.
"""

import json
import os
import sys

from frisket.prepress.inside import pdf, postscript, raster, walls
from frisket.prepress.inside.stream import Stream, Tell, TooShort

__all__ = ["main"]

_OUT_OF_MEMORY = b'{"problem": "memory"}'


def _open_answers() -> int:
    """Answers go where standard output was; whatever a library prints goes nowhere."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def main() -> None:
    kind = sys.argv[1]
    answers = _open_answers()

    def send(frame: bytes) -> None:
        os.write(answers, len(frame).to_bytes(4) + frame)

    def tell(**facts: object) -> None:
        send(json.dumps(facts).encode())

    try:
        if kind == "walls":
            tell(missing=walls.missing())
        elif kind == "application/pdf":
            pdf.facts(tell)
        else:
            _streamed(kind, tell)
    except MemoryError:
        send(_OUT_OF_MEMORY)
    except TooShort:
        tell(problem="damaged")


def _streamed(kind: str, tell: Tell) -> None:
    source = Stream(0)
    start = source.peek(12)
    if start.startswith(b"RaS2") or kind == "image/pwg-raster":
        raster.pwg(source, tell)
    elif start.startswith(b"UNIRAST") or kind == "image/urf":
        raster.urf(source, tell)
    elif start.startswith(b"%!PS") or kind == "application/postscript":
        postscript.facts(source, tell)
    elif start.startswith(b"\xff\xd8\xff") or kind == "image/jpeg":
        raster.jpeg(source, tell)
    else:
        tell(problem="unknown format")
