"""What pages, terminals and the API do to jobs alike."""

from frisket import delivery, job, release
from frisket.identity import Permission, require
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, Scope

__all__ = ["DELETABLE", "PAST", "PRESENT", "decide", "delete"]

State, Reason = job.State, job.Reason
PAST = (State.ENDED, State.ERASED)
PRESENT = tuple(state for state in State if state not in PAST)
DELETABLE = (
    State.RECEIVING,
    State.RECEIVED,
    State.ADMITTED,
    State.PREPARED,
    State.HELD,
    State.RELEASED,
    State.SENDING,
    State.QUARANTINED,
)


def delete(scope: Scope, view: job.JobView, *, by: Actor) -> None:
    """End a job; one that is being sent is stopped at its device, which then says what was printed.

    Raises job.WrongState, job.NotFound, identity.NotAllowed.
    """
    if view.state is not State.SENDING:
        release.cancel(scope, view.id, by=by)
        return
    own = view.person == by.id
    if not own:
        require(by, Permission.JOBS_ALL)
    why = Reason.CANCELLED_BY_OWNER if own else Reason.CANCELLED_BY_OPERATOR
    with transaction() as tx:
        if not delivery.cancel(view.id, why=why, by=by, tx=tx):
            raise job.WrongState("the job has just been sent")


def decide(scope: Scope, view: job.JobView, printed: bool, *, by: Actor) -> job.JobView:
    """A person's word on an uncertain job: its owner's, or an operator's."""
    if view.person != by.id:
        require(by, Permission.UNCERTAIN_DECIDE)
    return delivery.decide(scope, view.id, printed, by=by)
