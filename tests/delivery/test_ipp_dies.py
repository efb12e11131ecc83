"""An IPP printer that dies at any class of octet never prints a job twice by itself (T8, I4)."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from uuid import UUID

import pytest

from frisket import delivery, job, lab
from tests.delivery.conftest import Post, set_settings, wait_for
from tests.delivery.cutting import Cut, Relay, relay

FIRST, HALF, LAST = b"%PDF-1.4 the first octets", b"the very middle of it", b"the last octets %%EOF\n"
DOCUMENT = FIRST + os.urandom(300_000) + HALF + os.urandom(300_000) + LAST

# A print asks for the printer's attributes, makes a job, sends its document, and asks what became of it.
STEPS = {
    "connected": Cut(at_once=True),
    "asked": Cut(answer=1),
    "made": Cut(answer=2),
    "document begun": Cut(sent=FIRST[:1]),
    "first": Cut(sent=FIRST),
    "half": Cut(sent=HALF),
    "last but one": Cut(sent=LAST[:-1]),
    "last": Cut(sent=LAST),
    "answered": Cut(answer=3),
    "followed": Cut(answer=4),
}
LEFT = list(STEPS)[list(STEPS).index("document begun") :]  # the device has octets of the document, or may have


@pytest.fixture
def running(virtual: Callable[..., lab.Running]) -> lab.Running:
    return virtual(lab.DevicePlan("one", lab.Door.IPP, pages=1))


@pytest.fixture
def between(running: lab.Running) -> Iterator[Relay]:
    with relay(running["one"].port) as found:
        yield found


def released(post: Post, running: lab.Running, between: Relay) -> UUID:
    set_settings(delivery={"stall_s": 1.0, "follow_s": 2.0})
    path = running.uri("one").partition("://")[2].partition("/")[2]
    target = post.adopted(f"ipp://127.0.0.1:{between.port}/{path}")
    return post.released(target, DOCUMENT)


def printed(running: lab.Running) -> list[bytes]:
    """What came out whole."""
    whole = [each for each in running.jobs("one") if each.outcome == "completed" and each.documents]
    return [(running["one"].tray.folder / each.documents[0].file).read_bytes() for each in whole]


@pytest.mark.parametrize("dead", [False, True], ids=["the connection breaks", "the device is away"])
@pytest.mark.parametrize("step", STEPS)
def test_a_printer_that_dies_never_gets_a_job_twice_by_itself(
    post: Post, running: lab.Running, between: Relay, step: str, dead: bool
) -> None:
    job_id = released(post, running, between)
    cut = STEPS[step]
    between.arm(Cut(cut.sent, cut.answer, cut.at_once, dead))
    with suppress(delivery.TryAgain):
        delivery.send(job_id)
    assert between.happened.is_set(), "it never came as far"
    view = post.view(job_id)
    between.arm(None)
    if step not in LEFT:
        assert (view.state, view.why) == (job.State.RELEASED, job.Reason.RETRY)
        assert post.attempt(job_id).octets_sent == 0 and printed(running) == []
        assert post.send(job_id).state is job.State.DELIVERED
        assert printed(running) == [DOCUMENT]
        return
    assert view.state in (job.State.UNCERTAIN, job.State.HELD, job.State.DELIVERED), view
    assert view.note or view.state is job.State.DELIVERED
    delivery.send(job_id)
    assert post.view(job_id).state is view.state and len(delivery.attempts(post.house.scope, job_id)) == 1
    if view.state is job.State.DELIVERED:
        wait_for(lambda: printed(running) == [DOCUMENT])
    else:
        assert printed(running) in ([], [DOCUMENT])
        assert view.state is not job.State.HELD or printed(running) == []
