"""Documents into PDF: office files, pictures, text, web pages, PostScript, and PDF that is locked or broken.

Each conversion has a sandbox of its own (`cells`), and what it makes is looked at by the page counter in another
one before anybody may use it (security-design section 8). What a format needs that is not installed is not offered.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from frisket.prepress.cells import Ahead, Cell, Memory
from frisket.prepress.errors import SandboxUnavailable
from frisket.prepress.pagefacts import PageFacts, available, facts
from frisket.prepress.sandbox import Limits, MiB, Room

__all__ = [
    "A4",
    "Bounds",
    "Converted",
    "Failed",
    "Problem",
    "convert",
    "convertible",
    "sheet_of",
    "shrink",
    "unlock",
]

PDF = "application/pdf"
_OASIS = "application/vnd.oasis.opendocument."
_OPEN_XML = "application/vnd.openxmlformats-officedocument."

# Formats to the end of the name the office program knows them by.
_OFFICE: Mapping[str, str] = {
    _OASIS + "text": "odt",
    _OASIS + "text-template": "ott",
    _OASIS + "text-flat-xml": "fodt",
    _OASIS + "spreadsheet": "ods",
    _OASIS + "spreadsheet-template": "ots",
    _OASIS + "presentation": "odp",
    _OASIS + "presentation-template": "otp",
    _OASIS + "graphics": "odg",
    _OPEN_XML + "wordprocessingml.document": "docx",
    _OPEN_XML + "wordprocessingml.template": "dotx",
    _OPEN_XML + "spreadsheetml.sheet": "xlsx",
    _OPEN_XML + "spreadsheetml.template": "xltx",
    _OPEN_XML + "presentationml.presentation": "pptx",
    _OPEN_XML + "presentationml.slideshow": "ppsx",
    _OPEN_XML + "presentationml.template": "potx",
    "application/vnd.ms-word.document.macroenabled.12": "docm",
    "application/vnd.ms-excel.sheet.macroenabled.12": "xlsm",
    "application/vnd.ms-powerpoint.presentation.macroenabled.12": "pptm",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12": "xlsb",
    "application/vnd.ms-word.template.macroenabled.12": "dotm",
    "application/vnd.ms-powerpoint.slideshow.macroenabled.12": "ppsm",
    "application/vnd.visio": "vsd",
    "application/vnd.ms-visio.drawing": "vsdx",
    "application/x-mspublisher": "pub",
    "application/vnd.openxmlformats-officedocument": "",  # some kind of it: its first entries did not tell
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/x-ole-storage": "",  # one of these three, or a locked one of the newer kinds
    "application/rtf": "rtf",
    "text/rtf": "rtf",
    "text/csv": "csv",
    "text/plain": "txt",
    "text/html": "html",
    "application/xhtml+xml": "html",
}
_PICTURES = frozenset(
    ("image/jpeg", "image/png", "image/tiff", "image/gif", "image/webp", "image/bmp", "image/avif", "image/jp2")
)
_PHONE_PICTURES = frozenset(("image/heic", "image/heif"))
# Page description languages to the interpreter that makes PDF of them, where somebody installed it.
_INTERPRETERS = {
    "application/postscript": "gs",
    "application/eps": "gs",
    "image/x-eps": "gs",
    "application/vnd.hp-pcl": "gpcl6",
    "application/vnd.hp-pclxl": "gpcl6",
    "application/vnd.ms-xpsdocument": "gxps",
    "application/oxps": "gxps",
}
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/etc/fonts", "/usr/share/fontconfig", "/var/cache/fontconfig")
_GHOSTSCRIPT = (
    *("/usr/share/ghostscript", "/etc/ghostscript", "/var/lib/ghostscript"),
    *("/usr/share/color/icc/ghostscript", "/usr/share/poppler"),
)
_PROBLEMS_OF_LIMITS = {"wall": "slow", "cpu": "slow", "output": "large", "document": "large", "memory": "large"}
_LOOK_AGAIN_S = 60.0
_lock = threading.Lock()


class Problem:
    """Why there is no PDF, as keywords."""

    PASSWORD = "password"  # it opens with its password only
    WRONG_PASSWORD = "wrong-password"
    FORBIDDEN = "forbidden"  # it opens, but its author does not allow printing
    DAMAGED = "damaged"  # what it is made of cannot be read
    ARCHIVE = "archive"  # it unpacks to more than it may, or is no document at all
    PIXELS = "pixels"
    PAGES = "pages"  # more than there may be
    EMPTY = "empty"
    SLOW = "slow"
    LARGE = "large"  # it, its result, or the memory it wants
    UNAVAILABLE = "unavailable"  # no sandbox, or the program for it is not installed

    ALL = frozenset(
        (PASSWORD, WRONG_PASSWORD, FORBIDDEN, DAMAGED, ARCHIVE, PIXELS, PAGES, EMPTY, SLOW, LARGE, UNAVAILABLE)
    )


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one conversion may take. memory, document, output: octets."""

    wall_s: float = 60
    cpu_s: int = 120
    memory: int = 2048 * MiB
    document: int = 512 * MiB
    output: int = 256 * MiB
    pages: int = 10_000
    pixels: int = 250_000_000
    unpacked: int = 2048 * MiB
    entries: int = 10_000
    ratio: int = 100
    ahead: int = 1  # office programs that wait for the next document
    ahead_s: float = 300  # … for so long at most

    def limits(self) -> Limits:
        return Limits(
            wall_s=self.wall_s,
            wall_per_page_s=0,
            most_pages=self.pages,
            cpu_s=self.cpu_s,
            memory=self.memory,
            scratch=self.document + self.output,
            document=self.document,
            open_files=256,
        )


