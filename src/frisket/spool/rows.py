"""The statements of the busy paths, without the framework's models, which cost ten times as much.

Every accepted and every destroyed job comes through here, many at a time. An id is native on PostgreSQL
and its 32 hexadecimal digits on SQLite; a time is what the framework would write.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from frisket.plumbing import db
from frisket.plumbing.blobs import Place
from frisket.plumbing.keys import Kind
from frisket.spool.models import ReceiptRow

__all__ = [
    "KeyRow",
    "ObjectRow",
    "TakenKey",
    "doom_objects",
    "insert_keys",
    "insert_objects",
    "insert_receipts",
    "take_keys",
    "update_keys",
    "update_receipts",
]

_MOST_IDS = 500  # in one statement

_INSERT_KEY = (
    "INSERT INTO spool_jobkey (job_id, tenant, person, octets, wrapped, epoch, version)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_UPDATE_KEY = "UPDATE spool_jobkey SET wrapped = %s, epoch = %s, version = %s WHERE job_id = %s"
_INSERT_OBJECT = (
    "INSERT INTO spool_sealedobject"
    ' (job_id, kind, document, version, epoch, octets, place, name, "offset", state)'
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'kept')"
)
_INSERT_RECEIPT = (
    "INSERT INTO spool_receiptrow (e1_at, overwritten_at, e2_at, e3_at, note, body, signature, job,"
    " tenant, person, epoch, pieces, octets) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_UPDATE_RECEIPT = (
    "UPDATE spool_receiptrow SET e1_at = %s, overwritten_at = %s, e2_at = %s, e3_at = %s, note = %s,"
    " body = %s, signature = %s WHERE job = %s"
)


class KeyRow(NamedTuple):
    job: UUID
    tenant: UUID
    person: UUID
    octets: int
    wrapped: bytes
    epoch: int
    version: int


class ObjectRow(NamedTuple):
    job: UUID
    kind: Kind
    document: int
    version: int
    epoch: int
    octets: int  # of the plaintext
    place: Place


class TakenKey(NamedTuple):
    """What a deleted key row said."""

    tenant: UUID
    person: UUID
    epoch: int
    octets: int


def insert_keys(rows: Iterable[KeyRow]) -> None:
    _each(
        _INSERT_KEY,
        [(_of(row.job), _of(row.tenant), _of(row.person), *row[3:]) for row in rows],
    )


def update_keys(rows: Iterable[tuple[bytes, int, int, UUID]]) -> None:
    """Wrapped, epoch and version of each of these jobs' keys."""
    _each(_UPDATE_KEY, [(*row[:3], _of(row[3])) for row in rows])


def insert_objects(rows: Iterable[ObjectRow]) -> None:
    _each(
        _INSERT_OBJECT,
        [(_of(row.job), int(row.kind), *row[2:6], row.place.where, row.place.name, row.place.offset) for row in rows],
    )


def take_keys(jobs: Sequence[UUID]) -> dict[UUID, TakenKey]:
    """Delete the key rows of these jobs; what they said."""
    statement = "DELETE FROM spool_jobkey WHERE job_id IN ({}) RETURNING job_id, tenant, person, epoch, octets"
    return {
        _id(job): TakenKey(_id(tenant), _id(person), epoch, octets)
        for job, tenant, person, epoch, octets in _for_ids(statement, jobs)
    }


def doom_objects(jobs: Sequence[UUID]) -> list[tuple[UUID, int]]:
    """Mark every object of these jobs for overwriting; the job and plain length of each."""
    statement = (
        "UPDATE spool_sealedobject SET state = 'doomed' WHERE job_id IN ({}) AND state <> 'doomed'"
        " RETURNING job_id, octets"
    )
    return [(_id(job), octets) for job, octets in _for_ids(statement, jobs)]


def insert_receipts(rows: Iterable[ReceiptRow]) -> None:
    _each(
        _INSERT_RECEIPT,
        [
            (
                *_levels(row),
                _of(row.job),
                _of(row.tenant),
                None if row.person is None else _of(row.person),
                row.epoch,
                row.pieces,
                row.octets,
            )
            for row in rows
        ],
    )


def update_receipts(rows: Iterable[ReceiptRow]) -> None:
    """Save what changes as levels are reached."""
    _each(_UPDATE_RECEIPT, [(*_levels(row), _of(row.job)) for row in rows])


def _levels(row: ReceiptRow) -> tuple[Any, ...]:
    times = (row.e1_at, row.overwritten_at, row.e2_at, row.e3_at)
    return (*(_time(at) for at in times), row.note, row.body, row.signature)


def _each(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def _for_ids(statement: str, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for first in range(0, len(ids), _MOST_IDS):
            some = [_of(one) for one in ids[first : first + _MOST_IDS]]
            cursor.execute(statement.format(", ".join(["%s"] * len(some))), some)
            found += cursor.fetchall()
    return found


def _of(one: UUID) -> UUID | str:
    return one.hex if db.is_sqlite() else one


def _id(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _time(at: datetime | None) -> Any:
    return None if at is None else connection.ops.adapt_datetimefield_value(at)
