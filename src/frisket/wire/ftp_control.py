"""FTP as a receiving server reads and answers it (RFC 959, 2389, 2428, 3659, 4217): the control connection.

Strict about line ends (R17). Telnet's own commands, which some clients send ahead of ABOR, are left out of lines.
A path is a folder of the root, or a name in one: the server behind it has nothing deeper.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from frisket.wire.errors import WireError

__all__ = [
    "BadPath",
    "Command",
    "Conversation",
    "Member",
    "extended_port",
    "full_list",
    "machine_fact",
    "machine_list",
    "name_list",
    "passive_port",
    "quoted",
    "reply",
    "resolve",
]

_IAC: Final = 0xFF
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINE = re.compile(r"([A-Za-z]{3,4})(?: (.*))?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DEEPEST = 2  # a queue, and a document in it


class BadPath(WireError):
    """No path that anything could have here."""


@dataclass(frozen=True, slots=True)
class Command:
    verb: str  # in capitals; "" for what is no command
    argument: str

    def __repr__(self) -> str:
        return f"Command({self.verb!r})"  # the argument may be a password or a title


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a listing."""

    name: str
    folder: bool
    octets: int
    changed: datetime  # aware


class Conversation:
    """The server's end of one control connection.

    longest_line: octets of a command with its line end. code_page: of commands that are not UTF-8 (RFC 2640).
    """

    def __init__(self, *, longest_line: int, code_page: str) -> None:
        self._longest = longest_line
        self._code_page = code_page
        self._pending = b""

    def forget(self) -> None:
        """Drop what came before its time: in clear text, ahead of TLS."""
        self._pending = b""

    def feed(self, data: bytes) -> None:
        self._pending += data

    def command(self) -> Command | None:
        """The next command; None when its line is not whole. Raises WireError."""
        end = self._pending.find(b"\n")
        if (end < 0 and len(self._pending) > self._longest) or end >= self._longest:
            raise WireError(f"a command of more than {self._longest} octets")
        if end < 0:
            return None
        line, self._pending = _without_telnet(self._pending[: end + 1]), self._pending[end + 1 :]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise WireError("a command does not end in CRLF")
        found = _LINE.fullmatch(self._text(line[:-2]))
        if found is None or _CONTROL.search(found[2] or ""):
            return Command("", "")
        return Command(found[1].upper(), found[2] or "")

    def _text(self, octets: bytes) -> str:
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            return octets.decode(self._code_page, "replace")


def _without_telnet(line: bytes) -> bytes:
    """RFC 854: two octets for most commands, three for options; a doubled 255 is one of text."""
    if _IAC not in line:
        return line
    kept = bytearray()
    at = 0
    while at < len(line):
        following = line[at + 1] if at + 1 < len(line) else 0
        if line[at] != _IAC:
            kept.append(line[at])
            at += 1
        elif following == _IAC:
            kept.append(_IAC)
            at += 2
        elif following >= 0xFB:
            at += 3
        else:
            at += 2 if following >= 0xF0 else 1  # the rest of one whose last octet came out of band
    return bytes(kept)


def resolve(folder: Sequence[str], path: str) -> tuple[str, ...]:
    """Where a path leads from a folder: (), (queue,) or (queue, name). Raises BadPath."""
    if _CONTROL.search(path) or len(path) > 1024:
        raise BadPath("no path that anything could have")
    found = [] if path.startswith("/") else list(folder)
    for part in path.split("/"):
        if part == "..":
            del found[-1:]
        elif part not in ("", "."):
            found.append(part)
    if len(found) > _DEEPEST:
        raise BadPath("there are no folders in folders")
    return tuple(found)


def quoted(path: Sequence[str]) -> str:
    """As 257 gives it (RFC 959 appendix II)."""
    return '"/' + "/".join(path).replace('"', '""') + '"'


def reply(code: int, *lines: str) -> bytes:
    """An answer of one or more lines (RFC 959 section 4.2); control characters become question marks."""
    clean = [_CONTROL.sub("?", line)[:500] for line in lines] or [""]
    first, *more = clean
    if not more:
        return f"{code} {first}\r\n".encode("utf-8", "replace")
    inner = "".join(f" {line}\r\n" for line in more[:-1])
    return f"{code}-{first}\r\n{inner}{code} {more[-1]}\r\n".encode("utf-8", "replace")


def passive_port(address: str, port: int) -> str:
    """The words of 227. address: IPv4, dotted."""
    numbers = [*address.split("."), str(port >> 8), str(port & 0xFF)]
    return f"Passive mode ({','.join(numbers)})"


def extended_port(port: int) -> str:
    """The words of 229."""
    return f"Extended passive mode (|||{port}|)"


# -- listings


def full_list(members: Sequence[Member]) -> bytes:
    """LIST: of no standard; like ls -l, with the year, which every reader of such lists takes."""
    return b"".join(
        _line(f"{_mode(each)} 1 frisket frisket {each.octets} {_day(each)} {each.name}") for each in members
    )


def name_list(members: Sequence[Member]) -> bytes:
    """NLST."""
    return b"".join(_line(each.name) for each in members)


def machine_list(members: Sequence[Member]) -> bytes:
    """MLSD (RFC 3659 section 7)."""
    return b"".join(_line(machine_fact(each)) for each in members)


def machine_fact(member: Member) -> str:
    kind = "type=dir" if member.folder else f"type=file;size={member.octets}"
    return f"{kind};modify={member.changed.astimezone(UTC):%Y%m%d%H%M%S}; {member.name}"


def _mode(member: Member) -> str:
    return "drwx-wx---" if member.folder else "----------"


def _day(member: Member) -> str:
    at = member.changed.astimezone(UTC)
    return f"{_MONTHS[at.month - 1]} {at.day:2} {at.year:5}"


def _line(text: str) -> bytes:
    return _CONTROL.sub("?", text).encode("utf-8", "replace") + b"\r\n"
