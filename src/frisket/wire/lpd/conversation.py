"""The server's end of one connection (RFC 1179 sections 5 and 6): octets in, events out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from frisket.wire.errors import WireError
from frisket.wire.lpd.control import ControlFile, ascii_of
from frisket.wire.lpd.terms import Limits, TooLarge, text

__all__ = [
    "Abort",
    "ControlBegins",
    "Conversation",
    "Data",
    "DataBegins",
    "DataEnds",
    "Event",
    "PrintWaiting",
    "ReceiveJob",
    "RemoveJobs",
    "SendQueue",
]

_SPACE = b" \t\v\f"
_LONGEST_QUEUE = 63  # octets; longer names are cut


@dataclass(frozen=True, slots=True)
class PrintWaiting:
    """Print what waits (section 5.1). Answered with one octet."""

    queue: str


@dataclass(frozen=True, slots=True)
class ReceiveJob:
    """A job follows (section 5.2). Answered with one octet."""

    queue: str


@dataclass(frozen=True, slots=True)
class SendQueue:
    """Tell the state of the queue (sections 5.3, 5.4). Answered with text and the end of the connection.

    wanted: user names and job numbers as the peer wrote them; none: all.
    """

    queue: str
    wanted: tuple[str, ...]
    long: bool


@dataclass(frozen=True, slots=True)
class RemoveJobs:
    """Remove jobs (section 5.5). agent: who asks, as the peer claims. Answered with one octet."""

    queue: str
    agent: str
    wanted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Abort:
    """Forget what came on this connection (section 6.1). Answered with one octet."""


@dataclass(frozen=True, slots=True)
class ControlBegins:
    """A control file of so many octets follows (section 6.2). Answered with one octet."""

    name: str
    octets: int


@dataclass(frozen=True, slots=True)
class DataBegins:
    """A data file follows (section 6.3). octets: None when it lasts until the connection ends. Answered."""

    name: str
    octets: int | None


@dataclass(frozen=True, slots=True)
class Data:
    """Some octets of the data file. Not answered."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class DataEnds:
    """The data file is whole. Answered."""


Event = (
    PrintWaiting
    | ReceiveJob
    | SendQueue
    | RemoveJobs
    | Abort
    | ControlBegins
    | ControlFile
    | DataBegins
    | Data
    | DataEnds
)


