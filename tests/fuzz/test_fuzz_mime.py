"""Hostile mails and hostile senders: only MimeError and WireError come out, and what is held stays small."""

import random

from tests.fuzz.campaign import forms, run
from tests.fuzz.mutating import bent
from tests.wire.mail_samples import ALL

from frisket.wire import mailauth, mime, smtp
from frisket.wire.errors import WireError

LIMITS = mime.Limits(message_bytes=20_000, header_bytes=420, parts=9, depth=3)
LINE = 128
STUFF = (
    b"--inner", b"\r\n", b"\n", b"\r", b"--", b"--outer =_1--", b"Content-Type: multipart/mixed; boundary=inner\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"=", b"=?utf-8?b?", b"?=", b"''%", b";", b"\0", b"\xff\xfe",
    b"\r\n.\r\n",
    b"Content-Disposition: attachment; filename*0*=x; filename*1=y\r\n", b"From: ", b"(", b'"', b"<>", b" " * 70,
)  # fmt: skip
SESSIONS = (
    b"EHLO pc.example\r\nMAIL FROM:<anna@office.example> SIZE=1000 BODY=8BITMIME\r\nRCPT TO:<lp1@print.example>\r\n"
    b"DATA\r\nSubject: x\r\n\r\n..two\r\ntext\r\n.\r\nQUIT\r\n",
    b"HELO pc\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nRSET\r\nNOOP\r\nSTARTTLS\r\nAUTH PLAIN AGEAYg==\r\n",
    b"EHLO [192.0.2.1]\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\nDATA\r\n.\r\nDATA\r\na\r\n.\r\nQUIT\r\n",
)
UPSETTING = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b".",
    b"\r\n.\r\n",
    b"\n.\n",
    b"DATA\r\n",
    b"<",
    b">",
    b"@",
    b"\xff",
    b"x" * 150,
)


def mutated(source: random.Random) -> bytes:
    return bent(source, source.choice(ALL), STUFF, changes=6, doubled=200)


def digest(source: random.Random, octets: bytes) -> bool:
    reader, step, given = mime.Reader(LIMITS), source.choice((1 << 16, 97, 13)), 0
    try:
        for at in range(0, len(octets), step):
            for event in reader.feed(octets[at : at + step]):
                given += len(event.octets) if isinstance(event, mime.Data) else 0
                if isinstance(event, mime.Top):
                    for _, value in event.headers:
                        mime.address_of(value), mime.text_of(value), mailauth.results_of(value)
            assert len(reader._held) <= LIMITS.header_bytes + step + 600
        reader.finish()
    except mime.MimeError as error:
        assert error.why in ("too-large", "header", "parts", "depth", "cut")
        return False
    finally:
        assert given <= len(octets)
    return True


@forms()
def test_mutated_mails_raise_only_documented_errors(times: int) -> None:
    tally = run(times, 2045, mutated, digest)
    assert tally.read > times // 4 and tally.refused > times // 1000


def served(source: random.Random, octets: bytes) -> bool:
    """A session as the door reads it: commands, after DATA the content up to its end."""
    talk, step, inside = smtp.Conversation(longest_line=LINE), source.choice((1 << 16, 40)), False
    try:
        for at in range(0, len(octets), step):
            talk.feed(octets[at : at + step])
            while True:
                if inside:
                    _, ended = talk.content()
                    if not ended:
                        break
                    inside = False
                elif (command := talk.command()) is None:
                    break
                else:
                    smtp.path_of(command.argument, "FROM"), smtp.path_of(command.argument, "TO")
                    inside = command.verb == "DATA"
                    if inside:
                        talk.begin_content()
            assert len(talk._pending) <= LINE
    except WireError:
        return False
    return True


@forms()
def test_mutated_sessions_of_smtp_raise_only_the_documented_error(times: int) -> None:
    tally = run(times, 5321, lambda source: bent(source, source.choice(SESSIONS), UPSETTING), served)
    assert min(tally.read, tally.refused) > times // 50
