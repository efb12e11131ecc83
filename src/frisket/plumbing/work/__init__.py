"""Durable work: what is queued in a transaction is done at least once, whatever dies in between.

Two engines keep one promise (``tests/plumbing/promises.py`` holds them to it): a small runner over our own
table on SQLite, and procrastinate's tables on PostgreSQL.

- Work is queued in the caller's transaction: rolled back, it never was.
- It is done at least once. A worker holds it under a lease that a heartbeat renews; when a worker is
  killed, another takes its work within one lease, and the dead one's late answer counts for nothing.
- An error with ``retry`` is tried again, later each time; any other makes a dead letter, kept and counted
  with its kind and error class, never with its words.
- ``handles_runs`` gives a handler several items of one group in a row, so that it need not be asked again
  between them and can join what it writes.
- ``group`` lets one item of a group run at a time; a group never holds back a ready item for one that is
  not ready. ``at_once`` limits a kind within one process.
- Higher ``priority`` first, then the order of queueing.
- ``looks`` is for what other rows say is due: a thread that looks, and writes only when it finds something.
"""

from frisket.plumbing.work.bell import nudge
from frisket.plumbing.work.engine import Engine, open_engine
from frisket.plumbing.work.queues import (
    cancel,
    dead_letters,
    enqueue,
    enqueue_many,
    overview,
    prepare_database,
    revive,
)
from frisket.plumbing.work.terms import (
    DeadLetter,
    Handler,
    Item,
    Kind,
    KindTaken,
    NewWork,
    Payload,
    QueueState,
    Run,
    WorkId,
    every,
    handles,
    handles_runs,
    looks,
)

__all__ = [
    "DeadLetter",
    "Engine",
    "Handler",
    "Item",
    "Kind",
    "KindTaken",
    "NewWork",
    "Payload",
    "QueueState",
    "Run",
    "WorkId",
    "cancel",
    "dead_letters",
    "enqueue",
    "enqueue_many",
    "every",
    "handles",
    "handles_runs",
    "looks",
    "nudge",
    "open_engine",
    "overview",
    "prepare_database",
    "revive",
]
