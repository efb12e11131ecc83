"""What a store of octets promises, whatever lies behind it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from frisket.errors import Blame, FrisketError

__all__ = [
    "PIECE",
    "Blobs",
    "Container",
    "Erased",
    "Missing",
    "NoRoom",
    "Place",
    "Space",
    "SyncFailed",
    "Where",
    "Writer",
]

PIECE = 256 * 1024  # octets a read hands over at once

Where = Literal["file", "segment"]


class SyncFailed(FrisketError):
    """The disk did not confirm a sync. What it holds is unknown, so it is never asked twice (R27).

    The store is broken from then on; the process has to end and recover from what is really there.
    """

    blame = Blame.OPERATOR
    remedy = "Look at the disk and its log; the house recovers when it is started again."


class NoRoom(FrisketError):
    """The disk is full, or fuller than the settings allow for new work."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Make room on the disk of the spool; what was accepted stays."


class Missing(FrisketError):
    """There is no such object, or it is shorter than its place says."""

    blame = Blame.OPERATOR
    remedy = "Look at the disk of the spool; the job cannot be printed from here."


@dataclass(frozen=True, slots=True)
class Place:
    """Where one object lies. octets: its whole length as stored; offset: in a segment, else 0."""

    where: Where
    name: str
    offset: int
    octets: int


@dataclass(frozen=True, slots=True)
class Container:
    """A file or segment that exists. abandoned: whoever made it has ended."""

    where: Where
    name: str
    octets: int
    abandoned: bool


@dataclass(frozen=True, slots=True)
class Erased:
    """octets: overwritten, synced. note: what this storage cannot prove about it, "" for nothing."""

    octets: int
    note: str


@dataclass(frozen=True, slots=True)
class Space:
    total: int  # octets that this program could use at all
    free: int
    state: Literal["ok", "warn", "refuse"]


class Writer(Protocol):
    """One large object on its way. Not for several threads at a time."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Raises NoRoom, SyncFailed."""

    def keep(self) -> Place:
        """Make it durable under its final name; whoever has the place has the object."""

    def drop(self) -> None:
        """Forget it; for an object that was kept already, use erase."""


class Blobs(Protocol):
    """A store of octets. Every method may be called from any thread."""

    def writer(self) -> Writer: ...

    def append(self, pieces: Sequence[bytes]) -> list[Place]:
        """Many small objects, durable together. Their segments stay open until each is settled."""

    def settle(self, places: Iterable[Place]) -> None:
        """Their rows are committed, or the objects are given up: nothing waits for them any more."""

    def read(self, place: Place, *, piece: int = PIECE) -> Iterator[bytes]:
        """The object's octets in pieces. Raises Missing."""

    def start_of(self, place: Place, octets: int) -> bytes:
        """The first octets of an object. Raises Missing."""

    def erase(self, places: Sequence[Place]) -> Erased:
        """Overwrite in place, sync, let go. What is gone already is passed over."""

    def retire(self, name: str, unused: Callable[[], bool]) -> bool:
        """Remove a closed segment if ``unused`` says so while nobody can add to it. False: not now."""

    def erase_gaps(self, name: str, live: Sequence[tuple[int, int]]) -> int:
        """Erase what a closed segment holds outside these (start, stop) ranges, which come in order.

        Gives the octets overwritten; without any range the segment goes altogether.
        """

    def containers(self) -> Iterator[Container]:
        """Every file and segment, in no order."""

    def clear_unfinished(self) -> int:
        """Remove what dead processes were writing when they died; how many there were."""

    def swept(self) -> None:
        """Everything that ended processes left was looked at: they may be forgotten."""

    def space(self) -> Space: ...

    def restore_reserve(self) -> bool:
        """Keep room back for release, erasure and the log. False where there is too little for it."""

    def release_reserve(self) -> None:
        """Give that room back to the house; new work is refused until it is restored."""

    def mark(self) -> str:
        """What set_mark wrote, or "": it tells which database this store belongs to."""

    def set_mark(self, mark: str) -> None: ...

    def when_broken(self, act: Callable[[SyncFailed], None]) -> None:
        """Have this told, in whatever thread, once a sync has failed: the process has to end."""

    def close(self) -> None: ...
