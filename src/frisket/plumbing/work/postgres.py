"""Work on PostgreSQL: procrastinate's tables and functions, from Django's own connection.

Queueing calls procrastinate's defer function on the connection that holds the caller's transaction, so both
commit or neither does; its own connectors bring a connection of their own or an app in Django's registry.
The worker loop is ours too: procrastinate's neither fences completion (a stalled worker that comes back can
finish what another holds by now) nor limits a kind within a process. Its schema, functions, events,
notifications, heartbeat rows and command line stay as they are, so its tools see and steer this work.

A group is procrastinate's ``lock``, ``once`` its ``queueing_lock``, a kind both its task and its queue.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import psycopg
from django.db import IntegrityError, connection
from django.db import transaction as django_transaction
from procrastinate.schema import SchemaManager

from frisket.plumbing import parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.work import bell
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

__all__ = ["PostgresTable", "add", "cancel", "dead_letters", "overview", "prepare", "revive", "table"]

LEASE_LOST = "LeaseRanOut"
OLDEST_WORKER_S = 24 * 3600.0
_PREPARE_LOCK = 0x667269736B  # "frisk": two processes may start at once


def _rows(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def prepare() -> None:
    """Make procrastinate's tables, or bring them to the release that is installed.

    Which of its migrations are in is kept as the comment of its table: the newest one's file name.
    """
    folder = resources.files("procrastinate.sql") / "migrations"
    scripts = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    with transaction():
        _rows("SELECT pg_advisory_xact_lock(%s)", [_PREPARE_LOCK])
        if _rows("SELECT to_regclass('procrastinate_jobs')")[0][0] is None:
            _script(SchemaManager.get_schema())
        else:
            done = _rows("SELECT obj_description('procrastinate_jobs'::regclass)")[0][0] or scripts[-1]
            for name in scripts:
                if name > done:
                    _script((folder / name).read_text(encoding="utf-8"))
        # COMMENT takes no parameters; the name is a file's of the installed package.
        _script("COMMENT ON TABLE procrastinate_jobs IS '" + scripts[-1].replace("'", "''") + "'")


def _script(sql: str) -> None:
    """Run SQL as it stands: without values, a percent sign is only a percent sign."""
    with connection.cursor() as cursor:
        cursor.execute(sql)


_DEFER = """
SELECT procrastinate_defer_jobs_v1(ARRAY(
  SELECT ROW(work.kind, work.kind, work.priority, work.lock, work.once, work.args, work.at)
           ::procrastinate_job_to_defer_v1
  FROM jsonb_to_recordset(%s::jsonb) AS work(
    place integer, kind varchar, priority integer, lock text, once text, args jsonb, at timestamptz)
  ORDER BY work.place))
