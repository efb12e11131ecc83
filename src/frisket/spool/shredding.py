"""Destroying a job: its key in the caller's commit, its octets at once after it.

The octets are overwritten by one piece of work for all that is doomed, not one per job, so that one
sync serves many. It goes by the table, so a crash anywhere only makes it begin again.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from uuid import UUID

from frisket import audit
from frisket.plumbing import keys, parts, work
from frisket.plumbing.crashpoints import pass_, point
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import HOUSE
from frisket.spool.jobkeys import forget_keys
from frisket.spool.limits import COUNTERS
from frisket.spool.models import ReceiptRow, SealedObject
from frisket.spool.reading import place_of
from frisket.spool.receipts import add_note, change_rows, sign
from frisket.spool.rows import TakenKey, doom_objects, insert_receipts, take_keys
from frisket.spool.store import store

__all__ = ["OVERWRITE", "destroy", "overwrite_doomed", "retire_segments", "shred", "shred_many"]

OVERWRITE = "spool.overwrite"
_AT_ONCE = 256  # objects overwritten under one sync of each segment, and one commit
_AGAIN_S = 60.0  # a shred that commits while the work ends is found by the next round

_BEFORE_ROWS = point("spool.before-shred-rows")
_AFTER_ROWS = point("spool.after-shred-rows")
_AFTER_OVERWRITE = point("spool.after-overwrite")


def shred(job: UUID, *, tx: Tx) -> None:
    """Destroy the job's key and doom its objects, in the caller's transaction. Twice is once.

    From the commit on nothing opens the job (E1). The receipt is there from then on.
    """
    shred_many([job], tx=tx)


def destroy(job: UUID, kind: keys.Kind, documents: Sequence[int], *, tx: Tx) -> int:
    """Doom objects of one kind of a job that goes on living; how many. They are overwritten after the commit."""
    kept = SealedObject.objects.filter(job_id=job, kind=kind, document__in=documents, state="kept")
    doomed = kept.update(state="doomed")
    if doomed:
        work.enqueue(OVERWRITE, {}, tx=tx, once=OVERWRITE)
        audit.record("job.original-destroyed", job, by=HOUSE, tx=tx, facts={"pieces": doomed})
    return doomed


def shred_many(jobs: Sequence[UUID], *, tx: Tx) -> None:
    """As shred, for many jobs at once."""
    had = set(ReceiptRow.objects.filter(pk__in=jobs).values_list("job", flat=True))
    jobs = [job for job in dict.fromkeys(jobs) if job not in had]
    if not jobs:
        return
    pass_(_BEFORE_ROWS)
    taken = take_keys(jobs)
    doomed: dict[UUID, list[int]] = {}
    for job, octets in doom_objects(jobs):
        doomed.setdefault(job, []).append(keys.sealed_length(octets))
    receipts = [_first_receipt(job, taken.get(job), doomed.get(job, [])) for job in jobs]
    insert_receipts(receipts)
    audit.record_many(
        [
            audit.NewLeaf("erase.e1", row.job, HOUSE, {"epoch": row.epoch, "pieces": row.pieces, "octets": row.octets})
            for row in receipts
        ],
        tx=tx,
    )
    if doomed:
        work.enqueue(OVERWRITE, {}, tx=tx, once=OVERWRITE)
    for key in taken.values():
        tx.on_commit(partial(COUNTERS.add, key.person, -1, -key.octets))
    tx.on_commit(partial(forget_keys, jobs))
    pass_(_AFTER_ROWS)


def _first_receipt(job: UUID, key: TakenKey | None, lengths: Sequence[int]) -> ReceiptRow:
    now = parts.clock().now()
    row = ReceiptRow(
        job=job,
        tenant=key.tenant if key else parts.tenant(),
        person=key.person if key else None,
        epoch=key.epoch if key else 0,
        pieces=len(lengths),
        octets=sum(lengths),
        e1_at=now,
        overwritten_at=None if lengths else now,
    )
    sign(row)
    return row


@work.handles(OVERWRITE)
def _overwrite(item: work.Item) -> None:
    overwrite_doomed(stop=item.cancelled)


work.every(OVERWRITE, _AGAIN_S)


def overwrite_doomed(*, stop: Callable[[], bool] | None = None) -> int:
    """Overwrite every doomed object; how many there were."""
    done = 0
    while not (stop is not None and stop()):
        rows = list(SealedObject.objects.filter(state="doomed").order_by("id")[:_AT_ONCE])
        if not rows:
            break
        _overwrite_batch(rows)
        done += len(rows)
    return done


def _overwrite_batch(rows: Sequence[SealedObject]) -> None:
    erased = store().erase([place_of(row.place, row.name, row.offset, row.octets) for row in rows])
    pass_(_AFTER_OVERWRITE)
    with transaction() as tx:
        SealedObject.objects.filter(pk__in=[row.pk for row in rows]).delete()
        jobs = {row.job_id for row in rows}
        unfinished = set(SealedObject.objects.filter(job_id__in=jobs).values_list("job_id", flat=True))
        now = parts.clock().now()

        def overwritten(row: ReceiptRow) -> None:
            row.overwritten_at = now
            add_note(row, erased.note)

        finished = ReceiptRow.objects.select_for_update().filter(pk__in=jobs - unfinished)
        change_rows(finished, "erase.overwritten", overwritten, tx=tx)
    retire_segments({row.name for row in rows if row.place == "segment"})


def retire_segments(names: Collection[str]) -> int:
    """Remove those of these segments that are closed and have no object left."""
    return sum(store().retire(name, partial(_is_unused, name)) for name in names)


def _is_unused(name: str) -> bool:
    return not SealedObject.objects.filter(name=name).exists()
