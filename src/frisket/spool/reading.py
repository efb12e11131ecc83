"""Reading documents: verified plaintext only, with a ticket, while the key lives."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from uuid import UUID

from frisket.plumbing import blobs, keys, parts
from frisket.plumbing.keys import Damaged, Kind
from frisket.spool.errors import NotHere
from frisket.spool.models import JobKey, SealedObject
from frisket.spool.store import store, threads
from frisket.spool.tickets import Ticket

__all__ = ["read", "read_sync", "size_of"]


def read_sync(job: UUID, kind: Kind | None = None, document: int = 1, *, ticket: Ticket) -> Iterator[bytes]:
    """A document in pieces of at most 256 KiB, in a thread.

    kind: None means the form to be printed: the pages that prepress made, else the document as it came.
    A piece is verified before it is handed over, but that it was all is proven only when the iterator
    ends: until then whoever sends it on has an unfinished transfer. Raises TicketSpent, NotHere at the
    call; Damaged then or later: quarantine the job.
    """
    place, opener = _open(job, kind, document, ticket)
    return _verified(place, opener)


async def read(job: UUID, kind: Kind | None = None, document: int = 1, *, ticket: Ticket) -> AsyncIterator[bytes]:
    """As read_sync, for an event loop: files and keys are opened in threads, one piece ahead."""
    # Opened and begun in one go: a thread that has to be waited for twice costs a small job as much as its reading.
    pieces, piece = await asyncio.wrap_future(threads().submit(_open_and_begin, job, kind, document, ticket))
    ahead = threads().submit(next, pieces, b"")
    try:
        while piece:
            yield piece
            piece = await asyncio.wrap_future(ahead)
            if piece:
                ahead = threads().submit(next, pieces, b"")
    finally:
        # A generator cannot be closed while a thread is inside it.
        if not ahead.cancel():
            ahead.add_done_callback(lambda _: pieces.close())
        else:
            pieces.close()


def _open_and_begin(
    job: UUID, kind: Kind | None, document: int, ticket: Ticket
) -> tuple[Generator[bytes, None, None], bytes]:
    place, opener = _open(job, kind, document, ticket)
    pieces = _verified(place, opener)
    return pieces, next(pieces, b"")


def size_of(job: UUID, kind: Kind | None = None, document: int = 1) -> int:
    """Octets of a document's plaintext. Raises NotHere."""
    return _row(job, kind, document)[3]


def _row(job: UUID, kind: Kind | None, document: int) -> tuple[int, int, int, int, str, str, int]:
    kinds = (Kind.ORIGINAL, Kind.PAGES) if kind is None else (kind,)
    row = (
        SealedObject.objects.filter(job_id=job, kind__in=kinds, document=document, state="kept")
        .order_by("-kind", "-version")
        .values_list("kind", "version", "epoch", "octets", "place", "name", "offset")
        .first()
    )
    if row is None:
        raise NotHere("the job has no such document")
    return row


def _open(job: UUID, kind: Kind | None, document: int, ticket: Ticket) -> tuple[blobs.Place, keys.Opener]:
    ticket.check(job)
    found, version, epoch, octets, where, name, offset = _row(job, kind, document)
    ticket.take(job, found, document)
    wrapped = JobKey.objects.filter(pk=job, tenant=ticket.tenant).values_list("wrapped", "epoch", "version").first()
    if wrapped is None:
        raise NotHere("the job has no key any more")
    key = parts.keys().unwrap_job_key(ticket.tenant, job, bytes(wrapped[0]), wrapped[1], wrapped[2])
    try:
        header = keys.Header(Kind(found), document, ticket.tenant, job, version, epoch)
        opener = keys.Opener(key, header, plain_length=octets)
    finally:
        key.wipe()
    return place_of(where, name, offset, octets), opener


def place_of(where: str, name: str, offset: int, octets: int) -> blobs.Place:
    """The place a row names; its length follows from that of the plaintext."""
    return blobs.Place("file" if where == "file" else "segment", name, offset, keys.sealed_length(octets))


def _verified(place: blobs.Place, opener: keys.Opener) -> Generator[bytes, None, None]:
    try:
        for sealed in store().read(place):
            if plain := opener.update(sealed):
                yield plain
    except blobs.Missing as error:
        raise Damaged("a sealed object is gone or has another length") from error
    if plain := opener.finish():
        yield plain
