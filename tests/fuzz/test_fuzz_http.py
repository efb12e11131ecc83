"""Hostile octets for the HTTP listener: a request that is one, or an answer that refuses and the end of it."""

import asyncio
import logging
import random
import re
from collections.abc import Mapping
from typing import Any

import pytest
from tests.fuzz.campaign import bounded_memory, forms
from tests.fuzz.mutating import bent

from frisket.plumbing import httpd

BOUNDS = httpd.Bounds(
    header_bytes=600, header_s=10, idle_s=60, slowest_bytes_per_s=1000, connections=200, waiting_per_address=64
)
REQUESTS = (
    b"GET /ipp/print HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n",
    b"POST /ipp/print HTTP/1.1\r\nHost: here:631\r\nContent-Length: 12\r\n\r\nhello, world",
    b"POST /x HTTP/1.1\r\nHost: [::1]:8443\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /1 HTTP/1.1\r\nHost: here\r\n\r\nGET /2 HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: here\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
)
UPSETTING = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"\t", b"Host: other\r\n", b"Content-Length: 5\r\n", b"HTTP/2.0",
    b"CONNECT ",
    b"Content-Length: 99999999999999999999\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"\xff",
    b"Transfer-Encoding: gzip, chunked\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n", b"X" * 700, b";ext=", b"%zz", b"?",
    b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"http://there/", b"POST / HTTP/1.1\r\n",
)  # fmt: skip
ANSWERS = {100, 200, 400, 431, 501}
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_HOST = re.compile(rb"[\w.:%\[\]-]{1,255}")


class Wire(asyncio.Transport):
    """A connection without a network."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 9), "sockname": ("127.0.0.1", 631)})
        self.said = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        self.said += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class Application:
    """Reads a body to its end, answers, and keeps what would have been a fault of the listener."""

    def __init__(self) -> None:
        self.served = 0
        self.body = 0
        self.odd: list[str] = []

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) > 1 or not all(map(_HOST.fullmatch, hosts)) or (not hosts and scope["http_version"] == "1.1"):
            self.odd.append(f"hosts {hosts}")
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            self.body += len(event["body"])
            more = event["more_body"]
        self.served += 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def _session(listener: httpd.Listener, source: random.Random, octets: bytes) -> bytes:
    """What comes back; afterwards nothing of the connection is left."""
    wire, connection = Wire(), listener._connection()
    connection.connection_made(wire)
    size = source.choice((1 << 16, 1 << 16, 60))
    for at in range(0, len(octets), size):
        connection.data_received(octets[at : at + size])
        await asyncio.sleep(0)
        if wire.closed:
            break
    connection.connection_lost(None)
    while listener._state.tasks:
        await asyncio.sleep(0)
    return bytes(wire.said)


@forms()
async def test_mutated_requests_are_served_or_refused(times: int, caplog: pytest.LogCaptureFixture) -> None:
    app, source, refused = Application(), random.Random(9112), 0
    listener = httpd.Listener(app, BOUNDS)
    broken: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    logging.disable(logging.WARNING)
    try:
        with bounded_memory():
            for number in range(times):
                octets = bent(source, source.choice(REQUESTS), UPSETTING)
                before = app.body
                said = await _session(listener, source, octets)
                statuses = {int(each) for each in _STATUS.findall(said)}
                fine = statuses <= ANSWERS and app.body - before <= len(octets)
                assert fine and not (app.odd or broken or caplog.records), (number, octets, said, app.odd, broken)
                refused += bool(statuses - {100, 200})
    finally:
        logging.disable(logging.NOTSET)
    assert not listener.crowd.all and not listener._state.connections
    assert min(app.served, refused) > times // 20
