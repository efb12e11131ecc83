"""What dies while a job is sent, and what is known of it afterwards."""

import os
import socket
import threading
from collections.abc import Callable
from uuid import UUID

import pytest

from frisket import delivery, device, job, lab, spool
from frisket.delivery import loop, sending
from frisket.delivery.models import Attempt
from frisket.plumbing import crashpoints, db, work
from tests.delivery.conftest import Collector, Post, wait_for

PDF = b"%PDF-1.4\n" + os.urandom(3000) + b"\n%%EOF\n"
Virtual = Callable[..., lab.Running]

# Where the stages are loaded as well, they take a delivered job on at once.
DONE = (job.State.DELIVERED, job.State.ENDED, job.State.ERASED)


def die_at(job_id: UUID, point: str) -> None:
    """Stop sending at a crash point; all that is in memory of it is gone, as after a kill."""
    crashpoints.arm(f"{point}:1:EIO")
    try:
        delivery.send(job_id)
    except OSError:
        pass
    finally:
        crashpoints.arm("")


@pytest.fixture
def running(virtual: Virtual) -> lab.Running:
    return virtual(lab.DevicePlan("one", lab.Door.IPP, pages=2))


def test_every_durable_step_is_a_crash_point() -> None:
    points = {name for name in crashpoints.NAMES if name.startswith("delivery.")}
    assert points == {
        "delivery.before-attempt",
        "delivery.after-attempt",
        "delivery.before-first-octet",
        "delivery.after-first-octets",
        "delivery.after-last-octet",
        "delivery.before-outcome",
        "delivery.after-outcome",
    }


def test_a_house_that_died_before_the_first_octet_sends_the_job_again(post: Post, running: lab.Running) -> None:
    job_id = post.released(post.adopted(running.uri("one")), PDF)
    die_at(job_id, "delivery.after-attempt")
    assert post.view(job_id).state is job.State.SENDING
    delivery.recover_job(job_id)
    view = post.view(job_id)
    assert (view.state, view.why) == (job.State.RELEASED, job.Reason.RETRY)
    assert post.send(job_id).state is job.State.DELIVERED
    assert len([each for each in running.jobs("one") if each.documents]) == 1


def test_a_house_that_died_before_the_outcome_learns_from_the_device_that_it_printed(
    post: Post, running: lab.Running
) -> None:
    job_id = post.released(post.adopted(running.uri("one")), PDF)
    die_at(job_id, "delivery.before-outcome")
    assert post.view(job_id).state is job.State.SENDING
    delivery.recover_job(job_id)
    view = post.view(job_id)
    assert (view.state, view.why) == (job.State.DELIVERED, job.Reason.CONFIRMED)
    assert post.attempt(job_id).impressions == 2
    delivery.recover_job(job_id)
    delivery.send(job_id)
    assert len(running.jobs("one")) == 1


@pytest.mark.parametrize("at_the_device", ["", "4711"])
def test_a_house_that_died_after_the_first_octet_leaves_the_job_uncertain(
    post: Post, running: lab.Running, at_the_device: str
) -> None:
    job_id = post.released(post.adopted(running.uri("one")), PDF)
    die_at(job_id, "delivery.after-attempt")
    # As a driver leaves it when it is killed in the middle: with or without the device's number of the job.
    Attempt.objects.update(first_octet_at=post.house.clock.now(), device_job=at_the_device)
    delivery.recover_job(job_id)
    view = post.view(job_id)
    assert (view.state, view.why) == (job.State.UNCERTAIN, job.Reason.CRASHED)
    delivery.send(job_id)
    assert [each for each in running.jobs("one") if each.documents] == []


@pytest.mark.parametrize("point", ["delivery.before-first-octet", "delivery.after-first-octets"])
def test_our_own_bug_while_sending_ends_as_what_had_left_demands(post: Post, running: lab.Running, point: str) -> None:
    job_id = post.released(post.adopted(running.uri("one")), PDF)
    crashpoints.arm(f"{point}:1:EIO")
    if point == "delivery.before-first-octet":
        with pytest.raises(delivery.TryAgain):
            delivery.send(job_id)
        assert post.view(job_id).state is job.State.RELEASED
    else:
        assert post.send(job_id).state is job.State.UNCERTAIN


def test_after_an_outcome_nothing_is_left_to_recover(post: Post, running: lab.Running) -> None:
    job_id = post.released(post.adopted(running.uri("one")), PDF)
    die_at(job_id, "delivery.after-outcome")
    assert post.view(job_id).state is job.State.DELIVERED
    delivery.recover_job(job_id)
    assert post.view(job_id).state is job.State.DELIVERED


def test_a_device_without_memory_leaves_a_job_uncertain_after_a_crash(post: Post, collector: Collector) -> None:
    target = post.adopted(collector.uri, probe=False, silence_is_done=True)
    job_id = post.released(target, PDF)
    die_at(job_id, "delivery.before-outcome")
    delivery.recover_job(job_id)
    view = post.view(job_id)
    assert (view.state, view.why) == (job.State.UNCERTAIN, job.Reason.CRASHED)
    delivery.send(job_id)
    assert collector.prints == [PDF]


