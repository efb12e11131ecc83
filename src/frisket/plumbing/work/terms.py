"""The words of work: items, handlers, and what an engine's table must be able to do."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import NewType, Protocol

from frisket.errors import FrisketError

__all__ = [
    "HANDLERS",
    "LOOKS",
    "PERIODS",
    "Beat",
    "Claimed",
    "DeadLetter",
    "End",
    "Ended",
    "Handler",
    "Item",
    "Kind",
    "KindTaken",
    "Look",
    "NewWork",
    "Payload",
    "QueueState",
    "Run",
    "Table",
    "WorkId",
    "every",
    "handles",
    "handles_runs",
    "looks",
]

Kind = str  # "delivery.send": the room, a dot, what is done
Payload = Mapping[str, str | int]  # ids and numbers; never a secret, a name or a title
WorkId = NewType("WorkId", int)
LONGEST_BACKOFF_S = 900.0


class KindTaken(FrisketError):
    """Two handlers claim one kind of work."""


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of work in a handler's hands."""

    id: WorkId
    kind: Kind
    payload: dict[str, str | int]
    attempt: int  # 1 at the first try
    fence: int  # rises with every time this work is taken
    _stop: Event = field(repr=False)

    def cancelled(self) -> bool:
        """True once somebody cancelled this work, or its lease was lost: stop where that is safe."""
        return self._stop.is_set()


