"""From sealed octets to durable rows: the two steps of an accept that this room does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db.models import F

from frisket.plumbing import blobs, parts
from frisket.plumbing.crashpoints import pass_, point
from frisket.plumbing.db import Tx
from frisket.plumbing.keys import Kind
from frisket.spool.errors import NotHere, SpoolFull
from frisket.spool.jobkeys import HeldKey, put_down, wrapped_now
from frisket.spool.limits import COUNTERS
from frisket.spool.models import JobKey
from frisket.spool.rows import KeyRow, ObjectRow, insert_keys, insert_objects
from frisket.spool.sealing import SealedDoc
from frisket.spool.store import store

__all__ = ["Keep", "discard", "keep_many", "place_many"]

_BEFORE_PLACE = point("spool.before-place")
_AFTER_PLACE = point("spool.after-place")
_AFTER_ROWS = point("spool.after-rows")
_AFTER_COMMIT = point("spool.after-commit")


@dataclass(frozen=True, slots=True)
class Keep:
    """What is to be kept of one job. new: the job gets its key row now; else it has one already."""

    person: UUID
    key: HeldKey
    documents: Sequence[SealedDoc]
    new: bool = True

    @property
    def octets(self) -> int:
        return sum(doc.octets for doc in self.documents if doc.kind is Kind.ORIGINAL)


def place_many(sealed: Iterable[SealedDoc]) -> None:
    """Put what waits in memory into a segment, with one sync for all. For the group writer's ``before``.

    Raises SpoolFull, or SyncFailed, after which this process must end.
    """
    waiting = [doc for doc in sealed if doc.place is None]
    pass_(_BEFORE_PLACE)
    try:
        places = store().append([doc.sealed for doc in waiting])
    except blobs.NoRoom as error:
        raise SpoolFull("the disk of the spool is full") from error
    for doc, place in zip(waiting, places, strict=True):
        doc.place = place
        doc.sealed = b""
    pass_(_AFTER_PLACE)


def keep_many(items: Sequence[Keep], *, tx: Tx) -> None:
    """The rows of many jobs' keys and objects, all placed already, in the caller's transaction."""
    tenant = parts.tenant()
    insert_keys(
        KeyRow(item.key.job, tenant, item.person, item.octets, *wrapped_now(item.key)) for item in items if item.new
    )
    for item in items:
        if not item.new:
            _add_octets(item)
    objects = [_object(item.key.job, doc) for item in items for doc in item.documents]
    insert_objects(objects)
    pass_(_AFTER_ROWS)
    tx.on_commit(partial(_kept, items, [row.place for row in objects]))


def _object(job: UUID, doc: SealedDoc) -> ObjectRow:
    if doc.place is None:
        raise ValueError("an object without a place cannot be kept")
    return ObjectRow(job, doc.kind, doc.document, doc.version, doc.epoch, doc.octets, doc.place)


def _add_octets(item: Keep) -> None:
    """Raises NotHere when the job was erased while another document was on its way."""
    rows = JobKey.objects.filter(pk=item.key.job, tenant=parts.tenant())
    if not rows.update(octets=F("octets") + item.octets):
        raise NotHere("the job was erased meanwhile")


def _kept(items: Sequence[Keep], places: Sequence[blobs.Place]) -> None:
    pass_(_AFTER_COMMIT)
    store().settle(places)
    for item in items:
        put_down(item.key)
        COUNTERS.add(item.person, 1 if item.new else 0, item.octets)


def discard(sealed: Sequence[SealedDoc]) -> None:
    """Give up what was sealed for an accept that failed. Does file work: not for an event loop."""
    places = [doc.place for doc in sealed if doc.place is not None]
    for doc in sealed:
        doc.sealed = b""
    if places:
        store().erase(places)
        store().settle(places)
