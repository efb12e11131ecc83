"""Transactions and the group commit.

A change travels in its caller's transaction: a function that writes takes ``tx``, the proof that one is
open. ``GroupWriter`` pays the cost of a durable commit once for all who are waiting: it takes every item
that is ready, writes them in one transaction and wakes their callers after the commit.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from django.db import connection
from django.db import transaction as django_transaction
from django.db.utils import InterfaceError, OperationalError

from frisket.errors import Blame, FrisketError
from frisket.plumbing.places import places

__all__ = [
    "GroupWriter",
    "StorageFailed",
    "StorageFull",
    "Tx",
    "again_when_full",
    "close_connections",
    "is_sqlite",
    "transaction",
    "when_full",
]

Item = TypeVar("Item")
Done = TypeVar("Done")
log = logging.getLogger("frisket.db")


class StorageFailed(FrisketError):
    """The database or disk refused a write; nothing of it is kept."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Look at the disk and the database of this server; the job can be sent again then."


class StorageFull(StorageFailed):
    """The database found no room. What was kept back for this has been given up: the same call may work now."""

    remedy = "Make room on the disk of this server."


_when_full: Callable[[], None] | None = None


def when_full(act: Callable[[], None]) -> None:
    """Have ``act`` make room when the database finds none; told before StorageFull is raised."""
    global _when_full
    _when_full = act


@dataclass(frozen=True, slots=True)
class Tx:
    """Proof that a transaction is open in this thread."""

    def on_commit(self, act: Callable[[], None]) -> None:
        """Run ``act`` in this thread once the transaction is durable; never when it is rolled back.

        An error of ``act`` is logged and goes no further: by then the change is kept, and a caller that
        took the error for a failed commit would make it twice.
        """
        django_transaction.on_commit(lambda: _run_quietly(act))


_TX = Tx()


def _run_quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:
        log.error("after a commit: %s", places(error))


@contextmanager
def transaction() -> Iterator[Tx]:
    """A durable transaction, or a savepoint of the one already open in this thread.

    As a savepoint it makes an error undo its own part alone, so whoever catches it may go on.
    """
    if connection.in_atomic_block:
        with django_transaction.atomic():
            yield _TX
        return
    try:
        with django_transaction.atomic(durable=True):
            yield _TX
    except OperationalError as error:
        if not _is_full(error):
            raise
        if _when_full is not None:
            _when_full()
        raise StorageFull("the disk of the database is full") from error


def again_when_full(act: Callable[[], Done]) -> Done:
    """Do what must work on a full disk as well: once more after what was kept back has been given up."""
    try:
        return act()
    except StorageFull:
        return act()


def _is_full(error: OperationalError) -> bool:
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
    return getattr(cause, "sqlstate", None) == "53100"  # PostgreSQL: disk_full


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def close_connections() -> None:
    """Close this thread's connection; at the end of a thread that used the database."""
    connection.close()


class _Waiting(Generic[Item, Done]):
    """An item and who waits for it: a thread by ``future``, or a coroutine by ``promise`` in its loop."""

    __slots__ = ("future", "item", "loop", "promise", "taken")

    def __init__(self, item: Item, future: "Future[Done] | None" = None) -> None:
        self.item = item
        self.future = future
        self.loop: asyncio.AbstractEventLoop | None = None
        self.promise: asyncio.Future[Done] | None = None
        self.taken = False


_Outcome = tuple[_Waiting[Item, Done], Done | None, BaseException | None]


