"""Hostile octets for the LPD codec: only its documented error comes out, and nothing grows."""

import random

import pytest
from tests.wire.lpd_samples import SESSIONS

from frisket.wire import lpd
from frisket.wire.errors import WireError

RECORDED = list(SESSIONS.values())
LIMITS = lpd.Limits(line=128, control=400, data=1 << 20, data_files=4, words=8, copies=20)
SHORT, LONG = 20_000, 1_000_000
UPSETTING = (b"\n", b"\0", b"\x02", b"\x03", b"0 ", b"99999999999999999999", b"125899906843000 ", b"-1 ", b"\r\n")


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
    talk, sent = lpd.Conversation(LIMITS), 0
    try:
        while sent < len(octets):
            size = source.randint(1, 80)
            for event in talk.feed(octets[sent : sent + size]):
                if isinstance(event, lpd.ControlFile):
                    assert sum(one.copies for one in event.prints) <= LIMITS.copies * LIMITS.data_files
                    lpd.pair(event, ["dfA123pc17", "x"])
            assert len(talk._pending) <= LIMITS.control
            sent += size
        talk.end()
    except WireError:
        return False
    return True


def fuzz(times: int) -> None:
    source = random.Random(1179)
    read = sum(digest(source, mutated(source)) for _ in range(times))
    assert times // 50 < read < times


def test_twenty_thousand_mutated_sessions_raise_only_the_documented_error() -> None:
    fuzz(SHORT)


@pytest.mark.long
def test_a_million_mutated_sessions_raise_only_the_documented_error() -> None:
    fuzz(LONG)
