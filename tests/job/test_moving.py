"""Jobs in the database: moves and their leaves, leases and fences, who sees what, and what time does."""

from datetime import timedelta
from uuid import uuid4

import pytest
from tests.job.conftest import Desk

from frisket import audit, job
from frisket.job import Outcome, Reason, State
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Purpose, Scope


def leaves(desk: Desk, view: job.JobView) -> list[str]:
    return [entry.act for entry in audit.history(desk.house.scope, view.id)]


def test_a_move_writes_exactly_one_leaf_that_names_what_it_passed(desk: Desk) -> None:
    view = desk.new(State.RECEIVED)
    before = len(leaves(desk, view))
    desk.move(view.id, State.HELD, State.RECEIVED, passed=(State.ADMITTED, State.PREPARED))
    entries = audit.history(desk.house.scope, view.id)
    assert len(entries) == before + 1
    facts = entries[-1].facts
    assert (facts["from"], facts["to"], facts["passed"]) == ("received", "held", "admitted+prepared")


def test_a_move_the_table_does_not_have_is_refused_and_changes_nothing(desk: Desk) -> None:
    view = desk.new(State.HELD)
    for to in set(State) - job.MOVES[State.HELD]:
        with pytest.raises(job.WrongState, match="no move leads from held"):
            desk.move(view.id, to, State.HELD)
    assert job.get(desk.house.scope, view.id).state is State.HELD
    assert leaves(desk, view) == ["job.accept"]


def test_who_comes_second_is_told_that_the_job_has_moved(desk: Desk) -> None:
    view = desk.new(State.HELD)
    desk.move(view.id, State.RELEASED, State.HELD)
    with pytest.raises(job.WrongState, match="the job is released, not held"):
        desk.move(view.id, State.ENDED, State.HELD)
    with pytest.raises(job.NotFound):
        desk.move(uuid4(), State.ENDED, State.HELD)


def test_a_move_that_is_rolled_back_leaves_neither_state_nor_leaf(desk: Desk) -> None:
    view = desk.new(State.HELD)
    with pytest.raises(ZeroDivisionError):
        with transaction() as tx:
            job.move(view.id, State.ENDED, expected=State.HELD, why=Reason.EXPIRED, by=desk.house.administrator, tx=tx)
            raise ZeroDivisionError
    assert job.get(desk.house.scope, view.id).state is State.HELD
    assert leaves(desk, view) == ["job.accept"]


def test_numbers_rise_and_are_never_used_twice(desk: Desk) -> None:
    numbers = [desk.new().number for _ in range(5)]
    assert numbers == sorted(set(numbers))
    last = job.get(desk.house.scope, numbers[-1])
    desk.move(last.id, State.ENDED, State.HELD)
    desk.move(last.id, State.ERASED, State.ENDED)
    with transaction() as tx:
        job.forget(last.id, tx=tx)
    assert desk.new().number > numbers[-1]


def test_a_lease_is_taken_once_and_a_later_one_shuts_out_the_earlier(desk: Desk) -> None:
    view = desk.new(State.RELEASED, why=Reason.BY_PERSON)
    with transaction() as tx:
        first = job.lease(view.id, timedelta(seconds=60), tx=tx)
    with pytest.raises(job.AlreadyLeased), transaction() as tx:
        job.lease(view.id, timedelta(seconds=60), tx=tx)
    desk.house.clock.pass_time(timedelta(seconds=61))
    with transaction() as tx:
        second = job.lease(view.id, timedelta(seconds=60), tx=tx)
        assert second.fence > first.fence
        job.check_fence(second, tx=tx)
        with pytest.raises(job.StaleLease):
            job.check_fence(first, tx=tx)


def test_only_a_released_job_is_leased(desk: Desk) -> None:
    view = desk.new(State.HELD)
    with pytest.raises(job.WrongState), transaction() as tx:
        job.lease(view.id, timedelta(seconds=60), tx=tx)


@pytest.mark.requirement("SAFEQ-104")
def test_a_person_sees_their_own_jobs_and_no_others_job_at_all(desk: Desk) -> None:
    hers = desk.new()
    own, others = desk.house.own(desk.alice.id), desk.house.own(desk.bob.id)
    assert job.get(own, hers.id).title == "A letter"
    for word in (hers.id, hers.number):
        with pytest.raises(job.NotFound):
            job.get(others, word)
    assert job.find(others, job.Filter()).rows == []
    assert [view.id for view in job.find(own, job.Filter()).rows] == [hers.id]


@pytest.mark.requirement("SAFEQ-102")
def test_a_title_is_shown_to_its_owner_and_to_operators_only(desk: Desk) -> None:
    hers = desk.new()
    seen = Scope(desk.actor(desk.bob), desk.house.tenant, Purpose.OPERATE)
    assert job.get(seen, hers.id).title is None
    assert job.get(desk.house.scope, hers.id).title == "A letter"


def test_lists_are_cut_into_pages_without_gap_or_double(desk: Desk) -> None:
    made = [desk.new().number for _ in range(7)]
    for oldest_first in (True, False):
        seen: list[int] = []
        after = None
        while True:
            page = job.find(desk.house.scope, job.Filter(oldest_first=oldest_first), after=after, limit=3)
            seen += [view.number for view in page.rows]
            after = page.after
            if after is None:
                break
        assert seen == (made if oldest_first else made[::-1])


def test_a_held_job_is_due_when_its_queue_says(desk: Desk) -> None:
    view = desk.new(State.HELD)
    assert view.due_at is not None
    assert view.due_at - view.created_at == timedelta(seconds=desk.queue.held_s)
    assert job.due(view.due_at - timedelta(seconds=1)) == []
    assert [each.id for each in job.due(view.due_at)] == [view.id]


def test_a_senders_own_id_finds_its_first_job(desk: Desk) -> None:
    first = desk.new(client_key="7f3c")
    found = job.by_client_key(desk.alice.id, "7f3c")
    assert found is not None and found.id == first.id
    assert job.by_client_key(desk.bob.id, "7f3c") is None


@pytest.mark.requirement("SPM-36")
def test_when_the_history_is_over_title_and_owner_are_gone_with_the_row(desk: Desk) -> None:
    view = desk.new(State.HELD)
    ended = desk.move(view.id, State.ENDED, State.HELD, changes=job.Changes(outcome=Outcome.CANCELLED))
    erased = desk.move(view.id, State.ERASED, State.ENDED, why=Reason.SHREDDED)
    assert erased.why is ended.why, "the history goes on saying why it ended"
    with transaction() as tx:
        job.forget(view.id, tx=tx)
    with pytest.raises(job.NotFound):
        job.get(desk.house.scope, view.id)


def test_a_job_that_is_not_erased_is_not_forgotten(desk: Desk) -> None:
    view = desk.new(State.HELD)
    with transaction() as tx:
        job.forget(view.id, tx=tx)
    assert job.get(desk.house.scope, view.id).state is State.HELD


def test_facts_of_a_document_are_kept_once(desk: Desk) -> None:
    view = desk.new()
    assert [each.id for each in job.uncounted()] == [view.id]
    job.record_facts(view.id, 3, True, "iso_a4_210x297mm", [(1, 3)])
    job.record_facts(view.id, 9, False, "", [])
    known = job.get(desk.house.scope, view.id)
    assert (known.pages, known.colour, known.media) == (3, True, "iso_a4_210x297mm")
    assert job.uncounted() == []
    assert job.documents(view.id)[0].pages == 3
