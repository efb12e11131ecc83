"""The words of LPD that both ends share: codes, answers, limits, and texts of unknown character set."""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from frisket.wire.errors import WireError

__all__ = ["FORMATS", "UNCOUNTED", "WHOLE", "Answer", "Code", "Limits", "TooLarge", "file_name", "plain", "text"]

# Counts that mean "until the connection ends": RFC 1179 section 6.3, and Windows without byte counting.
UNCOUNTED: Final = frozenset({0, 125_899_906_843_000})
WHOLE: Final = b"\0"  # behind a file: it is whole (sections 6.2, 6.3); as an answer: accepted
FORMATS: Final = "cdfglnoprtv"  # lower-case letters that print (section 7); k and z are reserved
_FILE = re.compile(r"[cd]f[A-Za-z][0-9]{3,6}[A-Za-z0-9._:-]*", re.ASCII)
_UNPRINTABLE = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))


class TooLarge(WireError):
    """A file is longer than it may be. Raised as soon as its count is read, else when the limit is passed."""


class Code(IntEnum):
    """Daemon commands (section 5)."""

    PRINT_WAITING = 1
    RECEIVE_JOB = 2
    SHORT_STATE = 3
    LONG_STATE = 4
    REMOVE_JOBS = 5


class Answer(IntEnum):
    """One octet. Everything but ACCEPTED is a refusal; what it means beyond that is field practice."""

    ACCEPTED = 0
    NOT_ACCEPTED = 1  # the queue or file cannot be taken
    LATER = 2  # no room just now, or busy
    BAD_JOB = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Octets, except where said. data: of one data file. words: of a list of users and job numbers."""

    line: int = 1024
    control: int = 64 << 10
    data: int = 16 << 30
    data_files: int = 52  # files; one per letter
    words: int = 64
    copies: int = 999  # repetitions of one print line
    uncounted: frozenset[int] = UNCOUNTED


def text(octets: bytes, code_page: str = "latin-1") -> str:
    """What a client wrote, without control characters: UTF-8 if it can be, else in its code page."""
    try:
        said = octets.decode("utf-8")
    except UnicodeDecodeError:
        said = octets.decode(code_page, "replace")
    return said.translate(_UNPRINTABLE).strip()


def file_name(kind: str, place: int, number: int, host: str) -> str:
    """A name such as "cfA007host" (section 6.2): kind "c" or "d"; place: from 0, of the data file in its job.

    Raises WireError past the 52nd place, for which there is no letter.
    """
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    name = f"{kind}f{letters[place] if 0 <= place < 52 else '?'}{number % 1000:03}{host}"
    if kind not in ("c", "d") or not _FILE.fullmatch(name):
        raise WireError("a file of a job that cannot be named")
    return name


def plain(words: str, longest: int) -> str:
    """Somebody else's words, fit for a line."""
    return words.translate(_UNPRINTABLE).strip()[:longest]
