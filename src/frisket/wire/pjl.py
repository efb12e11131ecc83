"""PJL as a print server needs it (PJL Technical Reference, HP): a frame around a job, and what comes back.

`header` and `footer` frame a document without touching it; `Replies` reads the printer's back channel, which
may be cut anywhere and mixed with a document language's own error text. Whatever comes, nothing but
WireError is raised, and no more than `longest` octets are kept.

A name can do nothing here but be a name: `neutral` leaves printable ASCII without the quotation mark, so
neither a line end nor an escape sequence nor a second option fits through (R19).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from frisket.wire.errors import WireError

__all__ = [
    "UEL",
    "DeviceEvent",
    "Echo",
    "Identity",
    "JobEvent",
    "Other",
    "PageEvent",
    "Replies",
    "Reply",
    "Setting",
    "footer",
    "header",
    "language_of",
    "neutral",
    "query",
]

UEL: Final = b"\x1b%-12345X"  # Universal Exit Language: back to the PJL parser from any language
LONGEST_NAME = 80  # characters of NAME and DISPLAY
_LANGUAGES = {
    "application/pdf": "PDF",
    "application/postscript": "POSTSCRIPT",
    "application/vnd.hp-pcl": "PCL",
    "application/vnd.hp-pclxl": "PCLXL",
    "image/pwg-raster": "PWGRASTER",
    "image/urf": "URF",
    "image/jpeg": "JPEG",
    "image/tiff": "TIFF",
}


class Setting:
    """The variables we ever set, and the values each may have; everything else is refused by `header`."""

    ALLOWED: Final[Mapping[str, frozenset[str] | range]] = {
        "COPIES": range(1, 1000),
        "DUPLEX": frozenset({"ON", "OFF"}),
        "BINDING": frozenset({"LONGEDGE", "SHORTEDGE"}),
        "RENDERMODE": frozenset({"COLOR", "GRAYSCALE"}),
        "PAPER": frozenset({"A3", "A4", "A5", "LETTER", "LEGAL", "LEDGER"}),
    }


def neutral(text: str, longest: int = LONGEST_NAME) -> str:
    """Text that fits between quotation marks on a PJL line and does nothing there."""
    plain = "".join(char if " " <= char <= "~" and char != '"' else "?" for char in text)
    return plain[:longest]


def language_of(format: str) -> str:
    """The name of a mime type's language after ENTER LANGUAGE; "" where the printer has to find out."""
    return _LANGUAGES.get(format.lower(), "")


def header(name: str, *, settings: Mapping[str, str | int] | None = None, language: str = "") -> bytes:
    """What goes before a document: opens the job, asks for its events, sets what was asked for.

    language: of `language_of`; with "" the block ends with a UEL and the printer looks at the document.
    Raises WireError for a setting that is not on the list.
    """
    lines = [
        "@PJL",
        f'@PJL JOB NAME="{neutral(name)}"',
        "@PJL USTATUS JOB=ON",
        "@PJL USTATUS PAGE=ON",
        *(_set(key, value) for key, value in (settings or {}).items()),
    ]
    if language and language not in _LANGUAGES.values():
        raise WireError("a language we do not enter")
    if language:
        lines.append(f"@PJL ENTER LANGUAGE={language}")
    block = UEL + "".join(line + "\r\n" for line in lines).encode("ascii")
    return block if language else block + UEL


def footer(name: str) -> bytes:
    """What goes behind a document: closes the job; its END event comes when the last page is out."""
    return UEL + f'@PJL EOJ NAME="{neutral(name)}"\r\n'.encode("ascii") + UEL


def query(*commands: str) -> bytes:
    """Commands of ours between two UELs, to ask and not to print: `query("INFO ID")`."""
    lines = "".join(f"@PJL {neutral(command)}\r\n" for command in commands)
    return UEL + lines.encode("ascii") + UEL


