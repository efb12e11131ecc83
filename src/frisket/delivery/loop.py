"""The event loop that all sending runs on: one thread for the network, a few for rows."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from frisket.plumbing.db import close_connections

__all__ = ["LoopThread", "in_rows_thread", "start", "stop"]

Done = TypeVar("Done")


class LoopThread:
    """An event loop in a thread of its own; ``run`` is called from any other thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="delivery", daemon=True)
        self.rows = ThreadPoolExecutor(2, thread_name_prefix="delivery-rows")
        self._thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Done]) -> Done:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        # Each of the threads holds a connection of its own; it is closed where it was opened.
        both = threading.Barrier(2)
        for _ in range(2):
            self.rows.submit(_close_with, both)
        self.rows.shutdown(wait=True)


def _close_with(both: threading.Barrier) -> None:
    close_connections()
    try:
        both.wait(1)
    except threading.BrokenBarrierError:
        pass


_running: LoopThread | None = None
_lock = threading.Lock()


def start() -> LoopThread:
    """The loop of this process, started at the first call."""
    global _running
    with _lock:
        if _running is None:
            _running = LoopThread()
        return _running


def stop() -> None:
    global _running
    with _lock:
        held, _running = _running, None
    if held is not None:
        held.stop()


async def in_rows_thread(act: Callable[[], Done]) -> Done:
    """Read or write rows from the loop: the database layer refuses to be waited for there."""
    return await asyncio.get_running_loop().run_in_executor(start().rows, act)
