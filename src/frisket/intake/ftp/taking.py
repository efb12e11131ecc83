"""A document on a data connection becomes a job, once its end is sure."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from frisket import device, identity, spool
from frisket.errors import Blame, FrisketError
from frisket.intake.accept import Held, Intake
from frisket.intake.capabilities import formats_of
from frisket.intake.errors import CutOff, Unfit
from frisket.intake.framed import Found, Framed
from frisket.intake.ipp import Commands
from frisket.intake.offers import Offer, Part
from frisket.intake.origin import Known
from frisket.intake.sensing import UNSTATED
from frisket.intake.upload import format_of
from frisket.intake.whose import Peer, offer
from frisket.plumbing import parts
from frisket.plumbing.streams import BrokenOff, Stream

__all__ = ["Put", "code_of", "held", "look_at", "words_of"]


@dataclass(frozen=True, slots=True)
class Put:
    """What a client wants to put, and where. announced: octets, by ALLO; None where it said nothing."""

    queue: device.QueueView
    name: str
    person: identity.PersonView
    announced: int | None


def look_at(intake: Intake, put: Put) -> None:
    """Whether it could be taken at all, before a single octet travels. Raises what says why not."""
    limits = parts.settings().limits
    if put.announced is not None and put.announced > limits.job_bytes:
        raise spool.TooLarge("the document is larger than a job may be")
    intake.admit_to(put.queue, format_of(put.name, ""), put.announced)
    spool.room_for(put.person.id, put.announced)


async def held(intake: Intake, commands: Commands, put: Put, data: Stream) -> Held:
    """Seal it up to the end of the connection and promise nothing yet. Raises what says why not."""
    peer = Peer("ftp", data.address)
    settings = parts.settings()
    documents = Framed(
        _octets(data, put.announced),
        most=settings.limits.pjl_bytes,
        code_page=settings.doors.ftp.code_page,
        to_the_end=data.tls is None,
    )
    first = await documents.next()
    if first is None:
        raise Unfit("the file holds no document")

    def offered() -> Offer:
        known = Known(put.person, "password")
        return offer(put.queue, known, peer, first.told, commands.password_verifier, title=put.name)

    return await intake.hold(await intake.ask(offered), _parts(documents, first, put))


async def _parts(documents: Framed, first: Found, put: Put) -> AsyncIterator[Part]:
    found: Found | None = first
    while found is not None:
        format = found.format
        if format in (UNSTATED, "text/plain"):  # its name knows more: a table, a page of the web
            format = format_of(put.name, "") if format_of(put.name, "") != UNSTATED else format
        if format == UNSTATED and UNSTATED not in formats_of(put.queue):
            raise Unfit("nothing tells what the document is, and no device of the queue takes just anything")
        yield Part(found.data, format, put.name)
        found = await documents.next()


async def _octets(data: Stream, announced: int | None) -> AsyncIterator[bytes]:
    read = 0
    try:
        while piece := await data.read():
            read += len(piece)
            yield piece
    except BrokenOff as error:  # too slow as well: here a rest is no end
        raise CutOff("the data connection broke off") from error
    if announced is not None and read < announced:
        raise CutOff("fewer octets came than were announced")


def code_of(error: FrisketError) -> int:
    """RFC 959 section 4.2.2, of what may follow STOR."""
    if isinstance(error, CutOff):
        return 426
    if isinstance(error, spool.TooLarge | spool.OverQuota):
        return 552
    if error.blame is Blame.HOUSE:
        return 451
    if error.retry:
        return 452
    return 553


def words_of(error: FrisketError) -> str:
    if error.blame is Blame.HOUSE:
        return "This server failed; nothing was printed"
    return f"Not printed: {error}. {error.remedy}".replace("..", ".").strip()
