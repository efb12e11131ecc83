"""One document made into PDF: task and document on descriptor 0, the PDF into the descriptor that is the last argument.

Runs inside the sandbox; each maker is a program of its own. Whatever can be started without the document is
started before it comes, so that a cell started ahead only has to be given one.
"""

import contextlib
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

from frisket.prepress.inside.stream import Stream, Tell, TooShort

__all__ = ["DOCUMENT", "Maker", "Refused", "Task", "run"]

DOCUMENT = "/tmp/document"
_MOST_THREADS = 256  # counted in this user namespace alone, and not at all where the house runs as root

Task = dict[str, Any]


class Refused(Exception):
    """There will be no PDF; the argument is one of prepress.Problem."""


Maker = Callable[[Task, int, Tell], None]


def run(start: Callable[[], Maker]) -> None:
    """Start the maker, then wait for the document and make it. Never returns."""
    result = int(sys.argv[-1])
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints goes nowhere

    def send(frame: bytes) -> None:
        os.write(answers, len(frame).to_bytes(4) + frame)

    def tell(**facts: object) -> None:
        send(json.dumps(facts).encode())

    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NPROC, (_MOST_THREADS, _MOST_THREADS))
    try:
        make = start()
        make(_receive(), result, tell)
        tell(made=True)
    except MemoryError:
        send(b'{"problem": "large"}')
    except Refused as refusal:
        tell(problem=str(refusal))
    except TooShort:
        tell(problem="damaged")
    except OSError:  # the scratch or the result is full: both are as large as they may be
        tell(problem="large")
    os._exit(0)  # libraries that take leave at length have nothing to save here


def _receive() -> Task:
    """The task; the document goes into the scratch, which is memory."""
    source = Stream(0)
    task: Task = json.loads(source.take(int.from_bytes(source.take(4))))
    with open(DOCUMENT, "wb") as out:
        while True:
            out.write(source.buffer[source.at :])
            source.at = len(source.buffer)
            if not source.more():
                break
    if not os.path.getsize(DOCUMENT):
        raise Refused("empty")
    return task
