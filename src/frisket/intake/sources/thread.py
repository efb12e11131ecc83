"""A thread of its own for each source: a mount that hangs holds up nobody but itself, and no shutdown."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from frisket.intake.sources.errors import PlaceGone
from frisket.plumbing import parts

__all__ = ["Hung", "OwnThread", "longest_call_s"]

Result = TypeVar("Result")
_Calls = queue.SimpleQueue[Callable[[], None] | None]
MOST_HUNG = 3


class Hung(PlaceGone):
    """It did not answer in time; whoever waits in there is left behind."""


def longest_call_s() -> float:
    """More than a place needs that gives up by itself."""
    folders = parts.settings().folders
    return folders.connect_s + 2 * folders.stall_s


class OwnThread:
    """Runs calls one after the other. It ends with the process, whatever it waits for.

    longest_s: of one call. A thread that takes longer is left to itself, and the next call gets a new one.
    """

    def __init__(self, name: str, longest_s: float) -> None:
        self._name = name
        self._longest_s = longest_s
        self._calls: _Calls = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._hung: list[threading.Thread] = []

    async def __call__(self, act: Callable[..., Result], *values: Any) -> Result:
        """Run it there. When the caller is cancelled the call still ends, and nobody hears of it. Raises Hung."""
        if self._thread is None:
            self._begin()
        loop = asyncio.get_running_loop()
        promise: asyncio.Future[Result] = loop.create_future()

        def call() -> None:
            try:
                result = act(*values)
            except BaseException as error:
                _tell(loop, promise, error, None)
            else:
                _tell(loop, promise, None, result)

        thread = self._thread
        self._calls.put(call)
        try:
            return await asyncio.wait_for(promise, self._longest_s)
        except TimeoutError as error:
            if thread is self._thread:
                self._leave()
            raise Hung("it does not answer") from error

    def later(self, act: Callable[[], None]) -> None:
        """Run it after what was asked for; nobody waits for it."""

        def quietly() -> None:
            with suppress(Exception):  # nobody is there to be told
                act()

        self._calls.put(quietly)

    def end(self) -> None:
        """Once what was asked for is done."""
        self._calls.put(None)

    def _begin(self) -> None:
        self._hung = [thread for thread in self._hung if thread.is_alive()]
        if len(self._hung) >= MOST_HUNG:
            raise Hung("it has not answered for a long time")
        self._calls = queue.SimpleQueue()
        self._thread = threading.Thread(target=_run, args=(self._calls,), name=self._name, daemon=True)
        self._thread.start()

    def _leave(self) -> None:
        assert self._thread is not None
        self._calls.put(None)
        self._hung.append(self._thread)
        self._thread = None


def _run(calls: _Calls) -> None:
    while (call := calls.get()) is not None:
        call()


def _tell(
    loop: asyncio.AbstractEventLoop, promise: "asyncio.Future[Result]", error: BaseException | None, result: Any
) -> None:
    def keep() -> None:
        if promise.done():
            return
        if error is not None:
            promise.set_exception(error)
        else:
            promise.set_result(result)

    with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
        loop.call_soon_threadsafe(keep)
