"""Both engines of `plumbing.work`, each held to the one promise suite."""

import os
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources

import pytest
from django.db import connection
from tests.conftest import House
from tests.plumbing.promises import WorkPromises, queue, take, void

from frisket.plumbing import db, work
from frisket.plumbing.models import WorkItem
from frisket.plumbing.work import queues
from frisket.plumbing.work.engine import Engine
from frisket.plumbing.work.terms import HANDLERS, End, Ended

on_postgres = os.environ.get("FRISKET_TEST_DATABASE", "").startswith("postgres")


@pytest.mark.skipif(on_postgres, reason="this test process runs on PostgreSQL")
class TestSqliteRunner(WorkPromises):
    def leases_run_out(self, house: House) -> None:
        house.clock.pass_time(timedelta(seconds=61))

    def take_from(self, engine: Engine) -> None:
        WorkItem.objects.filter(state="running").update(worker="somebody else")

    def test_setting_the_wall_clock_ends_no_lease(self, house: House, two_workers: tuple) -> None:
        holder, other = two_workers
        work.handles("t.do")(void)
        queue("t.do")
        take(holder, "t.do")
        house.clock.set_wall(house.clock.now() + timedelta(days=365))
        assert other.recover() == 0

    def test_the_only_worker_need_not_wait_for_the_leases_of_the_dead(self, house: House) -> None:
        work.handles("t.do")(void)
        queue("t.do")
        killed = queues.table()
        killed.open()
        take(killed, "t.do")
        while_it_lives = queues.table()
        while_it_lives.open()
        assert while_it_lives.recover() == 0
        while_it_lives.close()
        killed.close()  # as the kernel drops a killed one's lock
        heir = queues.table()
        heir.open()
        assert heir.recover() == 1
        heir.close()

    def test_a_claim_costs_the_same_however_many_wait_in_a_group(self, house: House, two_workers: tuple) -> None:
        """Counted in steps of SQLite's own machine, which no load on this one changes."""
        work.handles("t.do", at_once=2)(void)
        table = two_workers[0]

        def steps_of_a_claim() -> int:
            steps = 0

            def count() -> int:
                nonlocal steps
                steps += 1
                return 0

            connection.connection.set_progress_handler(count, 10)
            claimed = table.claim({"t.do": 2}, 2)
            connection.connection.set_progress_handler(None, 0)
            assert {one.group for one in claimed} == {"device-1", "device-2"}
            table.settle([Ended(one, End.BACK) for one in claimed])
            return steps

        with db.transaction() as tx:
            work.enqueue_many([work.NewWork("t.do", {}, group=f"device-{n}") for n in (1, 2)], tx=tx)
        few = steps_of_a_claim()
        with db.transaction() as tx:
            work.enqueue_many([work.NewWork("t.do", {}, group="device-1")] * 5000, tx=tx)
        assert steps_of_a_claim() < 2 * few


@pytest.mark.skipif(
    not on_postgres, reason="needs FRISKET_TEST_DATABASE=postgresql://user@host:port/name for the whole run"
)
class TestProcrastinate(WorkPromises):
    @pytest.fixture(autouse=True)
    def tables(self, database: None) -> Iterator[None]:
        work.prepare_database()
        work.prepare_database()  # again changes nothing
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
        yield
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")

    def leases_run_out(self, house: House) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '61 s'")

    def take_from(self, engine: Engine) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT worker_id FROM procrastinate_register_worker_v1()")
            other = cursor.fetchone()[0]
            cursor.execute("UPDATE procrastinate_jobs SET worker_id=%s WHERE status='doing'", [other])

    def test_procrastinates_own_tools_see_the_work(self, house: House) -> None:
        queue("t.do", {"n": 1}, group="device-1", once="word", priority=3)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT task_name, queue_name, lock, queueing_lock, priority, status FROM procrastinate_jobs"
            )
            assert cursor.fetchall() == [("t.do", "t.do", "device-1", "word", 3, "todo")]
            cursor.execute("SELECT type FROM procrastinate_events ORDER BY id")
            assert ("deferred",) in cursor.fetchall()

    def test_a_schema_of_an_older_release_is_brought_up_to_the_installed_one(self, house: House) -> None:
        everything = "SELECT proname FROM pg_proc WHERE pronamespace=%s::regnamespace ORDER BY 1"
        folder = resources.files("procrastinate.sql") / "migrations"
        scripts = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
        old = [name for name in scripts if name < "03.03"]
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA of_old")
            try:
                cursor.execute("SET search_path TO of_old")
                for name in old:
                    cursor.execute((folder / name).read_text())
                cursor.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{old[-1]}'")
                work.prepare_database()
                cursor.execute("SELECT obj_description('procrastinate_jobs'::regclass)")
                assert cursor.fetchone() == (scripts[-1],) != (old[-1],)
                cursor.execute(everything, ["of_old"])
                upgraded = cursor.fetchall()
                cursor.execute(everything, ["public"])
                fresh = {row for row in cursor.fetchall() if row[0].startswith("procrastinate")}
                assert fresh <= set(upgraded)
            finally:
                cursor.execute("RESET search_path")
                cursor.execute("DROP SCHEMA of_old CASCADE")

    def test_two_nodes_never_hold_the_same_work(self, house: House, two_workers: tuple) -> None:
        work.handles("t.do", at_once=10)(void)
        with db.transaction() as tx:
            work.enqueue_many([work.NewWork("t.do", {}) for _ in range(10)], tx=tx)
        first, second = two_workers
        with db.transaction():
            held = first.claim({"t.do": 5}, 5)
        others = second.claim({"t.do": 10}, 10)
        assert len(held) == 5 and len(others) == 5
        assert {one.id for one in held} & {one.id for one in others} == set()


def test_one_kind_has_one_handler() -> None:
    work.handles("t.twice")(void)
    try:
        with pytest.raises(work.KindTaken):
            work.handles("t.twice")(print)
    finally:
        del HANDLERS["t.twice"]