"""


def add(new: Sequence[NewWork], *, tx: Tx) -> list[WorkId]:
    ids: list[WorkId | None] = [None] * len(new)
    many = [(place, work) for place, work in enumerate(new) if not work.once]
    if many:
        for (place, _), pk in zip(many, _defer([work for _, work in many]), strict=True):
            ids[place] = pk
    for place, work in enumerate(new):
        if work.once:
            ids[place] = _add_once(work)
    return [pk for pk in ids if pk is not None]


def _defer(new: Sequence[NewWork]) -> list[WorkId]:
    values = [
        {
            "place": place,
            "kind": work.kind,
            "priority": work.priority,
            "lock": work.group or None,
            "once": work.once or None,
            "args": {"payload": dict(work.payload)},
            "at": (work.at or parts.clock().now()).isoformat(),
        }
        for place, work in enumerate(new)
    ]
    return [WorkId(pk) for pk in _rows(_DEFER, [json.dumps(values)])[0][0]]


def _add_once(work: NewWork) -> WorkId:
    """Between looking and inserting another transaction may queue the same word; then look again."""
    while True:
        waiting = _rows(
            """UPDATE procrastinate_jobs SET scheduled_at = least(scheduled_at, %s),
                 priority = greatest(priority, %s)
               WHERE queueing_lock = %s AND status = 'todo' RETURNING id""",
            [work.at or parts.clock().now(), work.priority, work.once],
        )
        if waiting:
            return WorkId(waiting[0][0])
        try:
            with django_transaction.atomic():
                return _defer([work])[0]
        except IntegrityError:
            continue


def cancel(work: WorkId, *, tx: Tx) -> bool:
    return _rows("SELECT procrastinate_cancel_job_v1(%s, true, true)", [work])[0][0] is not None


def revive(work: WorkId, *, tx: Tx) -> bool:
    dead = _rows("SELECT queueing_lock FROM procrastinate_jobs WHERE id=%s AND status='failed' FOR UPDATE", [work])
    if not dead:
        return False
    if _another_waits(dead[0][0]):
        _rows("DELETE FROM procrastinate_jobs WHERE id=%s", [work])
        return True
    now = parts.clock().now()
    _rows("SELECT procrastinate_retry_job_v2(%s, %s, NULL, NULL, NULL)", [work, now])
    _rows("UPDATE procrastinate_jobs SET attempts=0, args = args - 'error' WHERE id=%s", [work])
    return True


def dead_letters(kind: Kind | None, limit: int) -> list[DeadLetter]:
    rows = _rows(
        """SELECT id, queue_name, coalesce(args->>'error', ''), attempts, args->'payload'
           FROM procrastinate_jobs WHERE status='failed' AND (%s::varchar IS NULL OR queue_name=%s)
           ORDER BY id DESC LIMIT %s""",
        [kind, kind, limit],
    )
    return [DeadLetter(WorkId(pk), of, error, attempts, _plain(load)) for pk, of, error, attempts, load in rows]


def overview() -> list[QueueState]:
    now = parts.clock().now()
    errors: dict[str, dict[str, int]] = {}
    for kind, error, count in _rows(
        """SELECT queue_name, coalesce(args->>'error', ''), count(*) FROM procrastinate_jobs
           WHERE status='failed' GROUP BY 1, 2"""
    ):
        errors.setdefault(kind, {})[error] = count
    rows = _rows(
        """SELECT queue_name,
             count(*) FILTER (WHERE status='todo' AND coalesce(scheduled_at, %s) <= %s),
             count(*) FILTER (WHERE status='todo' AND scheduled_at > %s),
             count(*) FILTER (WHERE status='doing'),
             count(*) FILTER (WHERE status='failed'),
             min(scheduled_at) FILTER (WHERE status='todo' AND scheduled_at <= %s)
           FROM procrastinate_jobs GROUP BY queue_name ORDER BY queue_name""",
        [now, now, now, now],
    )
    return [
        QueueState(
            kind,
            ready,
            later,
            running,
            dead,
            max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
            errors.get(kind, {}),
        )
        for kind, ready, later, running, dead, oldest in rows
    ]


def _another_waits(once: str | None) -> bool:
    if not once:
        return False
    return bool(_rows("SELECT 1 FROM procrastinate_jobs WHERE queueing_lock=%s AND status='todo'", [once]))


def _plain(load: Any) -> dict[str, str | int]:
    values = json.loads(load) if isinstance(load, str) else load
    return {str(name): value for name, value in (values or {}).items()}


_READY = """
SELECT id, queue_name, lock, coalesce(queueing_lock, ''), args->'payload', attempts
FROM procrastinate_jobs AS work
WHERE status='todo' AND queue_name = ANY(%s) AND (scheduled_at IS NULL OR scheduled_at <= %s)
  AND (lock IS NULL OR NOT EXISTS (
    SELECT 1 FROM procrastinate_jobs AS other WHERE other.lock = work.lock AND other.status='doing'))
