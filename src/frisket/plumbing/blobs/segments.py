"""Append-only segments: many small objects in one file, made durable by one sync for all of a batch."""

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from frisket.plumbing import crashpoints
from frisket.plumbing.blobs.durable import Durable
from frisket.plumbing.blobs.owners import Owner, lock_now
from frisket.plumbing.blobs.promise import Place

__all__ = ["Segments", "segment_path"]

_BEFORE_APPEND = crashpoints.point("blobs.before-append")
_BEFORE_SYNC = crashpoints.point("blobs.before-append-sync")
_AFTER_SYNC = crashpoints.point("blobs.after-append-sync")
_NEW_SEGMENT = crashpoints.point("blobs.new-segment")


def segment_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.seg"


@dataclass(slots=True)
class _Open:
    name: str
    fd: int  # locked for as long as it is open: nobody retires the segment meanwhile
    end: int = 0
    unsettled: int = 0  # objects whose rows are neither committed nor given up
    full: bool = False


class Segments:
    """The segments this process appends to: one, and the full ones that still wait for commits."""

    def __init__(self, folder: Path, owner: Owner, durable: Durable, *, closed_at: int) -> None:
        self._folder = folder
        self._owner = owner
        self._durable = durable
        self._closed_at = closed_at
        self._lock = threading.Lock()
        self._current: _Open | None = None
        self._all: dict[str, _Open] = {}

    def append(self, pieces: Sequence[bytes]) -> list[Place]:
        with self._lock:
            segment = self._open_segment()
            try:
                self._durable.write(segment.fd, pieces, segment.end, at=_BEFORE_APPEND)
            except BaseException:
                # Nobody will point to what was half written; the next objects must not follow on it.
                self._finish(segment)
                raise
            self._durable.sync(segment.fd, at=_BEFORE_SYNC)
            crashpoints.pass_(_AFTER_SYNC)
            places = []
            for piece in pieces:
                places.append(Place("segment", segment.name, segment.end, len(piece)))
                segment.end += len(piece)
            segment.unsettled += len(pieces)
            return places

    def settle(self, places: Iterable[Place]) -> None:
        with self._lock:
            for place in places:
                segment = self._all.get(place.name)
                if segment is not None:
                    segment.unsettled -= 1
                    self._close_if_done(segment)

    def close(self) -> None:
        with self._lock:
            for segment in self._all.values():
                os.close(segment.fd)
            self._all.clear()
            self._current = None

    def _open_segment(self) -> _Open:
        if self._current is not None and self._current.end >= self._closed_at:
            self._finish(self._current)
        if self._current is None:
            self._current = self._new_segment()
            self._all[self._current.name] = self._current
        return self._current

    def _new_segment(self) -> _Open:
        self._durable.check()
        while True:
            name = self._owner.new_name()
            path = segment_path(self._folder, name)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # Before it was locked, another process may have removed it as an empty one.
            if lock_now(fd) and path.exists():
                break
            os.close(fd)
        self._durable.sync_folder(self._folder, at=_NEW_SEGMENT)
        return _Open(name, fd)

    def _finish(self, segment: _Open) -> None:
        segment.full = True
        if self._current is segment:
            self._current = None
        self._close_if_done(segment)

    def _close_if_done(self, segment: _Open) -> None:
        if segment.full and segment.unsettled <= 0:
            self._all.pop(segment.name, None)
            os.close(segment.fd)
