"""A printer on a RAW port that dies at any octet never prints a job twice by itself (T8, I4)."""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from frisket import delivery, device, job
from tests.delivery.conftest import Post, set_settings
from tests.delivery.raw_server import STEPS, RawServer, raw_server

DOCUMENT = b"%!PS\n" + os.urandom(600_000)  # more than the kernels between us hold
LEFT = STEPS[STEPS.index("first") :]  # from here on it has octets of the document
WAYS = [
    (talks, step, how)
    for talks, steps in ((True, STEPS), (False, ("connected", *LEFT)))
    for step in steps
    for how in (("rst", "fin") if step in ("half", "ended") else ("rst",))
]


@pytest.fixture(params=[True, False], ids=["speaks PJL", "says nothing"])
def server(request: pytest.FixtureRequest) -> Iterator[RawServer]:
    with raw_server(len(DOCUMENT), talks=request.param) as running:
        yield running


def adopted(post: Post, server: RawServer) -> device.DeviceView:
    set_settings(delivery={"stall_s": 1.0, "follow_s": 1.0})
    target = post.adopted(server.uri, probe=server.talks, silence_is_done=False)
    assert target.capabilities.pjl == server.talks
    return target


def test_without_a_fault_it_is_printed_once(post: Post, server: RawServer) -> None:
    view = post.send(post.released(adopted(post, server), DOCUMENT, format="application/postscript"))
    assert view.state is (job.State.DELIVERED if server.talks else job.State.UNCERTAIN)
    assert server.printed == [DOCUMENT]


@pytest.mark.parametrize(("server", "step", "how"), WAYS, indirect=["server"])
def test_a_printer_that_dies_never_gets_a_job_twice_by_itself(
    post: Post, server: RawServer, step: str, how: str
) -> None:
    target = adopted(post, server)
    server.die_at, server.how = step, how
    job_id = post.released(target, DOCUMENT, format="application/postscript")
    with suppress(delivery.TryAgain):
        delivery.send(job_id)
    view = post.view(job_id)
    server.die_at = ""
    if step in LEFT:
        assert view.state is job.State.UNCERTAIN, view
    if view.state is job.State.UNCERTAIN:
        assert (view.why, bool(view.note)) == (job.Reason.LOST_TOUCH, True)
        assert post.attempt(job_id).octets_sent
        begun = server.begun
        delivery.send(job_id)
        assert (post.view(job_id).state, server.begun) == (job.State.UNCERTAIN, begun)
        assert len(server.printed) == (step == "ended")
        return
    assert (view.state, view.why) == (job.State.RELEASED, job.Reason.RETRY)
    assert post.attempt(job_id).octets_sent == 0 and server.begun == 0
    again = post.send(job_id)
    assert again.state is (job.State.DELIVERED if server.talks else job.State.UNCERTAIN)
    assert server.printed == [DOCUMENT]
