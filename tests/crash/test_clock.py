"""T10: somebody sets the wall clock. Nothing is deleted early, nothing is unlocked early."""

import time
from contextlib import suppress

from tests.crash.client import NotBelieved
from tests.crash.clocks import MovedClock
from tests.crash.lives import OWNER, House, until
from tests.crash.load import SMALL, Record
from tests.crash.look import inspect, settle

_HELD_FOR_DAYS = 3
_ROUND_OF_TIMERS_S = 5.0


def state_of(house: House, number: int | None) -> tuple[str, str]:
    shown = house.command("job.show", job=str(number))
    return shown["state"], shown["outcome"]


def jump_forward(house: House, clock: MovedClock) -> list[str]:
    """Held jobs outlive a clock set past their end, until a person says that it is right."""
    assert house.start(environment=clock.environment, plainly=True), house.words()
    record = Record()
    with house.sender() as sender:
        held = record.print_job(sender, SMALL)
        assert held.number is not None
        clock.set(days=_HELD_FOR_DAYS + 1)
        time.sleep(_ROUND_OF_TIMERS_S)
        problems = []
        if state_of(house, held.number)[0] != "held":
            problems.append("a clock set ahead deleted a held job")
        if not house.command("health")["clock_jumped"]:
            problems.append("nobody is told of the jump")
        house.kill()
        # The doubt survives a restart.
        assert house.start(environment=clock.environment, plainly=True), house.words()
        time.sleep(_ROUND_OF_TIMERS_S)
        if state_of(house, held.number)[0] != "held":
            problems.append("after a restart a clock set ahead deleted a held job")
    house.command("clock.confirm")
    until(lambda: state_of(house, held.number) == ("erased", "expired"), "a confirmed clock ends holds", within_s=30)
    return problems


def test_a_clock_set_ahead_deletes_nothing_until_somebody_confirms_it(house, tmp_path):
    assert jump_forward(house, MovedClock(tmp_path / "time")) == []


def test_a_clock_set_back_does_no_harm(house, tmp_path):
    clock = MovedClock(tmp_path / "time")
    assert house.start(environment=clock.environment, plainly=True), house.words()
    record = Record()
    with house.sender() as sender:
        for _ in range(2):
            record.print_job(sender, SMALL)
        clock.set(days=-30)
        for _ in range(2):
            record.print_job(sender, SMALL)
        record.release(house, "net", record.jobs[0])
        record.release(house, "port", record.jobs[2])
        settle(house)
    assert inspect(house, record) == []
    house.stop()


def test_a_lock_is_not_shortened_by_the_clock_or_a_restart(house, tmp_path):
    clock = MovedClock(tmp_path / "time")
    assert house.start(environment=clock.environment, plainly=True), house.words()
    for _ in range(6):  # the right one is not shown before: it would be remembered for a minute
        assert not let_in(house, "wrong password")
    clock.set(days=1)
    assert not let_in(house, house.secrets["password"])
    house.kill()
    assert house.start(environment=clock.environment, plainly=True), house.words()
    assert not let_in(house, house.secrets["password"])
    house.command("person.unlock", name=OWNER)
    assert let_in(house, house.secrets["password"])
    house.stop()


def let_in(house: House, password: str) -> bool:
    with house.sender(password=password) as sender, suppress(NotBelieved):
        return sender.print_job(b"%!PS\n").ok
    return False
