"""inotify: says which files of the watched folders were closed or moved in, so that nobody waits for the next look.

It only saves time. What it misses (a network mount, a full queue of events, too many folders) the next look finds.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from inotify_simple import INotify, flags

__all__ = ["Bell"]

log = logging.getLogger("frisket.folders")
_MASK = flags.CLOSE_WRITE | flags.MOVED_TO | flags.CREATE | flags.ONLYDIR | flags.DONT_FOLLOW
MOST = 2000  # folders watched in all
Ring = Callable[[str], None]  # given the path of a file that is complete, or "" for a new folder


class Bell:
    """One for all folders of a process; used in its event loop only."""

    def __init__(self) -> None:
        self._notify: INotify | None = None
        self._rings: dict[int, tuple[str, Ring]] = {}  # by watch: the prefix of its files' paths
        self._watches: dict[tuple[str, str], int] = {}

    def open(self) -> None:
        try:
            self._notify = INotify(nonblocking=True)
        except OSError as error:
            log.warning("hot folders are only looked at now and then: inotify says %s", error.strerror)
            return
        asyncio.get_running_loop().add_reader(self._notify.fileno(), self._read)

    def close(self) -> None:
        if self._notify is not None:
            asyncio.get_running_loop().remove_reader(self._notify.fileno())
            self._notify.close()
            self._notify = None

    def watch(self, root: Path, folders: Iterable[str], ring: Ring) -> None:
        """Watch these folders below a root ("" is the root itself); those watched already stay so."""
        for folder in folders:
            if self._notify is None or len(self._rings) >= MOST:
                return
            try:
                watch = self._notify.add_watch(os.path.join(root, folder), _MASK)
            except OSError:
                continue  # gone again, or a file system without events: the next look finds what is in it
            self._rings[watch] = (f"{folder}/" if folder else "", ring)
            self._watches[str(root), folder] = watch

    def forget(self, root: Path) -> None:
        for place in [place for place in self._watches if place[0] == str(root)]:
            watch = self._watches.pop(place)
            self._rings.pop(watch, None)
            if self._notify is not None:
                try:
                    self._notify.rm_watch(watch)
                except OSError:
                    pass  # the folder went before us

    def _read(self) -> None:
        if self._notify is None:
            return
        for event in self._notify.read(timeout=0):
            if event.mask & flags.IGNORED:
                self._rings.pop(event.wd, None)
                continue
            prefix, ring = self._rings.get(event.wd, ("", None))
            if ring is None:
                continue
            if event.mask & flags.ISDIR:
                ring("")
            elif event.mask & (flags.CLOSE_WRITE | flags.MOVED_TO):
                ring(prefix + event.name)
