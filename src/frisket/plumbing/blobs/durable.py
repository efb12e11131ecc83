"""Writes and syncs that either reach the disk or stop the store for good."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from frisket.plumbing import crashpoints
from frisket.plumbing.blobs.promise import NoRoom, SyncFailed

__all__ = ["Durable", "folder_descriptor"]

_FULL = {errno.ENOSPC, errno.EDQUOT}
_MOST_AT_ONCE = 512  # below IOV_MAX of writev(2)


def folder_descriptor(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


class Durable:
    """One per store: knows whether syncing is on and whether a sync ever failed.

    on: False only for the crash harness, which then has to find losses.
    on_full: told when the disk is full, before NoRoom is raised.
    on_broken: told once, when a sync has failed, before SyncFailed is raised.
    """

    def __init__(self, *, on: bool, on_full: Callable[[], None]) -> None:
        self._on = on
        self._on_full = on_full
        self._broken = False
        self.on_broken: Callable[[SyncFailed], None] | None = None

    def check(self) -> None:
        """Raises SyncFailed once the store is broken."""
        if self._broken:
            raise SyncFailed("a sync failed before; this store takes nothing any more")

    def write(self, fd: int, pieces: Sequence[bytes | memoryview], offset: int, *, at: str) -> int:
        """Write all of it at this place; the octets written. Raises NoRoom, SyncFailed."""
        self.check()
        start = offset
        try:
            crashpoints.pass_(at)
            for first in range(0, len(pieces), _MOST_AT_ONCE):
                offset += _write_all(fd, pieces[first : first + _MOST_AT_ONCE], offset)
        except OSError as error:
            raise self._failed(error) from error
        return offset - start

    def sync(self, fd: int, *, at: str) -> None:
        """fdatasync, once. Raises SyncFailed, and from then on always."""
        self.check()
        try:
            crashpoints.pass_(at)
            if self._on:
                os.fdatasync(fd)
        except OSError as error:
            raise self._broke(error) from error

    def sync_folder(self, folder: Path, *, at: str) -> None:
        """So that names made or removed in it are there, or gone, after a power cut."""
        self.check()
        try:
            crashpoints.pass_(at)
            if self._on:
                fd = folder_descriptor(folder)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
        except OSError as error:
            raise self._broke(error) from error

    @contextmanager
    def room(self) -> Iterator[None]:
        """Around making a file or folder: a full disk is NoRoom here too, after the reserve was given up."""
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._on_full()
            raise NoRoom("the disk of the spool is full") from error

    def _failed(self, error: OSError) -> NoRoom | SyncFailed:
        if error.errno in _FULL:
            self._on_full()
            return NoRoom("the disk of the spool is full")
        return self._broke(error)

    def _broke(self, error: OSError) -> SyncFailed:
        # Also a full disk found only by a sync: the kernel has dropped what it could not write.
        failed = SyncFailed(f"the disk of the spool failed: {errno.errorcode.get(error.errno or 0, 'unknown')}")
        if not self._broken:
            self._broken = True
            if self.on_broken is not None:
                self.on_broken(failed)
        return failed


def _write_all(fd: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
    octets = sum(len(piece) for piece in pieces)
    done = os.pwritev(fd, pieces, offset)
    if done == octets:
        return octets
    whole = memoryview(b"".join(pieces))
    while done < octets:
        done += os.pwrite(fd, whole[done:], offset + done)
    return octets
