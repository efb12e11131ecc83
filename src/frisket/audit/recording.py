"""Writing leaves: in the caller's transaction, so that an act and its leaf are durable together."""

from collections.abc import Sequence
from functools import partial
from types import MappingProxyType
from uuid import UUID

from django.db import connection

from frisket.audit import bell
from frisket.audit.leaves import Facts, NewLeaf, body_of, time_text
from frisket.plumbing import db, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor

__all__ = ["record", "record_many"]

_NONE: Facts = MappingProxyType({})
_INSERT = "INSERT INTO audit_leaf (tenant, at, act, subject, actor, body, position) VALUES (%s, %s, %s, %s, %s, %s, NULL)"


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
    rows: list[tuple[object, ...]]
    if db.is_sqlite():
        shown = written[:-1].replace("T", " ")  # as the framework writes times there
        rows = [
            (tenant.hex, shown, leaf.act, leaf.on and leaf.on.hex, leaf.by.id and leaf.by.id.hex, body)
            for leaf, body in zip(leaves, bodies, strict=True)
        ]
    else:
        rows = [
            (tenant, at, leaf.act, leaf.on, leaf.by.id, body)
            for leaf, body in zip(leaves, bodies, strict=True)
        ]
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)
    tx.on_commit(partial(bell.noted, len(rows)))
