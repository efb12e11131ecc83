"""What time alone does to jobs, and where a job goes from each state."""

from datetime import timedelta

import pytest
from django.db import connection
from tests.flow.conftest import Way

from frisket import audit, flow, job, spool
from frisket.intake import WalkIn
from frisket.job import Outcome, Reason, State
from frisket.plumbing import work
from frisket.plumbing.db import transaction


def later(way: Way, seconds: float) -> None:
    way.house.clock.pass_time(timedelta(seconds=seconds))
    flow.look_at_the_clock()


def test_a_job_is_held_or_released_inside_the_commit_that_accepts_it(way: Way) -> None:
    held, straight = way.accept(), way.accept(queue="straight")
    assert (held.state, held.why) == (State.HELD, Reason.FOR_RELEASE)
    assert (straight.state, straight.why) == (State.RELEASED, Reason.NOT_HELD)
    assert straight.device is not None
    for view in (held, straight):
        leaves = audit.history(way.house.scope, view.id)
        assert len(leaves) == 1
        assert leaves[0].facts["passed"] == "received+admitted+prepared"


@pytest.mark.parametrize(
    ("hold", "queue_holds", "reason"),
    [
        ("", True, Reason.FOR_RELEASE),
        ("indefinite", False, Reason.INDEFINITE),
        ("password", True, Reason.PASSWORD),
        ("until", False, Reason.UNTIL),
    ],
)
def test_a_walk_ends_where_something_holds_the_job(way: Way, hold: str, queue_holds: bool, reason: Reason) -> None:
    queue = way.queues["secure" if queue_holds else "straight"]
    found = flow.walk(WalkIn(queue, hold, "application/pdf", way.house.clock.now(), None))
    assert (found.state, found.why) == (State.HELD, reason)
    assert job.allowed(State.RECEIVING, found.state, found.passed)


def test_a_sender_that_falls_silent_before_its_first_document_leaves_no_job_behind(way: Way) -> None:
    view = way.create()
    assert view.state is State.RECEIVING
    later(way, 119)
    assert way.now(view).state is State.RECEIVING
    later(way, 2)
    ended = way.settle(view)
    assert (ended.state, ended.outcome, ended.why) == (State.ERASED, Outcome.FAILED, Reason.EMPTY)


def test_what_arrived_whole_is_kept_when_its_sender_falls_silent(way: Way) -> None:
    """multiple-operation-time-out-action is process-job."""
    view = way.create(queue="straight")
    way.add(view, b"%PDF-1.4 whole", last=False)
    later(way, 121)
    now = way.now(view)
    assert (now.state, now.why, now.documents) == (State.HELD, Reason.INTERRUPTED, 1)


def test_each_document_gives_its_sender_more_time(way: Way) -> None:
    view = way.create()
    later(way, 100)
    way.add(view, b"%PDF-1.4 one", last=False)
    later(way, 100)
    assert way.now(view).state is State.RECEIVING
    done = way.add(view, b"%PDF-1.4 two", last=True)
    assert (done.state, done.documents) == (State.HELD, 2)
    with pytest.raises(job.WrongState):
        way.add(view, b"%PDF-1.4 three", last=True)


@pytest.mark.requirement("SPM-32", "PREP-69")
def test_a_held_job_goes_when_its_time_is_over_and_not_before(way: Way) -> None:
    view = way.accept()
    later(way, way.queues["secure"].held_s - 1)
    assert way.now(view).state is State.HELD
    later(way, 2)
    ended = way.settle(view)
    assert (ended.state, ended.outcome) == (State.ERASED, Outcome.EXPIRED)
    assert spool.receipt(way.house.scope, view.id).e1_at is not None


def test_the_history_goes_when_its_time_is_over_and_the_octets_are_overwritten(way: Way) -> None:
    view = way.accept()
    later(way, way.queues["secure"].held_s + 1)
    way.settle(view)
    later(way, way.queues["secure"].history_s + 1)
    assert way.now(view).state is State.ERASED, "its octets are not overwritten yet"
    behind = way.accept()
    later(way, way.queues["secure"].held_s + 1)
    assert way.now(behind).state is not State.HELD, "a job that has to wait holds up no other"
    assert spool.overwrite_doomed() == 2
    later(way, 1)
    with pytest.raises(job.NotFound):
        way.now(view)


def test_after_a_jump_of_the_wall_clock_nothing_is_deleted_until_somebody_confirms_it(way: Way) -> None:
    view, clock = way.accept(), way.house.clock
    clock.set_wall(clock.now() + timedelta(days=3650))
    flow.look_at_the_clock()
    if not clock.jumped():
        pytest.skip("this clock does not tell jumps")
    assert way.now(view).state is State.HELD
    clock.confirm()
    flow.look_at_the_clock()
    assert way.now(view).state is not State.HELD


def test_a_stage_that_comes_twice_does_nothing_the_second_time(way: Way) -> None:
    view = way.accept()
    with transaction() as tx:
        job.move(view.id, State.ENDED, expected=State.HELD, why=Reason.EXPIRED, by=way.house.administrator, tx=tx,
                 changes=job.Changes(outcome=Outcome.EXPIRED))  # fmt: skip
    ended = way.now(view)
    shred = flow.NEXT_STAGE[State.ENDED]
    shred(ended)
    with pytest.raises(job.WrongState):
        shred(ended)
    assert way.now(view).state is State.ERASED


def test_a_house_that_starts_again_finds_its_jobs_where_they_were(way: Way) -> None:
    held, released = way.accept(), way.accept(queue="straight")
    found = flow.recover()
    assert found.quarantined == 0 and found.checked >= 2
    assert (way.now(held).state, way.now(released).state) == (State.HELD, State.RELEASED)


def test_pages_are_counted_after_the_accept_and_never_before_it(way: Way) -> None:
    view = way.accept(b"this is no PDF at all")
    assert view.pages is None and view.counted == "due"
    flow.count(way.now(view))
    known = way.now(view)
    assert known.pages is None and known.counted == "unknown"


def test_a_released_job_whose_work_was_given_up_is_sent_after_the_next_start(way: Way) -> None:
    view = way.accept(queue="straight")
    assert view.state is job.State.RELEASED
    give_up_all()
    for _ in range(2):  # starting twice queues it once
        flow.recover()
    waiting = {each.kind: each.waiting + each.later for each in work.overview()}
    assert waiting[job.SEND] == 1


def give_up_all() -> None:
    """As if every piece of work had died of a bug, on either engine."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("UPDATE plumbing_workitem SET state = 'dead'")
        else:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
