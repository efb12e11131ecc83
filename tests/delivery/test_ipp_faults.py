"""IPP devices that break: virtual ones of our own, told to."""

import os
import threading
import time
from collections.abc import Callable

import pytest

from frisket import delivery, job, lab
from tests.delivery.conftest import Post, set_settings, wait_for

PDF = b"%PDF-1.4\n" + os.urandom(3000) + b"\n%%EOF\n"
LARGE = b"%PDF-1.4\n" + os.urandom(4 << 20) + b"\n%%EOF\n"
Virtual = Callable[..., lab.Running]


@pytest.fixture
def running(virtual: Virtual) -> lab.Running:
    return virtual(lab.DevicePlan("one", lab.Door.IPP, pages=2), lab.DevicePlan("safe", lab.Door.IPPS))


def test_a_device_counts_what_it_printed(post: Post, running: lab.Running) -> None:
    job_id = post.released(post.adopted(running.uri("one")), PDF)
    assert post.send(job_id).state is job.State.DELIVERED
    assert post.attempt(job_id).impressions == 2
    assert running.jobs("one")[-1].documents[0].octets == len(PDF)


def test_several_documents_are_one_job_at_the_device(post: Post, running: lab.Running) -> None:
    job_id = post.released(post.adopted(running.uri("one")), PDF, PDF + b"2")
    assert post.send(job_id).state is job.State.DELIVERED
    assert [each.octets for each in running.jobs("one")[-1].documents] == [len(PDF), len(PDF) + 1]


def test_a_busy_device_is_tried_again(post: Post, running: lab.Running) -> None:
    job_id = post.released(post.adopted(running.uri("one")), PDF)
    running.put("one", "busy 2")
    for _ in range(2):
        with pytest.raises(delivery.TryAgain):
            delivery.send(job_id)
        assert post.view(job_id).state is job.State.RELEASED
    assert post.send(job_id).state is job.State.DELIVERED
    assert [each.octets for each in running.jobs("one")[-1].documents] == [len(PDF)]


def test_a_connection_that_breaks_in_the_middle_never_prints_again_by_itself(post: Post, running: lab.Running) -> None:
    target = post.adopted(running.uri("one"))
    running.put("one", "drop-mid-job 65536 times 1")
    job_id = post.released(target, LARGE)
    delivery.send(job_id)
    view = post.view(job_id)
    assert view.state in (job.State.HELD, job.State.UNCERTAIN)
    assert post.attempt(job_id).octets_sent > 0
    delivery.send(job_id)
    assert post.view(job_id).state is view.state
    assert len(delivery.attempts(post.house.scope, job_id)) == 1


def test_a_device_that_never_answers_costs_a_bounded_time(post: Post, running: lab.Running) -> None:
    set_settings(delivery={"stall_s": 1.0})
    target = post.adopted(running.uri("one"))
    running.put("one", "hang-before-answer")
    job_id = post.released(target, PDF)
    begin = time.monotonic()
    with pytest.raises(delivery.TryAgain):
        delivery.send(job_id)
    assert time.monotonic() - begin < 60
    assert post.attempt(job_id).octets_sent == 0
    assert post.view(job_id).state is job.State.RELEASED


def test_a_device_out_of_paper_is_waited_for(post: Post, running: lab.Running) -> None:
    target = post.adopted(running.uri("one"))
    running.put("one", "paper-out")
    job_id = post.released(target, PDF)
    thread = threading.Thread(target=delivery.send, args=(job_id,))
    thread.start()
    wait_for(lambda: post.view(job_id).state is job.State.SENDING)
    wait_for(lambda: delivery.condition(post.house.scope, target.id).state == "stopped")
    assert any("media" in reason for reason in delivery.condition(post.house.scope, target.id).reasons)
    running.clear("one")
    thread.join(15)
    assert post.view(job_id).state is job.State.DELIVERED


def test_a_device_that_says_it_did_not_print_is_believed_and_the_job_held(post: Post, running: lab.Running) -> None:
    target = post.adopted(running.uri("one"))
    running.put("one", "lies-aborted")
    view = post.send(post.released(target, PDF))
    assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
    assert view.note.startswith("The device did not print it.")


def test_a_changed_certificate_stops_a_delivery(post: Post, running: lab.Running) -> None:
    target = post.adopted(running.uri("safe"))
    assert post.send(post.released(target, PDF)).state is job.State.DELIVERED
    running.put("safe", "certificate-changed")
    before = len(running.jobs("safe"))
    view = post.send(post.released(target, PDF))
    assert view.state is job.State.HELD and "certificate" in view.note
    assert len(running.jobs("safe")) == before
    condition = delivery.condition(post.house.scope, target.id)
    assert condition.reasons == ("certificate-not-adopted",)


def test_an_unreachable_device_is_tried_again(post: Post, running: lab.Running) -> None:
    target = post.adopted(running.uri("one"))
    running.put("one", "unreachable")
    job_id = post.released(target, PDF)
    with pytest.raises(delivery.TryAgain):
        delivery.send(job_id)
    running.clear("one")
    assert post.send(job_id).state is job.State.DELIVERED
