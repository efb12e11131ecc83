"""From sealed octets to durable rows: the two steps of an accept that this room does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import connection
from django.db.models import F

from frisket.plumbing import blobs, db, parts
from frisket.plumbing.crashpoints import pass_, point
from frisket.plumbing.db import Tx
from frisket.plumbing.keys import Kind
from frisket.spool.errors import NotHere, SpoolFull
from frisket.spool.jobkeys import HeldKey, put_down, wrapped_now
from frisket.spool.limits import COUNTERS
from frisket.spool.models import JobKey
from frisket.spool.sealing import SealedDoc
from frisket.spool.store import store

__all__ = ["Keep", "discard", "keep_many", "place_many"]

_BEFORE_PLACE = point("spool.before-place")
_AFTER_PLACE = point("spool.after-place")
_AFTER_ROWS = point("spool.after-rows")
_AFTER_COMMIT = point("spool.after-commit")

_INSERT_KEY = (
    "INSERT INTO spool_jobkey (job_id, tenant, person, octets, wrapped, epoch, version)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_INSERT_OBJECT = (
    "INSERT INTO spool_sealedobject"
    ' (job_id, kind, document, version, epoch, octets, place, name, "offset", state)'
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'kept')"
)


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
    """The rows of many jobs' keys and objects, all placed already, in the caller's transaction.

    Written without the framework's models: this is on the way of every accepted job.
    """
    native = not db.is_sqlite()  # SQLite keeps an id as its hexadecimal digits
    _insert_keys([item for item in items if item.new], native)
    for item in items:
        if not item.new:
            _add_octets(item)
    objects = []
    places = []
    for item in items:
        job = item.key.job if native else item.key.job.hex
        for doc in item.documents:
            if (place := doc.place) is None:
                raise ValueError("an object without a place cannot be kept")
            places.append(place)
            objects.append(
                (
                    job,
                    int(doc.kind),
                    doc.document,
                    doc.version,
                    doc.epoch,
                    doc.octets,
                    place.where,
                    place.name,
                    place.offset,
                )
            )
    if objects:
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT_OBJECT, objects)
    pass_(_AFTER_ROWS)
    tx.on_commit(partial(_kept, items, places))


def _insert_keys(items: Sequence[Keep], native: bool) -> None:
    if not items:
        return
    tenant = parts.tenant() if native else parts.tenant().hex
    rows = []
    for item in items:
        job = item.key.job if native else item.key.job.hex
        person = item.person if native else item.person.hex
        rows.append((job, tenant, person, item.octets, *wrapped_now(item.key)))
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_KEY, rows)


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
