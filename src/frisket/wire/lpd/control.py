"""Control files (RFC 1179 section 7): what a client wants printed, read and written.

BSD and CUPS name a source file behind its print lines, LPRng and Windows before them. Both are read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from frisket.wire.errors import WireError
from frisket.wire.lpd.terms import FORMATS, Limits

__all__ = ["ControlFile", "Line", "Print", "ascii_of", "control_file", "pair"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a control file: its letter and the octets behind it."""

    letter: str
    operand: bytes


@dataclass(frozen=True, slots=True)
class Print:
    """One data file as the control file wants it printed.

    format: the letter (section 7.17 on). source: the name of the file it came from (N); b"" when not said.
    """

    file: str
    format: str
    copies: int = 1
    source: bytes = b""


@dataclass(frozen=True, slots=True)
class ControlFile:
    """A whole control file (section 7). Answered with one octet.

    Texts are octets, because their character set is the client's secret: see ``text``.
    """

    name: str  # as its header said
    lines: tuple[Line, ...]
    prints: tuple[Print, ...] = field(default=())

    def first(self, letter: str) -> bytes:
        """The operand of the first line with this letter; b"" without one. H host, P user, J job, T title…"""
        return next((line.operand for line in self.lines if line.letter == letter), b"")

    @classmethod
    def read(cls, name: str, octets: bytes, limits: Limits = Limits()) -> "ControlFile":
        """Raises WireError for a line, a number of files or of copies beyond the limits; skips what is empty."""
        lines = []
        for row in octets.replace(b"\r\n", b"\n").split(b"\n"):
            if len(row) > limits.line:
                raise WireError(f"a line of a control file longer than {limits.line} octets")
            if row.strip(b"\0"):  # some clients count the zero behind the file as its last octet
                lines.append(Line(chr(row[0]), row[1:].strip(b"\0")))
        return cls(name, tuple(lines), _prints(lines, limits))

    def write(self) -> bytes:
        """The octets of these lines. Raises WireError for a line that would become two."""
        return b"".join(_control_line(line) for line in self.lines)


def _prints(lines: Sequence[Line], limits: Limits) -> tuple[Print, ...]:
    """One per data file, in the order in which they are first named."""
    found: dict[str, Print] = {}
    names_first, source = _names_first(lines), b""
    group: list[str] = []  # files since the last name, for clients that name them afterwards
    for line in lines:
        if line.letter == "N":
            source = line.operand
            if not names_first:
                for file in group:
                    found[file] = _named(found[file], source)
                group, source = [], b""
        elif line.letter in FORMATS:
            file = ascii_of(line.operand)
            known = found.get(file)
            found[file] = Print(file, line.letter, known.copies + 1 if known else 1, known.source if known else source)
            if file not in group:
                group.append(file)
            if found[file].copies > limits.copies:
                raise WireError(f"more than {limits.copies} copies")
            if len(found) > limits.data_files:
                raise WireError(f"more than {limits.data_files} data files")
    copies = _said_copies(lines, limits)
    return tuple(Print(one.file, one.format, max(one.copies, copies), one.source) for one in found.values())


def _named(one: Print, source: bytes) -> Print:
    return one if one.source else Print(one.file, one.format, one.copies, source)


def _names_first(lines: Sequence[Line]) -> bool:
    """Whether this client names a file before its print lines."""
    return next((line.letter == "N" for line in lines if line.letter == "N" or line.letter in FORMATS), False)


def _said_copies(lines: Sequence[Line], limits: Limits) -> int:
    """Copies as a number: K (LPRng) or # (SunOS) instead of repeated lines."""
    for line in lines:
        if line.letter in "K#":
            number = line.operand.strip(b" \t\v\f")
            if number.isdigit() and len(number) <= 4 and int(number) <= limits.copies:
                return int(number)
    return 1


def pair(control: ControlFile, names: Sequence[str]) -> list[Print | None]:
    """What the control file wants of each data file, in the order in which they came.

    By name; files and wishes left over are paired in their order, because some clients name them differently.
    None for a file that the control file does not print.
    """
    wishes = {one.file: one for one in control.prints}
    found = [wishes.pop(name, None) for name in names]
    left = iter(wishes.values())
    return [one if one is not None else next(left, None) for one in found]


def control_file(
    name: str,
    *,
    host: str,
    user: str,
    title: str,
    prints: Iterable[Print],
    names_first: bool = False,
    banner: bool = False,
) -> ControlFile:
    """As a client writes it, with the lengths of section 7: 31 for host and user, 99 for the title, 131 for
    a source's name.

    names_first: the source's name before the print lines, as LPRng and Windows do; else behind them, as BSD
    and CUPS do. Raises WireError for a format that is no letter of ``FORMATS``.
    """
    lines = [Line("H", _operand(host, 31)), Line("P", _operand(user, 31)), Line("J", _operand(title, 99))]
    if banner:
        lines += [Line("C", _operand(host, 31)), Line("L", _operand(user, 31))]
    wanted = tuple(prints)
    for one in wanted:
        if len(one.format) != 1 or one.format not in FORMATS:
            raise WireError("a format that LPD has no letter for")
        file = one.file.encode("ascii", "replace")
        source = [Line("N", _clean(one.source)[:131])] if one.source else []
        printed = [Line(one.format, file)] * one.copies
        unlink = [Line("U", file)]
        lines += [*source, *printed, *unlink] if names_first else [*printed, *unlink, *source]
    return ControlFile(name, tuple(lines), wanted)


def ascii_of(octets: bytes) -> str:
    """A name that is only ever compared: what is no printable ASCII becomes "?", which no name of ours has."""
    return "".join(chr(octet) if 0x20 < octet < 0x7F else "?" for octet in octets)


def _operand(words: str, longest: int) -> bytes:
    octets = _clean(words.encode("utf-8"))
    # Cut between characters, not within one.
    return octets[:longest].decode("utf-8", "ignore").encode("utf-8")


def _clean(octets: bytes) -> bytes:
    return bytes(octet for octet in octets if octet >= 0x20 and octet != 0x7F)


def _control_line(line: Line) -> bytes:
    if len(line.letter) != 1 or not line.letter.isascii() or re.search(rb"[\n\r\x00]", line.operand):
        raise WireError("a line of a control file that would become two")
    return line.letter.encode("ascii") + line.operand + b"\n"
