"""What is known of a job's destruction: a signed receipt, signed again as each level is reached.

E1: no live path, the key is gone. E2: the database is clean. E3: the epoch key is destroyed, so that
not even a copy of the database opens the job. Between them: the octets were overwritten in place.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from frisket import audit
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import HOUSE, Scope
from frisket.spool.errors import NotHere
from frisket.spool.models import ReceiptRow
from frisket.spool.rows import update_receipts

__all__ = ["Receipt", "is_genuine", "reach", "receipt", "sign"]

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Receipt:
    """Times are None until their level is reached. body is what was signed, in JSON."""

    job: UUID
    epoch: int
    pieces: int  # sealed objects
    octets: int  # of these, as they were stored
    e1_at: datetime | None
    overwritten_at: datetime | None
    e2_at: datetime | None
    e3_at: datetime | None
    note: str  # what the storage cannot prove; "" for nothing
    body: bytes
    signature: bytes
    public_key: bytes  # of the house, for whoever checks without it


def receipt(scope: Scope, job: UUID) -> Receipt:
    """Raises NotHere: not erased, or not for this scope to see."""
    rows = ReceiptRow.objects.filter(pk=job, tenant=scope.tenant)
    if scope.own_only:
        rows = rows.filter(person=scope.actor.id)
    row = rows.first()
    if row is None:
        raise NotHere("there is no receipt for this job")
    return Receipt(
        row.job,
        row.epoch,
        row.pieces,
        row.octets,
        row.e1_at,
        row.overwritten_at,
        row.e2_at,
        row.e3_at,
        row.note,
        bytes(row.body),
        bytes(row.signature),
        parts.keys().public_key(),
    )


def is_genuine(shown: Receipt, public_key: bytes) -> bool:
    """Whether this house signed exactly what the receipt says."""
    if not keys.verify_signature(public_key, shown.body, shown.signature):
        return False
    said = json.loads(shown.body)
    return bool(
        said["job"] == str(shown.job)
        and (said["epoch"], said["pieces"], said["octets"], said["note"])
        == (shown.epoch, shown.pieces, shown.octets, shown.note)
        and [said[name] for name in ("e1", "overwritten", "e2", "e3")]
        == [_time(at) for at in (shown.e1_at, shown.overwritten_at, shown.e2_at, shown.e3_at)]
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")


def sign(row: ReceiptRow) -> None:
    """Put what the row now says into its body and sign it; the caller saves the row."""
    said = {
        "format": "frisket receipt 1",
        "job": str(row.job),
        "tenant": str(row.tenant),
        "epoch": row.epoch,
        "pieces": row.pieces,
        "octets": row.octets,
        "e1": _time(row.e1_at),
        "overwritten": _time(row.overwritten_at),
        "e2": _time(row.e2_at),
        "e3": _time(row.e3_at),
        "note": row.note,
    }
    row.body = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    row.signature = parts.keys().sign(row.body)


def reach(jobs: Sequence[UUID], act: str, change: Callable[[ReceiptRow], None]) -> None:
    """Change these receipts, sign them again and record it, in batches with a commit each."""
    for first in range(0, len(jobs), _BATCH):
        with transaction() as tx:
            rows = ReceiptRow.objects.select_for_update().filter(pk__in=jobs[first : first + _BATCH])
            change_rows(list(rows), act, change, tx=tx)


def change_rows(rows: Iterable[ReceiptRow], act: str, change: Callable[[ReceiptRow], None], *, tx: Tx) -> None:
    found = list(rows)
    for row in found:
        change(row)
        sign(row)
    update_receipts(found)
    audit.record_many([audit.NewLeaf(act, row.job, HOUSE, {"epoch": row.epoch}) for row in found], tx=tx)


def add_note(row: ReceiptRow, note: str) -> None:
    if note and note not in row.note:
        row.note = f"{row.note} {note}".strip()[:400]
