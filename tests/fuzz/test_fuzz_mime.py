"""Hostile mails: only MimeError comes out of the reader, and what it holds stays small."""

import random
from contextlib import suppress

import pytest
from tests.wire.mail_samples import ALL

from frisket.wire import mailauth, mime, smtp
from frisket.wire.errors import WireError

SHORT, LONG = 6_000, 1_000_000
LIMITS = mime.Limits(message_bytes=20_000, header_bytes=420, parts=9, depth=3)
STUFF = (
    b"--inner", b"\r\n", b"\n", b"\r", b"--", b"--outer =_1--", b"Content-Type: multipart/mixed; boundary=inner\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"=", b"=?utf-8?b?", b"?=", b"''%", b";", b"\0", b"\xff\xfe",
    b"\r\n.\r\n",
    b"Content-Disposition: attachment; filename*0*=x; filename*1=y\r\n", b"From: ", b"(", b'"', b"<>", b" " * 70,
)  # fmt: skip


def mutated(source: random.Random) -> bytes:
    octets = bytearray(source.choice(ALL))
    for _ in range(source.randint(1, 6)):
        at = source.randrange(len(octets)) if octets else 0
        match source.randrange(5):
            case 0:
                octets[at : at + 1] = bytes((source.randrange(256),))
            case 1:
                octets[at:at] = source.choice(STUFF) * source.randint(1, 3)
            case 2:
                del octets[at : at + source.randint(1, 40)]
            case 3:
                octets[at:at] = octets[at : at + source.randint(1, 200)]
            case _:
                octets[at:at] = source.randbytes(source.randint(1, 8))
    return bytes(octets)


def fuzz(count: int, seed: int) -> tuple[int, int]:
    """Mails read to their end, and refused."""
    source, read, refused = random.Random(seed), 0, 0
    for _ in range(count):
        octets, reader = mutated(source), mime.Reader(LIMITS)
        step, given = source.choice((1 << 16, 97, 13)), 0
        try:
            for at in range(0, len(octets), step):
                for event in reader.feed(octets[at : at + step]):
                    given += len(event.octets) if isinstance(event, mime.Data) else 0
                    if isinstance(event, mime.Top):
                        for _, value in event.headers:
                            mime.address_of(value), mime.text_of(value), mailauth.results_of(value)
                assert len(reader._held) <= LIMITS.header_bytes + step + 600
            reader.finish()
            read += 1
        except mime.MimeError as error:
            assert error.why in ("too-large", "header", "parts", "depth", "cut")
            refused += 1
        assert given <= len(octets)
        talk = smtp.Conversation(longest_line=512)
        with suppress(WireError):
            talk.feed(octets)
            while talk.command() is not None:
                pass
    return read, refused


def test_mutated_mails_raise_only_documented_errors():
    read, refused = fuzz(SHORT, 2045)
    assert read > SHORT // 4 and refused > SHORT // 1000


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_million_mutated_mails_raise_only_documented_errors():
    read, refused = fuzz(LONG, 2046)
    assert read and refused