class Run:
    """Items of one group in a handler's hands, in their order.

    ``next`` gives one after the other; ``over`` says that one has ended, well or with an error, so that its end
    is written while the next one is done. What ``next`` was never asked for goes back as it came.
    """

    def __init__(
        self,
        items: Sequence[Item],
        ended: Callable[[Item, BaseException | None], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._waiting = list(reversed(items))
        self._begun: dict[WorkId, Item] = {}
        self._ended = ended
        self._stopping = stopping

    def next(self) -> Item | None:
        """None at the end, and when this process is to stop."""
        if not self._waiting or self._stopping():
            return None
        item = self._waiting.pop()
        self._begun[item.id] = item
        return item

    def over(self, item: Item, error: BaseException | None = None) -> None:
        del self._begun[item.id]
        self._ended(item, error)

    @property
    def begun(self) -> list[Item]:
        """Given out and not over yet."""
        return list(self._begun.values())


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of work is done: ``act`` does a run, of one item where the kind does not ask for more."""

    kind: Kind
    act: Callable[[Run], None]
    at_once: int  # runs within one process
    lease: timedelta
    most_attempts: int
    backoff_s: float
    longest_run: int = 1
    given: object = None  # the function that was registered

    def pause_s(self, attempt: int) -> float:
        """Seconds to the next try: doubled each time, spread by a fifth: many must not come back at once."""
        straight = min(self.backoff_s * 2.0 ** (attempt - 1), LONGEST_BACKOFF_S)
        return straight * random.uniform(0.8, 1.2)


HANDLERS: dict[Kind, Handler] = {}
PERIODS: dict[Kind, float] = {}


def handles(
    kind: Kind,
    *,
    at_once: int = 1,
    lease: timedelta = timedelta(seconds=60),
    most_attempts: int = 8,
    backoff_s: float = 1.0,
) -> Callable[[Callable[[Item], None]], Callable[[Item], None]]:
    """Make a function the handler of a kind of work.

    at_once: how many of this kind one process runs at the same time.
    lease: how long the work stays with a worker that gives no sign of life; a living one renews it.
    most_attempts: after so many tries the work is a dead letter; a worker that died counts as a try.
    backoff_s: seconds before the second try; doubled for each one after.

    The handler runs outside any transaction, may run twice for one item, and raises to say it failed.
    """

    def register(act: Callable[[Item], None]) -> Callable[[Item], None]:
        def each(run: Run) -> None:
            while (item := run.next()) is not None:
                act(item)
                run.over(item)

        _register(Handler(kind, each, at_once, lease, most_attempts, backoff_s, given=act))
        return act

    return register


def handles_runs(
    kind: Kind,
    *,
    longest_run: int,
    at_once: int = 1,
    lease: timedelta = timedelta(seconds=60),
    most_attempts: int = 8,
    backoff_s: float = 1.0,
) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """As ``handles``, for a kind whose ready items of one group are best done in one go.

    longest_run: items at most. How many come at a time is the engine's affair; it may be one.
    What the handler raises is the end of the item it was given last; what it had not begun goes back.
    """

    def register(act: Callable[[Run], None]) -> Callable[[Run], None]:
        _register(Handler(kind, act, at_once, lease, most_attempts, backoff_s, longest_run, given=act))
        return act

    return register


def _register(new: Handler) -> None:
    known = HANDLERS.get(new.kind)
    if known is not None and known.given is not new.given:
        raise KindTaken(f"two handlers for {new.kind}")
    HANDLERS[new.kind] = new


def every(kind: Kind, seconds: float) -> None:
    """Queue this kind of work every so many seconds, once for the whole house, with an empty payload.

    Kept over restarts: what fell due while the house was off runs once when it comes back. One that still
    waits is not queued again.
    """
    PERIODS[kind] = seconds


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    act: Callable[[Callable[[], bool]], None]
    every_s: float


LOOKS: dict[str, Look] = {}


def looks(name: str, every_s: float) -> Callable[[Callable[[Callable[[], bool]], None]], Callable[..., None]]:
    """Have a function look every so many seconds, in a thread of its own, in one process of the house.

    For what is due by rows of its own: the look finds it after a crash as well, and costs no write while there
    is nothing. The function is given one that says True when it is to stop; what it raises is logged, and it
    looks again after the pause.
    """

    def register(act: Callable[[Callable[[], bool]], None]) -> Callable[..., None]:
        LOOKS[name] = Look(name, act, every_s)
        return act

    return register


@dataclass(frozen=True, slots=True)
class NewWork:
    kind: Kind
    payload: Payload
    at: datetime | None = None  # not before; None: now
    priority: int = 0
    group: str = ""  # one at a time of those that share it
    once: str = ""  # while one with this word waits, no second is queued


@dataclass(frozen=True, slots=True)
class Claimed:
    """Work taken by this process: ``attempt`` is the fence, a later taker has a higher one."""

    id: WorkId
    kind: Kind
    payload: dict[str, str | int]
    attempt: int
    group: str
    once: str


class End:
    """How a try ended: the work is over, to be tried again, given back untouched, or dead."""

    OVER = "over"
    AGAIN = "again"
    BACK = "back"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Ended:
    work: Claimed
    end: str  # of End
    pause_s: float = 0.0
    error: str = ""  # the error's class, never its words


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat learned of the work in hand."""

    lost: frozenset[WorkId]
    cancelled: frozenset[WorkId]


@dataclass(frozen=True, slots=True)
class QueueState:
    """One kind of work, as operators see it."""

    kind: Kind
    waiting: int  # ready
    later: int  # for an hour to come, or between two tries
    running: int
    dead: int
    oldest_s: float  # how long the oldest ready item has waited
    errors: Mapping[str, int]  # dead letters by error class


@dataclass(frozen=True, slots=True)
class DeadLetter:
    id: WorkId
    kind: Kind
    error: str
    attempt: int
    payload: dict[str, str | int]


class Table(Protocol):
    """What an engine's table does for the runner; every call is made from the runner's one thread."""

    def open(self) -> None:
        """Sign this process on; again after the connection broke."""

    def close(self) -> None:
        """Sign off."""

    def claim(self, room: Mapping[Kind, int], most: int) -> list[Claimed]:
        """Take up to ``most`` ready items, of each kind no more than its room; of a group one.

        A kind with runs may get what follows in the group as well, which counts as one with the first.
        """

    def settle(self, ended: Sequence[Ended]) -> None:
        """Write how tries ended; whoever no longer holds the work changes nothing."""

    def keep(self, running: Sequence[Claimed]) -> Beat:
        """Renew the leases."""

    def watch(self, running: Sequence[Claimed]) -> frozenset[WorkId]:
        """Which of these were cancelled; reads only."""

    def recover(self) -> int:
        """Free what dead workers held; how many."""

    def next_due_s(self) -> float | None:
        """Seconds until the next item falls due; None: nothing is planned."""