ORDER BY priority DESC, id LIMIT %s FOR UPDATE SKIP LOCKED
"""


class PostgresTable:
    """The runner's view of procrastinate's tables. Leases are its heartbeat rows, by the database's clock."""

    def __init__(self) -> None:
        self._me: int | None = None
        self._ear: _Ear | None = None

    def open(self) -> None:
        if self._me is None or not _rows("SELECT 1 FROM procrastinate_workers WHERE id=%s", [self._me]):
            self._me = _rows("SELECT worker_id FROM procrastinate_register_worker_v1()")[0][0]
        if self._ear is None:
            self._ear = _Ear()
            self._ear.start()

    def close(self) -> None:
        if self._ear is not None:
            self._ear.stop()
            self._ear = None
        if self._me is not None:
            _rows("SELECT procrastinate_unregister_worker_v1(%s)", [self._me])
            self._me = None

    def claim(self, room: Mapping[Kind, int], most: int) -> list[Claimed]:
        try:
            with transaction():
                ready = _rows(_READY, [list(room), parts.clock().now(), max(4 * most, 16)])
                left = dict(room)
                busy: set[str] = set()
                chosen: list[Claimed] = []
                for pk, kind, lock, once, load, attempts in ready:
                    if len(chosen) == most or not left[kind] or lock in busy:
                        continue
                    left[kind] -= 1
                    if lock:
                        busy.add(lock)
                    chosen.append(Claimed(WorkId(pk), kind, _plain(load), attempts + 1, lock or "", once))
                if chosen:
                    _rows(
                        "UPDATE procrastinate_jobs SET status='doing', worker_id=%s WHERE id = ANY(%s)",
                        [self._me, [work.id for work in chosen]],
                    )
                return chosen
        except IntegrityError:
            # Another node took work of the same group in this moment; the unique index on the lock said no.
            return []

    def settle(self, ended: Sequence[Ended]) -> None:
        with transaction():
            for one in ended:
                self._settle_one(one)

    def _settle_one(self, one: Ended) -> None:
        """The fence: a worker whose lease was given to another holds no such row."""
        work = one.work
        mine = _rows(
            """SELECT abort_requested FROM procrastinate_jobs
               WHERE id=%s AND status='doing' AND worker_id=%s AND attempts=%s FOR UPDATE""",
            [work.id, self._me, work.attempt - 1],
        )
        if not mine:
            return
        if one.end == End.OVER or mine[0][0] or (one.end != End.DEAD and _another_waits(work.once)):
            _rows("SELECT procrastinate_finish_job_v1(%s, 'succeeded', true)", [work.id])
            return
        if one.end == End.DEAD:
            _bury(work.id, one.error)
            return
        pause = 0.0 if one.end == End.BACK else one.pause_s
        _again(work.id, one.error, parts.clock().now() + timedelta(seconds=pause))
        if one.end == End.BACK:
            _rows("UPDATE procrastinate_jobs SET attempts=%s WHERE id=%s", [work.attempt - 1, work.id])

    def keep(self, running: Sequence[Claimed]) -> Beat:
        _rows("SELECT procrastinate_update_heartbeat_v1(%s)", [self._me])
        held = _rows(
            """SELECT id, attempts, abort_requested FROM procrastinate_jobs
               WHERE id = ANY(%s) AND status='doing' AND worker_id=%s""",
            [[work.id for work in running], self._me],
        )
        mine = {pk: attempts for pk, attempts, _ in held}
        lost = frozenset(work.id for work in running if mine.get(work.id) != work.attempt - 1)
        return Beat(lost, frozenset(WorkId(pk) for pk, _, cancelled in held if cancelled))

    def watch(self, running: Sequence[Claimed]) -> frozenset[WorkId]:
        rows = _rows(
            """SELECT id FROM procrastinate_jobs
               WHERE id = ANY(%s) AND status='doing' AND worker_id=%s AND abort_requested""",
            [[work.id for work in running], self._me],
        )
        return frozenset(WorkId(pk) for (pk,) in rows)

    def recover(self) -> int:
        """Procrastinate leaves stalled work to its user: work of workers without a heartbeat for a lease."""
        # One that is idle beats here; one at work beats with its leases as well.
        _rows("SELECT procrastinate_update_heartbeat_v1(%s)", [self._me])
        leases = json.dumps({kind: handler.lease.total_seconds() for kind, handler in HANDLERS.items()})
        with transaction():
            stalled = _rows(
                """SELECT work.id, work.queue_name, work.attempts, work.queueing_lock, work.abort_requested
                   FROM procrastinate_jobs AS work
                   LEFT JOIN procrastinate_workers AS worker ON worker.id = work.worker_id
                   WHERE work.status='doing' AND work.queue_name = ANY(%s) AND (worker.id IS NULL
                     OR extract(epoch FROM now() - worker.last_heartbeat)
                        >= (%s::jsonb->>work.queue_name)::float)
                   FOR UPDATE OF work SKIP LOCKED""",
                [list(HANDLERS), leases],
            )
            for pk, kind, attempts, once, cancelled in stalled:
                _free(pk, HANDLERS[kind].most_attempts, attempts, once, cancelled)
            _rows(
                """DELETE FROM procrastinate_workers AS worker
                   WHERE last_heartbeat < now() - make_interval(secs => %s) AND NOT EXISTS (
                     SELECT 1 FROM procrastinate_jobs WHERE worker_id = worker.id AND status='doing')""",
                [OLDEST_WORKER_S],
            )
        return len(stalled)

    def next_due_s(self) -> float | None:
        now = parts.clock().now()
        first = _rows(
            "SELECT min(scheduled_at) FROM procrastinate_jobs WHERE status='todo' AND scheduled_at > %s",
            [now],
        )[0][0]
        return None if first is None else float((first - now).total_seconds())


