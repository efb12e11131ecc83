"""PJL as a print server needs it (PJL Technical Reference, HP): a frame around a job, and what comes back.

`header` and `footer` frame a document without touching it; `Replies` reads the printer's back channel, which
may be cut anywhere and mixed with a document language's own error text. For the other side of the wire,
`Unframer` takes what a client sends apart into commands and documents, `job_of` says what the commands mean,
and `reply` writes an answer. Whatever comes, nothing but WireError is raised, and no more than `longest`
octets are kept.

A name can do nothing here but be a name: `neutral` leaves printable ASCII without the quotation mark, so
neither a line end nor an escape sequence nor a second option fits through (R19).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from frisket.wire.errors import WireError

__all__ = [
    "UEL",
    "Boundary",
    "Command",
    "Data",
    "DeviceEvent",
    "Echo",
    "Event",
    "Identity",
    "Job",
    "JobEvent",
    "Other",
    "PageEvent",
    "Replies",
    "Reply",
    "Setting",
    "Unframer",
    "footer",
    "format_of",
    "header",
    "is_dangerous",
    "is_line",
    "is_permanent",
    "job_of",
    "language_of",
    "neutral",
    "query",
    "reply",
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


# -- what a client sends ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """A line `@PJL VERB words`. options: the NAME=value pairs in it, names in upper case, values unquoted."""

    verb: str  # upper case; "" for a bare @PJL
    words: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Boundary:
    """A UEL: whatever language it was, it has ended."""


@dataclass(frozen=True, slots=True)
class Data:
    """Octets of a document, untouched."""

    octets: bytes = field(repr=False)


Event = Command | Boundary | Data
# Possessive and begun at the beginning of a word only: linear however long the line is.
_OPTION = re.compile(r'(?<![\w:.-])([A-Za-z][\w:.-]*+)\s*+=\s*+("[^"]*+"?|[^\s"]++)')
_BLANK = b"\0\t\r\n "
_PJL = b"@PJL"


class Unframer:
    """Takes a stream apart into PJL commands and documents.

    A document begins after ENTER LANGUAGE, or where a line is none of PJL, and ends with a UEL, as it does for
    a printer. Padding before a UEL or @PJL is dropped, everything else of a document is given as it came.

    longest: octets of a line; most: octets of lines without a document between them. Beyond: WireError.
    code_page: of names that are not UTF-8.
    """

    def __init__(self, *, longest: int = 1 << 16, most: int = 1 << 20, code_page: str = "cp1252") -> None:
        self._longest = longest
        self._most = most
        self._code_page = code_page
        self._pending = b""
        self._searched = 0  # of the pending octets, for the end of a line
        self._lines = 0  # octets of them since the last document
        self._in_data = False

    def feed(self, data: bytes) -> list[Event]:
        self._pending += data
        found: list[Event] = []
        while self._pending and (self._document(found) if self._in_data else self._line(found)):
            pass
        return found

    def end(self) -> list[Event]:
        """The stream has ended: what was held back because it could have been the beginning of something."""
        rest, self._pending = self._pending, b""
        if not rest or (not self._in_data and not rest.strip(_BLANK)):
            return []
        if not self._in_data and is_line(rest.lstrip(_BLANK)):
            return [self._command(rest.lstrip(_BLANK))]
        return [Data(rest)]

    def _document(self, found: list[Event]) -> bool:
        """Up to the next UEL; False when more octets are needed."""
        at = self._pending.find(UEL)
        if at >= 0:
            if at:
                found.append(Data(self._pending[:at]))
            self._pending = self._pending[at + len(UEL) :]
            self._boundary(found)
            return True
        keep = _length_of_beginning(self._pending)
        if len(self._pending) > keep:
            found.append(Data(self._pending[: len(self._pending) - keep]))
            self._pending = self._pending[len(self._pending) - keep :]
        return False

    def _boundary(self, found: list[Event]) -> None:
        found.append(Boundary())
        self._in_data, self._searched = False, 0

    def _line(self, found: list[Event]) -> bool:
        """One line of PJL, a UEL, or the beginning of a document; False when more octets are needed."""
        start = self._pending.lstrip(_BLANK)
        padding = len(self._pending) - len(start)
        if start.startswith(UEL):
            self._pending = start[len(UEL) :]
            self._count(padding + len(UEL))
            self._boundary(found)
            return True
        if is_line(start):
            return self._whole_line(start, padding, found)
        if (not start and padding <= self._longest) or (start and (UEL.startswith(start) or _PJL.startswith(start))):
            return False
        self._in_data, self._lines = True, 0
        return True

    def _whole_line(self, start: bytes, padding: int, found: list[Event]) -> bool:
        end = start.find(b"\n", max(0, self._searched - padding))
        if (end if end >= 0 else len(start)) > self._longest:
            raise WireError(f"a PJL line longer than {self._longest} octets")
        if end < 0:
            self._searched = len(self._pending)
            return False
        self._count(padding + end + 1)
        command = self._command(start[:end])
        self._pending, self._searched = start[end + 1 :], 0
        found.append(command)
        if command.verb == "ENTER" and "LANGUAGE" in command.options:
            self._in_data, self._lines = True, 0
        return True

    def _count(self, octets: int) -> None:
        self._lines += octets
        if self._lines > self._most:
            raise WireError(f"more than {self._most} octets of PJL without a document")

    def _command(self, line: bytes) -> Command:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            text = line.decode(self._code_page, "replace")
        verb, _, words = text[len(_PJL) :].strip().partition(" ")
        verb, _, more = verb.partition("\t")
        words = f"{more} {words}".strip()
        options = {} if verb.upper() == "COMMENT" else dict(_options(words))
        return Command(verb.upper(), words, options)


def is_line(octets: bytes) -> bool:
    """Whether these octets begin with a line of PJL."""
    return octets.startswith(_PJL) and octets[4:5] in (b" ", b"\t", b"\r", b"\n")


def _length_of_beginning(octets: bytes) -> int:
    """How many octets at the end could be the beginning of a UEL."""
    at = octets.rfind(b"\x1b", -len(UEL) + 1)
    return len(octets) - at if at >= 0 and UEL.startswith(octets[at:]) else 0


def _options(words: str) -> Iterable[tuple[str, str]]:
    return ((found[1].upper(), found[2].strip('"')) for found in _OPTION.finditer(words))


_DANGEROUS_WORDS = """
    DMINFO DMCMD RNVRAM WNVRAM CLEARNVRAM NVRAMINIT SERVICEMODE SUPERUSER EXECUTE TESTPAGE UPGRADE
