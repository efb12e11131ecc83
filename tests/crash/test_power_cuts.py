"""T4: the power goes. What the disk had not been made to keep is lost; what was promised is not."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.client import Gone
from tests.crash.lives import House
from tests.crash.load import Record, under_load
from tests.crash.look import inspect
from tests.crash.mounts import Disk, ext4_image, mounted, needs_loop_devices

# Of the unsynced writes, how many had reached the platter all the same.
_SHARES = (0.0, 0.0, 0.5, 0.9)


def cuts(furnished: House, folder: Path, rounds: int, *, sync: bool = True) -> Iterator[list[str]]:
    """Live on a disk with a volatile cache, lose power, be looked at on what the disk kept."""
    image = folder / "disk.img"
    ext4_image(image, 192)
    with mounted(image, folder / "first") as disk:
        house = furnished.copy(disk / "house")
    record = Record()
    for _ in range(rounds):
        kept = folder / "kept.img"
        life_until_the_power_goes(house, record, image, kept, sync=sync)
        kept.replace(image)
        with mounted(image, folder / "again") as disk:
            house.data = disk / "house"
            yield look(house, record)
    assert record.promises > rounds


def life_until_the_power_goes(house: House, record: Record, image: Path, kept: Path, *, sync: bool) -> None:
    disk = Disk(image, image.parent / "platter")
    house.log = image.parent / "house.log"
    try:
        house.data = disk.at / "house"
        assert house.start(environment={} if sync else {"FRISKET_SPACE__SYNC": "false"}), house.words()
        ends = threading.Event()
        senders = under_load(house, record, ends=ends)
        time.sleep(random.uniform(0.3, 1.5))
        # First the house, so that no device hears of anything that the disk then does not know. What an
        # answer had promised by then must be among what was synced by then.
        house.kill()
        disk.cut(kept, share=random.choice(_SHARES))
        ends.set()
        for sender in senders:
            sender.join()
    finally:
        house.kill()
        disk.close()


def look(house: House, record: Record) -> list[str]:
    if not house.start():
        return [f"the house does not start: {house.words()}"]
    try:
        return inspect(house, record)
    except Gone:
        return [f"the house died by itself: {house.words()}"]
    finally:
        house.kill()


def test_a_power_cut_loses_nothing_that_was_acknowledged(furnished, tmp_path):
    needs_loop_devices()
    assert [words for found in cuts(furnished, tmp_path, 3) for words in found] == []


def test_with_syncing_switched_off_the_same_harness_finds_losses(furnished, tmp_path):
    needs_loop_devices()
    found = next((found for found in cuts(furnished, tmp_path, 6, sync=False) if found), [])
    assert any("I1" in words for words in found)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_many_power_cuts(furnished, tmp_path, rounds):
    needs_loop_devices()
    assert [words for found in cuts(furnished, tmp_path, max(1, rounds // 10)) for words in found] == []
