"""Work on SQLite: our own table, for the processes of one machine.

Leases are kept in house seconds, so setting the wall clock neither ends nor lengthens one.
"""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet

from frisket.plumbing import parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.models import WorkItem
from frisket.plumbing.work.terms import (
    HANDLERS,
    Beat,
    Claimed,
    DeadLetter,
    End,
    Ended,
    Kind,
    NewWork,
    QueueState,
    WorkId,
)

__all__ = ["SqliteTable", "add", "cancel", "dead_letters", "overview", "prepare", "revive", "table"]

WAITING, LATER, RUNNING, DEAD = "waiting", "later", "running", "dead"
LEASE_LOST = "LeaseRanOut"

# Steps from one kind that has ready work to the next, in each from group to group, and takes each one's head.
# However many items wait in a group, only its head is looked at. Not as one step over (kind, group) pairs:
# SQLite seeks by the first column of such a comparison only and then walks through the whole group.
_HEADS = """
WITH RECURSIVE kinds(kind) AS (
  SELECT (SELECT kind FROM plumbing_workitem WHERE state = 'waiting' ORDER BY kind LIMIT 1)
  UNION ALL
  SELECT (SELECT kind FROM plumbing_workitem WHERE state = 'waiting' AND kind > kinds.kind
          ORDER BY kind LIMIT 1)
  FROM kinds WHERE kind IS NOT NULL
), pair(kind, grp) AS (
  SELECT kind, (SELECT "group" FROM plumbing_workitem WHERE state = 'waiting' AND kind = kinds.kind
                ORDER BY "group" LIMIT 1)
  FROM kinds WHERE kind IS NOT NULL
  UNION ALL
  SELECT kind, (SELECT "group" FROM plumbing_workitem WHERE state = 'waiting' AND kind = pair.kind
                AND "group" > pair.grp ORDER BY "group" LIMIT 1)
  FROM pair WHERE grp IS NOT NULL
)
SELECT head.id, head.kind, head."group", head.priority
FROM pair CROSS JOIN plumbing_workitem AS head ON head.id = (
  SELECT id FROM plumbing_workitem WHERE state = 'waiting' AND kind = pair.kind AND "group" = pair.grp
  ORDER BY priority DESC, id LIMIT 1)
WHERE grp IS NOT NULL
"""


def add(new: Sequence[NewWork], *, tx: Tx) -> list[WorkId]:
    now = parts.clock().now()
    ids: dict[int, WorkId] = {}
    rows: list[tuple[int, WorkItem]] = []
    asked: dict[str, int] = {}  # the word of a "once" in this very call: where it stands
    for place, work in enumerate(new):
        at = work.at if work.at is not None and work.at > now else now
        if work.once:
            if work.once in asked:
                row = dict(rows)[asked[work.once]]
                row.run_at, row.priority = min(row.run_at, at), max(row.priority, work.priority)
                row.state = LATER if row.run_at > now else WAITING
                continue
            waiting = _waiting_already(work, at)
            if waiting is not None:
                ids[place] = waiting
                continue
            asked[work.once] = place
        rows.append((place, _row(work, at, LATER if at > now else WAITING)))
    WorkItem.objects.bulk_create([row for _, row in rows])
    ids |= {place: WorkId(row.pk) for place, row in rows}
    return [ids[place] if place in ids else ids[asked[work.once]] for place, work in enumerate(new)]


def _row(work: NewWork, at: datetime, state: str) -> WorkItem:
    return WorkItem(
        kind=work.kind,
        payload=dict(work.payload),
        state=state,
        priority=work.priority,
        group=work.group,
        once=work.once or None,
        run_at=at,
        created_at=parts.clock().now(),
    )


def _waiting_already(work: NewWork, at: datetime) -> WorkId | None:
    """The item that waits under the same word, made to run no later than this one asks."""
    row = WorkItem.objects.filter(once=work.once, state__in=[WAITING, LATER]).first()
    if row is None:
        return None
    if at < row.run_at or work.priority > row.priority:
        row.run_at, row.priority = min(at, row.run_at), max(work.priority, row.priority)
        row.state = LATER if row.run_at > parts.clock().now() else WAITING
        row.save(update_fields=["run_at", "priority", "state"])
    return WorkId(row.pk)


def cancel(work: WorkId, *, tx: Tx) -> bool:
    gone, _ = WorkItem.objects.filter(pk=work, state__in=[WAITING, LATER]).delete()
    return bool(gone) or bool(WorkItem.objects.filter(pk=work, state=RUNNING).update(cancelled=True))


def revive(work: WorkId, *, tx: Tx) -> bool:
    row = WorkItem.objects.filter(pk=work, state=DEAD).first()
    if row is None:
        return False
    if _another_waits(row.once):
        row.delete()
        return True
    now = parts.clock().now()
    WorkItem.objects.filter(pk=work).update(state=WAITING, attempt=0, run_at=now, last_error="")
    return True


