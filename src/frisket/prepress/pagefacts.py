"""What a document is, found out inside the sandbox."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from frisket.prepress.errors import SandboxUnavailable
from frisket.prepress.sandbox import Limits, run

__all__ = ["Availability", "PageFacts", "available", "facts"]

_COUNTABLE = frozenset(
    (
        "application/pdf",
        "application/postscript",
        "image/pwg-raster",
        "image/urf",
        "image/jpeg",
        "application/octet-stream",
    )
)
_PROBE_LIMITS = Limits(wall_s=20, cpu_s=10)
_ASK_AGAIN_S = 60.0  # a sandbox that could not be built may be possible later: somebody installs it
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class PageFacts:
    """pages, colour: None where they could not be found out. media: PWG 5101.1 name of the first page or "".

    problem: "" when all is well, else one of: password, damaged, declared (the count is what the document
    says of itself), no page comments, unknown format, too slow, sandbox unavailable, or the limit that
    ended the work: wall, cpu, memory, output, document, crashed.
    """

    pages: int | None = None
    colour: bool | None = None
    media: str = ""
    problem: str = ""
    blank: bool = False  # a PDF none of whose pages marks anything


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether documents can be looked at here; why says which wall is missing."""

    possible: bool
    why: str = ""


_lock = threading.Lock()
_known: tuple[float, Availability] | None = None


def available() -> Availability:
    """Try the walls from inside, once; where one is missing nothing is ever run (section 8: not weakened)."""
    global _known
    with _lock:
        if _known is None or (not _known[1].possible and time.monotonic() - _known[0] > _ASK_AGAIN_S):
            _known = (time.monotonic(), _probe())
        return _known[1]


def _probe() -> Availability:
    try:
        answer = run("pages", ["walls"], iter(()), whole=False, limits=_PROBE_LIMITS)
    except SandboxUnavailable as error:
        return Availability(False, str(error))
    missing = answer.facts.get("missing")
    if answer.stopped or not isinstance(missing, list):
        return Availability(False, "the sandbox does not start; user namespaces may be switched off")
    return Availability(not missing, f"these walls are missing: {', '.join(missing)}" if missing else "")


def facts(source: Iterator[bytes], format: str, *, limits: Limits | None = None) -> PageFacts:
    """Look at one document. Blocks for 0.1 s to about a minute; never raises because of the document.

    source: the document in pieces, read once, in order, and not to its end when the format is of no use.
    format: its media type; application/octet-stream is told apart by its first octets.
    """
    if format not in _COUNTABLE:
        return PageFacts()
    if not available().possible:
        return PageFacts(problem="sandbox unavailable")
    start = next(source, b"")
    if format == "application/octet-stream" and b"%PDF-" in start[:1024]:
        format = "application/pdf"
    whole = format == "application/pdf"
    try:
        answer = run("pages", [format], itertools.chain((start,), source), whole=whole, limits=limits or Limits())
    except SandboxUnavailable:
        return PageFacts(problem="sandbox unavailable")
    return _checked(answer.facts, answer.stopped)


def _checked(said: dict[str, Any], stopped: str) -> PageFacts:
    """The answer comes from the side of the document: only values of the right kind count."""
    pages, colour, media, problem = (said.get(key) for key in ("pages", "colour", "media", "problem"))
    return PageFacts(
        pages if isinstance(pages, int) and not isinstance(pages, bool) and 0 <= pages < 1 << 31 else None,
        colour if isinstance(colour, bool) else None,
        media if isinstance(media, str) and _is_media_name(media) else "",
        stopped or (problem if isinstance(problem, str) else ""),
        said.get("blank") is True,
    )


def _is_media_name(media: str) -> bool:
    plain = all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in media)
    return plain and len(media) <= _LONGEST_NAME
