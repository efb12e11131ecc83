"""Ending a job wherever it is: before it prints, or through the device that prints it."""

from functools import partial
from uuid import UUID

from frisket import delivery, identity, job, release
from frisket.plumbing.db import again_when_full, transaction
from frisket.plumbing.scope import Actor, Scope

__all__ = ["cancel"]


def cancel(scope: Scope, identifier: UUID, *, by: Actor) -> None:
    """Delete a job. One that is being sent is stopped at its device, which then says what was printed.

    Raises job.WrongState, job.NotFound, identity.NotAllowed.
    """
    view = job.get(scope, identifier)
    if view.state is not job.State.SENDING:
        again_when_full(partial(release.cancel, scope, identifier, by=by))
        return
    own = view.person == by.id
    if not own:
        identity.require(by, identity.Permission.JOBS_ALL)
    why = job.Reason.CANCELLED_BY_OWNER if own else job.Reason.CANCELLED_BY_OPERATOR
    with transaction() as tx:
        if not delivery.cancel(view.id, why=why, by=by, tx=tx):
            raise job.WrongState("The job has just been sent.")
