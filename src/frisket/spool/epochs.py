"""Ageing: keys move under today's epoch, epochs without a job are destroyed, the database is cleaned."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection

from frisket.plumbing import db, keys, parts, work
from frisket.plumbing.crashpoints import pass_, point
from frisket.plumbing.db import transaction
from frisket.spool.jobkeys import epochs_in_hand
from frisket.spool.limits import load_counters
from frisket.spool.models import JobKey, ReceiptRow
from frisket.spool.receipts import add_note, reach
from frisket.spool.rows import update_keys
from frisket.spool.shredding import retire_segments
from frisket.spool.store import store

__all__ = ["CLEAN", "ROUND", "Rewrapped", "database_clean", "destroy_dead_epochs", "rewrap", "tidy"]

CLEAN = "spool.clean"
ROUND = "spool.round"
_CLEAN_EVERY_S = 20.0
_ROUND_EVERY_S = 3600.0
_AT_ONCE = 100  # keys re-wrapped in one commit: the doors wait no longer than that takes
_MOST = 5000  # receipts in one cleaning
_PATIENCE_MS = 2000  # for readers of the database to end
_SETTLED = timedelta(hours=1)  # of a day, before the epochs before it may go

_BEFORE_DESTROY = point("spool.before-destroy-epoch")
_AFTER_DESTROY = point("spool.after-destroy-epoch")
_AFTER_CHECKPOINT = point("spool.after-checkpoint")


@dataclass(frozen=True, slots=True)
class Rewrapped:
    keys: int
    damaged: list[UUID]  # jobs whose wrapped key no longer opens: for quarantine


def rewrap() -> Rewrapped:
    """Wrap the keys of earlier epochs under today's, so that the old epoch keys can go.

    Nothing else changes: objects stay as they are.
    """
    store_keys, tenant = parts.keys(), parts.tenant()
    current = store_keys.current_epoch(tenant)
    done, damaged = 0, []
    after: UUID | None = None
    while True:
        with transaction():
            rows = JobKey.objects.select_for_update().filter(tenant=tenant, epoch__lt=current)
            if after is not None:
                rows = rows.filter(pk__gt=after)
            batch = list(rows.order_by("pk")[:_AT_ONCE])
            moved = []
            for row in batch:
                try:
                    again = store_keys.rewrap_job_key(tenant, row.job_id, bytes(row.wrapped), row.epoch, row.version)
                except (keys.Damaged, keys.EpochGone):
                    damaged.append(row.job_id)
                    continue
                moved.append((*again, row.job_id))
            update_keys(moved)
        done += len(moved)
        if not batch:
            return Rewrapped(done, damaged)
        after = batch[-1].pk


def destroy_dead_epochs() -> list[int]:
    """Destroy the epoch keys no job is wrapped under any more (E3); gives the epochs.

    Never today's, never one that a job on its way in is wrapped under, and never while the wall
    clock is in doubt: a clock set ahead must not end anything early.
    """
    clock, store_keys, tenant = parts.clock(), parts.keys(), parts.tenant()
    now = clock.now()
    if clock.jumped() or now - now.replace(hour=0, minute=0, second=0, microsecond=0) < _SETTLED:
        return []
    current = store_keys.current_epoch(tenant)
    in_hand = set(epochs_in_hand())
    gone = []
    for epoch in store_keys.epochs(tenant):
        if epoch >= current or epoch in in_hand or JobKey.objects.filter(epoch=epoch).exists():
            continue
        pass_(_BEFORE_DESTROY)
        store_keys.destroy_epoch(tenant, epoch)
        pass_(_AFTER_DESTROY)
        gone.append(epoch)
    _reach_e3(set(store_keys.epochs(tenant)))
    return gone


def _reach_e3(alive: set[int]) -> None:
    """Also for epochs that were destroyed just before a crash."""
    now = parts.clock().now()

    def destroyed(row: ReceiptRow) -> None:
        row.e3_at = now

    waiting = ReceiptRow.objects.filter(e3_at__isnull=True).exclude(epoch__in=alive)
    reach(list(waiting.values_list("job", flat=True)), "erase.e3", destroyed)


def database_clean(*, always: bool = False) -> int:
    """Take what was deleted out of the database's own files (E2); how many receipts reached it.

    always: even when no receipt waits, because histories and secrets are deleted without one.

    SQLite: deleted rows are zeroed in their pages (secure_delete), and a truncating checkpoint ends
    the write-ahead log that still held them. 0 also when a reader or writer was in the way: again later.
    """
    waiting = list(ReceiptRow.objects.filter(e2_at__isnull=True).values_list("job", flat=True).order_by("job")[:_MOST])
    if not waiting and not always:
        return 0
    if db.is_sqlite():
        if not _truncate_log() or not waiting:
            return 0
        note = ""
    elif not waiting:
        return 0
    else:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM spool_jobkey")
        note = "PostgreSQL reuses the room of deleted rows when it likes: overwriting it cannot be proven."
    pass_(_AFTER_CHECKPOINT)
    now = parts.clock().now()

    def clean(row: ReceiptRow) -> None:
        row.e2_at = now
        add_note(row, note)

    reach(waiting, "erase.e2", clean)
    return len(waiting)


def _truncate_log() -> bool:
    with connection.cursor() as cursor:
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        try:
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout={patience}")
    return not busy


def tidy() -> int:
    """Remove closed segments without an object left; how many went."""
    return retire_segments({found.name for found in store().containers() if found.where == "segment"})


@work.handles(CLEAN)
def _clean(item: work.Item) -> None:
    database_clean(always=True)
    if store().space().state == "refuse":
        store().restore_reserve()


@work.handles(ROUND)
def _round(item: work.Item) -> None:
    rewrap()
    destroy_dead_epochs()
    tidy()
    load_counters()


work.every(CLEAN, _CLEAN_EVERY_S)
work.every(ROUND, _ROUND_EVERY_S)
