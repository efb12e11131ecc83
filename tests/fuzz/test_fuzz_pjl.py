"""Hostile octets for the reader of framed documents: only its documented error comes out, and nothing grows."""

import random

import pytest
from tests.wire.pjl_samples import JOBS, UEL

from frisket.wire import pjl
from frisket.wire.errors import WireError

RECORDED = list(JOBS.values())
LONGEST, MOST = 200, 1000
SHORT, LONG = 50_000, 1_000_000
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
    b"ENTER LANGUAGE=",
    b"COPIES=99999999999",
)


def mutated(source: random.Random) -> bytes:
    octets = bytearray(source.choice(RECORDED))
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(octets) + 1)
        match source.randrange(5):
            case 0:
                octets[at : at + 1] = bytes((source.randrange(256),))
            case 1:
                octets[at:at] = source.choice(UPSETTING)
            case 2:
                del octets[at : at + source.randint(1, 20)]
            case 3:
                octets[at:at] = octets[at : at + source.randint(1, 60)]
            case _:
                octets[at:at] = source.randbytes(source.randint(1, 8))
    return bytes(octets)


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


def fuzz(times: int) -> None:
    source = random.Random(9100)
    read = sum(digest(source, mutated(source)) for _ in range(times))
    assert times // 50 < read < times


def test_fifty_thousand_mutated_streams_raise_only_the_documented_error() -> None:
    fuzz(SHORT)


@pytest.mark.long
def test_a_million_mutated_streams_raise_only_the_documented_error() -> None:
    fuzz(LONG)
