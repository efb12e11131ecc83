"""Overwriting in place: once, synced, and only then the blocks or the name are given up."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from frisket.plumbing import crashpoints
from frisket.plumbing.blobs import disk
from frisket.plumbing.blobs.durable import Durable
from frisket.plumbing.blobs.promise import Place

__all__ = ["NO_HOLES", "data_in", "open_in_place", "overwrite_file", "overwrite_ranges", "ranges_of"]

NO_HOLES = "This file system cannot give single blocks back."

_BEFORE_OVERWRITE = crashpoints.point("blobs.before-overwrite")
_BEFORE_SYNC = crashpoints.point("blobs.before-overwrite-sync")
_AFTER_SYNC = crashpoints.point("blobs.after-overwrite-sync")

_ZEROS = memoryview(bytes(1 << 20))
_FLUSH_EVERY = 8 << 20


def open_in_place(path: Path) -> int | None:
    """Open without truncation, so that writes land on the blocks that hold the octets now."""
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def overwrite_file(fd: int, durable: Durable) -> int:
    octets = os.fstat(fd).st_size
    _overwrite(fd, 0, octets, durable)
    durable.sync(fd, at=_BEFORE_SYNC)
    crashpoints.pass_(_AFTER_SYNC)
    return octets


def overwrite_ranges(fd: int, ranges: Sequence[tuple[int, int]], durable: Durable) -> tuple[int, bool]:
    """Overwrite (start, stop) ranges; the octets, and whether their blocks could be given back.

    A range beyond the end of the file is cut there: erasing never makes a segment longer.
    """
    end = os.fstat(fd).st_size
    octets = 0
    for start, stop in ranges:
        stop = min(stop, end)
        _overwrite(fd, start, stop, durable)
        octets += max(0, stop - start)
    durable.sync(fd, at=_BEFORE_SYNC)
    crashpoints.pass_(_AFTER_SYNC)
    holes = [disk.punch_hole(fd, start, min(stop, end) - start) for start, stop in ranges if start < min(stop, end)]
    return octets, all(holes)


def _overwrite(fd: int, start: int, stop: int, durable: Durable) -> None:
    flushed = start
    while start < stop:
        piece = _ZEROS[: stop - start]
        start += durable.write(fd, [piece], start, at=_BEFORE_OVERWRITE)
        if start - flushed >= _FLUSH_EVERY:
            disk.start_writing(fd, flushed, start - flushed)
            flushed = start


def data_in(fd: int, live: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The ranges outside ``live`` that hold something else than zeros."""
    end = os.fstat(fd).st_size
    at = 0
    for start, stop in (*live, (end, end)):
        if at < start:
            yield from _not_zero(fd, at, min(start, end))
        at = max(at, stop)


def _not_zero(fd: int, start: int, stop: int) -> Iterator[tuple[int, int]]:
    while start < stop:
        try:
            start = os.lseek(fd, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole up to the end
                return
            raise
        if start >= stop:
            return
        piece = os.pread(fd, min(len(_ZEROS), stop - start), start)
        if not piece:
            return
        if piece.count(0) != len(piece):
            yield start, start + len(piece)
        start += len(piece)


def ranges_of(places: Iterable[Place]) -> list[tuple[int, int]]:
    return sorted((place.offset, place.offset + place.octets) for place in places)
