import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection
from django.db.utils import IntegrityError, OperationalError
from tests.conftest import House

from frisket.plumbing import db
from frisket.plumbing.models import Counter


@pytest.fixture(autouse=True)
def only_on_sqlite(house: House) -> None:
    if not db.is_sqlite():
        pytest.skip("this test process runs on PostgreSQL")


def another_thread_can_write() -> bool:
    """True when a writer of another thread gets its turn within a moment."""
    done: list[bool] = []

    def write() -> None:
        with db.transaction():
            Counter.objects.create(name=f"other-{time.monotonic_ns()}")
        done.append(True)
        db.close_connections()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(5)
    return bool(done)


class TestTurns:
    def test_the_turn_is_given_back_after_a_commit(self) -> None:
        with db.transaction():
            Counter.objects.create(name="a")
        assert another_thread_can_write()

    def test_the_turn_is_given_back_after_an_error(self) -> None:
        with pytest.raises(IntegrityError), db.transaction():
            Counter.objects.bulk_create([Counter(name="a"), Counter(name="a")])
        assert another_thread_can_write()

    def test_the_turn_is_given_back_when_the_connection_breaks(self) -> None:
        with pytest.raises(Exception), db.transaction():
            Counter.objects.create(name="a")
            connection.connection.close()  # under the framework's feet
            Counter.objects.create(name="b")
        connection.close()
        assert another_thread_can_write()

    def test_the_turn_is_given_back_when_the_connection_is_closed_inside(self) -> None:
        with pytest.raises(Exception), db.transaction():
            Counter.objects.create(name="a")
            db.close_connections()
            assert another_thread_can_write()
            Counter.objects.create(name="b")
        assert another_thread_can_write()

    def test_the_turn_is_given_back_after_a_single_write_that_fails(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO plumbing_counter (name, last) VALUES ('a', 0)")
            with pytest.raises(IntegrityError):
                cursor.execute("INSERT INTO plumbing_counter (name, last) VALUES ('a', 0)")
        assert another_thread_can_write()

    def test_a_writer_waits_for_the_one_before_it(self) -> None:
        order: list[str] = []
        begun = threading.Event()

        def second() -> None:
            begun.set()
            Counter.objects.filter(name="a").update(last=2)  # a single write, outside any transaction
            order.append("second")
            db.close_connections()

        thread = threading.Thread(target=second)
        with db.transaction():
            Counter.objects.create(name="a", last=1)
            thread.start()
            begun.wait(5)
            time.sleep(0.1)
            order.append("first")
        thread.join(5)
        assert order == ["first", "second"] and Counter.objects.get(name="a").last == 2

    def test_one_who_waits_too_long_is_refused_and_not_hung(self, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[BaseException] = []
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.2)

        def second() -> None:
            try:
                with db.transaction():
                    pass
            except OperationalError as error:
                heard.append(error)
            db.close_connections()

        with db.transaction():
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(5)
        assert not thread.is_alive() and len(heard) == 1

    def test_many_threads_writing_alone_and_in_transactions_lose_nothing(self) -> None:
        Counter.objects.create(name="a")
        refused: list[BaseException] = []

        def write() -> None:
            try:
                for n in range(25):
                    if n % 2:
                        with connection.cursor() as cursor:
                            cursor.execute("UPDATE plumbing_counter SET last = last + 1 WHERE name = 'a'")
                    else:
                        with db.transaction():
                            row = Counter.objects.get(name="a")
                            row.last += 1
                            row.save()
            except OperationalError as error:
                refused.append(error)
            db.close_connections()

        threads = [threading.Thread(target=write) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert refused == [] and Counter.objects.get(name="a").last == 200


class TestFile:
    def test_a_second_process_may_write_the_same_file(self) -> None:
        """It holds the file for a while; our writer waits for it instead of failing."""
        Counter.objects.create(name="a")
        script = (
            "import sqlite3, sys, time\n"
            "line = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)\n"
            "line.execute('BEGIN IMMEDIATE')\n"
            "line.execute(\"UPDATE plumbing_counter SET last = last + 1 WHERE name = 'a'\")\n"
            "print('held', flush=True)\n"
            "time.sleep(0.5)\n"
            "line.execute('COMMIT')\n"
        )
        name = str(connection.settings_dict["NAME"])
        other = subprocess.Popen([sys.executable, "-c", script, name], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with db.transaction():
            row = Counter.objects.get(name="a")
            row.last += 1
            row.save()
        assert other.wait(10) == 0
        assert Counter.objects.get(name="a").last == 2

    @pytest.mark.parametrize(("pragma", "value"), [("synchronous", 2), ("secure_delete", 1), ("journal_mode", "wal")])
    def test_what_is_committed_is_synced_and_what_is_deleted_is_overwritten(
        self, pragma: str, value: int | str
    ) -> None:
        db.close_connections()
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA {pragma}")
            assert cursor.fetchone() == (value,)

    def test_a_rollback_leaves_nothing_for_another_connection(self) -> None:
        with pytest.raises(RuntimeError), db.transaction():
            Counter.objects.create(name="a")
            raise RuntimeError("no")
        line = sqlite3.connect(str(connection.settings_dict["NAME"]))
        try:
            assert line.execute("SELECT count(*) FROM plumbing_counter").fetchone() == (0,)
        finally:
            line.close()
