"""All folders and stores of a house: a task for each, started, changed and stopped as the table says.

Runs in one process of a house, the one that has the lock; started and stopped by `programs` with the worker.
"""

import asyncio
import fcntl
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from frisket.errors import FrisketError
from frisket.intake.accept import Intake
from frisket.intake.sources import pickups, register
from frisket.intake.sources.bell import Bell
from frisket.intake.sources.collecting import Collector
from frisket.intake.sources.fetching import Fetcher
from frisket.intake.sources.handing import told
from frisket.intake.sources.places import place_of
from frisket.intake.sources.thread import OwnThread, longest_call_s
from frisket.intake.sources.views import Kind, SourceView
from frisket.plumbing import parts
from frisket.plumbing.places import places

__all__ = ["Watchers"]

log = logging.getLogger("frisket.folders")
LOOK_S = 2.0  # at the table: a change by another process shows within so long
TIDY_S = 600.0
STOP_S = 10.0


@dataclass
class _Watched:
    source: SourceView
    thread: OwnThread
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ending: bool = False
    task: "asyncio.Task[None] | None" = None


class Watchers:
    """Built with the doors of a process; ``open`` and ``close`` in its event loop."""

    def __init__(self, doors: Intake) -> None:
        self._doors = doors
        self._bell = Bell()
        self._fetcher = Fetcher(doors)
        self._watched: dict[object, _Watched] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = -1
        self._tidied = 0.0

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell.open()
        self._fetcher.open()
        register.on_change(self._ring)
        self._task = asyncio.create_task(self._manage())

    async def close(self) -> None:
        """What is under way is finished, or given back untouched where it takes too long."""
        register.off_change(self._ring)
        self._fetcher.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.gather(*[self._stop(watched) for watched in list(self._watched.values())])
        self._bell.close()
        if self._lock >= 0:
            os.close(self._lock)

    def _ring(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._changed.set)

    async def _manage(self) -> None:
        while True:
            try:
                if self._have_lock():
                    await self._compare(await self._doors.ask(register.every))
                    await self._tidy()
            except FrisketError as error:
                log.error("the folders could not be read: %s", places(error))
            except Exception as error:  # the top of a unit of work: the next look tries again
                log.error("the folders could not be read: %s", places(error))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), LOOK_S)
            self._changed.clear()

    def _have_lock(self) -> bool:
        """One process of a house watches; another takes over when it ends."""
        if self._lock >= 0:
            return True
        fd = os.open(parts.data() / "folders.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._lock = fd
        return True

    async def _compare(self, wanted: list[SourceView]) -> None:
        settled = {each.id: _settings_of(each) for each in wanted if each.active and each.picks_up}
        for id, watched in list(self._watched.items()):
            if watched.task is None or watched.task.done() or settled.get(watched.source.id) != watched.source:
                await self._stop(watched)
                del self._watched[id]
        for id, source in settled.items():
            if id not in self._watched:
                self._start(source)
        for source in wanted:
            if not (source.active and source.picks_up) and source.state not in ("off", "new"):
                await self._doors.ask(register.say_state, source.id, "off", "", parts.clock().now())

    def _start(self, source: SourceView) -> None:
        watched = _Watched(source, OwnThread(f"source-{source.id.hex[:8]}", longest_call_s()))
        watched.task = asyncio.create_task(self._watch(watched))
        self._watched[source.id] = watched

    async def _stop(self, watched: _Watched) -> None:
        watched.ending = True
        watched.wake.set()
        if watched.task is not None:
            done, _ = await asyncio.wait([watched.task], timeout=STOP_S)
            if not done:
                watched.task.cancel()
                with suppress(asyncio.CancelledError):
                    await watched.task
        watched.thread.end()

    async def _watch(self, watched: _Watched) -> None:
        """Rounds of one source, until it is told to end."""
        source, root = watched.source, Path(watched.source.address)
        collector: Collector | None = None
        try:
            while not watched.ending:
                if collector is None:
                    collector = await self._collector(watched)
                pause = await collector.round() if collector is not None else source.every_s
                if collector is not None and collector.hung:
                    collector = None  # a thread that was left behind may still use its place
                if collector is not None and source.kind is Kind.FOLDER:
                    self._listen(root, collector, watched)
                if pause > 0 and not watched.ending:
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(watched.wake.wait(), pause)
                    watched.wake.clear()
        finally:
            if source.kind is Kind.FOLDER:
                self._bell.forget(root)
            if collector is not None:
                watched.thread.later(collector.close)

    async def _collector(self, watched: _Watched) -> Collector | None:
        try:
            place = await self._doors.ask(place_of, watched.source)
        except FrisketError as error:
            await self._doors.ask(register.say_state, watched.source.id, "closed", told(error), parts.clock().now())
            return None
        return Collector(self._doors, watched.source, place, watched.thread)

    def _listen(self, root: Path, collector: Collector, watched: _Watched) -> None:
        def ring(path: str) -> None:
            collector.closed(path)
            watched.wake.set()

        self._bell.watch(root, collector.folders, ring)

    async def _tidy(self) -> None:
        if time.monotonic() - self._tidied < TIDY_S and self._tidied:
            return
        self._tidied = time.monotonic()
        if not parts.clock().jumped():
            await self._doors.ask(pickups.forget_old, timedelta(seconds=parts.settings().folders.history_s))


def _settings_of(source: SourceView) -> SourceView:
    """Without what a watcher writes itself."""
    return replace(source, state="", note="", state_at=None)
