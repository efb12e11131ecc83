"""Several jobs of one device in one go: what is joined in one commit, and what nothing may join."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from frisket import delivery, job, spool
from frisket.plumbing import crashpoints, db, work
from tests.delivery.conftest import Collector, Post, wait_for

PATIENCE_S = 90  # on a machine where much else runs
# Where the stages are loaded as well, they take a delivered job on at once.
DONE = (job.State.DELIVERED, job.State.ENDED, job.State.ERASED)


@contextmanager
def engine() -> Iterator[work.Engine]:
    running = work.open_engine(4)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def several(post: Post, collector: Collector, count: int) -> list[UUID]:
    target = post.adopted(collector.uri, probe=False, silence_is_done=True)
    delivery.ready()
    return [post.released(target, b"document %d" % n, format="application/octet-stream") for n in range(count)]


def test_many_jobs_of_one_device_are_each_printed_once_and_in_order(post: Post, collector: Collector) -> None:
    jobs = several(post, collector, 12)
    with engine():
        wait_for(lambda: all(post.view(each).state in DONE for each in jobs), PATIENCE_S)
    assert collector.prints == [b"document %d" % n for n in range(12)]
    assert all(len(delivery.attempts(post.house.scope, each)) == 1 for each in jobs)


def test_a_job_that_cannot_be_begun_costs_the_one_before_it_no_outcome(post: Post, collector: Collector) -> None:
    jobs = several(post, collector, 4)
    with db.transaction() as tx:
        spool.shred(jobs[1], tx=tx)
    with engine():
        wait_for(lambda: all(post.view(each).state in DONE for each in (jobs[0], jobs[2], jobs[3])), PATIENCE_S)
        wait_for(lambda: post.view(jobs[1]).state is job.State.QUARANTINED, PATIENCE_S)
    assert collector.prints == [b"document %d" % n for n in (0, 2, 3)]


def test_a_job_that_was_taken_back_meanwhile_is_passed_over(post: Post, collector: Collector) -> None:
    jobs = several(post, collector, 3)
    with db.transaction() as tx:
        by, why = post.house.administrator, job.Reason.WITHDRAWN
        job.move(jobs[1], job.State.HELD, expected=job.State.RELEASED, why=why, by=by, tx=tx)
    with engine():
        wait_for(lambda: all(post.view(each).state in DONE for each in (jobs[0], jobs[2])), PATIENCE_S)
    assert collector.prints == [b"document 0", b"document 2"]
    assert post.view(jobs[1]).state is job.State.HELD


@pytest.mark.parametrize(
    "point", ["delivery.before-attempt:2", "delivery.before-outcome:1", "delivery.after-outcome:1"]
)
def test_a_failing_call_between_two_jobs_loses_neither_and_prints_neither_twice(
    post: Post, collector: Collector, point: str
) -> None:
    jobs = several(post, collector, 3)
    crashpoints.arm(f"{point}:EIO")
    settled = (*DONE, job.State.UNCERTAIN)

    def come_to_rest() -> bool:
        post.house.clock.pass_time(timedelta(seconds=2))  # what failed is tried again after a pause
        return all(post.view(each).state in settled for each in jobs)

    with engine():
        wait_for(come_to_rest, PATIENCE_S)
    assert sorted(collector.prints) == [b"document %d" % n for n in range(3)]
    uncertain = [each for each in jobs if post.view(each).state is job.State.UNCERTAIN]
    # The document had left and its outcome was not written: only a person may say what became of it.
    assert uncertain == (jobs[:1] if point.startswith("delivery.before-outcome") else [])


def test_the_next_attempt_is_durable_before_the_device_hears_of_it(post: Post) -> None:
    """Also when it shares a commit with the outcome before it."""
    seen: list[list[str]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        uri = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        target = post.adopted(uri, probe=False, silence_is_done=True)
        delivery.ready()
        jobs = [post.released(target, b"document %d" % n) for n in range(3)]

        def look() -> None:
            for _ in jobs:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1)
                    seen.append([post.view(each).state.value for each in jobs])
                    while connection.recv(65536):
                        pass
            db.close_connections()

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        with engine():
            wait_for(lambda: all(post.view(each).state in DONE for each in jobs), PATIENCE_S)
        looking.join(5)
    assert [states[at] for at, states in enumerate(seen)] == ["sending"] * 3
    assert all(state in DONE for at, states in enumerate(seen) for state in states[:at])
    assert all(state == "released" for at, states in enumerate(seen) for state in states[at + 1 :])


def test_a_house_that_stops_leaves_what_it_had_not_begun_released(post: Post) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        uri = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        target = post.adopted(uri, probe=False, silence_is_done=True)
        delivery.ready()
        jobs = [post.released(target, b"document %d" % n) for n in range(3)]
        running = work.open_engine(4)
        running.start()
        connection, _ = listener.accept()
        stopping = threading.Thread(target=running.stop, daemon=True)
        stopping.start()
        wait_for(running._stopping.is_set)
        with connection:
            while connection.recv(65536):
                pass
        stopping.join(15)
    assert post.view(jobs[0]).state in DONE
    assert [post.view(each).state for each in jobs[1:]] == [job.State.RELEASED] * 2
