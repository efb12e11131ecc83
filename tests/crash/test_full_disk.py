"""T3: a disk that is really full. New jobs are refused for now, the rest of the house goes on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.lives import House, until
from tests.crash.load import LARGE, SMALL, Record
from tests.crash.look import inspect, settle
from tests.crash.mounts import ext4_image, mounted, needs_loop_devices

_RESERVE = 12 << 20


@contextmanager
def on_a_small_disk(furnished: House, folder: Path) -> Iterator[tuple[House, Path]]:
    """A house that runs on a file system of its own, with its log elsewhere; and that file system's folder."""
    needs_loop_devices()
    image = folder / "disk.img"
    ext4_image(image, 160)
    with mounted(image, folder / "disk") as disk, furnished.copy(disk / "house") as house:
        house.log = folder / "house.log"
        house.environment["FRISKET_SPACE__RESERVE_BYTES"] = str(_RESERVE)
        assert house.start(), house.words()
        yield house, disk


def fill(folder: Path) -> Path:
    """Take every block that is left now, and never one more: what the house gives up meanwhile it needs itself."""
    filler = folder / "filler"
    fd = os.open(filler, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    at = 0
    try:
        left = os.fstatvfs(fd)
        most, size = left.f_bavail * left.f_frsize, 1 << 20  # what is refused may have been taken in part
        while size >= 4096:
            try:
                os.posix_fallocate(fd, at, size)
            except OSError:
                size //= 2  # the file system needs some of it to note down where the rest is
            else:
                at += size
                size = min(size, most - at)
    finally:
        os.close(fd)
    return filler


def test_a_full_disk_refuses_new_jobs_and_still_releases_and_erases(furnished, tmp_path):
    with on_a_small_disk(furnished, tmp_path) as (house, disk):
        record = Record()
        with house.sender() as sender:
            for size in (SMALL, LARGE, SMALL, LARGE, SMALL, SMALL):
                record.print_job(sender, size)
            assert record.promises == 6
            filler = fill(disk)
            for size in (SMALL, LARGE, 10 * LARGE):
                assert record.print_job(sender, size).number is None
            assert all(answer.temporary for answer in record.refused), record.refused
            waiting = [job for job in record.jobs if job.number is not None]
            record.release(house, "net", waiting[0])
            record.release(house, "port", waiting[1])
            record.cancel(sender, waiting[2])
            settle(house)
            assert [job.told for job in waiting[:3]] == [{"release"}, {"release"}, {"cancel"}]
            assert house.lives
            filler.unlink()
            until(lambda: record.print_job(sender, SMALL).number is not None, "jobs are taken again", every_s=0.5)
        assert inspect(house, record) == []
        house.stop()


def test_the_reserve_is_enough_to_release_everything_that_waits(furnished, tmp_path):
    with on_a_small_disk(furnished, tmp_path) as (house, disk):
        record = Record()
        with house.sender() as sender:
            for _ in range(40):
                record.print_job(sender, SMALL)
        house.stop()
        assert house.start(), house.words()
        fill(disk)
        for job in record.jobs:
            record.release(house, "port", job)
        assert [job.number for job in record.jobs if "release" not in job.told] == [], house.words()
        settle(house, within_s=240)  # forty jobs, one after the other
        house.stop()


def test_killed_on_a_full_disk_it_starts_and_has_everything(furnished, tmp_path):
    with on_a_small_disk(furnished, tmp_path) as (house, disk):
        record = Record()
        with house.sender() as sender:
            for size in (SMALL, LARGE, SMALL, LARGE):
                record.print_job(sender, size)
            fill(disk)
            record.print_job(sender, LARGE)
        house.kill()
        assert house.start(), house.words()
        assert inspect(house, record) == []
        house.stop()
