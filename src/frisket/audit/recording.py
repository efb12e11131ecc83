"""Writing leaves: in the caller's transaction, so that an act and its leaf are durable together."""

import threading
from collections.abc import Sequence
from functools import partial
from types import MappingProxyType
from uuid import UUID

from django.db import connection

from frisket.audit.leaves import Facts, NewLeaf, body_of, time_text
from frisket.plumbing import db, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor

__all__ = ["BELL", "Bell", "record", "record_many"]

_NONE: Facts = MappingProxyType({})
_INTO = "audit_leaf (tenant, at, act, subject, actor, body, position)"
_INSERT = f"INSERT INTO {_INTO} VALUES (%s, %s, %s, %s, %s, %s, NULL)"
# One statement for all of them: there the way to the server and back is what costs.
_INSERT_ARRAYS = (
    f"INSERT INTO {_INTO} SELECT %s, %s, act, subject, actor, body, NULL"
    " FROM unnest(%s::text[], %s::uuid[], %s::uuid[], %s::bytea[]) AS leaf (act, subject, actor, body)"
)


class Bell:
    """Tells the sequencer of this process that leaves are waiting, without asking the database."""

    RING_AT = 256  # leaves: one tile

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._waiting = 0

    def noted(self, leaves: int) -> None:
        """So many leaves were committed."""
        with self._lock:
            self._waiting += leaves
            if self._waiting >= self.RING_AT:
                self._rung.set()

    def ring(self) -> None:
        self._rung.set()

    def wait(self, longest_s: float) -> None:
        """Return when a tile is full, when somebody rang, or after longest_s."""
        self._rung.wait(longest_s)
        with self._lock:
            self._waiting = 0
            self._rung.clear()


BELL = Bell()


def record(act: str, on: UUID | None, *, by: Actor, tx: Tx, facts: Facts = _NONE) -> None:
    """Record one act on a subject. Raises NotAFact when an act or a fact is not one."""
    record_many((NewLeaf(act, on, by, facts),), tx=tx)


def record_many(leaves: Sequence[NewLeaf], *, tx: Tx) -> None:
    """Record several acts at once. They are sequenced and signed seconds later, by the sequencer.

    The rows are written without the framework's models: this is on the way of every accepted job.
    """
    if not leaves:
        return
    at, tenant = parts.clock().now(), parts.tenant()
    written = time_text(at)
    bodies = [body_of(leaf, at=written, tenant=tenant) for leaf in leaves]
    with connection.cursor() as cursor:
        if db.is_sqlite():
            shown = written[:-1].replace("T", " ")  # as the framework writes times there
            rows = [
                (tenant.hex, shown, leaf.act, leaf.on and leaf.on.hex, leaf.by.id and leaf.by.id.hex, body)
                for leaf, body in zip(leaves, bodies, strict=True)
            ]
            cursor.executemany(_INSERT, rows)
        else:
            acts = [leaf.act for leaf in leaves]
            subjects = [leaf.on for leaf in leaves]
            actors = [leaf.by.id for leaf in leaves]
            cursor.execute(_INSERT_ARRAYS, (tenant, at, acts, subjects, actors, bodies))
    tx.on_commit(partial(BELL.noted, len(leaves)))
