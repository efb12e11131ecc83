"""Hostile octets for the LPD codec, at a door and from a device: only its documented error comes out."""

import random

from tests.fuzz.campaign import ADOPTED, forms, run
from tests.fuzz.mutating import bent
from tests.wire.lpd_samples import SESSIONS

from frisket.wire import lpd
from frisket.wire.errors import WireError

RECORDED = list(SESSIONS.values())
LIMITS = lpd.Limits(line=128, control=400, data=1 << 20, data_files=4, words=8, copies=20)
UPSETTING = (b"\n", b"\0", b"\x02", b"\x03", b"0 ", b"99999999999999999999", b"125899906843000 ", b"-1 ", b"\r\n")
STATES = (
    b"lp1 is ready and printing\nRank Owner Job Files Total Size\n1st anna 17 report.pdf 1024 bytes\n"
    b"active bob 18 a b.pdf 99 bytes\n",
    b"Printer: lp1@host 'office'\n Queue: 2 printable jobs\n1 anna@host+17 A 17 report.pdf 1024 12:00:00\n",
    b"no entries\n",
    b"\x01lp1: unknown printer\n",
)


def mutated(source: random.Random) -> bytes:
    return bent(source, source.choice(RECORDED), UPSETTING)


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


@forms()
def test_mutated_sessions_raise_only_the_documented_error(times: int) -> None:
    tally = run(times, 1179, mutated, digest)
    assert min(tally.read, tally.refused) > times // 50


def told(source: random.Random, octets: bytes) -> bool:
    """What a device says of its queue, and its answer."""
    words, jobs = lpd.read_listing(octets, LIMITS)
    assert all(each.rank >= 0 and each.octets >= 0 for each in jobs) and all(words)
    try:
        accepted, said = lpd.read_answer(octets)
    except WireError:
        return False
    assert len(said) <= 200
    return not accepted


@forms(ADOPTED)
def test_mutated_answers_of_devices_raise_only_the_documented_error(times: int) -> None:
    tally = run(times, 1180, lambda source: bent(source, source.choice(STATES), UPSETTING), told)
    assert tally.read > times // 2
