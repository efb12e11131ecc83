"""The store behind the spool, opened once per process, and the threads that do its file work."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from frisket.plumbing import parts
from frisket.plumbing.blobs import Blobs, SyncFailed, open_folder

__all__ = ["close", "store", "threads", "use_reserve", "when_broken"]

_THREADS = 8


@dataclass(frozen=True, slots=True)
class _Opened:
    data: Path
    blobs: Blobs
    threads: ThreadPoolExecutor


_opened: _Opened | None = None
_when_broken: Callable[[SyncFailed], None] | None = None
_lock = threading.Lock()


def _open() -> _Opened:
    global _opened
    found, data = _opened, parts.data()
    if found is not None and found.data is data:
        return found
    with _lock:
        if _opened is None or _opened.data != data:
            _close()
            blobs = open_folder(data / "spool", parts.settings().space)
            if _when_broken is not None:
                blobs.when_broken(_when_broken)
            _opened = _Opened(data, blobs, ThreadPoolExecutor(_THREADS, thread_name_prefix="spool"))
        return _opened


def _close() -> None:
    global _opened
    if _opened is not None:
        _opened.threads.shutdown()
        _opened.blobs.close()
        _opened = None


def store() -> Blobs:
    return _open().blobs


def threads() -> ThreadPoolExecutor:
    """For file work that would hold up an event loop."""
    return _open().threads


def when_broken(act: Callable[[SyncFailed], None]) -> None:
    """Have this told once a sync has failed, whoever asked for it: the process has to end (R27).

    Called by whoever runs the process, before the spool is used; a job refused for a full disk is not
    told here.
    """
    global _when_broken
    _when_broken = act
    if _opened is not None:
        _opened.blobs.when_broken(act)


def use_reserve() -> None:
    """Give up the room kept back, so that release, erasing and the log can go on; no new job is taken then."""
    store().release_reserve()


def close() -> None:
    """At the end of a process; what is in hand is finished first."""
    with _lock:
        _close()