def dead_letters(kind: Kind | None, limit: int) -> list[DeadLetter]:
    rows = WorkItem.objects.filter(state=DEAD, **({"kind": kind} if kind else {})).order_by("-id")[:limit]
    return [DeadLetter(WorkId(row.pk), row.kind, row.last_error, row.attempt, row.payload) for row in rows]


def overview() -> list[QueueState]:
    now = parts.clock().now()
    # What fell due a moment ago and was not yet looked at counts as ready.
    ready = Q(state=WAITING) | Q(state=LATER, run_at__lte=now)
    rows = WorkItem.objects.values("kind").order_by("kind")
    counted = rows.annotate(
        ready=Count("pk", filter=ready),
        later=Count("pk", filter=Q(state=LATER, run_at__gt=now)),
        running=Count("pk", filter=Q(state=RUNNING)),
        dead=Count("pk", filter=Q(state=DEAD)),
        oldest=Min("run_at", filter=ready),
    )
    dead = WorkItem.objects.filter(state=DEAD)
    errors: dict[str, dict[str, int]] = {}
    for kind, error, count in dead.values_list("kind", "last_error").annotate(count=Count("pk")):
        errors.setdefault(kind, {})[error] = count
    return [
        QueueState(
            row["kind"],
            row["ready"],
            row["later"],
            row["running"],
            row["dead"],
            max(0.0, (now - row["oldest"]).total_seconds()) if row["oldest"] else 0.0,
            errors.get(row["kind"], {}),
        )
        for row in counted
    ]


def _another_waits(once: str | None) -> bool:
    return bool(once) and WorkItem.objects.filter(once=once, state__in=[WAITING, LATER]).exists()


class SqliteTable:
    """The runner's view of our table."""

    def __init__(self) -> None:
        self._me = uuid4().hex
        self._lock: int | None = None

    def open(self) -> None:
        with connection.cursor() as cursor:
            # Claims and completions need no sync of their own: one that a power cut takes back is done again,
            # which is what "at least once" allows, and nothing of the time before is running any more.
            cursor.execute("PRAGMA synchronous=NORMAL")
        if self._lock is None:
            self._lock = os.open(parts.data() / "workers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._sign_on(self._lock)

    def _sign_on(self, lock: int) -> None:
        """Every worker shares the lock while it lives; the kernel takes it from a killed one.

        Whoever finds itself alone knows that what still runs belongs to the dead, and need not wait for
        leases; else leases alone decide.
        """
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_SH)
            return
        with transaction():
            WorkItem.objects.filter(state=RUNNING).update(lease_until=parts.clock().elapsed())
        fcntl.flock(lock, fcntl.LOCK_SH)

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def claim(self, room: Mapping[Kind, int], most: int) -> list[Claimed]:
        if not _anything_ready():
            return []
        with transaction(), connection.cursor() as cursor:
            now = connection.ops.adapt_datetimefield_value(parts.clock().now())
            cursor.execute("UPDATE plumbing_workitem SET state='waiting' WHERE state='later' AND run_at <= %s", [now])
            chosen = _choose(room, most, cursor)
            elapsed = parts.clock().elapsed()
            taken = [(self._me, elapsed + HANDLERS[work.kind].lease.total_seconds(), work.id) for work in chosen]
            cursor.executemany(
                "UPDATE plumbing_workitem SET state='running', worker=%s, attempt=attempt+1, lease_until=%s"
                " WHERE id=%s",
                taken,
            )
        return chosen

    def settle(self, ended: Sequence[Ended]) -> None:
        with transaction(), connection.cursor() as cursor:
            over = [one.work for one in ended if one.end == End.OVER]
            # The fence again, without the framework's machinery: this is on the way of every job.
            cursor.executemany(
                "DELETE FROM plumbing_workitem WHERE id=%s AND state='running' AND worker=%s AND attempt=%s",
                [(work.id, self._me, work.attempt) for work in over],
            )
            for one in ended:
                if one.end != End.OVER:
                    self._settle_one(one)

    def _mine(self, work: Claimed) -> QuerySet[WorkItem]:
        """The fence: a worker whose lease was given to another finds nothing here."""
        return WorkItem.objects.filter(pk=work.id, state=RUNNING, worker=self._me, attempt=work.attempt)

    def _settle_one(self, one: Ended) -> None:
        mine = self._mine(one.work)
        if one.end == End.DEAD:
            mine.filter(cancelled=True).delete()
            mine.update(state=DEAD, last_error=one.error, worker="", lease_until=None)
            return
        if _another_waits(one.work.once):
            mine.delete()
            return
        mine.filter(cancelled=True).delete()
        freed = {"worker": "", "lease_until": None, "last_error": one.error}
        if one.end == End.BACK:
            mine.update(state=WAITING, attempt=one.work.attempt - 1, **freed)
            return
        at = parts.clock().now() + timedelta(seconds=one.pause_s)
        mine.update(state=LATER, run_at=at, **freed)

    def keep(self, running: Sequence[Claimed]) -> Beat:
        elapsed = parts.clock().elapsed()
        lost: set[WorkId] = set()
        with transaction():
            for work in running:
                lease = HANDLERS[work.kind].lease.total_seconds()
                if not self._mine(work).update(lease_until=elapsed + lease):
                    lost.add(work.id)
        return Beat(frozenset(lost), self.watch(running))

    def watch(self, running: Sequence[Claimed]) -> frozenset[WorkId]:
        marks = ",".join(["%s"] * len(running))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM plumbing_workitem WHERE id IN ({marks})"
                " AND state='running' AND cancelled AND worker=%s",
                [*(work.id for work in running), self._me],
            )
            return frozenset(WorkId(pk) for (pk,) in cursor.fetchall())

    def recover(self) -> int:
        expired = WorkItem.objects.filter(state=RUNNING, lease_until__lte=parts.clock().elapsed())
        if not expired.exists():
            return 0
        with transaction():
            rows = list(expired)
            for row in rows:
                _free(row)
        return len(rows)

    def next_due_s(self) -> float | None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT min(run_at) FROM plumbing_workitem WHERE state='later'")
            (first,) = cursor.fetchone()
        if first is None:
            return None
        # The framework keeps moments in UTC, without saying so.
        return (datetime.fromisoformat(first).replace(tzinfo=UTC) - parts.clock().now()).total_seconds()


