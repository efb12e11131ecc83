"""A printer's own end of PJL: finding the commands in a stream, and what it says back.

Only the printer's side is here, and only as much as virtual devices need (PJL Technical Reference, HP).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["UEL", "BackChannel", "Splitter", "StatusLine", "job_name"]

UEL = b"\x1b%-12345X"
_LONGEST_LINE = 64 << 10
_NAME = re.compile(r'NAME\s*=\s*"([^"]*)"', re.IGNORECASE)


class StatusLine(NamedTuple):
    code: int
    display: str
    online: bool


class Splitter:
    """Tells PJL commands from document octets, however the stream is cut.

    Commands stand only between a UEL and ENTER LANGUAGE; "@PJL" inside a document is document.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._in_commands = False

    def feed(self, data: bytes) -> list[str | bytes]:
        """Commands (without "@PJL") as str and pieces of document as bytes, in order."""
        self._pending += data
        found: list[str | bytes] = []
        while self._step(found):
            pass
        return found

    def end(self) -> list[str | bytes]:
        """What is left when the stream ends: a last command without its line end, or document."""
        rest, self._pending = self._pending, b""
        if self._in_commands and rest.startswith(b"@PJL"):
            return [rest[4:].strip().decode("latin-1")]
        return [rest] if rest and not self._in_commands else []

    def _step(self, found: list[str | bytes]) -> bool:
        return self._command(found) if self._in_commands else self._document(found)

    def _document(self, found: list[str | bytes]) -> bool:
        at = self._pending.find(UEL)
        if at >= 0:
            if at:
                found.append(self._pending[:at])
            self._pending, self._in_commands = self._pending[at + len(UEL) :], True
            return True
        keep = _beginning_of_uel(self._pending)
        if len(self._pending) > keep:
            found.append(self._pending[: len(self._pending) - keep])
            self._pending = self._pending[len(self._pending) - keep :]
        return False

    def _command(self, found: list[str | bytes]) -> bool:
        pending = self._pending
        if not b"@PJL".startswith(pending[:4]) and not UEL.startswith(pending[: len(UEL)]):
            self._in_commands = False  # a language that starts without ENTER
            return True
        if pending.startswith(UEL):
            self._pending = pending[len(UEL) :]
            return True
        line, newline, rest = pending.partition(b"\n")
        if not newline or len(line) > _LONGEST_LINE:
            self._in_commands = len(line) <= _LONGEST_LINE
            return not self._in_commands
        command = line[4:].strip().decode("latin-1")
        found.append(command)
        self._pending = rest
        self._in_commands = not command.upper().startswith("ENTER")
        return True


def _beginning_of_uel(data: bytes) -> int:
    """How many octets at the end may be the beginning of a UEL."""
    for length in range(min(len(UEL) - 1, len(data)), 0, -1):
        if data.endswith(UEL[:length]):
            return length
    return 0


class BackChannel:
    """What a talking device answers to each command. `status` tells how the device is just now."""

    def __init__(self, model: str, status: Callable[[], StatusLine], page_count: Callable[[], int]) -> None:
        self._model = model
        self._status = status
        self._page_count = page_count
        self.wants: set[str] = set()  # JOB, PAGE, DEVICE: reported unasked

    def answer(self, command: str) -> bytes:
        """The reply to one command; empty when it wants none."""
        upper = command.upper()
        if upper.startswith("INFO"):
            return self._info(upper[4:].strip())
        if upper.startswith("ECHO"):
            return _reply("ECHO" + command[4:])
        if upper.startswith("USTATUSOFF"):
            self.wants.clear()
        elif upper.startswith("USTATUS"):
            kind, _, setting = (part.strip() for part in upper[7:].partition("="))
            (self.wants.discard if setting == "OFF" else self.wants.add)(kind)
        elif upper.startswith(("INQUIRE", "DINQUIRE")):
            return _reply(f'{command}\r\n"?"')
        return b""

    def _info(self, subject: str) -> bytes:
        if subject == "ID":
            return _reply(f'INFO ID\r\n"{self._model}"')
        if subject == "STATUS":
            return _reply("INFO STATUS\r\n" + _status_lines(self._status()))
        if subject == "PAGECOUNT":
            return _reply(f"INFO PAGECOUNT\r\nPAGECOUNT={self._page_count()}")
        if subject == "CONFIG":
            trays = "IN TRAYS [2 ENUMERATED]\r\n\tINTRAY1 MP\r\n\tINTRAY2 PC"
            return _reply(f"INFO CONFIG\r\n{trays}\r\nDUPLEX\r\nMEMORY=268435456")
        if subject == "VARIABLES":
            copies = "COPIES=1 [2 RANGE]\r\n\t1\r\n\t999"
            return _reply(f"INFO VARIABLES\r\n{copies}\r\nPAPER=A4 [2 ENUMERATED]\r\n\tA4\r\n\tLETTER")
        return _reply(f"INFO {subject}")

    def device_changed(self) -> bytes:
        """Unasked news of the device, for those who wanted it."""
        if "DEVICE" not in self.wants:
            return b""
        return _reply("USTATUS DEVICE\r\n" + _status_lines(self._status()))

    def page_done(self, page: int) -> bytes:
        return _reply(f"USTATUS PAGE\r\n{page}") if "PAGE" in self.wants else b""

    def job_event(self, event: str, name: str, pages: int | None = None) -> bytes:
        """event: START, END or CANCEL."""
        if "JOB" not in self.wants:
            return b""
        count = "" if pages is None else f"\r\nPAGES={pages}"
        return _reply(f'USTATUS JOB\r\n{event}\r\nNAME="{name}"{count}')


def job_name(command: str) -> str:
    """The NAME of a JOB or EOJ command."""
    found = _NAME.search(command)
    return found.group(1) if found else ""


def _status_lines(status: StatusLine) -> str:
    online = "TRUE" if status.online else "FALSE"
    return f'CODE={status.code}\r\nDISPLAY="{status.display}"\r\nONLINE={online}'


def _reply(text: str) -> bytes:
    return f"@PJL {text}\r\n\f".encode("latin-1", "replace")
