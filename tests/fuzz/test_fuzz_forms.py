"""Hostile uploads and hostile commands at the control socket: only BadForm, or the end of a request, comes out."""

import asyncio
import json
import random
import struct
from collections.abc import AsyncIterator

from tests.fuzz.campaign import at_once, forms, run
from tests.fuzz.mutating import bent

from frisket.intake import CutOff
from frisket.intake.multipart import BadForm, Multipart, boundary_of
from frisket.programs import control

TYPES = (
    b"multipart/form-data; boundary=limit",
    b'multipart/form-data; boundary="limit"; charset=utf-8',
    b"Multipart/Form-Data; boundary=limit",
)
FORMS_SENT = (
    b'--limit\r\nContent-Disposition: form-data; name="queue"\r\n\r\nsecure\r\n--limit\r\n'
    b'Content-Disposition: form-data; name="document"; filename="a \\"b\\" %22c%22.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n%PDF-1.4\r\n--limi\r\n\r\n\x00\xff\r\n--limit--\r\n",
    b'preamble\r\n--limit  \r\ncontent-disposition: form-data; name=""\r\n\r\n\r\n--limit\r\n'
    b'Content-Disposition: form-data; name="copies"\r\n\r\n2\r\n--limit--\r\nepilogue',
)
UPSETTING = (
    b"\r\n", b"\n", b"\r", b"\0", b"--limit", b"\r\n--limit", b"\r\n--limit--", b"\r\n\r\n", b"--", b'"', b"\\", b";",
    b"boundary=", b"filename*=utf-8''x", b'Content-Disposition: form-data; name="x"\r\n', b"\xff\xfe", b"a" * 400,
)  # fmt: skip


async def _read(source: random.Random, kind: bytes, octets: bytes) -> None:
    boundary, size = boundary_of(kind), source.choice((1 << 20, 50))
    if boundary is None:
        return

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(octets), size):
            yield octets[at : at + size]

    form, passed = Multipart(boundary, pieces()), 0
    while (field := await form.next()) is not None:
        if field.file_name is None:
            await form.text(limit=100)
        else:
            async for piece in form.data():
                passed += len(piece)
    assert passed <= len(octets)


def uploaded(source: random.Random, octets: bytes) -> bool:
    kind = source.choice(TYPES)
    if not source.randrange(10):
        kind = bent(source, kind, UPSETTING)
    try:
        at_once(_read(source, kind, octets))
    except BadForm:
        return False
    return True


@forms()
def test_mutated_uploads_raise_only_bad_form(times: int) -> None:
    tally = run(times, 7578, lambda source: bent(source, source.choice(FORMS_SENT), UPSETTING), uploaded)
    assert min(tally.read, tally.refused) > times // 50


def framed(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


COMMANDS = tuple(
    framed(json.dumps({"command": name, "values": values}).encode()) + document
    for name, values, document in (
        ("person.add", {"name": "Zoë", "card": None, "n": 3.5}, b""),
        ("job.submit", {"queue": "secure"}, framed(b"%PDF-1.4") + framed(b"more") + framed(b"")),
        ("x", {"deep": [[[[{"a": [1, True, None]}]]]]}, framed(b"")),
    )
)
ODD = (
    b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\0", b"[" * 60, b"{", b'"', b"\\ud800", b"1e999", b"9" * 5000, b"NaN",
    b'"command": 1, ', b'"values": [], ', b"\xc3", b"\0",
)  # fmt: skip
DOCUMENTED = (asyncio.IncompleteReadError, ValueError, RecursionError, CutOff)  # what a connection ends with


async def _asked(reader: asyncio.StreamReader, octets: bytes) -> None:
    command, values = control._read(await control._frame(reader, control._MOST))
    assert isinstance(command, str) and isinstance(values, dict)
    got = 0
    async for piece in control._frames(reader):
        got += len(piece)
    assert got <= len(octets)


@forms()
async def test_mutated_commands_at_the_control_socket_end_the_connection_and_nothing_else(times: int) -> None:
    def asked(source: random.Random, octets: bytes) -> bool:
        reader = asyncio.StreamReader()
        reader.feed_data(octets)
        reader.feed_eof()
        try:
            at_once(_asked(reader, octets))
        except DOCUMENTED:
            return False
        return True

    tally = run(times, 107, lambda source: bent(source, source.choice(COMMANDS), ODD), asked)
    assert min(tally.read, tally.refused) > times // 100