def _free(row: WorkItem) -> None:
    """What a dead worker held waits again; work that keeps killing its worker is dead at last."""
    handler = HANDLERS.get(row.kind)
    if row.cancelled or _another_waits(row.once):
        row.delete()
        return
    worn_out = handler is not None and row.attempt >= handler.most_attempts
    row.state = DEAD if worn_out else WAITING
    row.worker, row.lease_until, row.last_error = "", None, LEASE_LOST
    row.save(update_fields=["state", "worker", "lease_until", "last_error"])


def _anything_ready() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS(SELECT 1 FROM plumbing_workitem WHERE state='waiting')"
            " OR EXISTS(SELECT 1 FROM plumbing_workitem WHERE state='later' AND run_at <= %s)",
            [connection.ops.adapt_datetimefield_value(parts.clock().now())],
        )
        return bool(cursor.fetchone()[0])


def _choose(room: Mapping[Kind, int], most: int, cursor: Any) -> list[Claimed]:
    """Ready items by priority and age, within the room of each kind, one of each free group; and what follows in
    the group, where its kind is done in runs."""
    cursor.execute(_HEADS)
    heads = [head for head in cursor.fetchall() if head[1] in room]
    cursor.execute("SELECT DISTINCT \"group\" FROM plumbing_workitem WHERE state='running' AND \"group\" <> ''")
    busy = {group for (group,) in cursor.fetchall()}
    ready: list[tuple[int, int, Kind, str]] = []
    for pk, kind, group, priority in heads:
        if group:
            ready.append((-priority, pk, kind, group))
        else:
            ready += [(-behind, each, kind, "") for each, behind in _waiting(kind, "", min(room[kind], most), cursor)]
    left = dict(room)
    chosen: list[int] = []
    hands = 0
    for _, pk, kind, group in sorted(ready):
        if hands == most or not left[kind] or group in busy:
            continue
        hands += 1
        left[kind] -= 1
        chosen.append(pk)
        if group:
            busy.add(group)
            run = HANDLERS[kind].longest_run
            chosen += [each for each, _ in _waiting(kind, group, run, cursor)[1:]] if run > 1 else []
    return _claimed(chosen, cursor)


def _waiting(kind: Kind, group: str, most: int, cursor: Any) -> list[tuple[int, int]]:
    """Ids and priorities of what waits in a group, the first ones first."""
    cursor.execute(
        "SELECT id, priority FROM plumbing_workitem WHERE state='waiting' AND kind=%s AND \"group\"=%s"
        " ORDER BY priority DESC, id LIMIT %s",
        [kind, group, most],
    )
    rows: list[tuple[int, int]] = cursor.fetchall()
    return rows


def _claimed(chosen: Sequence[int], cursor: Any) -> list[Claimed]:
    """The items as they are given out: their attempt is one more than before the claim."""
    if not chosen:
        return []
    marks = ",".join(["%s"] * len(chosen))
    cursor.execute(
        f'SELECT id, kind, payload, attempt, "group", once FROM plumbing_workitem WHERE id IN ({marks})', chosen
    )
    rows = {
        pk: Claimed(WorkId(pk), kind, dict(json.loads(payload)), attempt + 1, group, once or "")
        for pk, kind, payload, attempt, group, once in cursor.fetchall()
    }
    return [rows[pk] for pk in chosen]


def table() -> SqliteTable:
    return SqliteTable()


def prepare() -> None:
    """Nothing: this table comes with the framework's own migrations."""
