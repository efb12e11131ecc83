"""T1: killed at every named point of the durable paths, wherever in a life it is passed first."""

import sqlite3
from contextlib import closing

import pytest

from tests.crash.client import Gone
from tests.crash.clocks import faked_time
from tests.crash.lives import QUEUE, House
from tests.crash.load import Record, each_act_once
from tests.crash.look import inspect, settle

# Passed in other circumstances than those of a day's work; each has a test of its own below.
_ELSEWHERE = {
    "blobs.marking": "only in the very first life",
    "spool.before-destroy-epoch": "only on a later day",
    "spool.after-destroy-epoch": "only on a later day",
    "folders.claimed": "only where there is a hot folder: tests/journeys/test_hot_folders.py dies at each of these",
    "folders.set-aside": "the same",
    "folders.taken": "the same",
    "folders.put-away": "the same",
}


def maintenance_is_due(house: House) -> None:
    """Have cleaning and the hourly round begin with the next life, not some time later."""
    with closing(sqlite3.connect(house.data / "house.db")) as rows:
        rows.execute("UPDATE plumbing_workperiod SET last_at = '2020-01-01 00:00:00' WHERE kind LIKE 'spool.%'")
        rows.commit()


def die_at(house: House, crashpoint: str, record: Record) -> list[str]:
    """A life that dies at this point; what the next one finds. The point must be passed."""
    maintenance_is_due(house)
    died = not house.start(crashpoint=crashpoint) or not each_act_once(house, record)
    if not died:
        try:
            settle(house, within_s=30)
        except Gone:
            died = True
    problems = _end_of(house, crashpoint, died or house.dies(within_s=25))
    maintenance_is_due(house)
    assert house.start(), house.words()
    try:
        return problems + inspect(house, record)
    finally:
        house.kill()


def _end_of(house: House, crashpoint: str, died: bool) -> list[str]:
    if not died:
        house.kill()
        return [f"{crashpoint} was not passed"]
    status = house.wait()
    return [] if status == -9 else [f"it ended with {status} instead of being killed"]


def test_killed_once_at_every_named_point(works, house):
    record = Record()
    found = {name: die_at(house, f"{name}:1", record) for name in works.forge.points if name not in _ELSEWHERE}
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert set(_ELSEWHERE) <= set(works.forge.points)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("passes", [2, 3, 5, 8])
def test_killed_at_every_named_point_later_in_a_life(works, house, passes):
    record = Record()
    found = {}
    for name in works.forge.points:
        if name in _ELSEWHERE:
            continue
        problems = die_at(house, f"{name}:{passes}", record)
        found[name] = [words for words in problems if not words.endswith("was not passed")]
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_killed_while_the_spool_is_marked_in_the_very_first_life(works, tmp_path, passes):
    with House(works, tmp_path / "house") as house:
        house.make()
        assert not house.start(crashpoint=f"blobs.marking:{passes}")
        assert house.wait() == -9
        assert house.start(), house.words()
        house.furnish()
        record = Record()
        assert each_act_once(house, record)
        assert inspect(house, record) == []


def test_killed_while_the_key_of_a_day_is_destroyed(house):
    record = Record()
    assert house.start()
    house.command("queue.set", name=QUEUE, history_s=30 * 86400)
    assert each_act_once(house, record)
    settle(house)
    house.kill()
    later = faked_time(days=2)
    for crashpoint in ("spool.before-destroy-epoch:1", "spool.after-destroy-epoch:1"):
        maintenance_is_due(house)
        house.start(crashpoint=crashpoint, environment=later, plainly=True)
        assert house.dies(within_s=30), f"{crashpoint} was not passed: {house.words()}"
        assert house.wait() == -9
    assert house.start(environment=later, plainly=True), house.words()
    # What was held that day was wrapped again under the new key before the old one went.
    assert inspect(house, record) == []
