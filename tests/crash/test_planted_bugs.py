"""T55: the harness finds what it is there for. Each bug is planted in a copy of the source, and has to be found."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.canaries import found_in_folder
from tests.crash.clocks import MovedClock
from tests.crash.lives import SYNC_FAILED, Forge, House, Works
from tests.crash.load import Record
from tests.crash.mounts import ext4_image, mounted, needs_loop_devices
from tests.crash.plants import PLANTS, Plant, planted
from tests.crash.test_canaries import a_marked_life
from tests.crash.test_clock import jump_forward
from tests.crash.test_erasing import erase_and_look
from tests.crash.test_failing_calls import life_with
from tests.crash.test_points import die_at
from tests.crash.test_power_cuts import cuts
from tests.crash.test_random_kills import kills

_SHORT = {"the-key-of-a-destroyed-job-stays", "that-an-octet-may-leave-is-not-recorded", "the-title-is-logged"}
Search = Callable[[House, Plant, Path], list[str]]


def _kills(house: House, plant: Plant, folder: Path) -> list[str]:
    return next((found for found in kills(house, 12) if found), [])


def _cuts(house: House, plant: Plant, folder: Path) -> list[str]:
    needs_loop_devices()
    return next((found for found in cuts(house, folder, 8) if found), [])


def _points(house: House, plant: Plant, folder: Path) -> list[str]:
    return die_at(house, plant.at, Record())


def _failed_sync(house: House, plant: Plant, folder: Path) -> list[str]:
    if not life_with(house, plant.at, Record()):
        return ["it lives on after a failed sync"]
    status = house.wait()
    return [] if status == SYNC_FAILED else [f"it ended with {status}"]


def _words(house: House, plant: Plant, folder: Path) -> list[str]:
    words, _ = a_marked_life(house)
    return sorted(found_in_folder(house.data.parent, words))


def _erased(house: House, plant: Plant, folder: Path) -> list[str]:
    needs_loop_devices()
    ext4_image(folder / "disk.img", 192)
    with mounted(folder / "disk.img", folder / "disk") as disk, house.copy(disk / "house") as there:
        return erase_and_look(there, folder / "disk.img")


def _clock(house: House, plant: Plant, folder: Path) -> list[str]:
    return jump_forward(house, MovedClock(folder / "time"))


_SEARCHES: dict[str, Search] = {
    "kills": _kills,
    "cuts": _cuts,
    "points": _points,
    "failed_sync": _failed_sync,
    "words": _words,
    "erased": _erased,
    "clock": _clock,
}


def found(works: Works, furnished: House, plant: Plant, folder: Path) -> list[str]:
    forge = Forge(planted(plant, folder))
    try:
        with furnished.copy(folder / "house") as house:
            house.works = works.with_forge(forge)
            return _SEARCHES[plant.found_by](house, plant, folder)
    finally:
        forge.close()
        shutil.rmtree(folder / "src")


@pytest.mark.parametrize("plant", [each for each in PLANTS if each.name in _SHORT], ids=lambda plant: plant.name)
def test_a_planted_bug_is_found(works, furnished, tmp_path, plant):
    assert any(plant.tells in words for words in found(works, furnished, plant, tmp_path))


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("plant", [each for each in PLANTS if each.name not in _SHORT], ids=lambda plant: plant.name)
def test_each_further_planted_bug_is_found(works, furnished, tmp_path, plant):
    assert any(plant.tells in words for words in found(works, furnished, plant, tmp_path))
