"""Storage that is plugged into this machine: people print from it, and nothing else is ever done with it.

It is read and never written, and only what somebody chose by hand is read. It has to be mounted at the folder, and so
that nothing on it can be run or act for somebody else (OCE-06); an empty mount point is a store that is not there.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from frisket.intake.sources.errors import NotADocument, PlaceGone, PlaceRefuses
from frisket.intake.sources.local import LocalPlace, in_our_words
from frisket.intake.sources.place import Entry, Look
from frisket.plumbing import foreign

__all__ = ["RemovablePlace"]

_WALLS = os.ST_NOEXEC | os.ST_NODEV | os.ST_NOSUID


class RemovablePlace(LocalPlace):
    """Its root is where the storage is mounted. Nothing is held between two calls: whoever wants to pull it out may."""

    moves = False

    def check(self) -> None:
        with self._opened():
            pass

    def look(self, most: int, deep: bool) -> Look:
        raise NotADocument("nothing is picked up from removable storage")

    def browse(self, path: str, most: int) -> list[Entry]:
        found: list[Entry] = []
        with self._opened() as root, in_our_words():
            folder = foreign.open_beneath(root, path or ".", os.O_RDONLY | os.O_DIRECTORY)
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if len(found) >= most:
                            break
                        found += _shown(entry)
            finally:
                os.close(folder)
        return found

    @contextmanager
    def _opened(self) -> Iterator[int]:
        with super()._opened() as root:
            if os.fstat(root).st_dev == os.stat("..", dir_fd=root).st_dev:
                raise PlaceGone("nothing is plugged in, or it is not mounted")
            if os.fstatvfs(root).f_flag & _WALLS != _WALLS:
                raise PlaceRefuses("the storage has to be mounted with noexec, nodev and nosuid")
            yield root

    @contextmanager
    def _folder(self, root: int, name: str, mode: int = 0) -> Iterator[int]:
        raise PlaceRefuses("nothing is written to removable storage")
        yield root  # what would be done there


def _shown(entry: "os.DirEntry[str]") -> list[Entry]:
    """Folders, and plain files with one name; links lead elsewhere and are left out."""
    with suppress(OSError, ValueError, OverflowError):  # gone again, or damaged
        now = entry.stat(follow_symlinks=False)
        changed = datetime.fromtimestamp(now.st_mtime, UTC).isoformat(timespec="seconds")
        if stat.S_ISDIR(now.st_mode):
            return [Entry(entry.name, True, 0, changed)]
        if stat.S_ISREG(now.st_mode) and now.st_nlink == 1:
            return [Entry(entry.name, False, now.st_size, changed)]
    return []
