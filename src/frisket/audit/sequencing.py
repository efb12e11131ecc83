"""Putting recorded leaves into the log: one at a time does it, whoever holds the lock.

A row has no position until its leaf is under a signed checkpoint that is durable. On PostgreSQL a lower
row id may become visible after a higher one, so every row without a position is taken, whatever its id.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Max, QuerySet

from frisket.audit import files
from frisket.audit.errors import InsideTransaction, LogDamaged, LogFull
from frisket.audit.log import Log, Places, entries_from
from frisket.audit.models import Leaf
from frisket.audit.recording import BELL
from frisket.errors import FrisketError
from frisket.plumbing import db, parts
from frisket.plumbing.keys import Sealed

__all__ = ["BATCH", "Overview", "Sequencer", "every_waiting", "overview", "sequence"]

BATCH = 2048  # rows in one go: bounds how long their update keeps other writers waiting
EVERY_S = 10.0
REST_S = 0.5  # between two goes under load, so that one set of syncs carries many leaves

_PLACE_ARRAYS = (
    "UPDATE audit_leaf SET position = placed.position"
    " FROM unnest(%s::bigint[], %s::bigint[]) AS placed (position, id) WHERE audit_leaf.id = placed.id"
)

_log = structlog.get_logger("frisket.audit")


def sequence() -> int:
    """Put every waiting leaf into the log; how many there were.

    Raises LogDamaged when the log is not what was signed: nothing is added then, and the leaves stay
    waiting. An OSError of a sync must end the process (R27).
    """
    if connection.in_atomic_block:
        raise InsideTransaction("the log is added to outside of any transaction")
    places = Places.of(parts.data())
    files.make_folder(places.folder)
    with files.exclusive(places.folder):
        placed = Leaf.objects.aggregate(last=Max("position"))["last"]
        if placed is not None and files.size_or_none(places.head) is None:
            raise LogDamaged("the sealed witness of the log is gone")
        log = Log.open(places, parts.keys(), parts.tenant())
        _place_signed(places, 0 if placed is None else placed + 1, log.size)
        count = 0
        while rows := list(_waiting()[:BATCH]):
            first = log.append([bytes(body) for _, body in rows])
            _place([(first + index, row) for index, (row, _) in enumerate(rows)])
            count += len(rows)
        return count


def _waiting() -> "QuerySet[Leaf, tuple[int, bytes | memoryview]]":
    return Leaf.objects.filter(position__isnull=True).order_by("id").values_list("id", "body")


def _place(pairs: Sequence[tuple[int, int]]) -> None:
    with db.transaction(), connection.cursor() as cursor:
        if db.is_sqlite():
            cursor.executemany("UPDATE audit_leaf SET position = %s WHERE id = %s", pairs)
        else:
            positions, rows = [position for position, _ in pairs], [row for _, row in pairs]
            cursor.execute(_PLACE_ARRAYS, (positions, rows))


def _place_signed(places: Places, start: int, end: int) -> None:
    """Tell rows their positions where a crash came between the signature and that.

    Rows are found by their bodies; which of two equal ones stands first makes no difference.
    """
    if start >= end:
        return
    wanted: defaultdict[bytes, deque[int]] = defaultdict(deque)
    for position, body in enumerate(entries_from(places, start, end), start):
        wanted[body].append(position)
    pairs = []
    for row, octets in every_waiting():
        if found := wanted.get(bytes(octets)):
            pairs.append((found.popleft(), row))
    _place(pairs)
    if len(pairs) < end - start:
        # Somebody took rows away. Nothing here can mend that; verify names each.
        _log.error("audit.rows-missing", since=start, missing=end - start - len(pairs))


def every_waiting() -> Iterator[tuple[int, "bytes | memoryview"]]:
    """Id and body of every row that has no position."""
    after = 0
    while rows := list(_waiting().filter(id__gt=after)[:BATCH]):
        yield from rows
        after = rows[-1][0]


@dataclass(frozen=True, slots=True)
class Overview:
    """How the log stands: leaves under a checkpoint, and leaves still waiting for one."""

    size: int
    waiting: int


def overview() -> Overview:
    last = Leaf.objects.aggregate(last=Max("position"))["last"]
    return Overview(0 if last is None else last + 1, Leaf.objects.filter(position__isnull=True).count())


class Sequencer:
    """A thread that signs a checkpoint every ten seconds, or sooner when 256 leaves are waiting.

    on_fault is told once when the log can no longer be added to: a failed sync, after which the process
    must end, or damage. The thread has ended then; ``fault`` keeps the reason for the health page.
    on_full is told when the disk has no room; the leaves wait, and it is tried again.
    """

    def __init__(
        self,
        *,
        on_fault: Callable[[Exception], None] | None = None,
        on_full: Callable[[], None] | None = None,
    ) -> None:
        self._on_fault = on_fault
        self._on_full = on_full
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-sequencer", daemon=True)
        self.fault: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Sequence what is waiting, then end."""
        self._stop.set()
        BELL.ring()
        if self._thread.is_alive():
            self._thread.join()

    def run_once(self) -> int:
        """Sequence now, in this thread; how many leaves there were."""
        return sequence()

    def _run(self) -> None:
        try:
            while self._once() and not self._stop.is_set():
                BELL.wait(EVERY_S - REST_S)
                self._stop.wait(REST_S)
            if self._stop.is_set() and self.fault is None:
                self._once()
        finally:
            db.close_connections()

    def _once(self) -> bool:
        started = time.monotonic()
        try:
            count = sequence()
        except (DatabaseError, InterfaceError, Sealed) as error:
            _log.warning("audit.sequencing-delayed", error=type(error).__name__)
            db.close_connections()
            return True
        except (LogFull, db.StorageFull):  # the disk of the log, or that of the database
            # What was written is beyond the last signature and is cut off at the next try; the leaves wait.
            _log.warning("audit.sequencing-delayed", error="disk full")
            if self._on_full is not None:
                self._on_full()
            return True
        except Exception as error:  # whatever it is: nothing may be added before somebody has looked
            return self._broken(error)
        if count:
            _log.debug("audit.sequenced", leaves=count, seconds=round(time.monotonic() - started, 3))
        return True

    def _broken(self, error: Exception) -> bool:
        self.fault = error
        _log.error("audit.sequencing-stopped", error=type(error).__name__, reason=_reason(error))
        if self._on_fault is not None:
            self._on_fault(error)
        return False


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, FrisketError) else ""