class Conversation:
    """The server's end of one connection.

    A command or file that is refused ends the connection: what the peer sends after it means nothing.
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._pending = bytearray()  # of a line or a control file
        self._state = _State.COMMAND
        self._name = ""
        self._left = 0  # octets of the file that are still to come
        self._files = 0

    def feed(self, data: bytes) -> list[Event]:
        """Raises WireError; nothing more may be fed then."""
        found: list[Event] = []
        rest = memoryview(data)
        while rest and self._state is not _State.OVER:
            rest = _STEPS[self._state](self, rest, found)
        return found

    def end(self) -> list[Event]:
        """The peer sends no more. Raises WireError when something was begun and is not whole.

        A file whose octets all came is whole, even without the zero that should follow: some clients close.
        """
        state, self._state = self._state, _State.OVER
        if state is _State.UNCOUNTED:
            return [DataEnds()]
        if state is _State.AFTER_DATA:
            return [DataEnds()]
        if state is _State.AFTER_CONTROL:
            return [self._control()]
        if state in (_State.DATA, _State.CONTROL):
            raise WireError("the connection ended within a file")
        if self._pending:
            raise WireError("the connection ended within a line")
        return []

    # -- steps: each takes some of the octets and gives back what it leaves ----------------------

    def _line(self, rest: memoryview, found: list[Event]) -> memoryview:
        window = bytes(rest[: self._limits.line + 1 - len(self._pending)])
        at = window.find(b"\n")
        self._pending += window if at < 0 else window[:at]
        if len(self._pending) > self._limits.line:
            raise WireError(f"a line longer than {self._limits.line} octets")
        if at < 0:
            return rest[len(window) :]
        line = bytes(self._pending).removesuffix(b"\r")
        self._pending.clear()
        if self._state is _State.COMMAND:
            found.append(self._command(line))
        else:
            found.append(self._subcommand(line))
        return rest[at + 1 :]

    def _command(self, line: bytes) -> Event:
        code, words = line[:1], _words(line[1:])
        queue = ascii_of(words[0][:_LONGEST_QUEUE]) if words else ""
        self._state = _State.SUBCOMMAND if code == b"\x02" else _State.OVER
        if code == b"\x01":
            return PrintWaiting(queue)
        if code == b"\x02":
            return ReceiveJob(queue)
        if code in (b"\x03", b"\x04"):
            return SendQueue(queue, self._wanted(words[1:]), code == b"\x04")
        if code == b"\x05":
            return RemoveJobs(queue, text(words[1]) if len(words) > 1 else "", self._wanted(words[2:]))
        raise WireError("a command that RFC 1179 does not know")

    def _wanted(self, words: Sequence[bytes]) -> tuple[str, ...]:
        if len(words) > self._limits.words:
            raise WireError(f"a list of more than {self._limits.words} words")
        return tuple(text(word) for word in words)

    def _subcommand(self, line: bytes) -> Event:
        code = line[:1]
        if code == b"\x01":
            return Abort()
        if code not in (b"\x02", b"\x03"):
            raise WireError("a subcommand that RFC 1179 does not know")
        count, self._name = _header(line[1:])
        if code == b"\x02":
            if count > self._limits.control:
                raise TooLarge(f"a control file longer than {self._limits.control} octets")
            self._left, self._state = count, _State.CONTROL if count else _State.AFTER_CONTROL
            return ControlBegins(self._name, count)
        self._files += 1
        if self._files > self._limits.data_files:
            raise WireError(f"more than {self._limits.data_files} data files")
        if count in self._limits.uncounted:
            self._left, self._state = self._limits.data, _State.UNCOUNTED
            return DataBegins(self._name, None)
        if count > self._limits.data:
            raise TooLarge(f"a data file longer than {self._limits.data} octets")
        self._left, self._state = count, _State.DATA
        return DataBegins(self._name, count)

    def _control_octets(self, rest: memoryview, found: list[Event]) -> memoryview:
        piece = rest[: self._left]
        self._pending += piece
        self._left -= len(piece)
        if not self._left:
            self._state = _State.AFTER_CONTROL
        return rest[len(piece) :]

    def _data_octets(self, rest: memoryview, found: list[Event]) -> memoryview:
        piece = rest[: self._left]
        self._left -= len(piece)
        found.append(Data(bytes(piece)))
        if not self._left:
            self._state = _State.AFTER_DATA
        return rest[len(piece) :]

    def _uncounted_octets(self, rest: memoryview, found: list[Event]) -> memoryview:
        if len(rest) > self._left:
            raise TooLarge(f"a data file longer than {self._limits.data} octets")
        self._left -= len(rest)
        found.append(Data(bytes(rest)))
        return rest[len(rest) :]

    def _zero(self, rest: memoryview, found: list[Event]) -> memoryview:
        """Behind a file: zero when it is whole; anything else means that the peer gave it up."""
        if rest[0] != 0:
            raise WireError("a file does not end with a zero octet where its count says")
        found.append(self._control() if self._state is _State.AFTER_CONTROL else DataEnds())
        self._state = _State.SUBCOMMAND
        return rest[1:]

    def _control(self) -> ControlFile:
        octets = bytes(self._pending)
        self._pending.clear()
        return ControlFile.read(self._name, octets, self._limits)


class _State(IntEnum):
    COMMAND = 0
    SUBCOMMAND = 1
    CONTROL = 2
    AFTER_CONTROL = 3
    DATA = 4
    AFTER_DATA = 5
    UNCOUNTED = 6
    OVER = 7  # nothing that comes now is a command


_STEPS = {
    _State.COMMAND: Conversation._line,
    _State.SUBCOMMAND: Conversation._line,
    _State.CONTROL: Conversation._control_octets,
    _State.AFTER_CONTROL: Conversation._zero,
    _State.DATA: Conversation._data_octets,
    _State.AFTER_DATA: Conversation._zero,
    _State.UNCOUNTED: Conversation._uncounted_octets,
}


def _header(operands: bytes) -> tuple[int, str]:
    """The count and the name of a file (sections 6.2, 6.3)."""
    count, _, name = operands.strip(_SPACE).partition(b" ")
    if not count.isdigit() or len(count) > 19:
        raise WireError("a file's count that is no number")
    return int(count), ascii_of(name.strip(_SPACE)[:255])


def _words(octets: bytes) -> list[bytes]:
    return [word for word in re.split(rb"[ \t\v\f]+", octets) if word]