def _free(pk: int, most_attempts: int, attempts: int, once: str | None, cancelled: bool) -> None:
    """What a dead worker held waits again; work that keeps killing its worker is dead at last."""
    if cancelled or _another_waits(once):
        _rows("SELECT procrastinate_finish_job_v1(%s, 'failed', true)", [pk])
    elif attempts + 1 >= most_attempts:
        _bury(WorkId(pk), LEASE_LOST)
    else:
        _again(WorkId(pk), LEASE_LOST, parts.clock().now())


def _bury(work: WorkId, error: str) -> None:
    _rows("SELECT procrastinate_finish_job_v1(%s, 'failed', false)", [work])
    _note(work, error)


def _again(work: WorkId, error: str, at: datetime) -> None:
    _rows("SELECT procrastinate_retry_job_v2(%s, %s, NULL, NULL, NULL)", [work, at])
    _note(work, error)


def _note(work: WorkId, error: str) -> None:
    _rows(
        "UPDATE procrastinate_jobs SET args = args || jsonb_build_object('error', %s::text) WHERE id=%s",
        [error, work],
    )


class _Ear(threading.Thread):
    """Listens for procrastinate's notifications, so that work queued by another process begins at once."""

    def __init__(self) -> None:
        super().__init__(name="work-ear", daemon=True)
        self._ending = threading.Event()
        wanted = connection.get_connection_params()
        wanted.pop("cursor_factory", None)
        wanted.pop("context", None)
        self._wanted = wanted

    def stop(self) -> None:
        self._ending.set()
        _rows("NOTIFY procrastinate_any_queue_v1")  # it hears that at once
        self.join(2.0)

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                self._listen()
            except psycopg.Error:
                # The runner polls every second meanwhile.
                self._ending.wait(1.0)

    def _listen(self) -> None:
        with psycopg.connect(**self._wanted, autocommit=True) as line:
            line.execute("LISTEN procrastinate_any_queue_v1")
            while not self._ending.is_set():
                for _ in line.notifies(timeout=5.0, stop_after=1):
                    bell.nudge()


def table() -> PostgresTable:
    return PostgresTable()
