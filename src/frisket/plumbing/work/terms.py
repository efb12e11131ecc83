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
    "NewWork",
    "Payload",
    "QueueState",
    "Table",
    "WorkId",
    "every",
    "handles",
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


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of work is done."""

    kind: Kind
    act: Callable[[Item], None]
    at_once: int  # within one process
    lease: timedelta
    most_attempts: int
    backoff_s: float

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
        known = HANDLERS.get(kind)
        if known is not None and known.act is not act:
            raise KindTaken(f"two handlers for {kind}")
        HANDLERS[kind] = Handler(kind, act, at_once, lease, most_attempts, backoff_s)
        return act

    return register


def every(kind: Kind, seconds: float) -> None:
    """Queue this kind of work every so many seconds, once for the whole house, with an empty payload.

    Kept over restarts: what fell due while the house was off runs once when it comes back. One that still
    waits is not queued again.
    """
    PERIODS[kind] = seconds


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
        """Take up to ``most`` ready items, of each kind no more than its room."""

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
