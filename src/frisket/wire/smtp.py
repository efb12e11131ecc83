"""SMTP as a receiving server reads it (RFC 5321), and the dot-stuffed text POP3 shares with it (RFC 1939).

Strict about line ends (R17): a command or a line of content that ends otherwise than in CRLF is refused, because
two programs that see the end of a mail in two places can be made to see two mails in one. The octets behind
STARTTLS or DATA that came too early are known by `unread` and thrown away by `forget`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from frisket.wire.errors import WireError

__all__ = ["BareLineEnd", "Command", "Conversation", "DotText", "LineTooLong", "Path", "path_of", "reply"]

_END: Final = b"\r\n.\r\n"


class BareLineEnd(WireError):
    """A CR or LF that stands alone."""


class LineTooLong(WireError):
    """A command longer than any may be."""


@dataclass(frozen=True, slots=True)
class Command:
    verb: str  # in capitals; "" for what is no command
    argument: str


@dataclass(frozen=True, slots=True)
class Path:
    """The address of MAIL FROM or RCPT TO, "" for the null path, and the parameters behind it, in capitals."""

    address: str
    options: Mapping[str, str]


_VERB = re.compile(rb"([A-Za-z]{3,10})(?:[ \t]+(.*))?")
_PATH = re.compile(r"(FROM|TO):[ ]?<([^<>\s\"\\\x00-\x20]{0,320})>(?:[ ]+(.*))?", re.IGNORECASE)


def path_of(argument: str, word: str) -> Path | None:
    """word: FROM or TO. None for what is no such path; source routes are not taken (RFC 5321 appendix F.2)."""
    found = _PATH.fullmatch(argument.rstrip())
    if found is None or found[1].upper() != word:
        return None
    address = found[2]
    if address and (address.count("@") != 1 or address.startswith("@") or address.endswith("@")):
        return None
    options = {}
    for each in (found[3] or "").split():
        name, _, value = each.partition("=")
        options[name.upper()] = value
    return Path(address, options)


def reply(code: int, *lines: str) -> bytes:
    """An answer of one or more lines; what is not printable ASCII becomes a question mark."""
    clean = [re.sub(r"[^\x20-\x7e]", "?", line)[:500] for line in lines] or [""]
    last = len(clean) - 1
    return "".join(f"{code}{' ' if at == last else '-'}{line}\r\n" for at, line in enumerate(clean)).encode("ascii")


class DotText:
    """Text up to the line that is a single dot, its leading dots taken away (RFC 5321 section 4.5.2).

    strict: raise BareLineEnd for a CR or LF that stands alone.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._held = b"\r\n"  # as if a line had just ended
        self._virtual = 2
        self.ended = False
        self.rest = b""  # what came behind the end

    def feed(self, data: bytes) -> bytes:
        """The text these octets add. After the end everything goes into ``rest``."""
        if self.ended:
            self.rest += data
            return b""
        held = self._held + data
        end = held.find(_END)
        if end >= 0:
            self.ended = True
            self.rest = held[end + len(_END) :]
            return self._out(held[: end + 2])
        keep = next((size for size in (4, 3, 2, 1) if held.endswith(_END[:size])), 0)
        self._held = held[len(held) - keep :]
        return self._out(held[: len(held) - keep])

    def _out(self, text: bytes) -> bytes:
        if self._strict:
            pairs = text.count(b"\r\n")
            if text.count(b"\n") != pairs or text.count(b"\r") != pairs:
                raise BareLineEnd("a line of the mail does not end in CRLF")
        plain = text.replace(b"\r\n.", b"\r\n")
        skip = min(self._virtual, len(plain))
        self._virtual -= skip
        return plain[skip:]


class Conversation:
    """The server's end of one connection, in turns of commands and content.

    longest_line: octets of a command with its line end.
    """

    def __init__(self, *, longest_line: int) -> None:
        self._longest = longest_line
        self._pending = b""
        self._text: DotText | None = None

    @property
    def unread(self) -> bool:
        """Octets lie here that no command has asked for yet."""
        return bool(self._pending)

    def forget(self) -> None:
        """Drop what came before its time: in clear text, ahead of TLS."""
        self._pending = b""

    def feed(self, data: bytes) -> None:
        self._pending += data

    def command(self) -> Command | None:
        """The next command; None when its line is not whole. Raises LineTooLong, BareLineEnd."""
        end = self._pending.find(b"\n")
        if (end < 0 and len(self._pending) > self._longest) or end >= self._longest:
            raise LineTooLong(f"a command of more than {self._longest} octets")
        if end < 0:
            return None
        line, self._pending = self._pending[: end + 1], self._pending[end + 1 :]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise BareLineEnd("a command does not end in CRLF")
        found = _VERB.fullmatch(line[:-2])
        if found is None or not line.isascii() or b"\0" in line:
            return Command("", "")
        return Command(found[1].decode().upper(), (found[2] or b"").decode())

    def line(self) -> bytes | None:
        """The next line as it is, for the answers of AUTH."""
        end = self._pending.find(b"\n")
        if (end < 0 and len(self._pending) > self._longest) or end >= self._longest:
            raise LineTooLong(f"a line of more than {self._longest} octets")
        if end < 0:
            return None
        line, self._pending = self._pending[: end + 1], self._pending[end + 1 :]
        if not line.endswith(b"\r\n"):
            raise BareLineEnd("a line does not end in CRLF")
        return line[:-2]

    def begin_content(self) -> None:
        self._text = DotText(strict=True)

    def content(self) -> tuple[bytes, bool]:
        """The text that came since, and whether it has ended. Raises BareLineEnd."""
        assert self._text is not None
        data, self._pending = self._pending, b""
        text = self._text.feed(data)
        ended = self._text.ended
        if ended:
            self._pending, self._text = self._text.rest, None
        return text, ended
