import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from django.db.utils import IntegrityError, OperationalError
from tests.conftest import House

from frisket.errors import FrisketError
from frisket.plumbing.db import GroupWriter, StorageFailed, Tx, close_connections, transaction
from frisket.plumbing.models import Counter, take_numbers


class Unwanted(FrisketError):
    """A refusal that names one item."""


def write_names(items: Sequence[str], tx: Tx) -> list[str]:
    """A row per name; a name twice is refused by the database."""
    Counter.objects.bulk_create([Counter(name=name) for name in items])
    return [name.upper() for name in items]


def names() -> set[str]:
    return set(Counter.objects.values_list("name", flat=True))


@pytest.fixture
def writer_of(house: House) -> Iterator[Callable[..., GroupWriter[Any, Any]]]:
    writers: list[GroupWriter[Any, Any]] = []

    def build(write: Any = write_names, *, start: bool = True, **how: Any) -> GroupWriter[Any, Any]:
        writer: GroupWriter[Any, Any] = GroupWriter(write, **how)
        writers.append(writer)
        if start:
            writer.start()
        return writer

    yield build
    for writer in writers:
        writer.stop()


class TestBatches:
    def test_all_that_wait_share_one_commit(self, writer_of: Callable[..., Any]) -> None:
        batches: list[int] = []
        commits: list[int] = []

        def write(items: Sequence[str], tx: Tx) -> list[str]:
            batches.append(len(items))
            tx.on_commit(lambda: commits.append(1))
            return write_names(items, tx)

        writer = writer_of(write, start=False, most=64)
        futures = [writer.submit(f"n{n}") for n in range(100)]
        writer.start()
        assert [future.result(10) for future in futures] == [f"N{n}" for n in range(100)]
        assert batches == [64, 36] and len(commits) == 2
        assert len(names()) == 100

    def test_the_caller_is_told_after_the_commit_and_not_before(self, writer_of: Callable[..., Any]) -> None:
        """Another connection, as of a caller that was told, sees the row each time."""
        writer = writer_of()
        for n in range(50):
            writer.submit(f"n{n}").result(10)
            assert f"n{n}" in names()

    def test_one_bad_item_does_not_take_the_others_with_it(self, writer_of: Callable[..., Any]) -> None:
        Counter.objects.create(name="taken")
        writer = writer_of(start=False)
        futures = {name: writer.submit(name) for name in ("a", "taken", "b")}
        writer.start()
        assert (futures["a"].result(10), futures["b"].result(10)) == ("A", "B")
        with pytest.raises(StorageFailed) as caught:
            futures["taken"].result(10)
        assert isinstance(caught.value.__cause__, IntegrityError) and caught.value.retry
        assert names() == {"a", "b", "taken"}

    def test_an_error_of_ours_reaches_its_caller_as_it_is(self, writer_of: Callable[..., Any]) -> None:
        def write(items: Sequence[str], tx: Tx) -> list[str]:
            write_names(items, tx)
            if "bad" in items:
                raise Unwanted("no")
            return list(items)

        writer = writer_of(write, start=False)
        good, bad = writer.submit("good"), writer.submit("bad")
        writer.start()
        assert good.result(10) == "good"
        with pytest.raises(Unwanted):
            bad.result(10)
        assert names() == {"good"}

    def test_a_result_too_few_is_an_error_and_nothing_is_kept(self, writer_of: Callable[..., Any]) -> None:
        def write(items: Sequence[str], tx: Tx) -> list[str]:
            write_names(items, tx)
            return []

        writer = writer_of(write)
        with pytest.raises(StorageFailed):
            writer.submit("a").result(10)
        assert names() == set()

    def test_when_the_storage_is_away_nobody_is_tried_alone(self, writer_of: Callable[..., Any]) -> None:
        calls: list[int] = []

        def write(items: Sequence[str], tx: Tx) -> list[str]:
            calls.append(len(items))
            if len(calls) == 1:
                raise OperationalError("away")
            return write_names(items, tx)

        writer = writer_of(write, start=False)
        futures = [writer.submit(f"n{n}") for n in range(5)]
        writer.start()
        for future in futures:
            with pytest.raises(StorageFailed):
                future.result(10)
        assert calls == [5]
        assert writer.submit("later").result(10) == "LATER", "the next batch goes as if nothing had been"

    def test_an_act_after_the_commit_that_fails_does_not_make_the_batch_twice(
        self, writer_of: Callable[..., Any]
    ) -> None:
        calls: list[int] = []

        def write(items: Sequence[str], tx: Tx) -> list[str]:
            calls.append(len(items))
            tx.on_commit(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
            return write_names(items, tx)

        writer = writer_of(write)
        assert writer.submit("a").result(10) == "A"
        assert calls == [1] and names() == {"a"}


class TestSync:
    def test_bytes_are_made_durable_ahead_of_the_commit(self, writer_of: Callable[..., Any]) -> None:
        order: list[tuple[str, int]] = []

        def before(items: Sequence[str]) -> None:
            order.append(("sync", len(items)))

        def write(items: Sequence[str], tx: Tx) -> list[str]:
            order.append(("write", len(items)))
            return write_names(items, tx)

        writer = writer_of(write, before=before, start=False)
        futures = [writer.submit(f"n{n}") for n in range(3)]
        writer.start()
        for future in futures:
            future.result(10)
        assert order == [("sync", 3), ("write", 3)]

    def test_a_failed_sync_is_told_never_tried_again_and_nothing_is_written(
        self, writer_of: Callable[..., Any]
    ) -> None:
        syncs: list[int] = []
        told: list[BaseException] = []

        def before(items: Sequence[str]) -> None:
            syncs.append(len(items))
            raise OSError(5, "Input/output error")

        writer = writer_of(before=before, on_failed_sync=told.append, start=False)
        futures = [writer.submit(f"n{n}") for n in range(4)]
        writer.start()
        for future in futures:
            with pytest.raises(StorageFailed):
                future.result(10)
        writer.stop()
        assert syncs == [4] and len(told) == 1 and isinstance(told[0], OSError)
        assert names() == set()

    def test_a_commit_the_disk_refused_is_told_as_a_failed_sync(self, writer_of: Callable[..., Any]) -> None:
        told: list[BaseException] = []

        def write(items: Sequence[str], tx: Tx) -> list[str]:
            refused = sqlite3.OperationalError("disk I/O error")
            refused.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC  # type: ignore[misc]
            raise OperationalError("disk I/O error") from refused

        writer = writer_of(write, on_failed_sync=told.append)
        with pytest.raises(StorageFailed):
            writer.submit("a").result(10)
        writer.stop()
        assert len(told) == 1

    def test_one_that_fails_to_listen_leaves_nobody_waiting(self, writer_of: Callable[..., Any]) -> None:
        def before(items: Sequence[str]) -> None:
            raise OSError(5, "Input/output error")

        def deaf(error: BaseException) -> None:
            raise RuntimeError("deaf")

        writer = writer_of(before=before, on_failed_sync=deaf)
        for _ in range(2):
            with pytest.raises(StorageFailed):
                writer.submit("a").result(10)


class TestWaiters:
    def test_no_future_is_ever_lost_under_load(self, writer_of: Callable[..., Any]) -> None:
        """32 threads, 1,000 items each, some of them bad: every one hears its own answer."""

        def write(items: Sequence[tuple[int, int]], tx: Tx) -> list[tuple[int, int]]:
            if any(n % 250 == 249 for _, n in items):
                raise Unwanted("no")
            return list(items)

        writer = writer_of(write)
        wrong: list[object] = []

        def send(thread: int) -> None:
            futures = [(n, writer.submit((thread, n))) for n in range(1000)]
            for n, future in futures:
                try:
                    heard: object = future.result(60)
                except Unwanted:
                    heard = "unwanted"
                if heard != ("unwanted" if n % 250 == 249 else (thread, n)):
                    wrong.append((thread, n, heard))

        threads = [threading.Thread(target=send, args=(thread,)) for thread in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert wrong == [] and not any(thread.is_alive() for thread in threads)

    def test_a_future_cancelled_in_time_is_not_written(self, writer_of: Callable[..., Any]) -> None:
        writer = writer_of(start=False)
        kept, dropped = writer.submit("kept"), writer.submit("dropped")
        assert dropped.cancel()
        writer.start()
        assert kept.result(10) == "KEPT"
        assert names() == {"kept"}

    def test_futures_cancelled_at_any_moment_are_either_written_or_cancelled(
        self, writer_of: Callable[..., Any]
    ) -> None:
        writer = writer_of(most=8)
        futures: list[tuple[str, Future[str]]] = []
        for n in range(600):
            futures.append((f"n{n}", writer.submit(f"n{n}")))
            if n % 3 == 0:
                futures[-2 if n else -1][1].cancel()
        writer.stop()
        assert names() == {name for name, future in futures if not future.cancelled()}
        assert all(future.done() for _, future in futures)

    def test_what_was_queued_is_written_before_the_end_and_later_items_are_refused(
        self, writer_of: Callable[..., Any]
    ) -> None:
        writer = writer_of(start=False)
        futures = [writer.submit(f"n{n}") for n in range(300)]
        writer.start()
        writer.stop()
        assert all(future.result(0) for future in futures)
        with pytest.raises(StorageFailed):
            writer.submit("late")


class TestCoroutines:
    async def test_each_loop_is_woken_once_for_a_whole_batch(self, writer_of: Callable[..., Any]) -> None:
        loop = asyncio.get_running_loop()
        wakes: list[int] = []
        wake = loop.call_soon_threadsafe

        def counted(*args: Any, **how: Any) -> Any:
            wakes.append(1)
            return wake(*args, **how)

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign]
        writer = writer_of(start=False)
        tasks = [asyncio.create_task(writer.commit(f"n{n}")) for n in range(100)]
        await asyncio.sleep(0)
        writer.start()
        assert await asyncio.gather(*tasks) == [f"N{n}" for n in range(100)]
        assert len(wakes) == 1

    async def test_a_commit_raises_what_was_wrong_with_its_item(self, writer_of: Callable[..., Any]) -> None:
        writer = writer_of(start=False)
        tasks = [asyncio.create_task(writer.commit(name)) for name in ("a", "b", "b")]
        await asyncio.sleep(0)
        writer.start()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert answers[:2] == ["A", "B"] and isinstance(answers[2], StorageFailed)

    async def test_cancelled_before_its_batch_begins_nothing_is_written(self, writer_of: Callable[..., Any]) -> None:
        writer = writer_of(start=False)
        task = asyncio.create_task(writer.commit("a"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        writer.start()
        assert await writer.commit("b") == "B"
        assert await asyncio.to_thread(names) == {"b"}

    async def test_cancelled_in_the_middle_the_caller_still_learns_the_end(self, writer_of: Callable[..., Any]) -> None:
        begun, go = threading.Event(), threading.Event()

        def write(items: Sequence[str], tx: Tx) -> list[str]:
            begun.set()
            go.wait(10)
            return write_names(items, tx)

        writer = writer_of(write)
        heard: list[str] = []

        async def accept() -> None:
            heard.append(await writer.commit("a"))
            await asyncio.sleep(0)
            heard.append("went on")

        task = asyncio.create_task(accept())
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heard == ["A"], "told of the commit, cancelled at the next await"

    async def test_trivial_items_go_through_at_thousands_a_second(self, writer_of: Callable[..., Any]) -> None:
        writer = writer_of(lambda items, tx: items, most=128)

        async def send(count: int) -> None:
            for n in range(count):
                await writer.commit(n)

        since = time.perf_counter()
        await asyncio.gather(*(send(150) for _ in range(64)))
        rate = 64 * 150 / (time.perf_counter() - since)
        assert rate > 8000


class TestTransactions:
    def test_an_inner_part_that_fails_undoes_itself_alone(self, house: House) -> None:
        with transaction() as tx:
            write_names(["outer"], tx)
            with pytest.raises(Unwanted), transaction() as inner:
                write_names(["inner"], inner)
                raise Unwanted("no")
        assert names() == {"outer"}

    def test_an_outer_part_that_fails_undoes_the_inner_one(self, house: House) -> None:
        with pytest.raises(Unwanted), transaction():
            with transaction() as inner:
                write_names(["inner"], inner)
            raise Unwanted("no")
        assert names() == set()

    def test_acts_run_after_the_outermost_commit_and_never_after_a_rollback(self, house: House) -> None:
        acts: list[str] = []
        with transaction():
            with transaction() as inner:
                inner.on_commit(lambda: acts.append("kept"))
            assert acts == []
        with pytest.raises(Unwanted), transaction() as tx:
            tx.on_commit(lambda: acts.append("lost"))
            raise Unwanted("no")
        assert acts == ["kept"]

    def test_numbers_rise_without_gap_or_double_over_transactions_and_threads(self, house: House) -> None:
        taken: list[int] = []
        adding = threading.Lock()

        def take() -> None:
            for _ in range(10):
                with transaction() as tx:
                    numbers = take_numbers("jobs", 3, tx=tx)
                with adding:
                    taken.extend(numbers)
            close_connections()

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(taken) == list(range(1, 121))