@dataclass(frozen=True, slots=True)
class Converted:
    """A PDF that a second sandbox has looked at. pdf is None where the document may stay as it is."""

    pdf: Memory | None
    facts: PageFacts


@dataclass(frozen=True, slots=True)
class Failed:
    """problem: of `Problem`. limit: which bound of the sandbox ended it, or ""."""

    problem: str
    limit: str = ""


_DEFAULT = Bounds()
A4 = (595.28, 841.89)
_SELF_DESCRIBING = re.compile(r"_(\d{1,5}(?:\.\d{1,3})?)x(\d{1,5}(?:\.\d{1,3})?)(mm|in)$")  # PWG 5101.1 section 5


def sheet_of(media: str) -> tuple[float, float] | None:
    """Width and height in points of a sheet by its name; None for what does not say them, or for no sheet at all."""
    found = _SELF_DESCRIBING.search(media)
    if found is None:
        return None
    point = 72 / 25.4 if found[3] == "mm" else 72.0
    width, height = float(found[1]) * point, float(found[2]) * point
    return (width, height) if min(width, height) >= 36 and max(width, height) <= 14400 else None


def convert(
    source: Iterator[bytes],
    format: str,
    *,
    bounds: Bounds = _DEFAULT,
    password: str = "",
    sheet: tuple[float, float] = A4,
) -> Converted | Failed:
    """Make PDF of one document. Blocks for 0.2 s to ``bounds.wall_s``; never raises because of the document.

    source: the document in pieces, read once. format: its media type; PDF itself is repaired. password: its own,
    used for this opening and kept nowhere. sheet: width and height in points, for what has no pages of its own.
    """
    if format != PDF and format not in convertible():
        return Failed(Problem.UNAVAILABLE)
    task = {
        "format": format,
        "suffix": _OFFICE.get(format, ""),
        "password": password,
        "sheet": list(sheet),
        "pages": bounds.pages,
        "pixels": bounds.pixels,
        "unpacked": bounds.unpacked,
        "entries": bounds.entries,
        "ratio": bounds.ratio,
    }
    try:
        cell = _cell_for(format, bounds)
    except SandboxUnavailable:
        return Failed(Problem.UNAVAILABLE)
    answer, made = cell.make(task, source)
    problem = answer.facts.get("problem")
    if made is None or problem:
        if made is not None:
            made.close()
        return _failed(answer.stopped, problem)
    return _checked(made, bounds, may_be_blank=format in _OFFICE or format in _PICTURES or format in _PHONE_PICTURES)


def unlock(source: Iterator[bytes], *, bounds: Bounds = _DEFAULT, password: str = "") -> Converted | Failed:
    """Look at a PDF's protection; with its password make one without. An open one stays as it is (pdf is None).

    Its author's word counts: what opens but may not be printed is Problem.FORBIDDEN, unless the password is the
    author's own.
    """
    if not available().possible:
        return Failed(Problem.UNAVAILABLE)
    task = {"password": password, "pages": bounds.pages}
    try:
        answer, made = Cell("locked", [], Room(), bounds.limits()).make(task, source)
    except SandboxUnavailable:
        return Failed(Problem.UNAVAILABLE)
    problem = answer.facts.get("problem")
    if answer.stopped or problem or (made is None and answer.facts.get("open") is not True):
        if made is not None:
            made.close()
        return _failed(answer.stopped, problem)
    return _checked(made, bounds) if made is not None else Converted(None, PageFacts())


