import ctypes
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.plumbing.blob_promises import BlobPromises

from frisket.plumbing import crashpoints, settings
from frisket.plumbing.blobs import FolderBlobs, NoRoom, SyncFailed, disk, open_folder

settled = hypothesis_settings(max_examples=25, deadline=None)
RULES = settings.Space(segment_bytes=256 * 1024, reserve_bytes=1 << 20)


@pytest.fixture
def blobs(tmp_path):
    store = open_folder(tmp_path / "spool", RULES)
    yield store
    crashpoints.arm("")
    store.close()


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "none", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class TestFolderBlobs(BlobPromises):
    pass


def octets_under(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def test_everything_in_the_folder_is_its_owners_alone(blobs, tmp_path):
    blobs.append([b"x"])
    writer = blobs.writer()
    writer.write(b"x")
    writer.keep()
    blobs.set_mark("m")
    blobs.restore_reserve()
    for path in [tmp_path / "spool", *(tmp_path / "spool").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_an_unfinished_object_lies_beside_the_finished_ones_under_another_ending(blobs, tmp_path):
    writer = blobs.writer()
    writer.write(b"x")
    (part,) = (tmp_path / "spool").rglob("*.part")
    place = writer.keep()
    assert [file.parent for file in (tmp_path / "spool").rglob("*.sealed")] == [part.parent]
    assert part.stem == place.name


def test_a_segment_is_closed_when_it_is_full(blobs):
    names = {place.name for _ in range(9) for place in blobs.append([b"x" * 100_000])}
    assert len(names) == 3


def test_a_batch_costs_one_sync(blobs, monkeypatch):
    blobs.append([b"x"])
    synced = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (synced.append(fd), real(fd)))
    blobs.append([os.urandom(500) for _ in range(1200)])
    assert len(synced) == 1


def test_a_large_object_is_synced_then_renamed_then_its_folder_is_synced(blobs, monkeypatch):
    steps = []
    for name in ("fdatasync", "rename", "fsync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, real=real: (steps.append(name), real(*given)))
    writer = blobs.writer()
    writer.write(b"x")
    writer.keep()
    assert steps[-3:] == ["fdatasync", "rename", "fsync"]


@pytest.mark.parametrize("point", ["blobs.before-append", "blobs.before-append-sync"])
def test_a_failed_sync_is_never_tried_again(blobs, point, monkeypatch):
    crashpoints.arm(f"{point}:1:EIO")
    with pytest.raises(SyncFailed):
        blobs.append([b"x"])
    monkeypatch.setattr(os, "fdatasync", lambda fd: pytest.fail("asked again"))
    with pytest.raises(SyncFailed):
        blobs.append([b"x"])
    with pytest.raises(SyncFailed):
        blobs.writer()


@pytest.mark.parametrize("point", ["blobs.before-write", "blobs.before-file-sync", "blobs.before-folder-sync"])
def test_a_failing_disk_stops_large_objects_too(blobs, point):
    crashpoints.arm(f"{point}:1:EIO")
    writer = blobs.writer()
    with pytest.raises(SyncFailed):
        writer.write(b"x")
        writer.keep()
    with pytest.raises(SyncFailed):
        blobs.append([b"x"])


def test_a_full_disk_refuses_and_what_was_there_stays(small_disk):
    store = open_folder(small_disk / "spool", RULES.model_copy(update={"reserve_bytes": 100_000}))
    assert store.restore_reserve()
    (before,) = store.append([b"before"])
    writer = store.writer()
    with pytest.raises(NoRoom):
        for _ in range(40):
            writer.write(os.urandom(100_000))
    assert store.space().state == "refuse"
    # The reserve was given up, so that small things like erasing and rows still find room.
    (small_disk / "row").write_bytes(bytes(50_000))
    writer.drop()
    assert b"".join(store.read(before)) == b"before"
    assert store.restore_reserve()
    store.append([b"after"])
    store.close()


def test_a_full_disk_in_a_batch_leaves_no_half_object_before_the_next(small_disk):
    store = open_folder(small_disk / "spool", RULES)
    with pytest.raises(NoRoom):
        store.append([os.urandom(1000) for _ in range(4000)])
    for segment in (small_disk / "spool/segments").iterdir():
        segment.unlink()
    (place,) = store.append([b"next"])
    assert b"".join(store.read(place)) == b"next"
    store.close()


def test_the_disk_is_full_when_the_settings_say_so(tmp_path):
    for rules, state in (
        ({"warn_at": 0.000001, "refuse_at": 0.999999}, "warn"),
        ({"warn_at": 0.000001, "refuse_at": 0.000002}, "refuse"),
        ({"warn_at": 0.999998, "refuse_at": 0.999999}, "ok"),
    ):
        store = open_folder(tmp_path / state, RULES.model_copy(update=rules))
        assert store.space().state == state
        store.close()


def test_the_reserve_takes_real_room(blobs, tmp_path):
    assert blobs.restore_reserve()
    reserve = tmp_path / "spool/reserve"
    assert reserve.stat().st_blocks * 512 >= RULES.reserve_bytes
    blobs.release_reserve()
    assert not reserve.exists()


def test_erasing_overwrites_the_same_blocks_before_the_name_goes(blobs, tmp_path, monkeypatch):
    writer = blobs.writer()
    writer.write(b"SECRET" * 50_000)
    place = writer.keep()
    path = tmp_path / "spool/files" / place.name[8:10] / f"{place.name}.sealed"
    held = os.open(path, os.O_RDONLY)  # the inode stays readable after the name is gone
    before = os.fstat(held)
    blobs.erase([place])
    assert os.fstat(held).st_ino == before.st_ino
    assert os.fstat(held).st_size == before.st_size, "never truncated"
    assert os.pread(held, 400_000, 0) == bytes(300_000)
    os.close(held)
    assert not path.exists()


def test_a_crash_before_the_overwrite_is_synced_leaves_the_name(blobs, tmp_path):
    writer = blobs.writer()
    writer.write(b"SECRET" * 50_000)
    place = writer.keep()
    crashpoints.arm("blobs.before-overwrite-sync:1:EIO")
    with pytest.raises(SyncFailed):
        blobs.erase([place])
    assert (tmp_path / "spool/files" / place.name[8:10] / f"{place.name}.sealed").exists()


def test_an_erased_range_gives_its_blocks_back(blobs, tmp_path):
    (first, _) = blobs.append([os.urandom(100_000), os.urandom(100_000)])
    segment = tmp_path / "spool/segments" / f"{first.name}.seg"
    before = segment.stat().st_blocks
    with open(segment, "r+b") as file:
        if not disk.punch_hole(file.fileno(), 1 << 20, 4096):
            pytest.skip("this file system has no holes")
    blobs.erase([first])
    assert segment.stat().st_blocks < before
    assert segment.stat().st_size == 200_000


def test_gaps_of_a_dead_process_are_erased_and_the_living_ranges_stay(tmp_path):
    store = open_folder(tmp_path / "spool", RULES)
    first, lost, third = store.append([b"a" * 5000, b"LOST" * 2000, b"c" * 5000])
    store.close()
    after = open_folder(tmp_path / "spool", RULES)
    live = [(place.offset, place.offset + place.octets) for place in (first, third)]
    assert after.erase_gaps(first.name, live) == lost.octets
    assert b"LOST" not in octets_under(tmp_path)
    assert b"".join(after.read(first)) == b"a" * 5000
    assert b"".join(after.read(third)) == b"c" * 5000
    assert after.erase_gaps(first.name, live) == 0
    after.erase_gaps(first.name, [])
    assert list(after.containers()) == []
    after.close()


@settled
@given(
    layout=st.lists(st.tuples(st.integers(1, 9000), st.booleans()), min_size=1, max_size=12),
)
def test_whatever_is_kept_stays_and_whatever_else_a_segment_held_is_zero(layout):
    with tempfile.TemporaryDirectory(prefix="frisket-blobs-") as folder:
        unsynced = RULES.model_copy(update={"sync": False})
        store = open_folder(Path(folder) / "spool", unsynced)
        places = store.append([bytes([number + 1]) * size for number, (size, _) in enumerate(layout)])
        name = places[0].name
        store.close()
        after = open_folder(Path(folder) / "spool", unsynced)
        kept = [place for place, (_, keep) in zip(places, layout, strict=True) if keep]
        after.erase_gaps(name, [(place.offset, place.offset + place.octets) for place in kept])
        segments = list((Path(folder) / "spool/segments").iterdir())
        if not kept:
            assert segments == []
        else:
            raw = bytearray(segments[0].read_bytes())
            for place in kept:
                value = places.index(place) + 1
                assert set(raw[place.offset : place.offset + place.octets]) == {value}
                raw[place.offset : place.offset + place.octets] = bytes(place.octets)
            assert set(raw) <= {0}
        after.close()


def test_what_another_living_process_writes_is_not_taken_for_garbage(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from frisket.plumbing import settings\nfrom frisket.plumbing.blobs import open_folder\n"
        "store = open_folder(Path(sys.argv[1]), settings.Space())\n"
        "store.append([b'x'])\nwriter = store.writer()\nwriter.write(b'half')\n"
        "print('ready', flush=True)\nsys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "spool")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None and other.stdout.readline() == "ready\n"
    store = open_folder(tmp_path / "spool", RULES)
    try:
        assert store.clear_unfinished() == 0
        (found,) = store.containers()
        assert not found.abandoned
        assert store.erase_gaps(found.name, []) == 0
        assert not store.retire(found.name, lambda: True)
        other.kill()
        other.wait()
        assert store.clear_unfinished() == 1
        assert [found.abandoned for found in store.containers()] == [True]
        assert store.erase_gaps(found.name, []) == 1
    finally:
        other.kill()
        other.wait()
        assert other.stdin is not None
        other.stdin.close()
        other.stdout.close()
        store.close()


@pytest.mark.parametrize(
    "point",
    [
        "blobs.new-folder",
        "blobs.before-file-sync",
        "blobs.before-rename",
        "blobs.before-folder-sync",
        "blobs.after-keep",
    ],
)
def test_a_kill_while_writing_leaves_a_whole_object_or_none(tmp_path, point):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from frisket.plumbing import settings\nfrom frisket.plumbing.blobs import open_folder\n"
        "store = open_folder(Path(sys.argv[1]), settings.Space())\n"
        "writer = store.writer()\nwriter.write(b'whole' * 1000)\nwriter.keep()\n"
    )
    open_folder(tmp_path / "spool", RULES).close()  # made before, so that the point is the writer's
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "spool")],
        env={**os.environ, "FRISKET_CRASHPOINT": f"{point}:1"},
        capture_output=True,
    )
    store = open_folder(tmp_path / "spool", RULES)
    store.clear_unfinished()
    assert list((tmp_path / "spool").rglob("*.part")) == []
    whole = [file.read_bytes() for file in (tmp_path / "spool").rglob("*.sealed")]
    assert whole == ([b"whole" * 1000] if point in ("blobs.before-folder-sync", "blobs.after-keep") else [])
    store.close()


