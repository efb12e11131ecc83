"""T2: killed at random moments under load. What was promised is there, nothing prints twice, nothing is left over."""

import random
import threading
import time
from collections.abc import Iterator

import pytest

from tests.crash.client import Gone
from tests.crash.lives import QUEUE, House
from tests.crash.load import Record, under_load
from tests.crash.look import inspect, log_problems

_LONGEST_LIFE_S = 1.2
_VERIFY_EVERY = 25  # rounds; verifying reads the whole log, which only grows


def kills(house: House, rounds: int) -> Iterator[list[str]]:
    """Live, die, be looked at; what each look found. The last one verifies the log."""
    record = Record()
    for number in range(rounds):
        assert house.start(), house.words()
        ends = threading.Event()
        senders = under_load(house, record, ends=ends)
        time.sleep(random.uniform(0.02, _LONGEST_LIFE_S))
        house.kill()
        ends.set()
        for sender in senders:
            sender.join()
        yield _after(house, record, verify=number % _VERIFY_EVERY == 0)
    assert house.start()
    yield log_problems(house)
    house.stop()
    assert record.promises > rounds  # else there was hardly anything to lose


def _after(house: House, record: Record, *, verify: bool) -> list[str]:
    assert house.start(), house.words()
    try:
        return inspect(house, record, verify=verify)
    except Gone:
        return [f"the house died by itself: {house.words()}"]
    finally:
        house.kill()  # once more, this time while it is idle


def test_random_kills_lose_nothing_and_print_nothing_twice(house):
    assert [words for found in kills(house, 8) for words in found] == []


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_thousand_random_kills(house, rounds):
    house.start()
    house.command("queue.set", name=QUEUE, history_s=60)
    house.kill()
    assert [words for found in kills(house, rounds) for words in found] == []
