"""What `plumbing.work` promises, on whichever engine: both run this one suite."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db.utils import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import House

from frisket.errors import FrisketError
from frisket.plumbing import db, work
from frisket.plumbing.work import queues
from frisket.plumbing.work.engine import Engine
from frisket.plumbing.work.terms import HANDLERS, LOOKS, PERIODS, Claimed, End, Ended, Table

PATIENCE_S = 60.0


class Busy(FrisketError):
    retry = True


class Refused(FrisketError):
    retry = False


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.002)


def queue(kind: str, payload: work.Payload | None = None, **how: object) -> work.WorkId:
    with db.transaction() as tx:
        return work.enqueue(kind, payload or {}, tx=tx, **how)  # type: ignore[arg-type]


def state_of(kind: str) -> work.QueueState:
    return next(
        (state for state in work.overview() if state.kind == kind),
        work.QueueState(kind, 0, 0, 0, 0, 0.0, {}),
    )


def counts(kind: str) -> tuple[int, int, int, int]:
    """waiting, later, running, dead"""
    state = state_of(kind)
    return state.waiting, state.later, state.running, state.dead


def take(table: Table, kind: str, most: int = 1) -> list[Claimed]:
    return table.claim({kind: most}, most)


class WorkPromises:
    """Inherited by a class per engine, which says how the lease of a silent worker runs out."""

    def leases_run_out(self, house: House) -> None:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def kinds(self, house: House) -> Iterator[None]:
        known, periods, looked = dict(HANDLERS), dict(PERIODS), dict(LOOKS)
        for registered in (HANDLERS, PERIODS, LOOKS):
            registered.clear()
        yield
        for registered in (HANDLERS, PERIODS, LOOKS):
            registered.clear()
        HANDLERS.update(known)
        PERIODS.update(periods)
        LOOKS.update(looked)

    @pytest.fixture
    def start(self, kinds: None) -> Iterator[Callable[..., Engine]]:
        engines: list[Engine] = []

        def build(slots: int = 4) -> Engine:
            engine = work.open_engine(slots)
            engine.start()
            engines.append(engine)
            return engine

        yield build
        ended = [engine.stop(PATIENCE_S) for engine in engines]
        assert all(ended), "an engine did not end"

    @pytest.fixture
    def two_workers(self, kinds: None) -> Iterator[tuple[Table, Table]]:
        first, second = queues.table(), queues.table()
        first.open()
        second.open()
        yield first, second
        first.close()
        second.close()

    # Queueing

    def test_work_of_a_transaction_rolled_back_never_was(self, start: Callable[..., Engine]) -> None:
        done: list[int] = []
        work.handles("t.do")(lambda item: done.append(item.id))
        start()
        with pytest.raises(Refused), db.transaction() as tx:
            work.enqueue("t.do", {}, tx=tx)
            raise Refused("no")
        kept = queue("t.do")
        until(lambda: bool(done) and not work.overview(), "the kept one")
        assert done == [kept]

    def test_queued_work_is_done_with_its_payload_and_leaves_the_table(self, start: Callable[..., Engine]) -> None:
        seen: list[work.Item] = []
        work.handles("t.do")(seen.append)
        pk = queue("t.do", {"job": "a1", "number": 7})
        assert counts("t.do") == (1, 0, 0, 0)
        start()
        until(lambda: bool(seen) and not work.overview(), "done")
        assert (seen[0].id, seen[0].kind, seen[0].attempt) == (pk, "t.do", 1)
        assert seen[0].payload == {"job": "a1", "number": 7}

    def test_many_are_queued_in_order_with_an_id_each(self, start: Callable[..., Engine]) -> None:
        done: list[int] = []
        work.handles("t.do")(lambda item: done.append(int(item.payload["n"])))
        with db.transaction() as tx:
            ids = work.enqueue_many([work.NewWork("t.do", {"n": n}) for n in range(50)], tx=tx)
        assert len(set(ids)) == 50 and ids == sorted(ids)
        start()
        until(lambda: len(done) == 50, "all of them")
        assert done == list(range(50))

    def test_a_commit_wakes_the_runner_at_once(
        self, start: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for safety_net in ("POLL_S", "RECOVER_EVERY_S"):  # a runner that only looked now and then would be too late
            monkeypatch.setattr(f"frisket.plumbing.work.engine.{safety_net}", 100 * PATIENCE_S)
        begun = threading.Event()
        work.handles("t.do")(lambda item: begun.set())
        start()
        until(lambda: not work.overview(), "settled")
        for _ in range(20):
            begun.clear()
            queue("t.do")
            assert begun.wait(PATIENCE_S)

    def test_a_handler_may_queue_further_work(self, start: Callable[..., Engine]) -> None:
        done: list[str] = []
        work.handles("t.first")(lambda item: void(queue("t.next")))
        work.handles("t.next")(lambda item: done.append(item.kind))
        start()
        queue("t.first")
        until(lambda: done == ["t.next"], "the next one")

    def test_work_nobody_here_can_do_waits_and_is_seen(self, start: Callable[..., Engine]) -> None:
        start()
        queue("t.unknown")
        time.sleep(0.1)
        assert counts("t.unknown") == (1, 0, 0, 0)

    # Time, order, limits

    def test_delayed_work_waits_for_its_hour(self, house: House, start: Callable[..., Engine]) -> None:
        done: list[int] = []
        work.handles("t.do")(lambda item: done.append(item.id))
        start()
        queue("t.do", at=house.clock.now() + timedelta(hours=2))
        house.clock.pass_time(timedelta(minutes=119))
        work.nudge()
        time.sleep(0.15)
        assert (done, counts("t.do")) == ([], (0, 1, 0, 0))
        house.clock.pass_time(timedelta(minutes=1))
        work.nudge()
        until(lambda: len(done) == 1, "its hour has come")

    def test_higher_priority_goes_first_then_the_order_of_queueing(self, start: Callable[..., Engine]) -> None:
        done: list[str] = []
        work.handles("t.do")(lambda item: done.append(str(item.payload["name"])))
        for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)):
            queue("t.do", {"name": name}, priority=priority)
        start()
        until(lambda: len(done) == 5, "all of them")
        assert "".join(done) == "bdace"

    def test_a_group_runs_one_at_a_time_and_in_order(self, start: Callable[..., Engine]) -> None:
        together, most, done = 0, 0, []
        counting = threading.Lock()

        @work.handles("t.do", at_once=8)
        def do(item: work.Item) -> None:
            nonlocal together, most
            with counting:
                together += 1
                most = max(most, together)
            time.sleep(0.005)
            with counting:
                together -= 1
            done.append(item.payload["n"])

        for n in range(12):
            queue("t.do", {"n": n}, group="device-1")
        start(8)
        until(lambda: len(done) == 12, "all of them")
        assert most == 1 and done == list(range(12))

    def test_a_busy_group_does_not_hold_back_another(self, start: Callable[..., Engine]) -> None:
        go, done = threading.Event(), []

        @work.handles("t.do", at_once=4)
        def do(item: work.Item) -> None:
            if item.payload["device"] == 1:
                go.wait(PATIENCE_S)
            done.append(item.payload["device"])

        for device in (1, 1, 1, 2):
            queue("t.do", {"device": device}, group=f"device-{device}")
        start()
        until(lambda: done == [2], "the other device's")
        go.set()
        until(lambda: done == [2, 1, 1, 1], "the rest")

    def test_what_waits_for_its_next_try_does_not_hold_back_its_group(self, start: Callable[..., Engine]) -> None:
        done: list[str | int] = []

        @work.handles("t.do", backoff_s=3600)
        def do(item: work.Item) -> None:
            if item.payload["n"] == 0:
                raise Busy("later")
            done.append(item.payload["n"])

        for n in (0, 1):
            queue("t.do", {"n": n}, group="device-1")
        start()
        until(lambda: done == [1] and counts("t.do") == (0, 1, 0, 0), "the second")

    def test_a_kind_runs_no_more_at_once_than_it_says(self, start: Callable[..., Engine]) -> None:
        go, begun = threading.Event(), []

        def wait(item: work.Item) -> None:
            begun.append(item.kind)
            go.wait(PATIENCE_S)

        work.handles("t.two", at_once=2)(wait)
        work.handles("t.one", at_once=1)(wait)
        for _ in range(4):
            queue("t.two", priority=1)
            queue("t.one")
        start(8)
        until(lambda: len(begun) == 3, "three of eight")
        time.sleep(0.1)
        assert sorted(begun) == ["t.one", "t.two", "t.two"]
        assert (counts("t.two"), counts("t.one")) == ((2, 0, 2, 0), (3, 0, 1, 0))
        go.set()
        until(lambda: len(begun) == 8, "all of them")

    def test_an_engine_runs_no_more_at_once_than_its_slots(self, start: Callable[..., Engine]) -> None:
        go, begun = threading.Event(), []

        @work.handles("t.do", at_once=50)
        def do(item: work.Item) -> None:
            begun.append(item.id)
            go.wait(PATIENCE_S)

        for _ in range(6):
            queue("t.do")
        start(3)
        until(lambda: len(begun) == 3, "three")
        time.sleep(0.1)
        assert len(begun) == 3
        go.set()
        until(lambda: len(begun) == 6, "all of them")

    @given(
        items=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "", "g", "h"]), st.integers(-2, 2))),
        room=st.dictionaries(st.sampled_from("abc"), st.integers(1, 4), min_size=1),
        most=st.integers(1, 6),
    )
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_waits_a_claim_keeps_every_limit_and_takes_all_that_fits(
        self,
        two_workers: tuple[Table, Table],
        items: list[tuple[str, str, int]],
        room: dict[str, int],
        most: int,
    ) -> None:
        for kind in "abc":
            work.handles(kind)(void)
        with db.transaction() as tx:
            ids = work.enqueue_many(
                [work.NewWork(kind, {}, group=group, priority=rank) for kind, group, rank in items], tx=tx
            )
        expected, left, busy = [], dict(room), set()
        for pk, (kind, group, _) in sorted(zip(ids, items), key=lambda pair: (-pair[1][2], pair[0])):
            if len(expected) < most and left.get(kind, 0) and group not in busy:
                expected.append(pk)
                left[kind] -= 1
                busy |= {group} - {""}
        table = two_workers[0]
        claimed = table.claim(room, most)
        try:
            assert [one.id for one in claimed] == expected
        finally:
            table.settle([Ended(one, End.OVER) for one in claimed])
            with db.transaction() as tx:
                for pk in ids:
                    work.cancel(pk, tx=tx)

    # Once

    def test_while_one_waits_no_second_of_the_same_word_is_queued(self, start: Callable[..., Engine]) -> None:
        done: list[int] = []
        work.handles("t.do")(lambda item: done.append(item.id))
        first = queue("t.do", once="sweep")
        assert queue("t.do", once="sweep") == first
        with db.transaction() as tx:
            both = work.enqueue_many([work.NewWork("t.do", {}, once="other")] * 2, tx=tx)
        assert both[0] == both[1] != first
        start()
        until(lambda: sorted(done) == sorted({first, both[0]}) and not work.overview(), "each once")
        assert queue("t.do", once="sweep") != first

    def test_the_one_that_waits_runs_at_the_earliest_hour_asked_for(
        self, house: House, start: Callable[..., Engine]
    ) -> None:
        done: list[int] = []
        work.handles("t.do")(lambda item: done.append(item.id))
        first = queue("t.do", once="sweep", at=house.clock.now() + timedelta(hours=1))
        queue("t.do", once="sweep", at=house.clock.now() + timedelta(hours=3))
        assert counts("t.do") == (0, 1, 0, 0)
        queue("t.do", once="sweep")
        start()
        until(lambda: done == [first], "now")

    def test_while_one_runs_another_may_wait_and_a_failed_one_gives_way_to_it(
        self, start: Callable[..., Engine]
    ) -> None:
        go, tries = threading.Event(), []

        @work.handles("t.do", backoff_s=0.01)
        def do(item: work.Item) -> None:
            tries.append(item.id)
            if len(tries) == 1:
                go.wait(PATIENCE_S)
                raise Busy("later")

        start()
        first = queue("t.do", once="sweep")
        until(lambda: tries == [first], "it runs")
        second = queue("t.do", once="sweep")
        assert second != first
        go.set()
        until(lambda: tries == [first, second] and not work.overview(), "the one that waited, only")

    # Errors

    def test_an_error_that_may_pass_is_tried_again_later_each_time(
        self, house: House, start: Callable[..., Engine]
    ) -> None:
        tries: list[tuple[int, int]] = []

        @work.handles("t.do", backoff_s=10.0)
        def do(item: work.Item) -> None:
            tries.append((item.attempt, item.fence))
            if item.attempt < 3:
                raise Busy("later")

        start()
        queue("t.do")
        until(lambda: counts("t.do") == (0, 1, 0, 0), "waits for its second try")
        house.clock.pass_time(timedelta(seconds=7.9))
        work.nudge()
        time.sleep(0.1)
        assert len(tries) == 1
        house.clock.pass_time(timedelta(seconds=4.2))
        work.nudge()
        until(lambda: len(tries) == 2 and counts("t.do") == (0, 1, 0, 0), "waits for its third")
        house.clock.pass_time(timedelta(seconds=15.9))
        work.nudge()
        time.sleep(0.1)
        assert len(tries) == 2
        house.clock.pass_time(timedelta(seconds=8.2))
        work.nudge()
        until(lambda: not work.overview(), "done")
        assert [attempt for attempt, _ in tries] == [1, 2, 3]
        assert tries[0][1] < tries[1][1] < tries[2][1]

    def test_after_its_last_try_it_is_a_dead_letter(self, house: House, start: Callable[..., Engine]) -> None:
        @work.handles("t.do", most_attempts=2, backoff_s=1.0)
        def do(item: work.Item) -> None:
            raise Busy("later")

        start()
        pk = queue("t.do", {"job": "a1"})
        until(lambda: counts("t.do") == (0, 1, 0, 0), "waits for its second try")
        house.clock.pass_time(timedelta(seconds=2))
        work.nudge()
        until(lambda: counts("t.do") == (0, 0, 0, 1), "dead")
        assert work.dead_letters() == [work.DeadLetter(pk, "t.do", "Busy", 2, {"job": "a1"})]

    def test_a_dead_letter_shows_kind_and_class_and_never_the_words(
        self, start: Callable[..., Engine], caplog: pytest.LogCaptureFixture
    ) -> None:
        def bad(item: work.Item) -> None:
            raise ValueError("the secret is swordfish")

        def refused(item: work.Item) -> None:
            raise Refused("the secret is swordfish")

        work.handles("t.bad")(bad)
        work.handles("t.refused")(refused)
        with caplog.at_level(logging.DEBUG):
            start()
            queue("t.bad")
            queue("t.refused")
            until(lambda: len(work.dead_letters()) == 2, "both dead at the first try")
        assert dict(state_of("t.bad").errors) == {"ValueError": 1}
        assert dict(state_of("t.refused").errors) == {"Refused": 1}
        assert "t.bad" in caplog.text and "swordfish" not in caplog.text
        assert "swordfish" not in repr(work.overview()) + repr(work.dead_letters())

    def test_a_handler_that_asks_to_exit_is_dead_and_its_slot_is_free_again(self, start: Callable[..., Engine]) -> None:
        done: list[int] = []

        def leave(item: work.Item) -> None:
            raise SystemExit(1)

        work.handles("t.leave")(leave)
        work.handles("t.do")(lambda item: done.append(item.id))
        start(1)
        queue("t.leave")
        until(lambda: dict(state_of("t.leave").errors) == {"SystemExit": 1}, "dead")
        queue("t.do")
        until(lambda: len(done) == 1, "the slot is free")

    def test_a_dead_letter_can_be_revived(self, start: Callable[..., Engine]) -> None:
        tries: list[int] = []

        @work.handles("t.do")
        def do(item: work.Item) -> None:
            tries.append(item.attempt)
            if len(tries) == 1:
                raise Refused("no")

        start()
        pk = queue("t.do")
        until(lambda: counts("t.do") == (0, 0, 0, 1), "dead")
        with db.transaction() as tx:
            assert work.revive(pk, tx=tx)
        until(lambda: not work.overview(), "done")
        assert tries == [1, 1]
        with db.transaction() as tx:
            assert not work.revive(pk, tx=tx)

    def test_a_database_that_refuses_a_moment_is_waited_for(self, kinds: None) -> None:
        table, refusals, done = queues.table(), [], []
        settle = table.settle

        def refuse_first(ended: list[Ended]) -> None:
            if len(refusals) < 1:
                refusals.append(1)
                raise OperationalError("away")
            settle(ended)

        table.settle = refuse_first  # type: ignore[method-assign,assignment]
        work.handles("t.do")(lambda item: done.append(item.id))
        engine = Engine(table, 2)
        engine.start()
        try:
            queue("t.do")
            until(lambda: bool(refusals) and not work.overview(), "settled in the end")
        finally:
            assert engine.stop(5.0)
        assert len(done) == 1

    # Cancelling

    def test_cancelled_while_it_waits_it_is_gone(self, house: House, start: Callable[..., Engine]) -> None:
        done: list[int] = []
        work.handles("t.do")(lambda item: done.append(item.id))
        waiting, later = queue("t.do"), queue("t.do", at=house.clock.now() + timedelta(hours=1))
        with db.transaction() as tx:
            assert work.cancel(waiting, tx=tx) and work.cancel(later, tx=tx)
            assert not work.cancel(waiting, tx=tx)
        kept = queue("t.do")
        start()
        until(lambda: bool(done) and not work.overview(), "the kept one")
        assert done == [kept]

    def test_cancelled_while_it_runs_it_is_told_and_not_tried_again(self, start: Callable[..., Engine]) -> None:
        begun, tries = threading.Event(), []

        @work.handles("t.do", backoff_s=0.01)
        def do(item: work.Item) -> None:
            tries.append(item.attempt)
            assert not item.cancelled()
            begun.set()
            until(item.cancelled, "told")
            raise Busy("stopped in the middle")

        start()
        pk = queue("t.do")
        assert begun.wait(PATIENCE_S)
        with db.transaction() as tx:
            assert work.cancel(pk, tx=tx)
        until(lambda: not work.overview(), "over")
        assert tries == [1]

    def test_a_cancel_rolled_back_cancels_nothing(self, kinds: None) -> None:
        pk = queue("t.do")
        with pytest.raises(Refused), db.transaction() as tx:
            work.cancel(pk, tx=tx)
            raise Refused("no")
        assert counts("t.do") == (1, 0, 0, 0)

    # Leases

    def test_a_silent_workers_work_goes_to_another_and_its_late_answer_counts_for_nothing(
        self, house: House, two_workers: tuple[Table, Table]
    ) -> None:
        zombie, heir = two_workers
        work.handles("t.do")(void)
        pk = queue("t.do")
        (first,) = take(zombie, "t.do")
        assert heir.recover() == 0 and take(heir, "t.do") == []
        self.leases_run_out(house)
        assert heir.recover() == 1
        (second,) = take(heir, "t.do")
        assert (second.id, second.attempt) == (pk, 2) and second.attempt > first.attempt
        for end in (End.OVER, End.AGAIN, End.DEAD, End.BACK):
            zombie.settle([Ended(first, end, 0.0, "Late")])
            assert counts("t.do") == (0, 0, 1, 0), f"the zombie's {end} was heard"
        assert zombie.keep([first]).lost == {pk}
        assert heir.keep([second]).lost == set()
        heir.settle([Ended(second, End.OVER)])
        assert work.overview() == []

    def test_one_worker_cannot_answer_for_its_own_earlier_try(
        self, house: House, two_workers: tuple[Table, Table]
    ) -> None:
        table, other = two_workers
        work.handles("t.do")(void)
        queue("t.do")
        (first,) = take(table, "t.do")
        self.leases_run_out(house)
        assert other.recover() == 1
        (second,) = take(table, "t.do")
        table.settle([Ended(first, End.OVER)])
        assert counts("t.do") == (0, 0, 1, 0)
        table.settle([Ended(second, End.OVER)])
        assert work.overview() == []

    def test_a_sign_of_life_renews_the_lease(self, house: House, two_workers: tuple[Table, Table]) -> None:
        alive, other = two_workers
        work.handles("t.do")(void)
        queue("t.do")
        (held,) = take(alive, "t.do")
        self.leases_run_out(house)
        assert alive.keep([held]).lost == set()
        assert other.recover() == 0
        assert counts("t.do") == (0, 0, 1, 0)

    def test_a_lost_lease_tells_the_handler_to_stop(
        self, house: House, start: Callable[..., Engine], two_workers: tuple[Table, Table]
    ) -> None:
        begun, told = threading.Event(), threading.Event()

        @work.handles("t.do", lease=timedelta(seconds=0.3))
        def do(item: work.Item) -> None:
            begun.set()
            until(item.cancelled, "told")
            told.set()

        engine = start()
        queue("t.do")
        assert begun.wait(PATIENCE_S)
        self.take_from(engine)
        assert told.wait(PATIENCE_S)

    def take_from(self, engine: Engine) -> None:
        """Somebody takes what this engine holds, as after a long silence of its machine."""
        raise NotImplementedError

    def test_work_that_keeps_killing_its_worker_is_dead_at_last(
        self, house: House, two_workers: tuple[Table, Table]
    ) -> None:
        worker, other = two_workers
        work.handles("t.do", most_attempts=3)(void)
        queue("t.do")
        for attempt in (1, 2, 3):
            (held,) = take(worker, "t.do")
            assert held.attempt == attempt
            self.leases_run_out(house)
            assert other.recover() == 1
        assert counts("t.do") == (0, 0, 0, 1)
        assert dict(state_of("t.do").errors) == {"LeaseRanOut": 1}

    def test_a_freed_item_cancelled_meanwhile_is_gone(self, house: House, two_workers: tuple[Table, Table]) -> None:
        worker, other = two_workers
        work.handles("t.do")(void)
        pk = queue("t.do")
        take(worker, "t.do")
        with db.transaction() as tx:
            assert work.cancel(pk, tx=tx)
        self.leases_run_out(house)
        other.recover()
        assert work.overview() == []

    # Starting and stopping

    def test_stopping_waits_for_what_runs_and_begins_nothing_more(self, kinds: None) -> None:
        begun, done = threading.Event(), []

        @work.handles("t.do")
        def do(item: work.Item) -> None:
            begun.set()
            engine._stopping.wait(PATIENCE_S)
            done.append(item.id)

        first, _ = queue("t.do"), queue("t.do")
        engine = work.open_engine(4)
        engine.start()
        assert begun.wait(PATIENCE_S)
        assert engine.stop(PATIENCE_S)
        assert done == [first] and counts("t.do") == (1, 0, 0, 0)

    def test_stopping_does_not_wait_for_ever(self, kinds: None) -> None:
        begun, go = threading.Event(), threading.Event()

        @work.handles("t.do")
        def do(item: work.Item) -> None:
            begun.set()
            go.wait(PATIENCE_S)

        queue("t.do")
        engine = work.open_engine(1)
        engine.start()
        assert begun.wait(PATIENCE_S)
        since = time.monotonic()
        assert not engine.stop(0.2)
        assert time.monotonic() - since < PATIENCE_S
        assert counts("t.do") == (0, 0, 1, 0), "left to its lease"
        go.set()

    # Periods

    def test_periodic_work_runs_at_once_then_every_period_and_once_for_all_engines(
        self, house: House, start: Callable[..., Engine]
    ) -> None:
        done: list[int] = []
        work.handles("t.sweep")(lambda item: done.append(item.id))
        work.every("t.sweep", 60.0)
        start()
        start()
        for turn in (1, 2, 3):
            until(lambda turn=turn: len(done) == turn and not work.overview(), f"turn {turn}")
            house.clock.pass_time(timedelta(seconds=59))
            work.nudge()
            time.sleep(0.1)
            assert len(done) == turn
            house.clock.pass_time(timedelta(seconds=2))
            work.nudge()
        until(lambda: len(done) == 4, "turn 4")

    def test_a_restart_keeps_the_hour_of_periodic_work(self, house: House, start: Callable[..., Engine]) -> None:
        done: list[int] = []
        work.handles("t.sweep")(lambda item: done.append(item.id))
        work.every("t.sweep", 3600.0)
        engine = start()
        until(lambda: len(done) == 1 and not work.overview(), "the first")
        engine.stop()
        start()
        time.sleep(0.15)
        assert len(done) == 1
        # Set back by a day, the wall clock must not silence it for a day.
        house.clock.set_wall(house.clock.now() - timedelta(days=1))
        engine = start()
        until(lambda: len(done) == 2, "the second")

    # Runs

    def test_a_run_does_a_groups_items_in_order_and_one_at_a_time(self, start: Callable[..., Engine]) -> None:
        done: list[int] = []
        lengths: list[int] = []
        now, most = 0, 0

        def act(run: work.Run) -> None:
            nonlocal now, most
            count = 0
            while (item := run.next()) is not None:
                now, most, count = now + 1, max(most, now + 1), count + 1
                done.append(int(item.payload["n"]))
                now -= 1
                run.over(item)
            lengths.append(count)

        work.handles_runs("t.print", longest_run=4, at_once=4)(act)
        with db.transaction() as tx:
            work.enqueue_many([work.NewWork("t.print", {"n": n}, group="one") for n in range(10)], tx=tx)
        start()
        until(lambda: len(done) == 10 and not work.overview(), "all of them")
        assert done == list(range(10))
        assert most == 1 and max(lengths) <= 4

    def test_in_a_run_each_item_ends_by_itself(self, house: House, start: Callable[..., Engine]) -> None:
        done: list[int] = []

        def act(run: work.Run) -> None:
            while (item := run.next()) is not None:
                if item.payload["n"] == 1 and item.attempt == 1:
                    run.over(item, Busy("not now"))
                elif item.payload["n"] == 2:
                    run.over(item, Refused("never"))
                else:
                    done.append(int(item.payload["n"]))
                    run.over(item)

        work.handles_runs("t.print", longest_run=8, backoff_s=0.01)(act)
        with db.transaction() as tx:
            work.enqueue_many([work.NewWork("t.print", {"n": n}, group="one") for n in range(4)], tx=tx)
        start()
        until(lambda: _later(house) and counts("t.print") == (0, 0, 0, 1), "three, and one dead")
        assert sorted(done) == [0, 1, 3]

    def test_what_a_run_had_not_begun_when_it_failed_goes_back_as_it_came(
        self, house: House, start: Callable[..., Engine]
    ) -> None:
        tries: list[tuple[int, int]] = []

        def act(run: work.Run) -> None:
            while (item := run.next()) is not None:
                tries.append((int(item.payload["n"]), item.attempt))
                if item.payload["n"] == 0 and item.attempt == 1:
                    raise Busy("not now")
                run.over(item)

        work.handles_runs("t.print", longest_run=8, backoff_s=0.01)(act)
        with db.transaction() as tx:
            work.enqueue_many([work.NewWork("t.print", {"n": n}, group="one") for n in range(3)], tx=tx)
        start()
        until(lambda: _later(house) and not work.overview(), "all of them")
        assert sorted(tries) == [(0, 1), (0, 2), (1, 1), (2, 1)]

    def test_a_run_ends_when_its_engine_is_to_stop(self, start: Callable[..., Engine]) -> None:
        begun, go = threading.Event(), threading.Event()
        done: list[int] = []

        def act(run: work.Run) -> None:
            while (item := run.next()) is not None:
                begun.set()
                go.wait(5)
                done.append(int(item.payload["n"]))
                run.over(item)

        work.handles_runs("t.print", longest_run=8)(act)
        with db.transaction() as tx:
            work.enqueue_many([work.NewWork("t.print", {"n": n}, group="one") for n in range(5)], tx=tx)
        engine = start()
        assert begun.wait(PATIENCE_S)
        stopping = threading.Thread(target=engine.stop)
        stopping.start()
        until(engine._stopping.is_set, "told to stop")
        go.set()
        stopping.join(PATIENCE_S)
        assert done == [0] and counts("t.print") == (4, 0, 0, 0)

    def test_an_item_of_a_run_can_be_cancelled_before_its_turn(self, start: Callable[..., Engine]) -> None:
        begun, go = threading.Event(), threading.Event()
        done: list[int] = []

        def act(run: work.Run) -> None:
            while (item := run.next()) is not None:
                begun.set()
                go.wait(PATIENCE_S)
                if item.id == ids[2]:  # the engine looks at its next turn, which the cancel has rung for
                    until(item.cancelled, "the cancel is seen")
                if not item.cancelled():
                    done.append(int(item.payload["n"]))
                run.over(item)

        work.handles_runs("t.print", longest_run=8)(act)
        with db.transaction() as tx:
            ids = work.enqueue_many([work.NewWork("t.print", {"n": n}, group="one") for n in range(3)], tx=tx)
        start()
        assert begun.wait(PATIENCE_S)
        with db.transaction() as tx:
            assert work.cancel(ids[2], tx=tx)
        go.set()
        until(lambda: not work.overview(), "over")
        assert done == [0, 1]

    # Looks

    def test_a_look_comes_again_and_again_whatever_it_raises_and_one_holds_up_no_other(
        self, start: Callable[..., Engine]
    ) -> None:
        looked: list[str] = []
        go = threading.Event()

        @work.looks("t.stuck", 0.01)
        def stuck(stopped: Callable[[], bool]) -> None:
            looked.append("stuck")
            while not go.is_set() and not stopped():
                time.sleep(0.005)

        @work.looks("t.broken", 0.01)
        def broken(stopped: Callable[[], bool]) -> None:
            looked.append("broken")
            if looked.count("broken") == 1:
                raise OperationalError("away")
            if looked.count("broken") == 2:
                raise KeyError("a bug")

        start()
        until(lambda: looked.count("broken") > 4, "the broken one looks on")
        assert looked.count("stuck") == 1
        go.set()

    def test_one_of_several_engines_looks_for_the_whole_house_and_another_when_it_is_gone(
        self, start: Callable[..., Engine]
    ) -> None:
        if db.is_sqlite():
            pytest.skip("a house on SQLite has one process")
        names: set[str] = set()
        looked: list[str] = []

        @work.looks("t.look", 0.01)
        def look(stopped: Callable[[], bool]) -> None:
            names.add(str(threading.get_ident()))
            looked.append("")

        first = start()
        until(lambda: len(looked) > 3, "the first looks")
        start()
        before = len(looked)
        until(lambda: len(looked) > before + 10, "it goes on")
        assert len(names) == 1
        first.stop()
        before = len(looked)
        until(lambda: len(looked) > before + 3, "the second has taken over")
        assert len(names) == 2


def _later(house: House) -> bool:
    """Let what waits for its next try come."""
    house.clock.pass_time(timedelta(seconds=1))
    work.nudge()
    return True


def void(*_: object) -> None:
    """Do nothing."""
