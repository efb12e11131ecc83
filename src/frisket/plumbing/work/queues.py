"""Queueing, cancelling and looking: what rooms and pages do with work, on whichever engine."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from frisket.plumbing.db import Tx, is_sqlite
from frisket.plumbing.work import bell
from frisket.plumbing.work.terms import DeadLetter, Kind, NewWork, Payload, QueueState, Table, WorkId

__all__ = [
    "cancel",
    "dead_letters",
    "enqueue",
    "enqueue_many",
    "overview",
    "prepare_database",
    "revive",
    "table",
]


class _Engine(Protocol):
    """The functions of ``work.sqlite`` and ``work.postgres``."""

    def add(self, new: Sequence[NewWork], *, tx: Tx) -> list[WorkId]: ...
    def cancel(self, work: WorkId, *, tx: Tx) -> bool: ...
    def revive(self, work: WorkId, *, tx: Tx) -> bool: ...
    def dead_letters(self, kind: Kind | None, limit: int) -> list[DeadLetter]: ...
    def overview(self) -> list[QueueState]: ...
    def table(self) -> Table: ...
    def prepare(self) -> None: ...


@cache
def _load(engine: str) -> _Engine:
    # Loaded by name: procrastinate and its driver take 18 MB that a house on SQLite need not spend.
    return cast(_Engine, import_module(f"frisket.plumbing.work.{engine}"))


def _engine() -> _Engine:
    return _load("sqlite" if is_sqlite() else "postgres")


def enqueue(
    kind: Kind,
    payload: Payload,
    *,
    tx: Tx,
    at: datetime | None = None,
    priority: int = 0,
    group: str = "",
    once: str = "",
) -> WorkId:
    """Queue work in the caller's transaction; a runner begins it right after the commit.

    at: not before this time. priority: higher goes first. group: one at a time of those that share it, such
    as a device. once: while an item with this word waits, that one is given back instead of a second, made to
    run no later and with no less priority than asked here.
    """
    return enqueue_many([NewWork(kind, payload, at, priority, group, once)], tx=tx)[0]


def enqueue_many(new: Sequence[NewWork], *, tx: Tx) -> list[WorkId]:
    """Queue many at the cost of one; ids in the order given."""
    if not new:
        return []
    ids = _engine().add(new, tx=tx)
    tx.on_commit(bell.nudge)
    return ids


def cancel(work: WorkId, *, tx: Tx) -> bool:
    """Waiting work is gone; running work is told and may stop. False: it had ended already."""
    told = _engine().cancel(work, tx=tx)
    tx.on_commit(bell.nudge)
    return told


def revive(work: WorkId, *, tx: Tx) -> bool:
    """A dead letter is tried again from the start. False: it is not dead."""
    revived = _engine().revive(work, tx=tx)
    tx.on_commit(bell.nudge)
    return revived


def dead_letters(kind: Kind | None = None, limit: int = 100) -> list[DeadLetter]:
    """The latest dead letters, latest first."""
    return _engine().dead_letters(kind, limit)


def overview() -> list[QueueState]:
    """Every kind that has rows, in order of kind."""
    return _engine().overview()


def table() -> Table:
    return _engine().table()


def prepare_database() -> None:
    """Make or update the tables of the engine, after Django's own migrations; may be called at any time."""
    _engine().prepare()
