"""Transactions and the group commit.

A change travels in its caller's transaction: a function that writes takes ``tx``, the proof that one is
open. ``GroupWriter`` pays the cost of a durable commit once for all who are waiting: it takes every item
that is ready, writes them in one transaction and wakes their callers after the commit.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import close_old_connections, connection, transaction as django_transaction
from django.db.utils import DatabaseError, InterfaceError

from frisket.errors import Blame, FrisketError

__all__ = ["GroupWriter", "StorageFailed", "Tx", "close_connections", "is_sqlite", "transaction"]

Item = TypeVar("Item")
Done = TypeVar("Done")


class StorageFailed(FrisketError):
    """The database or disk refused a write; nothing of it is kept."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Look at the disk and the database of this server; the job can be sent again then."


@dataclass(frozen=True, slots=True)
class Tx:
    """Proof that a transaction is open in this thread."""

    def on_commit(self, act: Callable[[], None]) -> None:
        """Run ``act`` in this thread once the transaction is durable; never when it is rolled back."""
        django_transaction.on_commit(act)


_TX = Tx()


@contextmanager
def transaction() -> Iterator[Tx]:
    """A durable transaction, or a part of the one already open in this thread."""
    if connection.in_atomic_block:
        yield _TX
        return
    with django_transaction.atomic(durable=True):
        yield _TX


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def close_connections() -> None:
    """Close this thread's connection; at the end of a thread that used the database."""
    connection.close()


@dataclass(slots=True)
class _Waiting(Generic[Item, Done]):
    item: Item
    future: "Future[Done]"


class GroupWriter(Generic[Item, Done]):
    """One thread that commits many items at a time.

    write: writes a batch inside ``tx`` and gives one result per item, in order.
    before: makes a batch's bytes durable ahead of the commit (a sync of segments); may be None.
    on_failed_sync: told when ``before`` fails; a failed sync is never tried again (R27).
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
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, then end the thread."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, item: Item) -> "Future[Done]":
        """Queue an item; the future is done once it is durable, or holds why it is not."""
        future: Future[Done] = Future()
        self._queue.put(_Waiting(item, future))
        return future

    async def commit(self, item: Item) -> Done:
        """Wait until the item is durable. Raises what ``write`` raised for it, or StorageFailed."""
        return await asyncio.wrap_future(self.submit(item))

    def _run(self) -> None:
        ending = False
        while not ending:
            first = self._queue.get()
            if first is None:
                break
            batch = [first]
            while len(batch) < self._most:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ending = True
                    break
                batch.append(more)
            # Bound as an argument, never captured: a closure over the loop's variable lost futures.
            self._write_batch(batch)
        close_connections()

    def _write_batch(self, batch: list[_Waiting[Item, Done]]) -> None:
        try:
            if self._before is not None:
                self._before([waiting.item for waiting in batch])
        except Exception as error:
            for waiting in batch:
                _fail(waiting.future, error)
            if self._on_failed_sync is not None:
                self._on_failed_sync(error)
            return
        self._commit_batch(batch)

    def _commit_batch(self, batch: list[_Waiting[Item, Done]]) -> None:
        try:
            with transaction() as tx:
                results = self._write([waiting.item for waiting in batch], tx)
        except Exception as error:
            if isinstance(error, InterfaceError | DatabaseError):
                close_old_connections()
            if len(batch) == 1:
                _fail(batch[0].future, error)
                return
            # One bad item must not take the others with it: each gets a transaction of its own.
            for waiting in batch:
                self._commit_batch([waiting])
            return
        for waiting, result in zip(batch, results, strict=True):
            if not waiting.future.cancelled():
                waiting.future.set_result(result)


def _fail(future: "Future[Done]", error: BaseException) -> None:
    if future.cancelled():
        return
    if isinstance(error, FrisketError):
        future.set_exception(error)
        return
    wrapped = StorageFailed("the write was refused")
    wrapped.__cause__ = error
    future.set_exception(wrapped)
