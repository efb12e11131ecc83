"""RAW ports: plain sinks that say nothing, and devices that speak PJL."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from frisket import audit, delivery, device, job, lab
from frisket.plumbing import db
from frisket.plumbing.scope import HOUSE, Actor, ActorKind
from tests.delivery.conftest import Collector, Post, free_port, is_listening, peer, set_settings, wait_for

DOCUMENT = os.urandom(20_000) + b"\x1b%-12345X@PJL INFO ID\r\n" + os.urandom(20_000)
Virtual = Callable[..., lab.Running]


@pytest.mark.requirement("SPM-19")
def test_exactly_the_octets_of_the_document_arrive(post: Post, collector: Collector) -> None:
    target = post.adopted(collector.uri, probe=False, silence_is_done=True)
    job_id = post.released(target, DOCUMENT, format="application/octet-stream")
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.DELIVERED, job.Reason.SILENCE)
    assert collector.prints == [DOCUMENT]
    assert post.attempt(job_id).octets_sent == len(DOCUMENT)


def test_silence_of_a_bare_raw_port_counts_as_printed_unless_somebody_wants_to_be_asked(
    post: Post, collector: Collector
) -> None:
    assert post.adopted(collector.uri, probe=False).silence_is_done
    assert not post.adopted(collector.uri, "asked", probe=False, silence_is_done=False).silence_is_done


def test_a_device_that_can_speak_is_expected_to(post: Post, virtual: Virtual) -> None:
    running = virtual(lab.DevicePlan("talks", lab.Door.RAW))
    assert not post.adopted(running.uri("talks")).silence_is_done


def test_silence_is_uncertain_where_a_person_is_to_be_asked(post: Post, collector: Collector) -> None:
    job_id = post.released(post.adopted(collector.uri, probe=False, silence_is_done=False), DOCUMENT)
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.UNCERTAIN, job.Reason.LOST_TOUCH)
    assert view.note
    delivery.send(job_id)
    assert post.view(job_id).state is job.State.UNCERTAIN
    assert collector.prints == [DOCUMENT]


def test_a_person_settles_an_uncertain_job_and_it_is_logged(post: Post, collector: Collector) -> None:
    target = post.adopted(collector.uri, probe=False, silence_is_done=False)
    printed, lost = post.released(target, DOCUMENT), post.released(target, DOCUMENT)
    for job_id in (printed, lost):
        assert post.send(job_id).state is job.State.UNCERTAIN
    by = post.house.administrator
    assert delivery.decide(post.house.scope, printed, True, by=by).state is job.State.DELIVERED
    held = delivery.decide(post.house.scope, lost, False, by=by)
    assert (held.state, held.why, held.device) == (job.State.HELD, job.Reason.SETTLED, None)
    with pytest.raises(delivery.NotDecidable):
        delivery.decide(post.house.scope, printed, False, by=by)
    acts = [entry.act for entry in audit.history(post.house.scope, lost)]
    assert "uncertain.decided" in acts


def test_only_somebody_decides_about_an_uncertain_job_never_the_house_by_itself(
    post: Post, collector: Collector
) -> None:
    job_id = post.released(post.adopted(collector.uri, probe=False, silence_is_done=False), DOCUMENT)
    assert post.send(job_id).state is job.State.UNCERTAIN
    for by in (HOUSE, Actor(ActorKind.RULE, uuid4()), Actor(ActorKind.DEVICE, uuid4(), at="control")):
        with pytest.raises(delivery.NotDecidable):
            delivery.decide(post.house.scope, job_id, True, by=by)
    stranger = post.house.own(uuid4())
    with pytest.raises(job.NotFound):
        delivery.decide(stranger, job_id, True, by=stranger.actor)
    at_control = Actor(ActorKind.HOUSE, None, role="administrator", at="control")
    assert delivery.decide(post.house.scope, job_id, True, by=at_control).state is job.State.DELIVERED


def test_a_device_without_pjl_is_given_every_copy_and_document_by_itself(post: Post, collector: Collector) -> None:
    target = post.adopted(collector.uri, probe=False, silence_is_done=True)
    view = post.send(post.released(target, b"one", b"two", copies=2))
    assert view.state is job.State.DELIVERED
    assert sorted(collector.prints) == [b"one", b"one", b"two", b"two"]


@pytest.mark.peer("socat")
@pytest.mark.requirement("SPM-19")
def test_socat_as_a_printer_receives_the_document_unchanged(post: Post, tmp_path: Path) -> None:
    program, port, kept = peer("socat"), free_port(), tmp_path / "kept"
    sink = subprocess.Popen([program, "-u", f"TCP-LISTEN:{port},reuseaddr", f"CREATE:{kept}"])
    try:
        wait_for(lambda: is_listening(port))  # asking it would be the one connection it takes
        target = post.adopted(f"socket://127.0.0.1:{port}", probe=False, silence_is_done=True)
        assert post.send(post.released(target, DOCUMENT)).state is job.State.DELIVERED
        sink.wait(5)
    finally:
        sink.kill()
        sink.wait()
    assert kept.read_bytes() == DOCUMENT


def test_a_probe_finds_out_whether_a_device_speaks_pjl(post: Post, virtual: Virtual) -> None:
    running = virtual(lab.DevicePlan("talks", lab.Door.RAW), lab.DevicePlan("mute", lab.Door.RAW, talks=False))
    talks, mute = delivery.probe(running.uri("talks")), delivery.probe(running.uri("mute"))
    assert talks.capabilities.pjl and talks.make_and_model and talks.condition.state == "idle"
    assert not mute.capabilities.pjl and mute.condition.state == "unknown"


def test_a_device_that_speaks_pjl_confirms_with_its_page_count(post: Post, virtual: Virtual) -> None:
    running = virtual(lab.DevicePlan("talks", lab.Door.RAW, pages=3))
    target = post.adopted(running.uri("talks"))
    before = len(running.jobs("talks"))
    job_id = post.released(target, b"%!PS-Adobe\nshowpage\n", format="application/postscript")
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.DELIVERED, job.Reason.CONFIRMED)
    assert post.attempt(job_id).impressions == 3
    wait_for(lambda: len(running.jobs("talks")) > before)
    kept = running.jobs("talks")[-1]
    assert kept.documents[0].octets == len(b"%!PS-Adobe\nshowpage\n")


def test_the_frame_around_a_document_names_neither_title_nor_owner(
    post: Post, virtual: Virtual, tmp_path: Path
) -> None:
    running = virtual(lab.DevicePlan("talks", lab.Door.RAW))
    target = post.adopted(running.uri("talks"))
    wish = job.Options(sides="two-sided-long-edge", color_mode="monochrome", media="iso_a4_210x297mm")
    assert post.send(post.released(target, b"%!PS\n", copies=2, options=wish)).state is job.State.DELIVERED
    files = [file.read_bytes() for file in (tmp_path / "lab0" / "talks").rglob("*") if file.is_file()]
    stream = b"".join(files)
    assert b"@PJL SET DUPLEX=ON" in stream and b"@PJL SET COPIES=2" in stream
    assert b"Pay rise" not in stream and b"alice" not in stream


def test_nobody_listening_is_tried_again_and_in_the_end_held(post: Post) -> None:
    target = post.adopted(f"socket://127.0.0.1:{free_port()}", probe=False)
    job_id = post.released(target, DOCUMENT)
    with pytest.raises(delivery.TryAgain):
        delivery.send(job_id)
    view = post.view(job_id)
    assert (view.state, view.why) == (job.State.RELEASED, job.Reason.RETRY)
    assert device.device(post.house.scope, target.id).state == "unreachable"
    for _ in range(20):
        if post.view(job_id).state is job.State.HELD:
            break
        with pytest.raises(delivery.TryAgain):
            delivery.send(job_id)
    view = post.view(job_id)
    assert (view.state, view.why, view.device) == (job.State.HELD, job.Reason.DEVICE_FAILED, None)
    assert len(delivery.attempts(post.house.scope, job_id)) == 9  # the first and delivery.retries = 8 more


def test_a_device_that_resets_in_the_middle_leaves_the_job_uncertain(post: Post, virtual: Virtual) -> None:
    running = virtual(lab.DevicePlan("talks", lab.Door.RAW))
    target = post.adopted(running.uri("talks"), silence_is_done=True)
    running.put("talks", "drop-mid-job 65536")
    job_id = post.released(target, os.urandom(3_000_000))
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.UNCERTAIN, job.Reason.LOST_TOUCH)
    assert 0 < post.attempt(job_id).octets_sent


def test_a_device_that_takes_nothing_stalls_and_the_job_is_uncertain(post: Post) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        target = post.adopted(f"socket://127.0.0.1:{listener.getsockname()[1]}", probe=False, silence_is_done=True)
        begin = time.monotonic()
        job_id = post.released(target, os.urandom(8 << 20))
        view = post.send(job_id)
        assert view.state is job.State.UNCERTAIN
        assert post.attempt(job_id).evidence == "Stalled"
        assert time.monotonic() - begin < 60


def test_a_slow_device_is_not_a_stalled_one(post: Post) -> None:
    set_settings(delivery={"stall_s": 0.5})
    taken = bytearray()

    def sip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(16_000):
                taken.extend(data)
                time.sleep(0.03)

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=sip, args=(listener,))
        thread.start()
        target = post.adopted(f"socket://127.0.0.1:{listener.getsockname()[1]}", probe=False, silence_is_done=True)
        document = os.urandom(150_000)
        begin = time.monotonic()
        assert post.send(post.released(target, document)).state is job.State.DELIVERED
        assert time.monotonic() - begin > 0.5
        thread.join(10)
    assert bytes(taken) == document


def test_a_cancel_before_the_first_octet_ends_the_job_without_a_print(post: Post, virtual: Virtual) -> None:
    with socket.socket() as full:
        # A listener whose backlog is full: connecting takes until connect_s is over.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        target = post.adopted(f"socket://127.0.0.1:{full.getsockname()[1]}", probe=False)
        job_id = post.released(target, DOCUMENT)
        outcome: list[object] = []

        def send() -> None:
            try:
                outcome.append(delivery.send(job_id))
            except delivery.TryAgain as error:
                outcome.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        wait_for(lambda: post.view(job_id).state is job.State.SENDING)
        with db.transaction() as tx:
            why = job.Reason.CANCELLED_BY_OWNER
            assert delivery.cancel(job_id, why=why, by=post.house.administrator, tx=tx)
        for filler in fillers:
            filler.close()
        thread.join(10)
    view = post.view(job_id)
    assert view.state is job.State.ENDED and view.outcome is job.Outcome.CANCELLED
    assert post.attempt(job_id).octets_sent == 0


def test_a_cancel_while_sending_to_a_pjl_device_ends_with_what_was_printed(
    post: Post, virtual: Virtual, tmp_path: Path
) -> None:
    running = virtual(lab.DevicePlan("talks", lab.Door.RAW))
    target = post.adopted(running.uri("talks"))
    running.put("talks", "slow 200000")
    job_id = post.released(target, b"%!PS\n" + os.urandom(40_000_000), format="application/postscript")
    thread = threading.Thread(target=delivery.send, args=(job_id,))
    thread.start()
    wait_for(lambda: any((tmp_path / "lab0" / "talks").glob("*-1.*")))  # its first octets are there
    with db.transaction() as tx:
        delivery.cancel(job_id, why=job.Reason.CANCELLED_BY_OWNER, by=post.house.administrator, tx=tx)
    running.clear("talks")
    thread.join(20)
    view = post.view(job_id)
    assert view.state in (job.State.DELIVERED, job.State.UNCERTAIN)
    if view.state is job.State.DELIVERED:
        assert view.outcome is job.Outcome.CANCELLED and view.why is job.Reason.CANCELLED_BY_OWNER
    assert 0 < post.attempt(job_id).octets_sent < 40_000_000


def test_cancelling_a_job_that_is_not_being_sent_is_not_ours(post: Post, collector: Collector) -> None:
    job_id = post.released(post.adopted(collector.uri, probe=False, silence_is_done=False), DOCUMENT)
    with db.transaction() as tx:
        assert not delivery.cancel(job_id, why=job.Reason.CANCELLED_BY_OWNER, by=post.house.administrator, tx=tx)
