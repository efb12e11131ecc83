"""T2: killed at random moments under load. What was promised is there, nothing prints twice, nothing is left over.

The long form lives on a disk of its own, and every block of it is searched for words of the documents.
"""

import os
import random
import threading
import time
from collections.abc import Iterator

import pytest

from tests.crash.canaries import found_in_image
from tests.crash.client import Gone
from tests.crash.lives import QUEUE, House
from tests.crash.load import CANARIES, Record, under_load
from tests.crash.look import inspect, log_problems
from tests.crash.mounts import ext4_image, mounted, needs_loop_devices

_LONGEST_LIFE_S = 1.2
_VERIFY_EVERY = 25  # rounds; verifying reads the whole log, which only grows
_IDLE_EVERY = 10  # rounds; then it is killed once more, while nothing happens


def kills(house: House, rounds: int) -> Iterator[list[str]]:
    """Live, die under load, be looked at, live on; what each look found. The last one verifies the log."""
    record = Record()
    assert house.start(), house.words()
    for number in range(rounds):
        ends = threading.Event()
        senders = under_load(house, record, ends=ends)
        time.sleep(random.uniform(0.02, _LONGEST_LIFE_S))
        house.kill()
        ends.set()
        for sender in senders:
            sender.join()
        assert house.start(), house.words()
        yield _look(house, record, verify=number % _VERIFY_EVERY == 0)
        if number % _IDLE_EVERY == 0:
            house.kill()
            assert house.start(), house.words()
    yield log_problems(house)
    house.stop()
    assert record.promises > rounds  # else there was hardly anything to lose


def _look(house: House, record: Record, *, verify: bool) -> list[str]:
    try:
        return inspect(house, record, verify=verify)
    except Gone:
        return [f"the house died by itself: {house.words()}"]


def test_random_kills_lose_nothing_and_print_nothing_twice(house):
    assert [words for found in kills(house, 8) for words in found] == []


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_thousand_random_kills(furnished, tmp_path, rounds):
    needs_loop_devices()
    image = tmp_path / "disk.img"
    ext4_image(image, 4096)
    with mounted(image, tmp_path / "disk") as disk, furnished.copy(disk / "house") as house:
        house.start()
        house.command("queue.set", name=QUEUE, history_s=60)
        house.kill()
        problems = [words for found in kills(house, rounds) for words in found]
        readable = found_in_image(image, CANARIES)
        assert (problems, readable) == ([], set())
        (disk / "leak").write_text(" ".join(map(str, CANARIES.values())))
        os.sync()
        assert found_in_image(image, CANARIES) == {f"{name} in utf-8" for name in CANARIES}  # it would have been seen