def test_the_note_says_what_memory_cannot_prove():
    if not os.path.ismount("/dev/shm"):
        pytest.skip("no file system in memory here")
    assert disk.storage_note(Path("/dev/shm")) == "The spool lies in memory."


def test_a_file_system_without_holes_is_said_so(blobs, monkeypatch):
    (place,) = blobs.append([b"x" * 5000])
    monkeypatch.setattr(disk, "punch_hole", lambda *given: False)
    assert "single blocks" in blobs.erase([place]).note


def test_with_syncing_switched_off_nothing_is_synced(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fdatasync", lambda fd: pytest.fail("synced"))
    monkeypatch.setattr(os, "fsync", lambda fd: pytest.fail("synced"))
    store = FolderBlobs(tmp_path / "spool", RULES.model_copy(update={"sync": False}))
    store.append([b"x"])
    writer = store.writer()
    writer.write(b"x")
    writer.keep()
    store.close()


def test_allocation_without_the_kernels_help_writes_real_zeros(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "_fallocate", lambda *given: False)
    with open(tmp_path / "file", "w+b") as file:
        disk.allocate(file.fileno(), 3 * (1 << 20) // 2)
        assert os.fstat(file.fileno()).st_blocks * 512 >= 3 * (1 << 20) // 2


def test_the_kernel_calls_take_64_bit_offsets(tmp_path):
    with open(tmp_path / "file", "w+b") as file:
        file.truncate(5 << 30)
        os.pwrite(file.fileno(), b"x" * 8192, (4 << 30) + 4096)
        if not disk.punch_hole(file.fileno(), 4 << 30, 16384):
            pytest.skip(f"no holes here (errno {ctypes.get_errno()})")
        assert os.pread(file.fileno(), 8192, (4 << 30) + 4096) == bytes(8192)
