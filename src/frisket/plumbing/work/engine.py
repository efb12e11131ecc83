"""The runner: one thread that takes work from the table, and the threads that do it."""

import logging
import threading
import time
from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from django.db.utils import DatabaseError, InterfaceError, OperationalError

from frisket.errors import FrisketError
from frisket.plumbing.db import close_connections
from frisket.plumbing.places import places
from frisket.plumbing.work import bell, queues
from frisket.plumbing.work.looking import Looking
from frisket.plumbing.work.periods import Periods
from frisket.plumbing.work.terms import HANDLERS, Claimed, End, Ended, Handler, Item, Run, Table, WorkId

__all__ = ["Engine", "open_engine"]

POLL_S = 1.0  # a safety net: queueing wakes the runner at once
RECOVER_EVERY_S = 5.0
log = logging.getLogger("frisket.work")


@dataclass(slots=True)
class _InHand:
    work: Claimed
    stop: threading.Event
    beat_at: float  # monotonic seconds
    run: int  # which run it belongs to: a hand does one


class Engine:
    """Runs handlers on ``slots`` threads until stopped."""

    def __init__(self, table: Table, slots: int) -> None:
        self._table = table
        self._slots = slots
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._give_up_at = float("inf")
        self._in_hand: dict[WorkId, _InHand] = {}
        self._to_do: SimpleQueue[tuple[list[_InHand], Handler] | None] = SimpleQueue()
        self._runs = 0
        self._ended: SimpleQueue[Ended] = SimpleQueue()
        self._unsettled: list[Ended] = []
        self._hands = 0
        self._recover_at = 0.0
        self._periods = Periods()
        self._looking = Looking()
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)

    def start(self) -> None:
        bell.hang(self.wake)
        self._thread.start()
        self._looking.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Take no more work, wait for what runs; True when all of it ended in time.

        What did not end is left to its lease: another run does it again.
        """
        self._give_up_at = time.monotonic() + timeout
        self._stopping.set()
        self.wake()
        self._looking.stop(timeout)
        if self._thread.is_alive():
            self._thread.join(timeout + 5.0)
        bell.take_down(self.wake)
        return not self._thread.is_alive() and not self._in_hand

    def wake(self) -> None:
        self._wake.set()

    def running(self) -> int:
        """How many items are in hand now."""
        return len(self._in_hand)

    def _run(self) -> None:
        opened = False
        while not self._over():
            try:
                if not opened:
                    self._table.open()
                    opened = True
                self._turn()
                self._wake.wait(self._pause_s())
            except (DatabaseError, InterfaceError) as error:
                # The database may be away for a while; what ended stays in hand until it is back.
                log.error("work: the database refused: %s", type(error).__name__)
                close_connections()
                opened = False
                time.sleep(min(POLL_S, 0.2 if self._stopping.is_set() else POLL_S))
            except Exception as error:
                log.critical("work: %s", places(error))
                time.sleep(POLL_S)
            self._wake.clear()
        for _ in range(self._hands):
            self._to_do.put(None)
        try:
            if opened:
                self._table.close()
        except (DatabaseError, InterfaceError) as error:
            log.error("work: could not sign off: %s", type(error).__name__)
        close_connections()

    def _over(self) -> bool:
        if not self._stopping.is_set():
            return False
        idle = not self._in_hand and not self._unsettled and self._ended.empty()
        return idle or time.monotonic() >= self._give_up_at

    def _turn(self) -> None:
        # Cleared before the table is read: what is queued after this line wakes us again.
        self._wake.clear()
        self._settle()
        self._beat()
        if self._stopping.is_set():
            self._give_back()
            return
        now = time.monotonic()
        if now >= self._recover_at:
            self._recover_at = now + self._recover_every_s()
            freed = self._table.recover()
            if freed:
                log.warning("work: freed %d items of workers that died", freed)
        self._periods.queue_due()
        self._take()

    def _settle(self) -> None:
        while not self._ended.empty():
            self._unsettled.append(self._ended.get())
        if not self._unsettled:
            return
        self._table.settle(self._unsettled)
        for ended in self._unsettled:
            self._in_hand.pop(ended.work.id, None)
        self._unsettled = []

    def _beat(self) -> None:
        if not self._in_hand:
            return
        now = time.monotonic()
        everything = [held.work for held in self._in_hand.values()]
        due = [held for held in self._in_hand.values() if now >= held.beat_at]
        stopped = self._table.watch(everything)
        if due:
            beat = self._table.keep(everything)
            stopped |= beat.lost | beat.cancelled
            for held in self._in_hand.values():
                held.beat_at = now + _lease_s(held.work) / 3
        for work in stopped:
            self._in_hand[work].stop.set()

    def _take(self) -> None:
        runs = {held.run: held.work.kind for held in self._in_hand.values()}
        busy = Tally(runs.values())
        free = self._slots - len(runs)
        room = {kind: handler.at_once - busy[kind] for kind, handler in HANDLERS.items()}
        room = {kind: left for kind, left in room.items() if left > 0}
        while free > 0 and room:
            claimed = self._table.claim(room, free)
            if not claimed:
                return
            for run in _runs_of(claimed):
                self._hand_out(run)
                free -= 1
                room[run[0].kind] -= 1
                if not room[run[0].kind]:
                    del room[run[0].kind]

    def _hand_out(self, run: list[Claimed]) -> None:
        self._runs += 1
        beat_at = time.monotonic() + _lease_s(run[0]) / 3
        held = [_InHand(work, threading.Event(), beat_at, self._runs) for work in run]
        self._in_hand |= {each.work.id: each for each in held}
        if self._hands < len({each.run for each in self._in_hand.values()}):
            threading.Thread(target=self._hand, name=f"work-{self._hands}", daemon=True).start()
            self._hands += 1
        self._to_do.put((held, HANDLERS[run[0].kind]))

    def _give_back(self) -> None:
        """What no hand has begun goes back to the table as it came."""
        while not self._to_do.empty():
            waiting = self._to_do.get()
            for held in waiting[0] if waiting is not None else ():
                self._ended.put(Ended(held.work, End.BACK))
        self._settle()

    def _recover_every_s(self) -> float:
        leases = [handler.lease.total_seconds() for handler in HANDLERS.values()]
        return min([RECOVER_EVERY_S, *(lease / 3 for lease in leases)])

    def _pause_s(self) -> float:
        now = time.monotonic()
        waits = [POLL_S, self._recover_at - now, *(held.beat_at - now for held in self._in_hand.values())]
        if self._stopping.is_set():
            waits.append(self._give_up_at - now)
        else:
            due = self._table.next_due_s()
            if due is not None:
                waits.append(due)
        return max(min(waits), 0.002)

    def _hand(self) -> None:
        while (given := self._to_do.get()) is not None:
            self._do(*given)
        close_connections()

    def _do(self, run: list[_InHand], handler: Handler) -> None:
        left = {held.work.id: held.work for held in run}

        def ended(item: Item, error: BaseException | None) -> None:
            work = left.pop(item.id)
            self._ended.put(Ended(work, End.OVER) if error is None else _failed(work, handler, error))
            self.wake()

        given = Run([_item(held) for held in run], ended, self._stopping.is_set)
        try:
            handler.act(given)
        except BaseException as error:  # a SystemExit too: a hand that died would renew its lease for ever
            for item in given.begun:
                given.over(item, error)
        for item in given.begun:
            given.over(item)
        for work in left.values():
            self._ended.put(Ended(work, End.BACK))
        self.wake()


def open_engine(slots: int) -> Engine:
    """An engine on this house's database, not started yet."""
    return Engine(queues.table(), slots)