def test_a_device_that_is_gone_after_a_crash_leaves_the_job_uncertain(post: Post, running: lab.Running) -> None:
    target = post.adopted(running.uri("one"))
    job_id = post.released(target, PDF)
    die_at(job_id, "delivery.before-outcome")
    running.put("one", "offline")
    delivery.recover_job(job_id)
    view = post.view(job_id)
    assert (view.state, view.why) == (job.State.UNCERTAIN, job.Reason.CRASHED)


def test_the_start_queues_a_look_at_every_unfinished_job(post: Post, running: lab.Running) -> None:
    target = post.adopted(running.uri("one"))
    jobs = [post.released(target, PDF) for _ in range(2)]
    for job_id in jobs:
        die_at(job_id, "delivery.before-outcome")
    delivery.ready()
    if not db.is_sqlite():
        assert delivery.recover() == 0
        return
    assert delivery.recover() == 2
    engine = work.open_engine(4)
    engine.start()
    try:
        wait_for(lambda: all(post.view(each).state in DONE for each in jobs))
    finally:
        engine.stop()
    assert len(running.jobs("one")) == 2


def test_an_old_lease_can_neither_send_nor_settle(post: Post, collector: Collector) -> None:
    target = post.adopted(collector.uri, probe=False, silence_is_done=True)
    job_id = post.released(target, PDF)
    with db.transaction() as tx:
        old = job.lease(job_id, sending.LEASE, tx=tx)
        job.check_fence(old, tx=tx, over=True)
        job.lease(job_id, sending.LEASE, tx=tx)
    assert delivery.send(job_id, fence=old.fence) is None
    assert post.view(job_id).state is job.State.RELEASED and collector.prints == []


def test_a_removed_device_holds_its_released_jobs(post: Post, collector: Collector) -> None:
    target = post.adopted(collector.uri, probe=False, silence_is_done=False)
    job_id = post.released(target, PDF)
    with db.transaction() as tx:
        change = device.DeviceChange(active=False)
        device.change_device(post.house.scope, target.id, change, by=post.house.administrator, tx=tx)
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
    assert collector.prints == []


def test_a_job_whose_key_is_gone_is_quarantined_and_nothing_is_sent(post: Post, collector: Collector) -> None:
    job_id = post.released(post.adopted(collector.uri, probe=False, silence_is_done=False), PDF)
    with db.transaction() as tx:
        spool.shred(job_id, tx=tx)
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.QUARANTINED, job.Reason.DAMAGED)
    assert collector.prints == []


def test_a_damaged_document_sends_not_one_octet(post: Post, collector: Collector) -> None:
    job_id = post.released(post.adopted(collector.uri, probe=False, silence_is_done=False), PDF)
    for file in (post.house.data / "spool").rglob("*.seg"):
        octets = bytearray(file.read_bytes())
        octets[len(octets) // 2 : len(octets) // 2 + 64] = bytes(64)
        file.write_bytes(octets)
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.QUARANTINED, job.Reason.DAMAGED)
    assert b"".join(collector.prints) == b""


def test_the_attempt_is_durable_before_the_device_hears_anything(post: Post) -> None:
    seen: list[tuple[str, int]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = post.adopted(f"socket://127.0.0.1:{listener.getsockname()[1]}", probe=False, silence_is_done=True)
        job_id = post.released(target, PDF)

        def look() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                row = Attempt.objects.get(job_id=job_id)
                seen.append((post.view(job_id).state.value, int(row.first_octet_at is not None)))
                while connection.recv(65536):
                    pass
            db.close_connections()

        looking = threading.Thread(target=look)
        looking.start()
        post.send(job_id)
        looking.join(5)
    assert seen == [("sending", 1)]


def test_a_hanging_device_does_not_hold_up_another(post: Post, collector: Collector, virtual: Virtual) -> None:
    running = virtual(lab.DevicePlan("stuck", lab.Door.IPP))
    stuck = post.adopted(running.uri("stuck"), "stuck")
    running.put("stuck", "unreachable")
    fine = post.adopted(collector.uri, "fine", probe=False, silence_is_done=True)
    delivery.ready()
    slow = [post.released(stuck, PDF) for _ in range(3)]
    quick = [post.released(fine, b"%d" % n) for n in range(10)]
    engine = work.open_engine(4)
    engine.start()
    try:
        wait_for(lambda: all(post.view(each).state in DONE for each in quick))
    finally:
        running.clear("stuck")
        engine.stop()
    assert sorted(collector.prints) == sorted(b"%d" % n for n in range(10))
    assert all(post.view(each).state is not job.State.DELIVERED for each in slow) or running.jobs("stuck")


def test_one_device_prints_one_job_at_a_time_in_order(post: Post, virtual: Virtual) -> None:
    running = virtual(lab.DevicePlan("one", lab.Door.IPP))
    target = post.adopted(running.uri("one"))
    delivery.ready()
    jobs = [post.released(target, b"%PDF-1.4\n" + bytes([65 + n]) * (100 + n)) for n in range(6)]
    engine = work.open_engine(4)
    engine.start()
    try:
        wait_for(lambda: all(post.view(each).state in DONE for each in jobs), 40)
    finally:
        engine.stop()
    assert [each.documents[0].octets for each in running.jobs("one")] == [109 + n for n in range(6)]


def test_the_loop_ends_and_begins_again(post: Post) -> None:
    async def one() -> int:
        return await loop.in_rows_thread(lambda: Attempt.objects.count())

    assert loop.start().run(one()) == 0
    loop.stop()
    assert loop.start().run(one()) == 0
