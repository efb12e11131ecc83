"""Hostile octets for PJL: at a RAW port, inside a document's frame, and from a device. Only WireError comes out."""

import random
from collections.abc import AsyncIterator

from tests.fuzz.campaign import ADOPTED, at_once, forms, run
from tests.fuzz.mutating import bent
from tests.wire import test_pjl
from tests.wire.pjl_samples import JOBS, UEL

from frisket.intake.errors import CutOff, Unfit
from frisket.intake.framed import Framed
from frisket.wire import pjl
from frisket.wire.errors import WireError

RECORDED = list(JOBS.values())
REPLIES = [octets for octets, _ in test_pjl.RECORDED]
LONGEST, MOST = 200, 1000
UPSETTING = (
    UEL,
    UEL[:5],
    b"@PJL",
    b"@PJL ",
    b"\n",
    b"\r\n",
    b"\0",
    b'"',
    b"=",
    b"\f",
    b"ENTER LANGUAGE=",
    b"COPIES=99999999999",
    b"%!PS\nserverdict begin 0 exitserver\n",
    b"(%disk0%)",
)


def mutated(source: random.Random) -> bytes:
    return bent(source, source.choice(RECORDED), UPSETTING)


def digest(source: random.Random, octets: bytes) -> bool:
    """Feed it in pieces; whether it was read to the end."""
    frame = pjl.Unframer(longest=LONGEST, most=MOST)
    events: list[pjl.Event] = []
    size = source.choice((1 << 20, 64, 7))
    try:
        for at in range(0, len(octets), size):
            events += frame.feed(octets[at : at + size])
            assert len(frame._pending) <= 2 * LONGEST + size  # padding, and the line behind it
    except WireError:
        return False
    events += frame.end()
    job = pjl.job_of(each for each in events if isinstance(each, pjl.Command))
    assert 1 <= job.copies < 10**9
    assert sum(len(each.octets) for each in events if isinstance(each, pjl.Data)) <= len(octets)
    return True


@forms(ADOPTED)
def test_mutated_streams_raise_only_the_documented_error(times: int) -> None:
    tally = run(times, 9100, mutated, digest)
    assert tally.read > times // 50 and tally.refused


async def documents(source: random.Random, octets: bytes) -> None:
    size = source.choice((1 << 20, 64))

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(octets), size):
            yield octets[at : at + size]

    framed, passed = Framed(pieces(), most=MOST, code_page="cp1252", to_the_end=True), 0
    while (found := await framed.next()) is not None:
        async for piece in found.data:
            passed += len(piece)
    assert passed <= len(octets)


def taken(source: random.Random, octets: bytes) -> bool:
    try:
        at_once(documents(source, octets))
    except (WireError, Unfit, CutOff):
        return False
    return True


@forms()
def test_mutated_streams_are_documents_or_refused(times: int) -> None:
    tally = run(times, 9101, mutated, taken)
    assert min(tally.read, tally.refused) > times // 50


def heard(source: random.Random, octets: bytes) -> bool:
    replies, size = pjl.Replies(longest=256), source.choice((1 << 20, 40))
    try:
        for at in range(0, len(octets), size):
            for reply in replies.feed(octets[at : at + size]):
                if isinstance(reply, pjl.PageEvent):
                    assert 0 <= reply.page < 10**9
        assert len(replies._pending) <= 256
    except WireError:
        return False
    return True


def talk_of_a_device(source: random.Random) -> bytes:
    return bent(source, b"".join(source.choice(REPLIES) for _ in range(3)), (*UPSETTING, b"x" * 300))


@forms(ADOPTED)
def test_mutated_replies_of_devices_raise_only_the_documented_error(times: int) -> None:
    tally = run(times, 9102, talk_of_a_device, heard)
    assert min(tally.read, tally.refused) > times // 100
