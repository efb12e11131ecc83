"""The HTTP listener against peers that are slow, many, wrong or hostile."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvloop
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plumbing.hand_time import standing

from frisket.plumbing import httpd, keys

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy:DeprecationWarning")
LIMITS = httpd.Bounds(
    header_bytes=2048, header_s=0.4, idle_s=1.2, slowest_bytes_per_s=1000, connections=200, waiting_per_address=64
)
PATIENCE_S = 30.0  # a machine may be busy with other things
HOST = b"Host: here\r\n"
GET = b"GET /%s HTTP/1.1\r\nHost: here\r\n\r\n"
OK = b"HTTP/1.1 200 OK"


@pytest.fixture(scope="module")
def event_loop_policy() -> Any:
    return uvloop.EventLoopPolicy()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpd, "GRACE_S", 0.4)
    monkeypatch.setattr(httpd, "HANDSHAKE_S", 0.5)
    monkeypatch.setattr(httpd, "SWEEP_S", 0.05)


@dataclass
class Told:
    """An application that notes what it is asked; ``act`` may stand in for its answer."""

    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    scopes: list[Mapping[str, Any]] = field(default_factory=list)
    gone: int = 0  # requests whose peer left
    act: Callable[..., Awaitable[None]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if self.act is not None:
            await self.act(scope, receive, send)
            return
        body, more = b"", True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                self.gone += 1
                return
            body, more = body + event["body"], event["more_body"]
        self.asked.append((scope["method"], scope["path"], body))
        await answer(send, b"done")


async def answer(send: Any, body: bytes, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Open:
    listener: httpd.Listener
    app: Told
    tls: ssl.SSLContext | None = None

    async def peer(self, **more: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.listener.port, **more)

    async def say(self, octets: bytes, *, within_s: float = PATIENCE_S) -> bytes:
        """What comes back before the connection is closed."""
        reader, writer = await self.peer()
        writer.write(octets)
        try:
            return await asyncio.wait_for(until_closed(reader), within_s)
        finally:
            writer.close()


def gone(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None


def send(writer: asyncio.StreamWriter, octets: bytes) -> None:
    with suppress(RuntimeError, ConnectionError):  # the loop's words for a connection that is gone
        writer.write(octets)


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    got = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            got += piece
    return got


async def one_answer(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await asyncio.wait_for(reader.readexactly(length), PATIENCE_S)


@asynccontextmanager
async def listening(
    *, tls: ssl.SSLContext | None = None, act: Callable[..., Awaitable[None]] | None = None, **other: Any
) -> AsyncIterator[Open]:
    app = Told(act=act)
    listener = httpd.Listener(app, replace(LIMITS, **other), tls=tls)
    await listener.open("127.0.0.1", 0)
    try:
        yield Open(listener, app)
    finally:
        await listener.close(patience_s=0.2)
        for connection in list(listener.crowd.all):
            connection.drop()


async def closed_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    try:
        await asyncio.wait_for(until_closed(reader), seconds)
    except TimeoutError:
        return False
    return True


# -- slow peers


async def test_a_header_that_does_not_end_is_cut_off() -> None:
    async with listening() as door:
        reader, writer = await door.peer()
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        began = asyncio.get_running_loop().time()
        while not gone(reader) and asyncio.get_running_loop().time() < began + PATIENCE_S:
            send(writer, b"x")
            await asyncio.sleep(0.05)
        assert gone(reader)
        assert door.app.asked == []


async def test_a_connection_that_says_nothing_is_cut_off() -> None:
    async with listening() as door:
        reader, _ = await door.peer()
        assert await closed_within(reader, PATIENCE_S)


async def until(good: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not good():
            await asyncio.sleep(0.01)


async def swept() -> None:
    """Give the listener the time to look at its connections."""
    await asyncio.sleep(2 * httpd.SWEEP_S)


async def test_a_body_slower_than_allowed_is_cut_off_and_a_steady_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: Counter[str] = Counter()

    async def count(scope: Any, receive: Any, send: Any) -> None:
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                taken["gone"] += 1
                return
            taken[scope["path"]] += len(event["body"])
            if not event["more_body"]:
                await answer(send, b"done")
                return

    async with listening(act=count) as door:
        head = b"POST /%s HTTP/1.1\r\n" + HOST + b"Content-Length: 3000\r\n\r\n"
        slow, slow_out = await door.peer()
        steady, steady_out = await door.peer()
        slow_out.write(head % b"slow")
        steady_out.write(head % b"steady")
        await until(lambda: len(door.app.scopes) == 2)
        with standing(monkeypatch, httpd) as clock:
            for turn in range(1, 21):
                send(slow_out, b"x" * 10)
                send(steady_out, b"x" * 150)
                await until(lambda turn=turn: taken["/steady"] == 150 * turn)
                clock.pass_time(0.1)
                await swept()
            assert (await one_answer(steady)).startswith(OK)
            assert await closed_within(slow, PATIENCE_S)
        assert taken["/slow"] < 200 and taken["gone"] == 1


async def test_a_peer_waits_as_long_as_we_are_the_slow_ones() -> None:
    async def ponder(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1.5)  # longer than any patience with peers
        while (await receive())["more_body"]:
            pass
        await answer(send, b"done")

    async with listening(act=ponder) as door:
        reader, writer = await door.peer()
        body = bytes(400_000)
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert (await one_answer(reader)).startswith(OK)


async def test_what_comes_after_a_request_does_not_cut_off_its_answer() -> None:
    async def ponder(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1.0)
        await answer(send, b"done")

    async with listening(act=ponder) as door:
        reader, writer = await door.peer()
        writer.write(GET % b"first" + b"GET /half")
        assert (await one_answer(reader)).startswith(OK)


async def test_a_connection_rests_between_requests_for_the_idle_time_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening() as door:
        reader, writer = await door.peer()
        with standing(monkeypatch, httpd) as clock:
            for _ in range(3):
                writer.write(GET % b"")
                await one_answer(reader)
                clock.pass_time(0.7)
                await swept()
            assert not reader.at_eof()
            clock.pass_time(0.6)
            assert await closed_within(reader, PATIENCE_S)
        assert len(door.app.asked) == 3


async def test_a_connection_rests_also_after_a_body_that_came_behind_its_answer() -> None:
    async def at_once(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"no", status=405)

    async with listening(act=at_once) as door:
        reader, writer = await door.peer()
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\n")
        await one_answer(reader)
        writer.write(b"body")
        await asyncio.sleep(0.1)
        writer.write(GET % b"again")
        await one_answer(reader)
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\n")
        await one_answer(reader)
        writer.write(b"body")
        assert await closed_within(reader, PATIENCE_S)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_a_peer_that_does_not_take_its_answer_is_cut_off(version: bytes) -> None:
    async def much(scope: Any, receive: Any, send: Any) -> None:
        with suppress(asyncio.CancelledError):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(64):
                await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})

    async with listening(act=much) as door:
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", door.listener.port))
        peer.send(b"GET / HTTP/" + version + b"\r\n" + HOST + b"\r\n")
        with peer:
            await until(lambda: door.app.scopes)
            await until(lambda: not door.listener.crowd.all)


async def test_an_answer_that_waits_to_be_taken_when_the_connection_should_close_is_given_up() -> None:
    async def much(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, bytes(16 << 20), (b"connection", b"close"))

    async with listening(act=much) as door:
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", door.listener.port))
        peer.send(GET % b"")
        with peer:
            await until(lambda: door.app.scopes)
            await until(lambda: not door.listener.crowd.all)


async def test_somebody_is_served_while_two_hundred_dawdle_over_their_headers() -> None:
    async with listening(header_s=10.0) as door:
        dawdlers = [await door.peer() for _ in range(200)]
        for _, writer in dawdlers:
            writer.write(b"GET / HT")
        reader, writer = await door.peer()
        writer.write(GET % b"served")
        assert (await one_answer(reader)).startswith(OK)
        for _, each in dawdlers:
            each.close()


# -- many peers


async def test_of_an_address_the_connection_that_waited_longest_makes_room() -> None:
    async with listening(waiting_per_address=4, header_s=10.0) as door:
        peers = [await door.peer() for _ in range(6)]
        assert [await closed_within(reader, PATIENCE_S) for reader, _ in peers[:2]] == [True, True]
        assert [await closed_within(reader, 0.05) for reader, _ in peers[2:]] == [False] * 4


async def test_a_working_connection_is_never_closed_for_others() -> None:
    release = asyncio.Event()

    async def ponder(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()
        await answer(send, b"done")

    async with listening(act=ponder, waiting_per_address=3, connections=8, header_s=10.0) as door:
        workers = [await door.peer() for _ in range(3)]
        for _, writer in workers:
            writer.write(GET % b"work")
        await until(lambda: len(door.app.scopes) == 3)
        crowd = [await door.peer() for _ in range(20)]
        await asyncio.sleep(0.05)
        release.set()
        for reader, _ in workers:
            assert (await one_answer(reader)).startswith(OK)
        assert len(door.listener.crowd.all) <= 8
        for _, writer in crowd:
            writer.close()


async def test_there_are_never_more_connections_than_allowed_and_one_that_rests_makes_room() -> None:
    async with listening(connections=5, header_s=10.0, idle_s=30) as door:
        resting = []
        for _ in range(5):
            reader, writer = await door.peer()
            writer.write(GET % b"")
            await one_answer(reader)
            resting.append((reader, writer))
        reader, writer = await door.peer()
        writer.write(GET % b"late")
        assert (await one_answer(reader)).startswith(OK)
        assert len(door.listener.crowd.all) == 5
        assert await closed_within(resting[0][0], PATIENCE_S)
        assert [await closed_within(each, 0.05) for each, _ in resting[1:]] == [False] * 4


async def test_when_all_connections_work_another_one_is_turned_away() -> None:
    release = asyncio.Event()

    async def ponder(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()
        await answer(send, b"done")

    async with listening(act=ponder, connections=2) as door:
        workers = [await door.peer() for _ in range(2)]
        for _, writer in workers:
            writer.write(GET % b"work")
        await until(lambda: len(door.app.scopes) == 2)
        reader, _ = await door.peer()
        assert await closed_within(reader, PATIENCE_S)
        release.set()
        for reader, _ in workers:
            assert (await one_answer(reader)).startswith(OK)


# -- what a header may be


async def test_a_header_that_is_too_large_is_refused_however_it_comes() -> None:
    async with listening(header_s=PATIENCE_S) as door:
        long = b"GET / HTTP/1.1\r\n" + HOST + b"X-Long: " + b"x" * 2100 + b"\r\n\r\n"
        assert (await door.say(long)).startswith(b"HTTP/1.1 431 ")
        assert (await door.say(b"GET /" + b"x" * 2100 + b" HTTP/1.1\r\n" + HOST + b"\r\n")).startswith(b"HTTP/1.1 431 ")
        assert (await door.say(long[:2090])).startswith(b"HTTP/1.1 431 ")
        reader, writer = await door.peer()
        for at in range(0, 2090, 95):
            writer.write(long[at : at + 95])
            await asyncio.sleep(0.005)
        assert (await one_answer(reader)).startswith(b"HTTP/1.1 431 ")
        assert door.app.scopes == []


async def test_a_large_body_in_the_same_piece_does_not_make_a_header_large() -> None:
    async with listening() as door:
        reader, writer = await door.peer()
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 50000\r\n\r\n" + bytes(50_000))
        assert (await one_answer(reader)).startswith(OK)
        assert len(door.app.asked[0][2]) == 50_000


@pytest.mark.parametrize("endless", [b"X-Trailer: abc\r\n", b"x"])
async def test_trailers_without_end_are_refused_and_not_kept(endless: bytes) -> None:
    async with listening() as door:
        reader, writer = await door.peer()
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n")
        sent = 0
        with suppress(ConnectionError):
            for _ in range(400):
                writer.write(endless * 200)
                sent += len(endless) * 200
                await writer.drain()
                await asyncio.sleep(0.001)
                if reader.at_eof():
                    break
        assert await closed_within(reader, PATIENCE_S)
        assert door.app.asked == []
        assert {name for name, _ in door.app.scopes[0]["headers"]} == {b"host", b"transfer-encoding"}


async def test_a_trailer_changes_nothing() -> None:
    async with listening() as door:
        reader, writer = await door.peer()
        writer.write(
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n"
            b"Authorization: Basic eDp5\r\n\r\n"
        )
        assert (await one_answer(reader)).startswith(OK)
        assert b"authorization" not in dict(door.app.scopes[0]["headers"])


def posted(*headers: bytes, body: bytes = b"0\r\n\r\n" + GET % b"hidden", version: bytes = b"1.1") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST / HTTP/" + version + b"\r\n" + HOST + lines + b"\r\n" + body


SMUGGLING = {
    "both lengths": posted(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "both lengths, turned": posted(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "two lengths": posted(b"Content-Length: 5", b"Content-Length: 40"),
    "two equal lengths": posted(b"Content-Length: 5", b"Content-Length: 5"),
    "a list of lengths": posted(b"Content-Length: 5, 5"),
    "a signed length": posted(b"Content-Length: +5"),
    "a negative length": posted(b"Content-Length: -5"),
    "a hexadecimal length": posted(b"Content-Length: 0x5"),
    "a length beyond all numbers": posted(b"Content-Length: 99999999999999999999999"),
    "a length with a gap": posted(b"Content-Length: 1 0"),
    "a space before the colon": posted(b"Content-Length : 5"),
    "another coding": posted(b"Transfer-Encoding: xchunked"),
    "a coding in front": posted(b"Transfer-Encoding: gzip, chunked"),
    "a coding behind": posted(b"Transfer-Encoding: chunked, identity"),
    "two codings": posted(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "a vertical tab": posted(b"Transfer-Encoding: \x0bchunked"),
    "a folded coding": posted(b"Transfer-Encoding:\r\n chunked", b"Content-Length: 5"),
    "a folded line": posted(b"X: y\r\n z", b"Content-Length: 5"),
    "a bare line feed": b"POST / HTTP/1.1\n" + HOST + b"Content-Length: 5\n\n0\r\n\r\n" + GET % b"hidden",
    "a bare line feed in a header": posted(b"X: y\nContent-Length: 5"),
    "a bare carriage return": posted(b"X: y\rContent-Length: 5"),
    "a NUL": posted(b"X: \0", b"Content-Length: 5"),
    "no name": posted(b": y", b"Content-Length: 5"),
    "a space first": posted(b" X: y", b"Content-Length: 5"),
    "two hosts": posted(b"Host: there", b"Content-Length: 5"),
    "a host with a path": posted(b"Content-Length: 5").replace(HOST, b"Host: a/../b\r\n"),
    "a host in eight bits": posted(b"Content-Length: 5").replace(HOST, b"Host: \xff\xfe\r\n"),
    "an endless host": posted(b"Content-Length: 5").replace(HOST, b"Host: " + b"a" * 256 + b"\r\n"),
    "an empty host": posted(b"Content-Length: 5").replace(HOST, b"Host:\r\n"),
    "no host": b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + GET % b"hidden",
    "a method that is none": b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n" + GET % b"hidden",
    "a version that is none": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n" + GET % b"hidden",
    "a tunnel": b"CONNECT there:631 HTTP/1.1\r\n" + HOST + b"\r\n" + GET % b"hidden",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + GET % b"hidden",
    "a TLS hello": bytes.fromhex("1603010200010001fc0303") + GET % b"hidden",
}


@pytest.mark.parametrize("octets", SMUGGLING.values(), ids=SMUGGLING.keys())
async def test_a_request_that_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(octets: bytes) -> None:
    async with listening() as door:
        said = await door.say(octets)
        assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")), said
        assert said.count(b"HTTP/1.1") == 1
        assert door.app.scopes == []


async def test_chunks_in_http_1_0_end_with_the_connection() -> None:
    async with listening() as door:
        said = await door.say(posted(b"Transfer-Encoding: chunked", version=b"1.0"))
        assert said.count(b"HTTP/1.1") == 1
        assert [path for _, path, _ in door.app.asked] == ["/"]


@pytest.mark.parametrize("size", [b"zz", b"-1", b"fffffffffffffffff", b"5 5", b"0x5", b"5\n"])
async def test_a_chunk_of_no_size_ends_the_connection(size: bytes) -> None:
    async with listening() as door:
        said = await door.say(posted(b"Transfer-Encoding: chunked", body=size + b"\r\nhello\r\n0\r\n\r\n"))
        assert said.startswith(b"HTTP/1.1 400 ")
        assert door.app.asked == []


# -- HTTP as it should be


async def test_chunks_arrive_whole_and_in_order() -> None:
    async with listening() as door:
        reader, writer = await door.peer()
        head = b"POST /chunks HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
        for octet in head + b'5;name="x"\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n':
            writer.write(bytes((octet,)))
            await asyncio.sleep(0)
        assert (await one_answer(reader)).startswith(OK)
        assert door.app.asked == [("POST", "/chunks", b"hello, world")]


async def test_requests_sent_before_their_answers_are_answered_in_order() -> None:
    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05 if scope["path"] == "/1" else 0)
        await answer(send, scope["path"].encode())

    async with listening(act=slowly) as door:
        reader, writer = await door.peer()
        writer.write(GET % b"1" + GET % b"2" + GET % b"3")
        assert [(await one_answer(reader))[-2:] for _ in range(3)] == [b"/1", b"/2", b"/3"]


async def test_nonsense_behind_a_request_spoils_not_its_answer() -> None:
    async with listening() as door:
        said = await door.say(GET % b"" + b"what is this?\r\n\r\n" + GET % b"never")
        assert said.startswith(OK) and said.count(b"HTTP/1.1") == 1
        assert [path for _, path, _ in door.app.asked] == ["/"]


async def test_http_1_0_is_answered_and_closed() -> None:
    async with listening() as door:
        assert (await door.say(b"GET /old HTTP/1.0\r\n\r\n")).startswith(OK)
        assert door.app.asked == [("GET", "/old", b"")]


async def test_an_offer_of_another_protocol_is_passed_over() -> None:
    async with listening() as door:
        reader, writer = await door.peer()
        offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        writer.write(b"POST /a HTTP/1.1\r\n" + HOST + offer + b"Content-Length: 4\r\n\r\nbo")
        await asyncio.sleep(0.05)
        writer.write(b"dy")
        assert (await one_answer(reader)).startswith(OK)
        writer.write(GET % b"b")
        assert (await one_answer(reader)).startswith(OK)
        assert door.app.asked == [("POST", "/a", b"body"), ("GET", "/b", b"")]


async def test_a_sender_hears_continue_only_when_its_body_is_wanted() -> None:
    async def choose(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/wanted":
            await receive()
        await answer(send, b"said", (b"connection", b"close"))

    async with listening(act=choose) as door:
        head = b"POST /%s HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        assert (await door.say(head % b"unwanted")).startswith(OK)
        reader, writer = await door.peer()
        writer.write(head % b"wanted")
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert (await one_answer(reader)).startswith(OK)


async def test_without_an_address_both_families_listen_on_one_port() -> None:
    app = Told()
    listener = httpd.Listener(app, LIMITS)
    await listener.open("", 0)
    try:
        for address in ("127.0.0.1", "::1"):
            reader, writer = await asyncio.open_connection(address, listener.port)
            writer.write(GET % b"")
            assert (await one_answer(reader)).startswith(OK)
            writer.close()
        assert [scope["client"][0] for scope in app.scopes] == ["127.0.0.1", "::1"]
    finally:
        await listener.close(patience_s=0.2)


async def test_closing_finishes_what_is_under_way_and_takes_nothing_new() -> None:
    async def ponder(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.3)
        await answer(send, b"done")

    async with listening(act=ponder) as door:
        working, out = await door.peer()
        out.write(GET % b"")
        resting, _ = await door.peer()
        await until(lambda: door.app.scopes and len(door.listener.crowd.all) == 2)
        closing = asyncio.create_task(door.listener.close())
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError):
            await door.peer()
        assert await closed_within(resting, PATIENCE_S)
        said = await asyncio.wait_for(until_closed(working), PATIENCE_S)
        assert said.endswith(b"done") and b"connection: close" in said
        await closing


async def test_closing_does_not_wait_for_ever() -> None:
    async with listening(act=lambda *_: asyncio.sleep(60)) as door:
        _, writer = await door.peer()
        writer.write(GET % b"")
        await until(lambda: door.listener._state.tasks)
        await asyncio.wait_for(door.listener.close(patience_s=0.2), 30.0)


# -- whatever comes

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([*SMUGGLING.values(), GET % b"a", HOST, b"\r\n", b"\r\n\r\n", b"GET / HTTP/1.1\r\n"]),
        st.sampled_from(
            [b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n", b"Upgrade: h2c\r\nConnection: Upgrade\r\n"]
        ),
        st.sampled_from([b"0\r\n\r\n", b"3\r\nabc\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=3))
def test_whatever_a_peer_sends_the_listener_goes_on_and_nothing_fails_unseen(sendings: list[list[bytes]]) -> None:
    async def main() -> list[dict[str, Any]]:
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        async with listening() as door:
            for pieces in sendings:
                reader, writer = await door.peer()
                for piece in pieces:
                    send(writer, piece)
                    await asyncio.sleep(0)
                with suppress(RuntimeError, ConnectionError, OSError):
                    writer.write_eof()
                said = await asyncio.wait_for(until_closed(reader), PATIENCE_S)
                assert said == b"" or said.startswith(b"HTTP/1.1 ")
                writer.close()
            reader, writer = await door.peer()
            writer.write(GET % b"after")
            assert (await one_answer(reader)).startswith(OK)
            writer.close()
        return failures

    assert uvloop.run(main()) == []


# -- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> keys.Certificates:
    folder = tmp_path_factory.mktemp("tls")
    store = keys.KeyStore.create(folder / "keys", uuid4(), clock=lambda: datetime.now(UTC))
    return keys.Certificates.create(store, ["localhost"], [ip_address("127.0.0.1")])


@asynccontextmanager
async def listening_in_tls(certificates: keys.Certificates, **other: Any) -> AsyncIterator[Open]:
    context = certificates.server_context(want_client_certificate=True)
    async with listening(tls=context, **other) as door:
        yield door


async def test_a_peer_that_does_not_shake_hands_is_cut_off(certificates: keys.Certificates) -> None:
    async with listening_in_tls(certificates) as door:
        reader, writer = await door.peer()
        writer.write(b"\x16\x03\x01")
        assert await closed_within(reader, PATIENCE_S)
        assert not door.listener.crowd.all


async def test_whoever_shakes_hands_counts_as_waiting(certificates: keys.Certificates) -> None:
    async with listening_in_tls(certificates, waiting_per_address=5, connections=8) as door:
        silent = [await door.peer() for _ in range(12)]
        await until(lambda: len(door.listener.crowd.all) == 5)
        reader, writer = await door.peer(ssl=certificates.inner_context(), server_hostname="localhost")
        writer.write(GET % b"")
        assert (await one_answer(reader)).startswith(OK)
        for _, each in silent:
            each.close()


async def test_nonsense_instead_of_a_handshake_leaves_no_connection_and_no_failure(
    certificates: keys.Certificates,
) -> None:
    failures: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with listening_in_tls(certificates) as door:
        for nonsense in (
            GET % b"clear",
            b"\0" * 200,
            b"\x16\x03\x01\x02\0" + b"x" * 600,
            b"\x15\x03\x03\0\x02\x02\x28",
        ):
            await door.say(nonsense)
        await asyncio.sleep(0.1)
        assert not door.listener.crowd.all
        assert door.app.scopes == []
    assert failures == []


async def test_a_hundred_handshakes_leave_no_file_open(certificates: keys.Certificates) -> None:
    async with listening_in_tls(certificates) as door:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(100):
            if number % 2:
                await door.say(b"no hello")
                continue
            reader, writer = await door.peer(ssl=certificates.inner_context(), server_hostname="localhost")
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            assert (await until_closed(reader)).startswith(OK)
            writer.close()
            await asyncio.sleep(0)
        await asyncio.sleep(0.3)
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


async def test_a_clients_certificate_is_handed_on_and_a_strangers_is_no_handshake(
    certificates: keys.Certificates, tmp_path: Path
) -> None:
    made = certificates.issue_client(uuid4())
    key, own, _ = pkcs12.load_key_and_certificates(made.pkcs12, made.password.encode())
    assert key is not None and own is not None
    (tmp_path / "own.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + own.public_bytes(Encoding.PEM)
    )
    other = keys.Certificates.create(
        keys.KeyStore.create(tmp_path / "other", uuid4(), clock=lambda: datetime.now(UTC)), ["localhost"], []
    )
    stranger = other.issue_client(uuid4())
    key, theirs, _ = pkcs12.load_key_and_certificates(stranger.pkcs12, stranger.password.encode())
    assert key is not None and theirs is not None
    (tmp_path / "theirs.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + theirs.public_bytes(Encoding.PEM)
    )

    async def asked(shown: str | None) -> bytes:
        context = certificates.inner_context()
        if shown is not None:
            context.load_cert_chain(tmp_path / shown)
        try:
            reader, writer = await door.peer(ssl=context, server_hostname="localhost")
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            return await asyncio.wait_for(until_closed(reader), PATIENCE_S)
        except ssl.SSLError:
            return b""

    async with listening_in_tls(certificates) as door:
        assert (await asked("own.pem")).startswith(OK)
        assert (await asked(None)).startswith(OK)
        assert await asked("theirs.pem") == b""
        shown = [scope["extensions"]["frisket"]["certificate"] for scope in door.app.scopes]
        assert shown == [made.der, None]


async def test_requests_under_way_in_tls_are_finished_at_the_close(certificates: keys.Certificates) -> None:
    async def ponder(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.2)
        await answer(send, b"done")

    async with listening_in_tls(certificates, act=ponder) as door:
        reader, writer = await door.peer(ssl=certificates.inner_context(), server_hostname="localhost")
        writer.write(GET % b"")
        silent, _ = await door.peer()
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(door.listener.close())
        assert (await one_answer(reader)).endswith(b"done")
        await closing
        assert await closed_within(silent, PATIENCE_S)
        with pytest.raises(ConnectionError):
            await door.peer()


# -- forms


async def gathered(most: int, pieces: list[bytes], *, leaves: bool = False) -> tuple[list[bytes], list[int]]:
    """What the application was given, and the statuses that went out."""
    given_to: list[bytes] = []
    statuses: list[int] = []
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.disconnect"} if leaves else {"type": "http.request", "body": b"", "more_body": False})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        event = await receive()
        given_to.append(event["body"])
        assert not event["more_body"]
        await answer(send, b"done")

    async def receive() -> Mapping[str, Any]:
        return waiting.pop(0)

    async def send(event: Mapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    await httpd.Gathered(app, most=most)({"headers": []}, receive, send)
    return given_to, statuses


async def test_a_gathered_form_comes_whole_or_not_at_all() -> None:
    assert await gathered(100, [b"a" * 40, b"b" * 60]) == ([b"a" * 40 + b"b" * 60], [200])
    assert await gathered(100, [b"a" * 40, b"b" * 61]) == ([], [413])
    assert await gathered(100, [b"a" * 40], leaves=True) == ([], [])


async def test_many_large_forms_at_once_do_not_keep_small_ones_out() -> None:
    statuses: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"done")

    async def send(event: Mapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    go_on = asyncio.Event()

    def sender(size: int, *, ends: bool) -> Callable[[], Awaitable[Mapping[str, Any]]]:
        sent: list[int] = []

        async def receive() -> Mapping[str, Any]:
            if sent:
                await go_on.wait()
            sent.append(size)
            return {
                "type": "http.request",
                "body": bytes(size if len(sent) == 1 else 0),
                "more_body": not go_on.is_set() and not ends,
            }

        return receive

    most = 1 << 20
    form = httpd.Gathered(app, most=most)
    large = [asyncio.create_task(form({"headers": []}, sender(most, ends=False), send)) for _ in range(8)]
    await asyncio.sleep(0.01)
    await form({"headers": []}, sender(most, ends=True), send)
    await form({"headers": []}, sender(60_000, ends=True), send)
    assert statuses == [503, 200]
    go_on.set()
    await asyncio.gather(*large)
    await form({"headers": []}, sender(most, ends=True), send)
    assert statuses == [503, 200] + [200] * 9


OFFER = b"OPTIONS * HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n\r\n"


@asynccontextmanager
async def upgrading(certificates: keys.Certificates) -> AsyncIterator[Open]:
    app = Told()
    listener = httpd.Listener(app, LIMITS, upgrade_to=certificates.server_context(want_client_certificate=False))
    await listener.open("127.0.0.1", 0)
    try:
        yield Open(listener, app, certificates.inner_context())
    finally:
        await listener.close(patience_s=0.2)


async def switched(door: Open) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await door.peer()
    writer.write(OFFER)
    said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    assert said.startswith(b"HTTP/1.1 101") and b"Upgrade: TLS/1.2" in said
    await asyncio.wait_for(writer.start_tls(door.tls, server_hostname="localhost"), PATIENCE_S)
    return reader, writer


async def test_a_peer_that_asks_for_it_is_answered_in_tls(
    certificates: keys.Certificates,
) -> None:
    async with upgrading(certificates) as door:
        reader, writer = await switched(door)
        assert (await one_answer(reader)).startswith(OK)
        writer.write(b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nbody")
        assert (await one_answer(reader)).startswith(OK)
        writer.close()
        assert door.app.asked == [("OPTIONS", "/", b""), ("POST", "/a", b"body")]
        for scope in door.app.scopes:
            assert scope["scheme"] == "https" and scope["extensions"]["frisket"]["upgraded"]


async def test_without_the_offer_the_same_port_goes_on_in_clear(certificates: keys.Certificates) -> None:
    async with upgrading(certificates) as door:
        reader, writer = await door.peer()
        writer.write(GET % b"a")
        assert (await one_answer(reader)).startswith(OK)
        other = (
            b"POST /b HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: TLS/1.2\r\nContent-Length: 2\r\n\r\nhi"
        )
        writer.write(other)  # its body would have travelled in clear already
        assert (await one_answer(reader)).startswith(OK)
        writer.close()
        assert [scope["scheme"] for scope in door.app.scopes] == ["http", "http"]


async def test_what_came_in_clear_behind_an_offer_is_never_taken_for_encrypted(certificates: keys.Certificates) -> None:
    async with upgrading(certificates) as door:
        said = await door.say(OFFER + GET % b"smuggled")
        assert said.startswith(b"HTTP/1.1 400") and door.app.asked == []


async def test_a_peer_that_offers_tls_and_does_not_shake_hands_is_dropped(
    certificates: keys.Certificates,
) -> None:
    async with upgrading(certificates) as door:
        for octets in (b"", b"this is no handshake at all"):
            reader, writer = await door.peer()
            writer.write(OFFER)
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            send(writer, octets)
            await asyncio.wait_for(until_closed(reader), PATIENCE_S)
            writer.close()
        assert door.app.asked == []
        assert not door.listener.crowd.waiting