"""
_DANGEROUS = frozenset(_DANGEROUS_WORDS.split())
_PERMANENT = frozenset({"DEFAULT", "INITIALIZE", "RESET", "RDYMSG", "OPMSG", "STMSG"})


def is_dangerous(command: Command) -> bool:
    """Whether it reads or writes files, memory or firmware of a device: nothing a job has to do with (R19)."""
    verb = command.verb
    return verb.startswith("FS") or verb in _DANGEROUS or (verb == "SET" and "SERVICEMODE" in command.options)


def is_permanent(command: Command) -> bool:
    """Whether it would change a device beyond the job: its defaults, or what its display says."""
    return command.verb in _PERMANENT


_FORMATS = {language: format for format, language in _LANGUAGES.items()} | {
    "AUTO": "",
    "PCL5": "application/vnd.hp-pcl",
    "PCL6": "application/vnd.hp-pclxl",
    "PS": "application/postscript",
    "XPS": "application/vnd.ms-xpsdocument",
    "HPGL2": "application/vnd.hp-hpgl",
}


def format_of(language: str) -> str | None:
    """The mime type of a language after ENTER LANGUAGE; "" where the document has to tell, None when unknown.

    What carries firmware or leads to maintenance (FWUPDATE, ACL and their kin) is unknown here.
    """
    return _FORMATS.get(language.upper())


@dataclass(frozen=True, slots=True)
class Job:
    """What a client's commands ask for. Empty: nothing was said.

    key: the digits the job is to be released with. sides, color_mode, media: as IPP says them.
    """

    title: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    copies: int = 1
    hold: bool = False
    key: str = field(default="", repr=False)
    sides: str = ""
    color_mode: str = ""
    media: str = ""


_MEDIA = {
    "A3": "iso_a3_297x420mm",
    "A4": "iso_a4_210x297mm",
    "A5": "iso_a5_148x210mm",
    "LETTER": "na_letter_8.5x11in",
    "LEGAL": "na_legal_8.5x14in",
    "LEDGER": "na_ledger_11x17in",
}
_HOLDS = frozenset({"ON", "PROOF", "STORE", "STORED", "LOCKED", "LOCKEDPRINT", "SECURE", "SAMPLE", "PRIVATE"})
# Where drivers put the user and the title, the most specific first.
_USERS = ("USERNAME", "KMUSERNAME2", "USERID", "JOBACCT1", "JOBACCT8", "JOBACCT4")
_TITLES = ("JOBNAME", "NAME", "JOBACCT9")
_COMMENT = re.compile(r"(Username|App Filename)\s*+:\s*+([^;\"]++)", re.IGNORECASE)


def job_of(commands: Iterable[Command]) -> Job:
    """What commands before a document say of the job; of a setting made twice the last counts."""
    said: dict[str, str] = {}
    for command in commands:
        said.update(_said(command))
    sides = {"ON": "two-sided-long-edge", "OFF": "one-sided"}.get(said.get("DUPLEX", "").upper(), "")
    if sides.startswith("two") and said.get("BINDING", "").upper() == "SHORTEDGE":
        sides = "two-sided-short-edge"
    copies = max(_number(said.get(name, "")) or 1 for name in ("COPIES", "QTY"))
    key = said.get("HOLDKEY") or said.get("JOBPASSWORD", "")
    held = {said.get(name, "").upper() for name in ("HOLD", "HOLDTYPE", "JOBTYPE")}
    return Job(
        title=next((said[name] for name in _TITLES if said.get(name)), said.get("APP FILENAME", "")),
        user=next((said[name] for name in _USERS if said.get(name)), said.get("COMMENT USERNAME", "")),
        copies=copies,
        hold=bool(key or held & _HOLDS),
        key=key,
        sides=sides,
        color_mode={"COLOR": "color", "GRAYSCALE": "monochrome"}.get(said.get("RENDERMODE", "").upper(), ""),
        media=_MEDIA.get(said.get("PAPER", "").upper(), ""),
    )


def _said(command: Command) -> dict[str, str]:
    """What one command says, under the name that `job_of` looks for."""
    if command.verb == "COMMENT":
        found = {match[1].upper(): match[2].strip() for match in _COMMENT.finditer(command.words)}
        if "USERNAME" in found:
            found["COMMENT USERNAME"] = found.pop("USERNAME")
        return found
    if command.verb == "JOB":
        return {name: command.options[name] for name in ("NAME",) if name in command.options}
    if command.verb == "LJOBINFO":
        return {name: command.options[name] for name in ("USERID",) if name in command.options}
    if command.verb != "SET":
        return {}
    name, _, value = command.options.get("JOBATTR", "").partition("=")
    kept = {key: text for key, text in command.options.items() if key not in ("NAME", "JOBATTR")}
    return kept | {name.strip().upper(): value.strip()} if name.upper().startswith("JOBACCT") else kept


def reply(head: str, *lines: str) -> bytes:
    """What a printer writes back: `@PJL head`, the lines, a form feed. Quotation marks are the caller's."""
    plain = "".join(f"{line}\r\n" for line in (f"@PJL {head}".rstrip(), *lines))
    return "".join(char if char in "\r\n\t" or " " <= char <= "~" else "?" for char in plain).encode("ascii") + b"\f"