def _lease_s(work: Claimed) -> float:
    return HANDLERS[work.kind].lease.total_seconds()


def _item(held: _InHand) -> Item:
    work = held.work
    return Item(work.id, work.kind, work.payload, work.attempt, work.attempt, held.stop)


def _runs_of(claimed: Sequence[Claimed]) -> list[list[Claimed]]:
    """What one hand does: items of one group together, every other by itself."""
    runs: list[list[Claimed]] = []
    of_group: dict[str, list[Claimed]] = {}
    for work in claimed:
        if work.group in of_group:
            of_group[work.group].append(work)
            continue
        runs.append([work])
        if work.group:
            of_group[work.group] = runs[-1]
    return runs


def _failed(work: Claimed, handler: Handler, error: BaseException) -> Ended:
    """Only a class and places in our code are logged: an unexpected error's words may hold anything."""
    name = type(error).__name__
    if isinstance(error, OperationalError | InterfaceError):
        close_connections()
        again = True
    elif isinstance(error, OSError):  # a disk or a network: it may be well again
        again = True
    else:
        again = isinstance(error, FrisketError) and error.retry
    if again and work.attempt < handler.most_attempts:
        log.info("work: %s %d will be tried again after %s", work.kind, work.id, name)
        return Ended(work, End.AGAIN, handler.pause_s(work.attempt), name)
    log.error("work: %s %d is dead after %d tries: %s", work.kind, work.id, work.attempt, places(error))
    return Ended(work, End.DEAD, 0.0, name)
