"""A device's jobs one after the other: each outcome and the next attempt in one commit.

A durable commit costs as much as sending a small job. So the outcome of one job and the attempt of the next one,
which follow each other in any case, share one; only the first octet of each has a commit of its own.
"""

import logging
from uuid import UUID

from frisket import device
from frisket.delivery.recovery import recover_job
from frisket.delivery.sending import Going, after_outcome, begin, drive, finish, holding
from frisket.delivery.values import Ending
from frisket.errors import FrisketError
from frisket.plumbing import work
from frisket.plumbing.db import transaction

__all__ = ["LONGEST_RUN", "handle_sends"]

# A job of higher priority that comes in meanwhile waits for so many at most.
LONGEST_RUN = 8
log = logging.getLogger("frisket.delivery")

_Next = tuple[work.Item, Going]


def handle_sends(run: work.Run) -> None:
    """The work ``delivery.send``: {"job"}, queued with the move to ``released``, in its device's group.

    Work comes back when its worker died; the job is in ``sending`` then, and what became of it is found out
    before anything is sent.
    """
    current = _first(run)
    while current is not None:
        item, going = current
        with holding(going):
            ending = drive(going)
            current, upcoming = _turn_over(run, going, ending)
        _tell(run, item, ending)
        if current is None:
            current = _first(run, upcoming)


def _first(run: work.Run, item: work.Item | None = None) -> _Next | None:
    """Begin with ``item``, or with the next one of the run that is to be sent."""
    item = item or run.next()
    while item is not None:
        going = None if item.cancelled() else _begin(item)
        if going is not None:
            return item, going
        run.over(item)
        item = run.next()
    return None


def _begin(item: work.Item) -> Going | None:
    job_id, fence = _job(item), _fence(item)
    going = begin(job_id, fence) if item.attempt == 1 else None
    if going is None:
        recover_job(job_id)
        going = begin(job_id, fence)
    return going


def _turn_over(run: work.Run, going: Going, ending: Ending) -> tuple[_Next | None, work.Item | None]:
    """Commit the outcome together with the next attempt, where there is a next one and nothing is odd about it.

    Else the outcome alone; the item given back has not been begun then.
    """
    upcoming = run.next()
    if upcoming is None or upcoming.attempt > 1 or upcoming.cancelled():
        _finish(going, ending)
        return None, upcoming
    device.version()  # looks at the rows where they are old, which inside a transaction each asker would do again
    try:
        with transaction():
            _finish(going, ending)
            following = begin(_job(upcoming), _fence(upcoming))
    except Exception as error:
        # Whatever was wrong with the next one must not cost this one its outcome; it has its own turn after.
        log.warning("delivery: an outcome is written alone after %s", type(error).__name__)
        _finish(going, ending)
        return None, upcoming
    return ((upcoming, following) if following is not None else None), upcoming


def _finish(going: Going, ending: Ending) -> None:
    finish(going.attempt, going.lease, ending, going.watch.octets)


def _tell(run: work.Run, item: work.Item, ending: Ending) -> None:
    try:
        after_outcome(ending)
    except FrisketError as error:
        run.over(item, error)
        return
    run.over(item)


def _job(item: work.Item) -> UUID:
    return UUID(str(item.payload["job"]))


def _fence(item: work.Item) -> int:
    return int(item.payload.get("fence", 0))
