"""Jobs that no device has yet: how they print, which documents they keep, who goes first."""

from uuid import UUID

import pytest
from tests.job.conftest import Desk

from frisket import audit, device, job
from frisket.job import Options, State
from frisket.job.models import Job
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE


@pytest.fixture
def there(desk: Desk) -> UUID:
    with transaction() as tx:
        new = device.NewDevice("there", "ipp://192.0.2.1/ipp/print")
        return device.add_device(desk.house.scope, new, by=desk.house.administrator, tx=tx).id


def released(desk: Desk, there: UUID, many: int) -> list[UUID]:
    return [desk.new(State.RELEASED, device=there).id for _ in range(many)]


def forward(identifier: UUID, behind: UUID | None = None) -> None:
    with transaction() as tx:
        job.put_forward(identifier, behind=behind, by=HOUSE, tx=tx)


def line(there: UUID) -> list[UUID]:
    return list(Job.objects.filter(device_id=there).order_by("-rank", "number").values_list("id", flat=True))


def test_a_job_put_forward_is_next_and_the_others_keep_their_order(desk: Desk, there: UUID) -> None:
    a, b, c, d = released(desk, there, 4)
    forward(c)
    assert line(there) == [c, a, b, d]
    forward(d)
    assert line(there) == [d, c, a, b]


def test_a_job_is_put_right_behind_another_wherever_that_stands(desk: Desk, there: UUID) -> None:
    a, b, c, d = released(desk, there, 4)
    forward(d, behind=a)
    assert line(there) == [a, d, b, c]
    forward(c, behind=d)
    assert line(there) == [a, d, c, b]
    forward(a, behind=b)
    assert line(there) == [d, c, b, a]


def test_only_jobs_that_wait_for_one_device_stand_in_one_line(desk: Desk, there: UUID) -> None:
    (waiting,) = released(desk, there, 1)
    held = desk.new(State.HELD).id
    for which, behind in ((held, None), (waiting, held), (waiting, waiting)):
        with pytest.raises(job.WrongState):
            forward(which, behind)
    assert line(there) == [waiting]


def test_the_line_is_the_same_when_its_jobs_are_queued_again(desk: Desk, there: UUID) -> None:
    a, b, c = released(desk, there, 3)
    forward(c)
    with transaction() as tx:
        assert job.onward_again(queue=desk.queue.id, tx=tx) == 3
        assert job.onward_again(queue=there, tx=tx) == 0, "no queue of this id"
    assert line(there) == [c, a, b]


def test_another_way_to_print_is_kept_and_on_record_until_the_job_is_sent(desk: Desk, there: UUID) -> None:
    view = desk.new(State.HELD)
    options = Options(sides="one-sided", as_sent=(("print-scaling", "AAAA"),), must=("sides",))
    with transaction() as tx:
        job.change_ticket(view.id, options=options, copies=7, by=HOUSE, tx=tx)
    seen = job.get(desk.house.scope, view.id)
    assert (seen.options, seen.copies) == (options, 7)
    assert [entry.act for entry in audit.history(desk.house.scope, view.id)] == ["job.accept", "job.change"]
    assert "How it is to be printed was changed." in [step.text for step in job.steps(desk.house.scope, seen)]
    sent = desk.new(State.RELEASED, device=there)
    desk.move(sent.id, State.SENDING, State.RELEASED)
    with pytest.raises(job.WrongState), transaction() as tx:
        job.change_ticket(sent.id, options=options, copies=1, by=HOUSE, tx=tx)


def test_a_document_taken_out_is_remembered_and_prints_no_more(desk: Desk) -> None:
    two = tuple(job.NewDocument(number, "application/pdf", 10, f"name {number}") for number in (1, 2))
    view = desk.new(State.HELD, documents=two)
    with transaction() as tx:
        job.rename_document(view.id, 2, "other", by=HOUSE, tx=tx)
        job.cancel_document(view.id, 1, by=HOUSE, tx=tx)
    assert [(each.number, each.name) for each in job.documents(view.id)] == [(2, "other")]
    assert [each.cancelled for each in job.documents(view.id, cancelled=True)] == [True, False]
    for number, error in ((1, job.NotFound), (3, job.NotFound), (2, job.WrongState)):
        with pytest.raises(error), transaction() as tx:
            job.cancel_document(view.id, number, by=HOUSE, tx=tx)
    desk.move(view.id, State.RELEASED, State.HELD)
    desk.move(view.id, State.SENDING, State.RELEASED)
    with pytest.raises(job.WrongState), transaction() as tx:
        job.cancel_document(view.id, 2, by=HOUSE, tx=tx)


def test_a_kept_job_is_due_at_once_when_it_is_no_longer_kept(desk: Desk) -> None:
    with transaction() as tx:
        keeping = device.QueueChange(printed_s=3600)
        device.change_queue(desk.house.scope, desk.queue.id, keeping, by=desk.house.administrator, tx=tx)
    view = desk.new(State.DELIVERED)
    desk.move(view.id, State.ENDED, State.DELIVERED, changes=job.Changes(outcome=job.Outcome.PRINTED))
    now = desk.house.clock.now()
    assert job.get(desk.house.scope, view.id).due_at > now
    with transaction() as tx:
        job.no_longer_kept(view.id, by=HOUSE, tx=tx)
    assert job.get(desk.house.scope, view.id).due_at == now
