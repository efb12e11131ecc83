"""A queue that an operator stops, and what it then says of itself."""

from datetime import timedelta

import pytest

from frisket import audit, device
from frisket.plumbing.db import transaction
from tests.conftest import House


def changed(house: House, queue: device.QueueView, **change: object) -> device.QueueView:
    with transaction() as tx:
        wanted = device.QueueChange(**change)  # type: ignore[arg-type]
        return device.change_queue(house.scope, queue.id, wanted, by=house.administrator, tx=tx)


@pytest.fixture
def queue(house: House) -> device.QueueView:
    with transaction() as tx:
        return device.add_queue(house.scope, device.NewQueue("floor"), by=house.administrator, tx=tx)


def test_a_stopped_queue_is_stopped_in_the_registry_and_in_the_table(house: House, queue: device.QueueView) -> None:
    assert queue.halt == "" and not device.halted_now(queue.id)
    for halt in ("paused", "shutdown"):
        assert changed(house, queue, halt=halt).halt == device.queue(queue.id).halt == halt
        assert device.halted_now(queue.id)
    changed(house, queue, halt="")
    assert not device.halted_now(queue.id)
    with pytest.raises(device.BadValue):
        changed(house, queue, halt="asleep")


def test_a_change_says_when_it_was_and_the_record_holds_no_words(house: House, queue: device.QueueView) -> None:
    assert queue.changed_at == queue.created_at
    house.clock.pass_time(timedelta(minutes=1))
    now = house.clock.now()
    told = changed(house, queue, message="Toner on Monday\x07 – " + "ä" * 200, hold_new=True)
    assert told.changed_at == now and told.hold_new
    assert told.message.startswith("Toner on Monday –") and len(told.message.encode()) <= 127
    facts = audit.history(house.scope, queue.id)[-1].facts
    assert facts["hold_new"] is True and facts["message"] is True
