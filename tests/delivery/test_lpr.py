"""LPR: queues of devices and print servers, which take a job and say no more."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from frisket import delivery, device, job, lab
from frisket.plumbing import db
from tests.delivery.conftest import Collector, Post, free_port, peer, set_settings, wait_for
from tests.delivery.lpd_server import STEPS, LpdServer, lpd_server
from tests.peers.programs import cups_running

DOCUMENT = b"%!PS\n" + os.urandom(40_000)
Virtual = Callable[..., lab.Running]

# After these the device has the whole document or may have; before them nothing of it had left.
LEFT = STEPS[STEPS.index("data-first") :]


@pytest.fixture
def server() -> Iterator[LpdServer]:
    with lpd_server() as running:
        yield running


def send_quietly(post: Post, job_id: UUID) -> job.JobView:
    """As the work engine does, which tries again later when nothing left."""
    try:
        delivery.send(job_id)
    except delivery.TryAgain:
        pass
    return post.view(job_id)


def sent_once(post: Post, target: device.DeviceView) -> job.JobView:
    return post.send(post.released(target, DOCUMENT, format="application/postscript"))


@pytest.mark.requirement("PREP-61")
def test_exactly_the_octets_of_the_document_arrive_in_the_queue_of_the_address(post: Post, server: LpdServer) -> None:
    target = post.adopted(server.uri, probe=False)
    view = sent_once(post, target)
    assert (view.state, view.why) == (job.State.DELIVERED, job.Reason.SILENCE)
    assert server.printed == [DOCUMENT]
    attempt = post.attempt(view.id)
    assert (attempt.octets_sent, attempt.evidence) == (len(DOCUMENT), "lpd-accepted")


def test_neither_title_nor_owner_leaves_unless_the_device_is_to_show_the_owner(post: Post, server: LpdServer) -> None:
    sent_once(post, post.adopted(server.uri, probe=False))
    sent_once(post, post.adopted(server.uri, "two", probe=False, shows_owner=True))
    hidden, shown = server.controls
    assert b"Pay rise" not in hidden.write() + shown.write()
    assert b"alice" not in hidden.write() and hidden.first("P") == b"frisket"
    assert shown.first("P") == b"alice"
    assert hidden.first("J").startswith(b"job ")
    assert [one.format for one in hidden.prints] == ["l"]


def test_every_document_and_copy_is_a_job_of_its_own_with_a_name_of_its_own(post: Post, server: LpdServer) -> None:
    target = post.adopted(server.uri, probe=False)
    view = post.send(post.released(target, b"one", b"two", copies=2))
    assert view.state is job.State.DELIVERED
    assert server.printed == [b"one", b"one", b"two", b"two"]
    assert len({control.name for control in server.controls}) == 4


def test_taken_is_uncertain_where_a_person_is_to_be_asked(post: Post, server: LpdServer) -> None:
    assert post.adopted(server.uri, "silent", probe=False).silence_is_done
    target = post.adopted(server.uri, probe=False, silence_is_done=False)
    view = sent_once(post, target)
    assert (view.state, view.why) == (job.State.UNCERTAIN, job.Reason.LOST_TOUCH)
    assert view.note
    delivery.send(view.id)
    assert server.printed == [DOCUMENT]


@pytest.mark.parametrize("how", ["rst", "fin"])
@pytest.mark.parametrize("step", STEPS)
def test_a_device_that_dies_at_any_octet_never_gets_a_job_twice_by_itself(
    post: Post, server: LpdServer, step: str, how: str
) -> None:
    set_settings(delivery={"stall_s": 1.0, "follow_s": 1.0})
    target = post.adopted(server.uri, probe=False)
    server.die_at, server.how = step, how
    job_id = post.released(target, DOCUMENT)
    view = send_quietly(post, job_id)
    server.die_at = ""
    if step in LEFT:
        assert (view.state, view.why) == (job.State.UNCERTAIN, job.Reason.LOST_TOUCH)
        assert view.note
        delivery.send(job_id)
        assert len(server.printed) == (step == "whole")
        assert post.view(job_id).state is job.State.UNCERTAIN
        return
    if step == "data-header-answered" and view.state is job.State.UNCERTAIN:
        # The first octets were on their way when the end of the connection came.
        assert post.attempt(job_id).octets_sent and server.printed == []
        return
    assert (view.state, view.why) == (job.State.RELEASED, job.Reason.RETRY)
    assert post.attempt(job_id).octets_sent == 0
    assert post.send(job_id).state is job.State.DELIVERED
    assert server.printed == [DOCUMENT]


@pytest.mark.parametrize("step", ["command", "control-header", "control", "data-header"])
def test_a_refusal_before_the_document_is_tried_again_and_in_the_end_held_with_its_words(
    post: Post, server: LpdServer, step: str
) -> None:
    set_settings(delivery={"retries": 1})
    target = post.adopted(server.uri, probe=False)
    server.refuse_at, server.words = step, b"PASSTHRU: unknown\x1b[2J printer\n"
    job_id = post.released(target, DOCUMENT)
    for _ in range(2):
        with pytest.raises(delivery.TryAgain):
            delivery.send(job_id)
    view = post.view(job_id)
    assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
    assert "PASSTHRU: unknown" in view.note and "\x1b" not in view.note
    assert post.attempt(job_id).octets_sent == 0 and server.printed == []


@pytest.mark.parametrize("step", ["data-half", "data-last", "whole"])
def test_a_refusal_of_the_document_holds_the_job_with_the_devices_words(
    post: Post, server: LpdServer, step: str
) -> None:
    target = post.adopted(server.uri, probe=False)
    server.refuse_at, server.words = step, b"no space left\n"
    view = sent_once(post, target)
    if step == "whole" or view.state is job.State.HELD:
        assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
        assert "no space left" in view.note
    else:
        # Its answer may be lost in the reset that closing with unread octets makes.
        assert view.state is job.State.UNCERTAIN
    assert server.printed == []


def test_a_document_without_octets_lasts_until_the_end_of_the_connection(post: Post, server: LpdServer) -> None:
    target = post.adopted(server.uri, probe=False)
    assert post.send(post.released(target, b"")).state is job.State.DELIVERED
    assert server.printed == [b""]


def test_a_second_copy_that_fails_leaves_the_job_uncertain(post: Post, server: LpdServer) -> None:
    target = post.adopted(server.uri, probe=False)
    server.die_at, server.die_from = "connected", 2
    view = send_quietly(post, post.released(target, DOCUMENT, copies=2))
    assert view.state is job.State.UNCERTAIN and "1 of its prints" in view.note
    assert server.printed == [DOCUMENT]


# -- our virtual device --------------------------------------------------------------------------


@pytest.fixture
def running(virtual: Virtual) -> lab.Running:
    return virtual(lab.DevicePlan("one", lab.Door.LPD, pages=2))


def test_a_virtual_device_keeps_what_came_and_forgets_the_job(post: Post, running: lab.Running, tmp_path: Path) -> None:
    target = post.adopted(running.uri("one"))
    assert target.capabilities.probed and target.silence_is_done
    assert sent_once(post, target).state is job.State.DELIVERED
    wait_for(lambda: len(running.jobs("one")) == 1)
    (kept,) = running.jobs("one")
    assert (kept.outcome, kept.told, kept.impressions) == ("completed", "accepted", 2)
    assert (tmp_path / "lab0" / "one" / kept.documents[0].file).read_bytes() == DOCUMENT
    assert kept.attributes["user"] == "frisket" and kept.attributes["queue"] == "lp"


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("drop-mid-job 20000", job.State.UNCERTAIN),
        ("early-fin 20000", job.State.UNCERTAIN),
        ("hang-before-answer", job.State.UNCERTAIN),
        ("lies-aborted", job.State.HELD),
        ("lies-completed", job.State.DELIVERED),
        ("busy 1", job.State.RELEASED),
        ("unreachable", job.State.RELEASED),
        ("offline", job.State.RELEASED),
    ],
)
def test_a_device_with_a_fault_leaves_each_job_where_a_person_or_a_later_try_finds_it(
    post: Post, running: lab.Running, fault: str, state: job.State
) -> None:
    set_settings(delivery={"stall_s": 1.0, "follow_s": 1.0})
    target = post.adopted(running.uri("one"))
    running.put("one", fault)
    job_id = post.released(target, DOCUMENT)
    assert send_quietly(post, job_id).state is state
    running.clear("one")
    if state is job.State.RELEASED:
        assert post.send(job_id).state is job.State.DELIVERED
        wait_for(lambda: len(running.jobs("one")) == 1)
    else:
        delivery.send(job_id)
        assert post.view(job_id).state is state


def test_a_device_out_of_paper_that_takes_no_octets_stalls(post: Post, running: lab.Running) -> None:
    set_settings(delivery={"stall_s": 1.0})
    target = post.adopted(running.uri("one"))
    running.put("one", "paper-out")
    view = post.send(post.released(target, os.urandom(12 << 20)))
    assert (view.state, post.attempt(view.id).evidence) == (job.State.UNCERTAIN, "Stalled")


def test_a_slow_device_is_not_a_stalled_one(post: Post, running: lab.Running) -> None:
    set_settings(delivery={"stall_s": 0.5})
    target = post.adopted(running.uri("one"))
    running.put("one", "slow 60000")
    assert post.send(post.released(target, os.urandom(60_000))).state is job.State.DELIVERED


def test_a_cancel_while_the_document_goes_out_breaks_it_off(post: Post, running: lab.Running, tmp_path: Path) -> None:
    target = post.adopted(running.uri("one"))
    running.put("one", "slow 400000")
    job_id = post.released(target, os.urandom(40_000_000))
    thread = threading.Thread(target=delivery.send, args=(job_id,), daemon=True)
    thread.start()
    wait_for(lambda: any((tmp_path / "lab0" / "one").glob("00001-1.*")))  # the first octets are there
    with db.transaction() as tx:
        delivery.cancel(job_id, why=job.Reason.CANCELLED_BY_OWNER, by=post.house.administrator, tx=tx)
    thread.join(20)
    assert not thread.is_alive()
    view = post.view(job_id)
    assert view.state is job.State.UNCERTAIN
    running.clear("one")
    assert all(each.outcome == "cut" for each in running.jobs("one"))


def test_the_state_of_the_queue_is_the_condition_of_the_device(post: Post, running: lab.Running) -> None:
    target = post.adopted(running.uri("one"))
    scope = post.house.scope
    assert delivery.condition(scope, target.id).state == "idle"
    running.put("one", "paper-out")
    found = delivery.condition(scope, target.id)
    assert found.state == "stopped" and "out of paper" in found.message
    running.put("one", "offline")
    assert delivery.condition(scope, target.id).state == "unreachable"
    with pytest.raises(delivery.DeviceUnreachable):
        delivery.probe(running.uri("one"))


def test_a_queue_that_the_device_does_not_know_is_not_adopted_by_a_probe(post: Post) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"nowhere: unknown printer\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(delivery.DeviceAnswered):
            delivery.probe(f"lpd://127.0.0.1:{listener.getsockname()[1]}/nowhere")
        thread.join(5)


# -- a print server of others --------------------------------------------------------------------


@contextmanager
def cups_lpd(port_of_cups: int) -> Iterator[int]:
    """cups-lpd speaks on its standard input and output, as an inetd starts it."""
    program = "/usr/lib/cups/daemon/cups-lpd"
    if shutil.which(program) is None:
        peer("cups-lpd")
    port = free_port()
    options = "-o document-format=application/vnd.cups-raw"
    process = subprocess.Popen(
        [peer("socat"), f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"EXEC:{program} {options}"],
        env={**os.environ, "CUPS_SERVER": f"127.0.0.1:{port_of_cups}"},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: _listens(port) or process.poll() is not None)
        yield port
    finally:
        process.terminate()
        process.wait(5)


def _listens(port: int) -> bool:
    # Looked up, not tried: a connection would start cups-lpd.
    wanted = f":{port:04X} "
    return any(wanted in line and " 0A " in line for line in Path("/proc/net/tcp").read_text().splitlines())


@pytest.mark.peer("cupsd")
@pytest.mark.peer("cups-lpd")
@pytest.mark.peer("socat")
@pytest.mark.requirement("PREP-61")
def test_the_queue_of_a_cups_server_takes_the_document_and_prints_its_very_octets(
    post: Post, collector: Collector
) -> None:
    peer("socat")
    with cups_running() as cups:
        cups.run("lpadmin", "-p", "shared", "-E", "-v", collector.uri, "-o", "printer-is-shared=true")
        with cups_lpd(cups.port) as port:
            target = post.adopted(f"lpd://127.0.0.1:{port}/shared")
            view = sent_once(post, target)
            assert (view.state, view.why) == (job.State.DELIVERED, job.Reason.SILENCE)
            wait_for(lambda: collector.prints == [DOCUMENT], 20)
            wrong = post.adopted(f"lpd://127.0.0.1:{port}/nowhere", "wrong", probe=False)
            set_settings(delivery={"retries": 0})
            job_id = post.released(wrong, DOCUMENT)
            assert send_quietly(post, job_id).state is job.State.HELD
