"""Hostile octets for the FTP codec: only its documented error comes out, and nothing grows."""

import random

import pytest
from tests.wire.ftp_samples import SESSIONS

from frisket.wire import ftp_control as wire
from frisket.wire.errors import WireError

RECORDED = list(SESSIONS.values())
LONGEST = 100
SHORT, LONG = 50_000, 1_000_000
UPSETTING = (
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xff\xf4\xff",
    b"\xff\xfb",
    b"/../",
    b"STOR ",
    b"\r\n",
    b'"',
    b"\xed\xa0\x80",
)


def mutated(source: random.Random) -> bytes:
    octets = bytearray(source.choice(RECORDED))
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(octets) + 1)
        match source.randrange(4):
            case 0:
                octets[at : at + 1] = bytes((source.randrange(256),))
            case 1:
                octets[at:at] = source.choice(UPSETTING)
            case 2:
                del octets[at : at + source.randint(1, 20)]
            case _:
                octets[at:at] = octets[at : at + source.randint(1, 60)]
    return bytes(octets)


def digest(source: random.Random, octets: bytes) -> bool:
    """Feed it in pieces, as a server does; whether it was read to the end."""
    talk, folder = wire.Conversation(longest_line=LONGEST, code_page="cp1252"), ()
    middle = source.randrange(len(octets) + 1)
    try:
        for piece in (octets[:middle], octets[middle:]):
            talk.feed(piece)
            while (command := talk.command()) is not None:
                assert len(command.argument) <= LONGEST
                answer = wire.reply(257, wire.quoted((command.argument,)))
                assert answer.count(b"\n") == 1 and answer.endswith(b"\r\n")
                if command.verb in ("CWD", "STOR"):
                    where = wire.resolve(folder, command.argument)
                    assert len(where) <= 2 and not {"", ".", ".."} & set(where)
        assert len(talk._pending) <= LONGEST
    except WireError:
        return False
    return True


def fuzz(times: int) -> None:
    source = random.Random(959)
    read = sum(digest(source, mutated(source)) for _ in range(times))
    assert times // 20 < read < times


def test_fifty_thousand_mutated_sessions_raise_only_the_documented_error() -> None:
    fuzz(SHORT)


@pytest.mark.long
def test_a_million_mutated_sessions_raise_only_the_documented_error() -> None:
    fuzz(LONG)
