"""The key of a job while documents are sealed under it.

Nothing here waits for a collector of garbage: who ends a job, in whatever way, says so, and the key is overwritten.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakSet

from frisket import audit
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor
from frisket.spool.errors import NotHere
from frisket.spool.models import JobKey

__all__ = [
    "HeldKey",
    "epochs_in_hand",
    "forget_keys",
    "keep_ready",
    "key_to_add",
    "new_key",
    "put_down",
    "ready_key",
    "wrapped_now",
]


@dataclass(slots=True, eq=False, weakref_slot=True)
class HeldKey:
    """A job's key in memory, and the same wrapped for its row. Never shown; wipe it when done."""

    job: UUID
    key: keys.JobKey
    wrapped: bytes
    epoch: int
    version: int = 1

    def wipe(self) -> None:
        """Overwrite the key once everything is sealed; what is wrapped can still be kept."""
        self.key.wipe()

    def give_up(self) -> None:
        """Nothing is kept under it: it is overwritten, and holds its epoch no longer."""
        self.wipe()
        put_down(self)


_in_hand: WeakSet[HeldKey] = WeakSet()
_ready: dict[UUID, HeldKey] = {}  # of jobs with a row whose further documents this process is waiting for
_lock = threading.Lock()


def _take_in_hand(held: HeldKey) -> HeldKey:
    with _lock:
        _in_hand.add(held)
    return held


def new_key(job: UUID) -> HeldKey:
    """A fresh key for a job that has no row yet."""
    key, wrapped, epoch = parts.keys().new_job_key(parts.tenant(), job)
    return _take_in_hand(HeldKey(job, key, wrapped, epoch))


def key_to_add(job: UUID, *, by: Actor, tx: Tx) -> HeldKey:
    """The key of a job that has a row already, to seal another document. Raises NotHere.

    The unwrap is an audit entry of the caller's transaction.
    """
    tenant = parts.tenant()
    row = JobKey.objects.filter(pk=job, tenant=tenant).values_list("wrapped", "epoch", "version").first()
    if row is None:
        raise NotHere("the job has no key")
    wrapped, epoch, version = bytes(row[0]), row[1], row[2]
    key = parts.keys().unwrap_job_key(tenant, job, wrapped, epoch, version)
    audit.record("key.unwrap", job, by=by, tx=tx, facts={"purpose": "add", "epoch": epoch})
    return _take_in_hand(HeldKey(job, key, wrapped, epoch, version))


def keep_ready(held: HeldKey) -> None:
    """Its job has a row and waits for further documents; until forget_keys."""
    with _lock:
        _ready[held.job] = held


def ready_key(job: UUID) -> HeldKey | None:
    """What keep_ready was given, if the job was not erased since."""
    with _lock:
        return _ready.get(job)


def forget_keys(jobs: Iterable[UUID]) -> None:
    """The last document is in, or the job is erased: overwrite what lies ready."""
    with _lock:
        gone = [held for job in jobs if (held := _ready.pop(job, None)) is not None]
    for held in gone:
        held.wipe()


def wrapped_now(held: HeldKey) -> tuple[bytes, int, int]:
    """Wrapped, epoch, version for the row that is written now.

    An upload may last past midnight. Its row has to name the epoch of today, because older epochs
    without any row are destroyed.
    """
    if held.epoch == parts.keys().current_epoch(parts.tenant()):
        return held.wrapped, held.epoch, held.version
    return parts.keys().rewrap_job_key(parts.tenant(), held.job, held.wrapped, held.epoch, held.version)


def put_down(held: HeldKey) -> None:
    """Its row is committed; that keeps its epoch alive from now on."""
    with _lock:
        _in_hand.discard(held)


def epochs_in_hand() -> Iterable[int]:
    """Epochs that keys without a row are wrapped under: these must not be destroyed yet.

    A key that was forgotten without a word counts until its last owner is gone.
    """
    with _lock:
        return {held.epoch for held in _in_hand}
