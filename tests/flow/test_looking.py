"""An idle house looks at its clock and its uncounted jobs, and writes nothing."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from tests.conftest import House
from tests.flow.conftest import Way
from tests.peers.served import until

from frisket import flow
from frisket.job import State
from frisket.plumbing import db, work
from frisket.plumbing.work.terms import LOOKS, PERIODS, Look


@pytest.fixture
def quick_looks() -> Iterator[dict[str, int]]:
    """The house's looks, a hundred times as often, and how often each was done."""
    known, periods, done = dict(LOOKS), dict(PERIODS), dict.fromkeys(LOOKS, 0)

    def counted(look: Look) -> Look:
        def act(stopped: Callable[[], bool]) -> None:
            look.act(stopped)
            done[look.name] += 1

        return Look(look.name, act, look.every_s / 100)

    LOOKS.update({name: counted(look) for name, look in known.items()})
    PERIODS.clear()  # those of seconds and minutes are other rooms' and other tests'
    yield done
    LOOKS.update(known)
    PERIODS.update(periods)


@pytest.fixture
def running(way: Way, quick_looks: dict[str, int]) -> Iterator[work.Engine]:
    engine = work.open_engine(4)
    engine.start()
    yield engine
    engine.stop()


def test_an_idle_house_looks_and_writes_nothing(way: Way, quick_looks: dict[str, int], running: work.Engine) -> None:
    if not db.is_sqlite():
        pytest.skip("looks at the log file of SQLite")
    until(lambda: all(count > 0 for count in quick_looks.values()))
    log = Path(f"{connection.settings_dict['NAME']}-wal")

    def state() -> tuple[int, int]:
        return log.stat().st_mtime_ns, log.stat().st_size

    before, looked = state(), dict(quick_looks)
    until(lambda: all(quick_looks[name] > count + 20 for name, count in looked.items()))
    assert state() == before
    assert not work.overview()


def test_what_falls_due_is_found_without_anybody_asking(
    way: Way, quick_looks: dict[str, int], running: work.Engine
) -> None:
    view = way.accept()
    assert view.state is State.HELD
    way.house.clock.pass_time(timedelta(seconds=way.queues["secure"].held_s + 1))
    until(lambda: way.now(view).state is State.ERASED)


def test_what_fell_due_while_the_house_was_off_is_found_at_its_start(way: Way, quick_looks: dict[str, int]) -> None:
    view = way.accept()
    way.house.clock.pass_time(timedelta(seconds=way.queues["secure"].held_s + 1))
    time.sleep(0.05)
    assert way.now(view).state is State.HELD
    engine = work.open_engine(4)
    engine.start()
    try:
        until(lambda: way.now(view).state is State.ERASED)
    finally:
        engine.stop()


def test_a_wall_clock_that_is_set_neither_stops_the_looks_nor_deletes_anything(
    way: Way, quick_looks: dict[str, int], running: work.Engine, house: House
) -> None:
    view, clock = way.accept(), way.house.clock
    clock.set_wall(clock.now() - timedelta(days=1))
    looked = quick_looks["flow.timers"]
    until(lambda: quick_looks["flow.timers"] > looked + 3)
    clock.set_wall(clock.now() + timedelta(days=3650))
    if not clock.jumped():
        pytest.skip("this clock does not tell jumps")
    looked = quick_looks["flow.timers"]
    until(lambda: quick_looks["flow.timers"] > looked + 3)
    assert way.now(view).state is State.HELD
    clock.confirm()
    until(lambda: way.now(view).state is not State.HELD)


def test_both_of_flows_looks_are_registered_under_their_names() -> None:
    assert {"flow.timers", "flow.count"} <= set(LOOKS)
    assert "flow.timers" not in PERIODS and "flow.count" not in PERIODS
    assert flow.look_at_the_clock is LOOKS["flow.timers"].act
