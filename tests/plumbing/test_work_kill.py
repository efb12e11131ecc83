"""Workers that are killed in the middle of their work, as real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections
from tests.conftest import House
from tests.plumbing.house_process import LEASE_S

from frisket.plumbing import db, work
from frisket.plumbing.settings import Settings
from frisket.programs import framework

ROOT = Path(__file__).parents[2]
SLACK_S = 3.0  # a loaded machine; the poll and the looking for the dead are within a second


class Workers:
    """Worker processes on one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.processes: list[subprocess.Popen[bytes]] = []

    def run(self, role: str) -> "subprocess.Popen[bytes]":
        environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        command = [sys.executable, "-m", "tests.plumbing.house_process", str(self.data), role]
        process = subprocess.Popen(command, cwd=ROOT, env=environ)
        self.processes.append(process)
        return process

    def said(self, process: "subprocess.Popen[bytes]", word: str) -> float:
        """Wait for a line of the log; its time."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert process.poll() is None, "the worker ended"
            for line in (self.data / "log").read_text().splitlines() if (self.data / "log").exists() else []:
                pid, what, at = line.split()
                if (int(pid), what) == (process.pid, word):
                    return float(at)
            time.sleep(0.01)
        raise AssertionError(f"never said: {word}")


@pytest.fixture
def workers(house: House) -> Iterator[Workers]:
    """Its own SQLite file, or the run's PostgreSQL."""
    old = connections.settings["default"]
    on_sqlite = db.is_sqlite()
    if on_sqlite:
        framework.use(Settings(), house.data, secret_key="a key of the tests")
        call_command("migrate", run_syncdb=True, verbosity=0)
    else:
        work.prepare_database()
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
    made = Workers(house.data)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()
    if on_sqlite:
        framework.use(Settings(), Path(old["NAME"]).parent, secret_key="a key of the tests")


@pytest.fixture
def held(workers: Workers) -> Callable[[], "subprocess.Popen[bytes]"]:
    """A worker in the middle of its work."""

    def begin() -> "subprocess.Popen[bytes]":
        (workers.data / "slow").touch()
        assert workers.run("queue").wait(60) == 0
        worker = workers.run("work")
        workers.said(worker, "begun-1")
        return worker

    return begin


def test_after_a_kill_the_restarted_house_does_the_work_again_within_one_lease(
    workers: Workers, held: Callable[[], "subprocess.Popen[bytes]"]
) -> None:
    killed = held()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    (workers.data / "slow").unlink()
    heir = workers.run("work")
    again = workers.said(heir, "begun-2") - workers.said(heir, "ready")
    assert again < LEASE_S + SLACK_S
    workers.said(heir, "done")


def test_another_living_worker_takes_over_from_a_killed_one_within_one_lease(
    workers: Workers, held: Callable[[], "subprocess.Popen[bytes]"]
) -> None:
    killed = held()
    other = workers.run("work")
    workers.said(other, "ready")
    time.sleep(LEASE_S * 1.5)
    assert "begun-2" not in (workers.data / "log").read_text(), "the living one keeps its lease"
    at = time.time()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    again = workers.said(other, "begun-2")
    assert 0 < again - at < LEASE_S + SLACK_S
    (workers.data / "slow").unlink()
    workers.said(other, "done")
