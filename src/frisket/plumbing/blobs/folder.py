"""The store in a folder of this machine.

    files/<2 digits>/<name>.sealed   large objects, one file each; <name>.part while being written
    segments/<name>.seg              small objects one after another
    owners/<8 digits>.lock           the processes that write here
    reserve                          room kept back
    mark                             which database belongs to it

Names are made here (R9); the folder and everything in it is the house's own user's alone.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from frisket.plumbing import crashpoints, settings
from frisket.plumbing.blobs import disk, erasing
from frisket.plumbing.blobs.durable import Durable
from frisket.plumbing.blobs.owners import Owner, lock_now
from frisket.plumbing.blobs.promise import PIECE, Container, Erased, Missing, NoRoom, Place, Space, SyncFailed, Where
from frisket.plumbing.blobs.segments import Segments, segment_path

__all__ = ["FolderBlobs", "open_folder"]

_BEFORE_WRITE = crashpoints.point("blobs.before-write")
_BEFORE_SYNC = crashpoints.point("blobs.before-file-sync")
_BEFORE_RENAME = crashpoints.point("blobs.before-rename")
_BEFORE_FOLDER_SYNC = crashpoints.point("blobs.before-folder-sync")
_AFTER_KEEP = crashpoints.point("blobs.after-keep")
_BEFORE_UNLINK = crashpoints.point("blobs.before-unlink")
_AFTER_UNLINK = crashpoints.point("blobs.after-unlink")
_NEW_FOLDER = crashpoints.point("blobs.new-folder")
_MARKING = crashpoints.point("blobs.marking")

_NAME = re.compile("[0-9a-f]{32}")
_FLUSH_EVERY = 8 << 20
_LOOK_EVERY = 64 << 20  # octets of one object between two looks at the free space
_SPACE_FOR_S = 1.0


def open_folder(folder: Path, rules: settings.Space) -> "FolderBlobs":
    """Open the store, made when it is not there."""
    return FolderBlobs(folder, rules)


class FolderWriter:
    """One large object on its way into a file of its own."""

    def __init__(self, store: "FolderBlobs", durable: Durable, name: str) -> None:
        self._store = store
        self._durable = durable
        self._name = name
        self._final = store.file_path(name)
        self._part = self._final.with_suffix(".part")
        durable.check()
        with durable.room():
            store.make_folder(self._final.parent)
            self._fd = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._end = 0
        self._flushed = 0
        self._looked = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._end - self._looked >= _LOOK_EVERY:
            self._looked = self._end
            if self._store.space().state == "refuse":
                raise NoRoom("the disk of the spool is too full for this object")
        self._end += self._durable.write(self._fd, [memoryview(data)], self._end, at=_BEFORE_WRITE)
        if self._end - self._flushed >= _FLUSH_EVERY:
            disk.start_writing(self._fd, self._flushed, self._end - self._flushed)
            self._flushed = self._end

    def keep(self) -> Place:
        self._durable.sync(self._fd, at=_BEFORE_SYNC)
        self._close()
        crashpoints.pass_(_BEFORE_RENAME)
        os.rename(self._part, self._final)
        self._durable.sync_folder(self._final.parent, at=_BEFORE_FOLDER_SYNC)
        crashpoints.pass_(_AFTER_KEEP)
        return Place("file", self._name, 0, self._end)

    def drop(self) -> None:
        self._close()
        self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class FolderBlobs:
    """See `Blobs`; this one lies in a folder."""

    def __init__(self, folder: Path, rules: settings.Space) -> None:
        self._folder = folder
        self._rules = rules
        self._files = folder / "files"
        self._segments_folder = folder / "segments"
        self._durable = Durable(on=rules.sync, on_full=self.release_reserve)
        self._folders_lock = threading.Lock()
        self._durable_folders: set[Path] = set()
        self._make_folders()
        self._owner = Owner(folder / "owners")
        self._segments = Segments(self._segments_folder, self._owner, self._durable, closed_at=rules.segment_bytes)
        self._space_lock = threading.Lock()
        self._space: Space | None = None
        self._space_until = 0.0
        self._reserve_released = False
        self._note: str | None = None

    def _make_folders(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._durable.sync_folder(self._folder.parent, at=_NEW_FOLDER)
        for folder in (self._files, self._segments_folder, self._folder / "owners"):
            self.make_folder(folder)

    def make_folder(self, folder: Path) -> None:
        """Durable before anything in it is: also one that another thread or process has just made."""
        if folder in self._durable_folders:
            return
        with self._folders_lock:
            if folder not in self._durable_folders:
                folder.mkdir(mode=0o700, exist_ok=True)
                self._durable.sync_folder(folder.parent, at=_NEW_FOLDER)
                self._durable_folders.add(folder)

    def file_path(self, name: str) -> Path:
        return self._files / name[8:10] / f"{name}.sealed"

    def _path(self, place: Place) -> Path:
        if not _NAME.fullmatch(place.name):
            raise Missing("this is no name of the store")
        if place.where == "file":
            return self.file_path(place.name)
        return segment_path(self._segments_folder, place.name)

    # -- writing ---------------------------------------------------------------------------------

    def writer(self) -> FolderWriter:
        return FolderWriter(self, self._durable, self._owner.new_name())

    def append(self, pieces: Sequence[bytes]) -> list[Place]:
        return self._segments.append(pieces) if pieces else []

    def settle(self, places: Iterable[Place]) -> None:
        self._segments.settle(place for place in places if place.where == "segment")

    # -- reading ---------------------------------------------------------------------------------

    def read(self, place: Place, *, piece: int = PIECE) -> Iterator[bytes]:
        fd = self._open_to_read(place)
        return self._pieces(fd, place, piece)

    def _pieces(self, fd: int, place: Place, piece: int) -> Iterator[bytes]:
        at, stop = place.offset, place.offset + place.octets
        try:
            while at < stop:
                data = os.pread(fd, min(piece, stop - at), at)
                if not data:
                    raise Missing("an object ends before its place says so")
                at += len(data)
                yield data
        finally:
            os.close(fd)

    def start_of(self, place: Place, octets: int) -> bytes:
        fd = self._open_to_read(place)
        try:
            return os.pread(fd, min(octets, place.octets), place.offset)
        finally:
            os.close(fd)

    def _open_to_read(self, place: Place) -> int:
        try:
            fd = os.open(self._path(place), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise Missing("an object is not where its row says") from error
        size = os.fstat(fd).st_size
        wrong = size != place.octets if place.where == "file" else size < place.offset + place.octets
        if wrong:
            os.close(fd)
            raise Missing("an object does not have the length its row says")
        return fd

    # -- erasing ---------------------------------------------------------------------------------

    def erase(self, places: Sequence[Place]) -> Erased:
        octets = 0
        holes = True
        emptied: set[Path] = set()
        ordered = sorted(places, key=lambda place: (place.where, place.name, place.offset))
        for (where, _), group in groupby(ordered, key=lambda place: (place.where, place.name)):
            found = list(group)
            path = self._path(found[0])
            if where == "file":
                octets += self._erase_file(path)
                emptied.add(path.parent)
                continue
            done, punched = self._erase_ranges(path, erasing.ranges_of(found))
            octets += done
            holes = holes and punched
        for folder in emptied:
            self._durable.sync_folder(folder, at=_AFTER_UNLINK)
        return Erased(octets, self._storage_note(holes))

    def _erase_file(self, path: Path) -> int:
        fd = erasing.open_in_place(path)
        if fd is None:
            return 0
        try:
            octets = erasing.overwrite_file(fd, self._durable)
        finally:
            os.close(fd)
        crashpoints.pass_(_BEFORE_UNLINK)
        path.unlink(missing_ok=True)
        return octets

    def _erase_ranges(self, path: Path, ranges: Sequence[tuple[int, int]]) -> tuple[int, bool]:
        fd = erasing.open_in_place(path)
        if fd is None:
            return 0, True
        try:
            return erasing.overwrite_ranges(fd, ranges, self._durable)
        finally:
            os.close(fd)

    def _storage_note(self, holes: bool) -> str:
        if self._note is None:
            self._note = disk.storage_note(self._folder)
        return " ".join(filter(None, (self._note, "" if holes else erasing.NO_HOLES)))

    def retire(self, name: str, unused: Callable[[], bool]) -> bool:
        path = segment_path(self._segments_folder, name)
        fd = erasing.open_in_place(path)
        if fd is None:
            return True
        try:
            # Its writer holds this lock until every object in it is committed or given up, so the
            # question is asked only when nothing can be added any more.
            if not lock_now(fd) or not unused():
                return False
            crashpoints.pass_(_BEFORE_UNLINK)
            path.unlink(missing_ok=True)
        finally:
            os.close(fd)
        self._durable.sync_folder(self._segments_folder, at=_AFTER_UNLINK)
        return True

    def erase_gaps(self, name: str, live: Sequence[tuple[int, int]]) -> int:
        path = segment_path(self._segments_folder, name)
        fd = erasing.open_in_place(path)
        if fd is None:
            return 0
        try:
            if not lock_now(fd):
                return 0
            gaps = list(erasing.data_in(fd, live))
            octets = erasing.overwrite_ranges(fd, gaps, self._durable)[0] if gaps else 0
            if not live:
                crashpoints.pass_(_BEFORE_UNLINK)
                path.unlink(missing_ok=True)
        finally:
            os.close(fd)
        if not live:
            self._durable.sync_folder(self._segments_folder, at=_AFTER_UNLINK)
        return octets

    # -- after a crash ---------------------------------------------------------------------------

    def containers(self) -> Iterator[Container]:
        for folder in sorted(self._files.iterdir()):
            yield from self._found(folder, "file", ".sealed")
        yield from self._found(self._segments_folder, "segment", ".seg")

    def _found(self, folder: Path, where: Where, suffix: str) -> Iterator[Container]:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name.removesuffix(suffix)
                if entry.name.endswith(suffix) and _NAME.fullmatch(name):
                    octets = entry.stat(follow_symlinks=False).st_size
                    yield Container(where, name, octets, self._owner.is_dead(name))

    def clear_unfinished(self) -> int:
        dead = [part for part in self._files.glob("*/*.part") if self._owner.is_dead(part.stem)]
        for part in dead:
            # Its key died with its writer before anything was committed: it is noise already.
            part.unlink(missing_ok=True)
        for folder in {part.parent for part in dead}:
            self._durable.sync_folder(folder, at=_AFTER_UNLINK)
        return len(dead)

    def swept(self) -> None:
        self._owner.forget_dead()

    # -- space -----------------------------------------------------------------------------------

    def space(self) -> Space:
        now = time.monotonic()
        space = self._space
        if space is None or now >= self._space_until:
            with self._space_lock:
                space = self._space = self._measure()
                self._space_until = now + _SPACE_FOR_S
        return space

    def _measure(self) -> Space:
        found = os.statvfs(self._folder)
        free = found.f_bavail * found.f_frsize
        total = (found.f_blocks - found.f_bfree + found.f_bavail) * found.f_frsize
        used = 1 - free / total if total else 1.0
        if self._reserve_released or used >= self._rules.refuse_at:
            return Space(total, free, "refuse")
        return Space(total, free, "warn" if used >= self._rules.warn_at else "ok")

    def restore_reserve(self) -> bool:
        wanted = self._rules.reserve_bytes
        file = self._folder / "reserve"
        if wanted and not (file.exists() and file.stat().st_size == wanted):
            if self._measure_free() < 2 * wanted:
                return False
            fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                disk.allocate(fd, wanted)
            except OSError:
                file.unlink(missing_ok=True)
                return False
            finally:
                os.close(fd)
        self._reserve_released = False
        self._space_until = 0.0
        return True

    def _measure_free(self) -> int:
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def release_reserve(self) -> None:
        self._reserve_released = True
        self._space_until = 0.0
        (self._folder / "reserve").unlink(missing_ok=True)

    # -- which database --------------------------------------------------------------------------

    def mark(self) -> str:
        try:
            return (self._folder / "mark").read_text("ascii")
        except FileNotFoundError:
            return ""

    def set_mark(self, mark: str) -> None:
        fresh = self._folder / "mark.new"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._durable.write(fd, [mark.encode("ascii")], 0, at=_MARKING)
            self._durable.sync(fd, at=_MARKING)
        finally:
            os.close(fd)
        os.rename(fresh, self._folder / "mark")
        self._durable.sync_folder(self._folder, at=_MARKING)

    def when_broken(self, act: Callable[[SyncFailed], None]) -> None:
        self._durable.on_broken = act

    def close(self) -> None:
        self._segments.close()
        self._owner.close()
