"""What goes to a device asks it to keep nothing: over IPP and over PJL (SAFEQ-68)."""

from base64 import b64encode
from collections.abc import Callable

import pytest

from frisket import job, lab
from frisket.delivery.values import PrintTicket
from frisket.delivery.wishes import job_attributes
from frisket.wire import ipp
from tests.delivery.conftest import Post
from tests.samples.make import pdf

Start = Callable[..., lab.Running]
STORING = {
    "job-storage": ipp.collection({"job-storage-disposition": ipp.keyword("print-and-store")}),
    "job-save-disposition": ipp.collection({"save-disposition": ipp.keyword("print-save")}),
    "job-hold-until": ipp.keyword("indefinite"),
    "job-retain-until": ipp.keyword("indefinite"),
    "job-release-action": ipp.keyword("button-press"),
    "proof-print": ipp.collection({"proof-print-copies": ipp.integer(1)}),
}


def wishing() -> job.Options:
    """A sender who wants the device to store and hold it, and to print on both sides."""
    sent = [
        (name, b64encode(ipp.encode_attribute(ipp.attribute(name, value))).decode()) for name, value in STORING.items()
    ]
    return job.Options(sides="two-sided-long-edge", as_sent=tuple(sent))


@pytest.mark.requirement("SAFEQ-68")
def test_a_device_that_could_store_jobs_is_not_asked_to() -> None:
    words = [ipp.attribute(f"{name}-supported", value) for name, value in STORING.items()]
    printer = ipp.Group(
        ipp.Tag.PRINTER_GROUP, [*words, ipp.attribute("sides-supported", ipp.keyword("two-sided-long-edge"))]
    )
    ticket = PrintTicket.__new__(PrintTicket)
    for name, value in {"copies": 1, "options": wishing(), "documents": ()}.items():
        object.__setattr__(ticket, name, value)
    assert [each.name for each in job_attributes(ticket, printer)] == ["sides"]


@pytest.mark.requirement("SAFEQ-68")
def test_over_ipp_and_pjl_nothing_is_to_be_stored_or_held(post: Post, virtual: Start) -> None:
    devices = virtual(lab.DevicePlan("ipp", lab.Door.IPP), lab.DevicePlan("pjl", lab.Door.RAW))
    for name in ("ipp", "pjl"):
        there = post.adopted(devices.uri(name), name)
        view = post.send(post.released(there, pdf(1), options=wishing()))
        assert view.state is job.State.DELIVERED
    asked = devices.jobs("ipp")[-1].attributes
    assert "sides" in asked and not set(asked) & set(STORING), asked
    stream = devices.jobs("pjl")[-1].stream
    assert stream is not None
    frame = (devices["pjl"].tray.folder / stream.file).read_bytes().split(b"%PDF-")[0].upper()
    assert b"@PJL SET DUPLEX=ON" in frame
    assert not any(word in frame for word in (b"HOLD", b"STORE", b"FSDOWNLOAD", b"FSAPPEND", b"DEFAULT", b"PASSWORD"))
