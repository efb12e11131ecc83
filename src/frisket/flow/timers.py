"""What time alone does to jobs: holds expire, hours come, kept jobs and histories go.

When a job's state runs out stands in its row, so looking is enough: nothing is written while nothing is due.
After a forward jump of the wall clock nothing is deleted until somebody confirms the time.
"""

import logging
from collections.abc import Callable
from uuid import UUID

from frisket import audit, delivery, device, job, release, spool
from frisket.errors import FrisketError
from frisket.flow.preparing import needs_preparing
from frisket.flow.stages import shred
from frisket.flow.walking import choose_device, hold_reason
from frisket.plumbing import parts, work
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import HOUSE, Purpose, Scope

__all__ = ["look_at_the_clock"]

log = logging.getLogger("frisket.flow")
State, Reason = job.State, job.Reason
TIMERS = "flow.timers"
_EVERY_S = 2.0
_jump_recorded = False


def _never() -> bool:
    return False


@work.looks(TIMERS, _EVERY_S)
def look_at_the_clock(stopped: Callable[[], bool] = _never) -> None:
    """Everything that is due, oldest first; one job's trouble does not stop the others."""
    for identifier in job.overdue(parts.clock().elapsed()):  # house seconds: no jump of the wall clock touches them
        _took_too_long(identifier)
    if _jumped():
        return
    now = parts.clock().now()
    while due := job.due(now, limit=200):
        moved = 0
        for view in due:
            if stopped():
                return
            try:
                moved += _time_is_up(view)
            except (job.WrongState, job.NotFound):
                continue  # its own work moved it in this moment
            except FrisketError:
                log.exception("job %s could not be moved on by time", view.number)
        if not moved:
            return


def _took_too_long(identifier: UUID) -> None:
    """job-cancel-after: what prints is stopped at its device, what waits for another try does not get it."""
    try:
        view = job.get_for_stage(identifier)
        with transaction() as tx:
            if view.state is State.SENDING and not delivery.cancel(view.id, why=Reason.TIMED_OUT, by=HOUSE, tx=tx):
                return  # it has just ended, or has not quite begun: looked at again
            if view.state is State.RELEASED:
                release.end(view, Reason.TIMED_OUT, job.Outcome.CANCELLED, by=HOUSE, tx=tx)
            job.no_longer_timed(identifier)
    except (job.WrongState, job.NotFound):
        return  # its own work moved it in this moment


def _jumped() -> bool:
    global _jump_recorded
    jumped = parts.clock().jumped()
    if jumped and not _jump_recorded:
        with transaction() as tx:
            audit.record("clock.jump", None, by=HOUSE, tx=tx)
        log.warning("the wall clock ran ahead: nothing is deleted by time until somebody confirms it")
    _jump_recorded = jumped
    return jumped


def _time_is_up(view: job.JobView) -> bool:
    if view.state is State.ENDED:
        shred(view)
    elif view.state is State.ERASED:
        return _forget(view)
    elif view.state is State.HELD:
        with transaction() as tx:
            _held(view, tx)
    elif view.state is State.RECEIVING:
        with transaction() as tx:
            _silent_sender(view, tx)
    else:
        return False
    return True


def _forget(view: job.JobView) -> bool:
    """The history has run out; it stays while the octets it stands for are not overwritten yet."""
    if spool.receipt(Scope(HOUSE, parts.tenant(), Purpose.STAGE), view.id).overwritten_at is None:
        return False
    with transaction() as tx:
        job.forget(view.id, tx=tx)
    return True


def _held(view: job.JobView, tx: Tx) -> None:
    if view.hold != "until" or view.hold_until is None or view.hold_until > parts.clock().now():
        release.end(view, Reason.EXPIRED, job.Outcome.EXPIRED, by=HOUSE, tx=tx)
        return
    queue = device.queue(view.queue)
    # Its person, an operator, its PIN, the password of its document or a press at a device has the last word.
    waits = queue.hold or queue.hold_new or view.residual_hold or view.conversion == "locked"
    there = None if waits else choose_device(device.behind(queue), view.format)
    if there is None:
        job.change_held(view.id, hold=view.residual_hold, hold_until=None, by=HOUSE, tx=tx)
        return
    release.let_print(view, there.id, Reason.TIME_CAME, by=HOUSE, tx=tx)


def _silent_sender(view: job.JobView, tx: Tx) -> None:
    """multiple-operation-time-out-action is process-job: what arrived whole is kept, nothing is an empty job."""
    if not view.documents:
        release.end(view, Reason.EMPTY, job.Outcome.FAILED, by=HOUSE, tx=tx)
        return
    queue = device.queue(view.queue)
    if needs_preparing(view):
        job.move(
            view.id,
            State.ADMITTED,
            expected=State.RECEIVING,
            why=Reason.INTERRUPTED,
            by=HOUSE,
            tx=tx,
            passed=(State.RECEIVED,),
            changes=job.Changes(conversion="due"),
        )
        return
    reason = hold_reason(view.hold if view.hold in job.HOLDS else "", queue) or Reason.INTERRUPTED
    if reason is Reason.PROOF:
        reason = Reason.INTERRUPTED
    job.move(
        view.id,
        State.HELD,
        expected=State.RECEIVING,
        why=reason,
        by=HOUSE,
        tx=tx,
        passed=(State.RECEIVED, State.ADMITTED, State.PREPARED),
    )
