"""T3 and T5: single calls that fail, as a full or a broken disk makes them."""

from contextlib import suppress

import pytest

from tests.crash.client import Gone
from tests.crash.lives import SYNC_FAILED, House
from tests.crash.load import Record, each_act_once
from tests.crash.look import inspect, settle
from tests.crash.test_points import maintenance_is_due

# What a full disk refuses: octets that are written, not syncs.
WRITES = ("blobs.before-append", "blobs.before-write", "blobs.before-overwrite")
SYNCS = (
    "blobs.before-append-sync",
    "blobs.before-file-sync",
    "blobs.before-folder-sync",
    "blobs.new-segment",
    "blobs.before-overwrite-sync",
    "blobs.after-unlink",
)


def life_with(house: House, fault: str, record: Record) -> bool:
    """A life in which one call fails; whether the house ended because of it."""
    maintenance_is_due(house)
    if not house.start(crashpoint=fault):
        return True
    if not each_act_once(house, record):
        return True
    try:
        settle(house, within_s=90)
    except Gone:
        return True
    return False


def next_life(house: House, record: Record) -> list[str]:
    maintenance_is_due(house)
    assert house.start(), house.words()
    try:
        return inspect(house, record)
    finally:
        house.kill()


@pytest.mark.parametrize("point", WRITES)
def test_a_write_that_finds_the_disk_full_refuses_new_jobs_for_now_and_loses_nothing(house, point):
    record = Record()
    assert not life_with(house, f"{point}:1:ENOSPC", record), house.words()
    assert all(answer.temporary for answer in record.refused), record.refused
    if point != "blobs.before-overwrite":
        assert record.refused
    assert inspect(house, record) == []  # of the same life
    house.stop()


@pytest.mark.parametrize("point", SYNCS)
def test_a_failed_sync_ends_the_house_with_status_74_and_the_next_life_has_everything(house, point):
    record = Record()
    assert life_with(house, f"{point}:1:EIO", record), f"{point}: it lives on: {house.words()}"
    assert house.wait() == SYNC_FAILED
    assert all(answer.temporary for answer in record.refused), record.refused
    assert next_life(house, record) == []


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("passes", [1, 2, 4])
def test_any_call_on_the_durable_path_may_fail(works, house, passes, error):
    record = Record()
    found = {}
    for name in works.forge.points:
        if name.startswith("delivery."):
            continue
        status = _life_with_any(house, f"{name}:{passes}:{error}", record)
        problems = [] if status in (None, SYNC_FAILED) else [f"it ended with {status}"]
        found[name] = problems + [words for words in next_life(house, record) if not words.startswith("dead work")]
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert [answer for answer in record.refused if not answer.temporary] == []


def _life_with_any(house: House, fault: str, record: Record) -> int | None:
    """How the life ended; None when it was we who ended it.

    An error nobody foresaw may leave its work as a dead letter for an operator, and its job where it was:
    not even that may lose anything, and the next life has to go on with it.
    """
    maintenance_is_due(house)
    if not house.start(crashpoint=fault):
        assert house.wait() > 0  # it said why it does not start, and was not killed
        return None
    each_act_once(house, record)
    with suppress(Gone, AssertionError):
        settle(house, within_s=5)
    if house.dies(within_s=1):
        return house.wait()
    house.kill()
    return None


@pytest.mark.long
@pytest.mark.parametrize(
    "point",
    [
        "before-attempt",
        "after-attempt",
        "first-octet",
        "before-outcome",
        "after-outcome",
    ],
)
def test_a_delivery_that_breaks_inside_the_house_goes_on_in_the_next_life(house, point):
    record = Record()
    assert _life_with_any(house, f"delivery.{point}:1:EIO", record) is None
    assert [words for words in next_life(house, record) if not words.startswith("dead work")] == []