def _set(key: str, value: str | int) -> str:
    allowed = Setting.ALLOWED.get(key, frozenset())
    if value not in allowed:
        raise WireError("a PJL setting we do not send")
    return f"@PJL SET {key}={value}"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """`@PJL USTATUS JOB`. event: START, END or CANCEL; pages comes with END on most printers."""

    event: str
    name: str = ""
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class PageEvent:
    """`@PJL USTATUS PAGE`: this page of the job has been printed, counted from 1."""

    page: int


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """`@PJL USTATUS DEVICE`, `@PJL USTATUS TIMED` and `@PJL INFO STATUS`."""

    code: int
    display: str = ""
    online: bool | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """`@PJL INFO ID`: the model as the printer writes it, control characters included."""

    model: str


@dataclass(frozen=True, slots=True)
class Echo:
    """`@PJL ECHO`: everything before it has been read by the PJL parser."""

    words: str


@dataclass(frozen=True, slots=True)
class Other:
    """Anything else: another INFO, or text that a document language wrote."""

    head: str
    lines: tuple[str, ...] = field(default=())


Reply = JobEvent | PageEvent | DeviceEvent | Identity | Echo | Other


class Replies:
    """Reads what a printer writes; every reply ends with a form feed.

    longest: octets without a form feed that are kept; a printer that writes more gets a WireError.
    """

    def __init__(self, *, longest: int = 1 << 16) -> None:
        self._longest = longest
        self._pending = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[Reply]:
        found: list[Reply] = []
        self._pending += data
        while (at := self._pending.find(b"\f", self._searched)) >= 0:
            found += _read(bytes(self._pending[:at]))
            del self._pending[: at + 1]
            self._searched = 0
        self._searched = len(self._pending)
        if len(self._pending) > self._longest:
            raise WireError(f"more than {self._longest} octets without the end of a reply")
        return found


def _read(block: bytes) -> list[Reply]:
    """One reply; what stood before its "@PJL" is somebody else's text and comes first, as Other."""
    text = block.decode("latin-1")
    before, at, rest = text.partition("@PJL")
    found: list[Reply] = []
    if stray := _lines(before):
        found.append(Other("", tuple(stray)))
    if at:
        head, *lines = [line.strip() for line in rest.split("\n")]
        found.append(_reply(head, [line for line in lines if line]))
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\x04", "\n").split("\n") if line.strip(" \r\x00")]


def _reply(head: str, lines: list[str]) -> Reply:
    words = head.upper().split()
    if words[:1] == ["ECHO"]:
        return Echo(head[4:].strip())
    if words == ["USTATUS", "JOB"]:
        return _job_event(lines)
    if words == ["USTATUS", "PAGE"] and lines:
        page = _number(lines[0])
        return PageEvent(page) if page is not None else Other(head, tuple(lines))
    if words in (["USTATUS", "DEVICE"], ["USTATUS", "TIMED"], ["INFO", "STATUS"]):
        return _device_event(head, lines)
    if words == ["INFO", "ID"] and lines:
        return Identity(lines[0].strip('"'))
    return Other(head, tuple(lines))


def _job_event(lines: list[str]) -> Reply:
    event = next((line.upper() for line in lines if "=" not in line), "")
    if event not in ("START", "END", "CANCEL"):
        return Other("USTATUS JOB", tuple(lines))
    values = _values(lines)
    return JobEvent(event, values.get("NAME", ""), _number(values.get("PAGES", "")))


def _device_event(head: str, lines: list[str]) -> Reply:
    values = _values(lines)
    code = _number(values.get("CODE", ""))
    if code is None:
        return Other(head, tuple(lines))
    online = {"TRUE": True, "FALSE": False}.get(values.get("ONLINE", "").upper())
    return DeviceEvent(code, values.get("DISPLAY", ""), online)


def _values(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip().upper(): value.strip().strip('"') for key, _, value in pairs}


def _number(text: str) -> int | None:
    # isdecimal() alone would take digits of other scripts, and int() a thousand of them.
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
