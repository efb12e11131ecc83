"""What of a document is none of a job's business, whatever door it comes through (R19).

A document that begins with a frame of PJL loses it here as it does at LPD and RAW: what the frame asks for becomes
the job's, what is inside stays octet for octet. Within any other document a frame may only end what it is: a device
would take what follows for commands, or for a document that nobody has judged. PostScript is read as it passes by.
Nothing is kept: a plain document passes in the pieces it came in.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from frisket import device
from frisket.intake.capabilities import capabilities_of
from frisket.intake.errors import Unfit
from frisket.intake.framed import Found, Framed
from frisket.intake.offers import MOST_COPIES, Offer, Part
from frisket.intake.sensing import UNSTATED, put_back, sensed
from frisket.plumbing import parts
from frisket.wire import pjl
from frisket.wire.postscript import Watch

__all__ = ["Guarded", "guarded", "heeding"]

_BLANK = b"\0\t\r\n \x04"  # what may stand before the first octet of a document; drivers end and pad with it
_BEGINNINGS = b"\x1b@%"  # of a UEL, of @PJL and of PostScript
_ENOUGH = len(pjl.UEL)  # octets that tell these apart
_PATIENCE = 1 << 16  # octets of blanks that are kept while nothing has begun
_PROGRAMS = frozenset({"application/postscript", "application/eps", UNSTATED})
_ENDS = frozenset({"", "EOJ", "COMMENT"})  # what a frame may say behind a document


@dataclass(frozen=True, slots=True)
class Guarded:
    """The document as it is kept, and what its frame asked for, where it had one."""

    part: Part
    told: pjl.Job | None = None


async def guarded(part: Part, becomes_pdf: Callable[[str], bool]) -> Guarded:
    """Look at how a document begins, take a frame off, and watch the rest while it is sealed.

    becomes_pdf: whether the house makes PDF of a format here. What no device gets as it is may hold anything: the
    files in an office document, words about PJL. Raises Unfit, CutOff, WireError, now or while it is read.
    """
    first = await _beginning(part.data)
    part = replace(part, data=put_back(first, part.data))
    told = None
    if not part.bare and _is_framed(first):
        part, told, first = await _taken_out(part)
    if _is_framed(first):  # where a frame was taken off, a device without PJL of ours would begin to read here
        raise Unfit("commands to a device at the beginning of a document")
    part = await sensed(part)
    if part.format in _PROGRAMS or first.lstrip(_BLANK).startswith(b"%!"):
        part = replace(part, data=_program(part.data))
    if not part.bare and told is None and not becomes_pdf(part.format):
        part = replace(part, data=_unframed(part.data))
    return Guarded(part, told)


def heeding(offer: Offer, told: pjl.Job) -> Offer:
    """The offer with what a document's own frame asks for, where the sender said nothing else. Raises Unfit.

    A frame that wants a PIN typed holds the job for its person: no PIN is taken from where everybody can read it.
    """
    if told.copies > MOST_COPIES:
        raise Unfit(f"more than {MOST_COPIES} copies")
    can, options = capabilities_of(offer.queue), offer.options
    return replace(
        offer,
        copies=offer.copies if offer.copies != 1 else told.copies,
        title=offer.title if offer.title not in ("", "untitled") else device.clean(told.title, 255) or offer.title,
        options=replace(
            options,
            sides=options.sides or (told.sides if told.sides in can.sides else ""),
            color_mode=options.color_mode or told.color_mode,
            media=options.media or (told.media if told.media in can.media else ""),
        ),
        hold=offer.hold or ("indefinite" if told.key or told.hold else ""),
    )


async def _beginning(data: AsyncIterator[bytes]) -> bytes:
    """Enough octets to tell what begins; for most documents the first piece."""
    first = b""
    async for piece in data:
        first += piece
        start = first.lstrip(_BLANK)
        if len(start) >= _ENOUGH or len(first) > _PATIENCE or (start and start[0] not in _BEGINNINGS):
            break
    return first


def _is_framed(first: bytes) -> bool:
    start = first.lstrip(_BLANK)
    return start.startswith(pjl.UEL) or pjl.is_line(start)


async def _taken_out(part: Part) -> tuple[Part, pjl.Job, bytes]:
    """The one document in a frame, what the frame asks for, and how the document begins."""
    settings = parts.settings()
    framed = Framed(part.data, most=settings.limits.pjl_bytes, code_page=settings.doors.raw.code_page, to_the_end=False)
    found = await framed.next()
    if found is None:
        raise Unfit("commands to a device, and no document")
    first = await _beginning(found.data)
    known = found.format not in (UNSTATED, "text/plain") or part.format == UNSTATED
    inside = replace(
        part,
        data=_only(framed, found, first),
        format=found.format if known else part.format,
        expected=None,  # that was with the frame
    )
    return inside, found.told, first


async def _only(framed: Framed, found: Found, first: bytes) -> AsyncIterator[bytes]:
    yield first
    async for piece in found.data:
        yield piece
    if await framed.next() is not None:
        raise Unfit("several documents in one")


async def _program(data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """PostScript, or what a device may take for it."""
    watch = Watch()
    async for piece in data:
        if found := watch.feed(piece):
            raise Unfit(f"PostScript that reaches beyond its job: {found}")
        yield piece
    if found := watch.end():
        raise Unfit(f"PostScript that reaches beyond its job: {found}")


async def _unframed(data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A document that began without a frame: one may only end it."""
    last, behind = b"", None
    async for piece in data:
        if behind is None:
            seam = last + piece[: _ENOUGH - 1]
            at = seam.find(pjl.UEL)
            rest = (last + piece)[at:] if at >= 0 else _from_frame(piece)
            behind = _Behind() if rest else None
        else:
            rest = piece
        if behind is not None:
            behind.feed(rest)
        last = piece[1 - _ENOUGH :] if len(piece) >= _ENOUGH else (last + piece)[1 - _ENOUGH :]
        yield piece
    if behind is not None:
        behind.end()


def _from_frame(piece: bytes) -> bytes:
    at = piece.find(pjl.UEL)
    return piece[at:] if at >= 0 else b""


class _Behind:
    """Judges what stands behind the end of a document."""

    def __init__(self) -> None:
        self._frame = pjl.Unframer()

    def feed(self, octets: bytes) -> None:
        self._judge(self._frame.feed(octets))

    def end(self) -> None:
        self._judge(self._frame.end())

    def _judge(self, events: list[pjl.Event]) -> None:
        for event in events:
            if isinstance(event, pjl.Command) and event.verb not in _ENDS:
                raise Unfit("commands to a device behind a document")
            if isinstance(event, pjl.Data) and event.octets.strip(_BLANK):
                raise Unfit("something behind the end of a document")