def _failed(stopped: str, problem: object) -> Failed:
    """What the inside says counts only where it is a word we know."""
    if isinstance(problem, str) and problem in Problem.ALL:
        return Failed(problem)
    return Failed(_PROBLEMS_OF_LIMITS.get(stopped, Problem.DAMAGED), stopped)


def _checked(made: Memory, bounds: Bounds, *, may_be_blank: bool = True) -> Converted | Failed:
    """A second parser, in a sandbox of its own, has the last word on what the first one made.

    may_be_blank: False for interpreters, which make an empty sheet of what they cannot read.
    """
    if made.octets > bounds.output:
        made.close()
        return Failed(Problem.LARGE, "output")
    found = facts(made.pieces(), PDF)
    problem = ""
    if found.pages is None:
        problem = Problem.DAMAGED
    elif found.pages == 0 or (found.blank and not may_be_blank):
        problem = Problem.EMPTY
    elif found.pages > bounds.pages:
        problem = Problem.PAGES
    if problem:
        made.close()
        return Failed(problem, found.problem)
    return Converted(made, found)


def _cell_for(format: str, bounds: Bounds) -> Cell:
    if format in _OFFICE:
        if bounds.ahead:
            return _ahead(bounds.limits()).take(keep=bounds.ahead, idle_s=bounds.ahead_s)
        return _office(bounds.limits())
    if format in _PICTURES:
        return Cell("picture", [], _PICTURE_ROOM, bounds.limits())
    if format in _PHONE_PICTURES:  # its decoder cannot do without threads
        return Cell("picture", [], replace(_PICTURE_ROOM, threads=True), bounds.limits())
    interpreter = shutil.which(_INTERPRETERS.get(format, "gs"))
    if interpreter is None:
        raise SandboxUnavailable("no interpreter for this format")
    room = Room(shown=(interpreter, os.path.realpath(interpreter), *_FONTS, *_GHOSTSCRIPT))
    return Cell("interpreter", [interpreter], room, bounds.limits())


_PICTURE_ROOM = Room(packages=("pikepdf", "pikepdf.libs", "PIL", "pillow.libs", "pi_heif", "pi_heif.libs", "_pi_heif"))


_offices: dict[Limits, Ahead] = {}  # those of one house have one set of limits


def _ahead(limits: Limits) -> Ahead:
    with _lock:
        return _offices.setdefault(limits, Ahead(partial(_office, limits)))


def _office(limits: Limits) -> Cell:
    program = office_folder()
    if program is None:
        raise SandboxUnavailable("no office program is installed")
    room = Room(
        packages=(),
        shown=("/etc/libreoffice", "/usr/share/libreoffice", "/usr/share/liblangtag", *_FONTS),
        environment=(("HOME", "/tmp"), ("SAL_USE_VCLPLUGIN", "svp"), ("SAL_DISABLE_CUPS", "1")),
        threads=True,
    )
    return Cell("office", [str(program)], room, limits)


def office_folder() -> Path | None:
    """Where the installed LibreOffice has its program libraries; None without one."""
    start = shutil.which("soffice") or shutil.which("libreoffice")
    if start is None:
        return None
    folder = Path(os.path.realpath(start)).parent
    names = ("libmergedlo.so", "libsofficeapp.so")
    return folder if any((folder / name).exists() for name in names) else None


def shrink() -> None:
    """Let the office programs go that wait for documents."""
    with _lock:
        everywhere = list(_offices.values())
    for each in everywhere:
        each.shrink()


_known: tuple[float, frozenset[str]] | None = None


def convertible() -> frozenset[str]:
    """Media types that this machine can make PDF of, as installed now; empty where there is no sandbox."""
    global _known
    with _lock:
        if _known is None or time.monotonic() - _known[0] > _LOOK_AGAIN_S:
            _known = (time.monotonic(), _installed())
        return _known[1]


def _installed() -> frozenset[str]:
    if not available().possible:
        return frozenset()
    found = set(_PICTURES)
    if find_spec("pi_heif") is not None:
        found |= _PHONE_PICTURES
    if office_folder() is not None:
        found |= set(_OFFICE)
    found |= {format for format, program in _INTERPRETERS.items() if shutil.which(program)}
    return frozenset(found)