class GroupWriter(Generic[Item, Done]):
    """One thread that commits many items at a time.

    write: writes a batch inside ``tx`` and gives one result per item, in order. It may be called again for
        the same items one by one, after its transaction was rolled back.
    before: makes a batch's bytes durable ahead of the commit (a sync of segments); may be None.
    on_failed_sync: told when ``before`` fails or the database could not sync; a failed sync is never tried
        again, and the house must stop accepting (R27).
    most: items in one transaction.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item], Tx], Sequence[Done]],
        *,
        before: Callable[[Sequence[Item]], None] | None = None,
        on_failed_sync: Callable[[BaseException], None] | None = None,
        most: int = 128,
        name: str = "group-writer",
    ) -> None:
        self._write = write
        self._before = before
        self._on_failed_sync = on_failed_sync
        self._most = most
        self._queue: queue.SimpleQueue[_Waiting[Item, Done] | None] = queue.SimpleQueue()
        self._deciding = threading.Lock()  # who is taken, who is withdrawn, and whether the end has come
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, then end the thread; what comes later is refused with StorageFailed."""
        with self._deciding:
            self._ended = True
            self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, item: Item) -> "Future[Done]":
        """Queue an item; the future is done once it is durable, or holds why it is not.

        A future cancelled in time is not written; once its batch has begun it cannot be cancelled.
        """
        future: Future[Done] = Future()
        self._put(_Waiting(item, future))
        return future

    async def commit(self, item: Item) -> Done:
        """Wait until the item is durable. Raises what ``write`` raised for it, or StorageFailed.

        A CancelledError means that nothing was written. When the batch has begun by then, its end is awaited
        and given back, and the cancellation comes at the caller's next await: so a caller always knows.
        """
        waiting: _Waiting[Item, Done] = _Waiting(item)
        waiting.loop = asyncio.get_running_loop()
        waiting.promise = waiting.loop.create_future()
        self._put(waiting)
        try:
            return await asyncio.shield(waiting.promise)
        except asyncio.CancelledError:
            with self._deciding:
                if not waiting.taken:
                    waiting.promise = None
                    raise
        return await _to_the_end(waiting.promise)

    def _put(self, waiting: _Waiting[Item, Done]) -> None:
        with self._deciding:
            if self._ended:
                raise StorageFailed("this house is shutting down")
            self._queue.put(waiting)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, ending = self._gather(first)
            # Bound as an argument, never captured: a closure over the loop's variable lost futures.
            _tell(self._write_batch(batch))
            if ending:
                break
        close_connections()

    def _gather(self, first: _Waiting[Item, Done]) -> tuple[list[_Waiting[Item, Done]], bool]:
        """What is ready now, up to a batch, without those that were withdrawn; and whether the end came."""
        batch, ending = [first], False
        while len(batch) < self._most:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                ending = True
                break
            batch.append(more)
        with self._deciding:
            return [waiting for waiting in batch if _take(waiting)], ending

    def _write_batch(self, batch: list[_Waiting[Item, Done]]) -> list[_Outcome[Item, Done]]:
        if not batch:
            return []
        try:
            if self._before is not None:
                self._before([waiting.item for waiting in batch])
        except Exception as error:
            self._sync_failed(error)
            return [(waiting, None, _said(error)) for waiting in batch]
        return self._commit_batch(batch)

    def _commit_batch(self, batch: list[_Waiting[Item, Done]]) -> list[_Outcome[Item, Done]]:
        try:
            with transaction() as tx:
                results = self._write([waiting.item for waiting in batch], tx)
                if len(results) != len(batch):
                    raise ValueError(f"{len(results)} results for {len(batch)} items")
        except Exception as error:
            if isinstance(error, InterfaceError | OperationalError | StorageFull):
                # The storage, not an item: trying each alone would only take as many times as long.
                close_connections()
                if _is_failed_sync(error):
                    self._sync_failed(error)
            elif len(batch) > 1:
                # One bad item must not take the others with it: each gets a transaction of its own.
                return [outcome for waiting in batch for outcome in self._commit_batch([waiting])]
            return [(waiting, None, _said(error)) for waiting in batch]
        return [(waiting, result, None) for waiting, result in zip(batch, results, strict=True)]

    def _sync_failed(self, error: BaseException) -> None:
        log.critical("a sync failed: %s", type(error).__name__)
        if self._on_failed_sync is None:
            return
        try:
            self._on_failed_sync(error)
        except Exception as second:
            log.critical("a failed sync could not be told: %s", type(second).__name__)


async def _to_the_end(promise: "asyncio.Future[Done]") -> Done:
    """Wait through any further cancellation, then have the task cancelled at its next await."""
    task = asyncio.current_task()
    cancelled = 1
    while not promise.done():
        try:
            await asyncio.wait([promise])
        except asyncio.CancelledError:
            cancelled += 1
    if task is not None:
        for _ in range(cancelled):
            task.uncancel()
        for _ in range(cancelled):
            task.cancel()
    return promise.result()


def _take(waiting: _Waiting[Item, Done]) -> bool:
    """Begin with an item, unless its caller withdrew it."""
    if waiting.future is not None:
        waiting.taken = waiting.future.set_running_or_notify_cancel()
    else:
        waiting.taken = waiting.promise is not None
    return waiting.taken


def _tell(outcomes: "list[_Outcome[Item, Done]]") -> None:
    """Wake everybody of a batch: each loop once, however many of its coroutines wait."""
    of_loop: dict[asyncio.AbstractEventLoop, list[_Outcome[Item, Done]]] = {}
    for waiting, result, error in outcomes:
        if waiting.loop is not None:
            of_loop.setdefault(waiting.loop, []).append((waiting, result, error))
        elif waiting.future is not None and error is not None:
            waiting.future.set_exception(error)
        elif waiting.future is not None:
            waiting.future.set_result(cast(Done, result))
    for loop, theirs in of_loop.items():
        try:
            loop.call_soon_threadsafe(_keep_promises, theirs)
        except RuntimeError:
            log.warning("a loop was closed while %d of its items were written", len(theirs))


def _keep_promises(outcomes: "list[_Outcome[Item, Done]]") -> None:
    for waiting, result, error in outcomes:
        if waiting.promise is None or waiting.promise.done():
            continue
        if error is not None:
            waiting.promise.set_exception(error)
        else:
            waiting.promise.set_result(cast(Done, result))


def _is_failed_sync(error: BaseException) -> bool:
    """SQLite could not read or write its file; PostgreSQL stops itself when a sync fails."""
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_IOERR


def _said(error: BaseException) -> FrisketError:
    if isinstance(error, FrisketError):
        return error
    wrapped = StorageFailed("the write was refused")
    wrapped.__cause__ = error
    return wrapped
