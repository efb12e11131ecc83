"""Changing a queue with all that follows for its jobs."""

from uuid import UUID

from frisket import device, job
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor, Scope

__all__ = ["change_queue"]


def change_queue(scope: Scope, identifier: UUID, change: device.QueueChange, *, by: Actor, tx: Tx) -> device.QueueView:
    """Like device.change_queue; what a stopped queue kept back is queued again when it goes on."""
    changed = device.change_queue(scope, identifier, change, by=by, tx=tx)
    if change.halt == "":
        job.onward_again(queue=identifier, tx=tx)
    return changed
