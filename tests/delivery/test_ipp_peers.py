"""IPP and IPPS against ippeveprinter, a printer that is not ours."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from frisket import audit, delivery, device, job
from frisket.plumbing import db
from tests.delivery.conftest import Eve, Post, eve_running, free_port, wait_for

PDF = b"%PDF-1.4\n" + os.urandom(3000) + b"\n%%EOF\n"
pytestmark = pytest.mark.peer("ippeveprinter")


def test_a_printer_is_asked_what_it_can_do(post: Post, eve: Eve) -> None:
    found = delivery.probe(eve.ipp)
    assert "application/pdf" in found.capabilities.formats
    assert "two-sided-long-edge" in found.capabilities.sides
    assert found.capabilities.colour and found.capabilities.copies_max > 1
    assert found.condition.state == "idle"
    assert found.printer_uuid.startswith("urn:uuid:") and found.make_and_model
    assert found.certificate_sha256 is None


def test_a_job_is_printed_and_the_printer_confirms_it(post: Post, eve: Eve) -> None:
    job_id = post.released(post.adopted(eve.ipp), PDF)
    view = post.send(job_id)
    assert (view.state, view.why) == (job.State.DELIVERED, job.Reason.CONFIRMED)
    assert eve.printed() == [PDF]
    attempt = post.attempt(job_id)
    assert attempt.ending == "delivered" and attempt.octets_sent == len(PDF)
    assert "job-state=9" in attempt.evidence


@pytest.mark.requirement("SAFEQ-66", "PREP-58")
def test_a_job_travels_in_tls_to_the_adopted_printer(post: Post, eve: Eve) -> None:
    target = post.adopted(eve.ipps)
    assert target.pinned_sha256 is not None and len(target.pinned_sha256) == 32
    view = post.send(post.released(target, PDF))
    assert view.state is job.State.DELIVERED
    assert eve.printed() == [PDF]


@pytest.mark.requirement("SAFEQ-65")
def test_a_printer_with_another_certificate_gets_not_one_octet(post: Post, bus: None, tmp_path: Path) -> None:
    port = free_port()
    with eve_running(tmp_path, port=port) as eve:
        target = post.adopted(eve.ipps)
        assert post.send(post.released(target, PDF)).state is job.State.DELIVERED
    shutil.rmtree(tmp_path / "kept")
    with eve_running(tmp_path, port=port, keys="other-keys") as impostor:
        job_id = post.released(target, PDF)
        view = post.send(job_id)
        assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
        assert "certificate" in view.note
        assert post.attempt(job_id).octets_sent == 0 and post.attempt(job_id).first_octet_at is None
        assert impostor.printed() == []
        # Only a person's adoption makes it this device.
        adopted = delivery.adopt(post.house.scope, target.id, by=post.house.administrator)
        assert adopted.pinned_sha256 != target.pinned_sha256
        acts = [entry.act for entry in audit.history(post.house.scope, target.id)]
        assert "device.pin-changed" in acts
        assert post.send(post.released(adopted, PDF)).state is job.State.DELIVERED


def test_an_unadopted_printer_with_tls_gets_nothing(post: Post, eve: Eve) -> None:
    target = post.adopted(eve.ipps, probe=False)
    view = post.send(post.released(target, PDF))
    assert view.state is job.State.HELD and "adopted" in view.note
    assert eve.printed() == []


def test_two_jobs_at_once_are_both_printed_although_the_printer_is_busy(post: Post, bus: None, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nsleep 1\n")
    slow.chmod(0o755)
    with eve_running(tmp_path, "-c", str(slow)) as eve:
        target = post.adopted(eve.ipp)
        first, second = post.released(target, PDF), post.released(target, PDF + b"2")
        sender = threading.Thread(target=delivery.send, args=(first,))
        sender.start()
        wait_for(lambda: post.view(first).state is job.State.SENDING and bool(eve.printed()))
        with pytest.raises(delivery.TryAgain):
            delivery.send(second)
        assert post.view(second).state is job.State.RELEASED
        assert post.view(second).why is job.Reason.RETRY
        sender.join()
        assert post.send(second).state is job.State.DELIVERED
        assert post.view(first).state is job.State.DELIVERED
        assert eve.printed() == [PDF, PDF + b"2"]


def test_neither_title_nor_owner_reaches_the_printer(post: Post, bus: None, tmp_path: Path) -> None:
    seen = tmp_path / "environment"
    show = tmp_path / "show"
    show.write_text(f"#!/bin/sh\nenv > {seen}\n")
    show.chmod(0o755)
    with eve_running(tmp_path, "-c", str(show)) as eve:
        target = post.adopted(eve.ipp)
        assert post.send(post.released(target, PDF)).state is job.State.DELIVERED
        told = seen.read_text()
        assert "IPP_JOB_NAME" in told and "Pay rise" not in told and "alice" not in told
        with_owner = post.adopted(eve.ipp, "two", shows_owner=True)
        assert post.send(post.released(with_owner, PDF)).state is job.State.DELIVERED
        assert "alice" in seen.read_text() and "Pay rise" not in seen.read_text()


def test_what_was_asked_for_reaches_the_printer(post: Post, bus: None, tmp_path: Path) -> None:
    seen = tmp_path / "environment"
    show = tmp_path / "show"
    show.write_text(f"#!/bin/sh\nenv > {seen}\n")
    show.chmod(0o755)
    with eve_running(tmp_path, "-c", str(show)) as eve:
        target = post.adopted(eve.ipp)
        wish = job.Options(sides="two-sided-short-edge", color_mode="monochrome", quality=5, media="no-such_1x1mm")
        view = post.send(post.released(target, PDF, copies=3, options=wish))
    assert view.state is job.State.DELIVERED
    told = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    assert told["IPP_SIDES"] == "two-sided-short-edge"
    assert told["IPP_PRINT_COLOR_MODE"] == "monochrome"
    assert told["IPP_COPIES"] == "3" and told["IPP_PRINT_QUALITY"] == "high"
    assert "IPP_MEDIA" not in told


def test_a_document_the_printer_does_not_take_is_held_and_says_so(post: Post, eve: Eve) -> None:
    target = post.adopted(eve.ipp)
    view = post.send(post.released(target, b"II*\0", format="image/tiff"))
    assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
    assert "kind of document" in view.note
    # A page language may be sent without being listed; then it is the printer that refuses it.
    view = post.send(post.released(target, b"\x1bE", format="application/vnd.hp-pcl"))
    assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
    assert "not supported" in view.note
    assert eve.printed() == []


def test_a_print_that_failed_at_the_printer_is_held_with_its_reason(post: Post, bus: None, tmp_path: Path) -> None:
    with eve_running(tmp_path, "-c", "/bin/false") as eve:
        view = post.send(post.released(post.adopted(eve.ipp), PDF))
    assert (view.state, view.why) == (job.State.HELD, job.Reason.DEVICE_FAILED)
    assert view.note.startswith("The device did not print it.")


def test_a_cancel_is_told_to_the_printer(post: Post, bus: None, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 3\n")
    slow.chmod(0o755)
    with eve_running(tmp_path, "-c", str(slow)) as eve:
        job_id = post.released(post.adopted(eve.ipp), PDF)
        sender = threading.Thread(target=delivery.send, args=(job_id,))
        sender.start()
        wait_for(lambda: bool(eve.printed()))
        with db.transaction() as tx:
            why = job.Reason.CANCELLED_BY_OWNER
            assert delivery.cancel(job_id, why=why, by=post.house.administrator, tx=tx)
        sender.join(60)
        assert not sender.is_alive()
    view = post.view(job_id)
    assert (view.state, view.why) == (job.State.DELIVERED, job.Reason.CANCELLED_BY_OWNER)
    assert view.outcome is job.Outcome.CANCELLED


def test_the_condition_of_a_printer_is_kept(post: Post, eve: Eve) -> None:
    target = post.adopted(eve.ipp)
    assert delivery.condition(post.house.scope, target.id).state == "idle"
    kept = device.device(post.house.scope, target.id)
    assert kept.state == "idle" and kept.state_at is not None
    eve.process.kill()
    eve.process.wait()
    assert delivery.condition(post.house.scope, target.id).state == "unreachable"
    assert device.device(post.house.scope, target.id).state == "unreachable"


def test_nobody_at_the_address_is_said_when_a_device_is_probed(post: Post) -> None:
    with pytest.raises(delivery.DeviceUnreachable):
        delivery.probe(f"ipp://127.0.0.1:{free_port()}/ipp/print")
