"""HTTP/1.1 listeners: uvicorn's protocol with the deadlines, rates and caps it does not have (R16, R23).

A connection has ``header_s`` for each request header and, after ten seconds inside a body, must bring
``slowest_bytes_per_s``; it must take our answer without resting for ``idle_s``. Connections of one address
without a complete request are capped, those that still shake hands among them; above the cap the one that has
waited longest is closed, never a working one. At the cap of all connections the one that rested longest
between requests makes room. One sweep a second looks at all of them: a timer per request would cost more than
the request.

What a header may say is narrow, for whoever reads the same octets differently can hide a request in another
(RFC 9112 sections 3.2, 6.1, 11.2). The parser refuses two lengths, bare line feeds and folded lines; here go
headers beyond ``header_bytes``, HTTP/1.1 without exactly one Host that could be one, and transfer codings other
than chunked.
"""

import asyncio
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from frisket.plumbing.listening import CROWD, CannotListen, Crowd, Welcome, anybody, bind, reset

__all__ = ["Bounds", "CannotListen", "Gathered", "Listener"]

HANDSHAKE_S = 10.0
GRACE_S = 10.0  # a body may be slow this long, a driver may still be rendering
JUDGED_S = 60.0  # the pace of a body is judged over about this long, not over the whole transfer
SWEEP_S = 1.0
ACCEPTS = 128  # connections taken in one go, before others get their turn
NO_HANDLES_S = 0.2  # rest after the system has no file handle left

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# Applications build addresses from it: a name, an address or one in brackets, with or without a port.
_HOST = re.compile(rb"[\w.:%\[\]-]{1,255}")
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n\r\n"
_BAD = b"400 Bad Request"
_TOO_LARGE = b"431 Request Header Fields Too Large"
_NO_SUCH_CODING = b"501 Not Implemented"


@dataclass(frozen=True, slots=True)
class Bounds:
    header_bytes: int
    header_s: float
    idle_s: float
    slowest_bytes_per_s: int
    connections: int
    waiting_per_address: int


class _Unfit(Exception):
    """A header we do not take; the parser stops where it is raised."""


class _Bounded(HttpToolsProtocol):
    """One connection, watched."""

    bounds: Bounds
    crowd: Crowd
    welcome: Welcome

    address = ""
    in_header = True
    in_body = False
    header_since = 0.0
    header_octets = 0  # of pieces that began inside a header
    body_since = 0.0
    body_octets = 0
    framing_octets = 0  # since the last octet of a body: chunk sizes, their extensions, trailers
    stalled_since = 0.0  # the peer takes no more of our answer
    closing_since = 0.0
    refusal = _BAD
    certificate: bytes | None = None
    handshake: "asyncio.Task[None] | None" = None
    upgrade_to: ssl.SSLContext | None = None  # of a listener in clear whose peers may go on in TLS
    upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self.header_since = time.monotonic()
        if not self.welcome(self.address):
            reset(transport.get_extra_info("socket"))
            self.drop()
            return
        inside = transport.get_extra_info("ssl_object")
        if inside is not None:
            self.handshake = None
            self.certificate = inside.getpeercert(binary_form=True)
        if self not in self.crowd.all and not self.crowd.enter(self):
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.in_body:
            self.body_octets += len(data)
            self.framing_octets += len(data)
        elif self.in_header:
            if not self.header_octets:
                self.header_since = time.monotonic()
                self.crowd.resting.pop(self, None)
            self.header_octets += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            rest = data[offer.args[0] :]
            if self.upgrade_to is not None and offers_tls(self.headers):
                self._upgrade(self.upgrade_to, rest)
            else:
                self._decline(rest)
        except httptools.HttpParserError:
            self._refuse()
        else:
            if (self.header_octets if self.in_header else self.framing_octets) > self.bounds.header_bytes:
                self.refusal = _TOO_LARGE
                self._refuse()

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # what follows is read again without the offer
        self._check_header()
        self.scope["extensions"] = {"frisket": {"certificate": self.certificate, "upgraded": self.upgraded}}
        super().on_headers_complete()
        self.headers = _NOWHERE
        self.crowd.served(self)
        self.in_header, self.in_body = False, True
        self.body_since, self.body_octets, self.framing_octets = time.monotonic(), 0, 0

    def _check_header(self) -> None:
        hosts = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
                if _HOST.fullmatch(value) is None:
                    raise _Unfit
            elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
                self.refusal = _NO_SUCH_CODING
                raise _Unfit
        if hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            raise _Unfit
        # A piece may hold a body too; only then is there need to count.
        if self.header_octets > self.bounds.header_bytes and self._header_size() > self.bounds.header_bytes:
            self.refusal = _TOO_LARGE
            raise _Unfit

    def _header_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        self.framing_octets = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self.in_body, self.in_header = False, True
        self.header_octets = 0
        super().on_message_complete()
        if self.cycle.response_complete:
            self._rest()

    def on_response_complete(self) -> None:
        """In place of uvicorn's, which sets a timer after each request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.in_header:
            self._rest()

    def _rest(self) -> None:
        self.header_since = time.monotonic()
        self.crowd.resting[self] = None

    def _decline(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 where the peer offers another protocol (RFC 9110 section 7.8).

        The parser ends there and takes the body for that protocol's. So the header is read once more, without
        the offer.
        """
        if self.parser.get_method() == b"CONNECT" or self._busy():
            self._refuse()
            return
        head = self._head_without_offer()
        self.parser = httptools.HttpRequestParser(self)
        self.header_octets = 0
        self.data_received(head + rest)

    def _head_without_offer(self) -> bytes:
        method, url = self.parser.get_method(), self.url
        if method == b"OPTIONS" and url == b"*":  # the server as a whole; the parser of addresses knows no star
            url = b"/"
        kept = [b"%s: %s" % each for each in self.headers if each[0] not in (b"upgrade", b"http2-settings")]
        version = self.parser.get_http_version().encode()
        return b"\r\n".join([b"%s %s HTTP/%s" % (method, url, version), *kept, b"", b""])

    def _upgrade(self, tls: ssl.SSLContext, rest: bytes) -> None:
        """Go on in TLS on the same connection; the request is answered inside it (RFC 2817 section 3).

        What a peer sent in clear behind its offer would be read as if it had come encrypted: refused.
        """
        if rest or self._busy() or self.upgraded:
            self._refuse()
            return
        head = self._head_without_offer()
        self.transport.pause_reading()
        self.transport.write(SWITCHING)
        self.handshake = asyncio.create_task(self._switch(tls, head))

    async def _switch(self, tls: ssl.SSLContext, head: bytes) -> None:
        clear = self.transport
        try:
            inside = await asyncio.get_running_loop().start_tls(
                clear, self, tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except OSError:  # ssl.SSLError and TimeoutError too: what failed before there was a request is no event
            self.handshake = None
            clear.abort()
            self.crowd.leave(self)
            return
        except asyncio.CancelledError:
            clear.abort()
            raise
        if inside is None or inside.is_closing():
            return
        self.upgraded = True
        self.parser = httptools.HttpRequestParser(self)
        self.header_octets = 0
        self.connection_made(inside)
        self.data_received(head)

    def _refuse(self) -> None:
        """Answer that a request cannot be taken, and close; an answer under way is finished first."""
        if self.in_header and self._busy():
            self.cycle.keep_alive = False  # the fault lies behind this request, not in it
            return
        if self.in_header or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 " + self.refusal + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        if self.in_body:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def resume_writing(self) -> None:
        self.stalled_since = 0.0
        super().resume_writing()

    def too_slow(self, now: float) -> bool:
        if self.transport.is_closing():
            self.closing_since = self.closing_since or now
            return now - self.closing_since > self.bounds.idle_s
        if self.flow.write_paused:
            self.stalled_since = self.stalled_since or now
            if now - self.stalled_since > self.bounds.idle_s:
                return True
        if self.in_body:
            return self._body_too_slow(now)
        if self._busy():
            self.header_since = now  # we are at work; what came after the request can wait
            return False
        resting = self.cycle is not None and not self.header_octets
        return now - self.header_since > (self.bounds.idle_s if resting else self.bounds.header_s)

    def _body_too_slow(self, now: float) -> bool:
        if self.flow.read_paused:  # we are the slow one: the clock of the peer stands still
            self.body_since, self.body_octets = now, 0
            return False
        spent = now - self.body_since
        if spent <= GRACE_S:
            return False
        slow = self.body_octets < spent * self.bounds.slowest_bytes_per_s
        if spent > JUDGED_S:
            self.body_since, self.body_octets = now - GRACE_S, int(GRACE_S * self.bounds.slowest_bytes_per_s)
        return slow

    def not_wanted(self) -> bool:
        """Whether it rests and its address may not come any more; what is at work may finish."""
        return self.in_header and not self._busy() and not self.welcome(self.address)

    def drop(self) -> None:
        self.crowd.leave(self)
        if self.handshake is not None:
            self.handshake.cancel()
        elif self.transport is not None:
            self.transport.abort()


def offers_tls(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request without a body offers to go on in TLS."""
    offered = False
    for name, value in headers:
        if name == b"upgrade":
            offered = offered or any(each.strip().upper().startswith(b"TLS/") for each in value.split(b","))
        elif name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0"):
            return False
    return offered


_NOWHERE: Any = deque(maxlen=0)  # trailers change nothing, and are not kept


class Listener:
    """One open port serving an ASGI application."""

    crowd = CROWD

    def __init__(
        self,
        app: Callable[..., Any],
        bounds: Bounds,
        *,
        tls: ssl.SSLContext | None = None,
        upgrade_to: ssl.SSLContext | None = None,
        welcome: Welcome = anybody,
    ) -> None:
        """upgrade_to: for a listener in clear, what a peer that asks for it goes on in (RFC 2817)."""
        self._tls = tls
        self._welcome = welcome
        self._state = ServerState()
        told = {"bounds": bounds, "crowd": self.crowd, "upgrade_to": upgrade_to, "welcome": staticmethod(welcome)}
        self._protocol = type("Connection", (_Bounded,), told)
        self._config = Config(
            app,
            http=self._protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        self._config.load()
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._beat: asyncio.Task[None] | None = None
        self.port = 0

    async def open(self, address: str, port: int, *, inherited: socket.socket | None = None) -> None:
        """Bind and listen; ``port`` 0 takes any free one, found in ``.port`` afterwards. Raises CannotListen."""
        loop = asyncio.get_running_loop()
        sockets = [inherited] if inherited is not None else list(bind(address, port))
        self.port = sockets[0].getsockname()[1]
        for sock in sockets:
            if self._tls is None:
                self._servers.append(await loop.create_server(self._connection, sock=sock, backlog=2048))
            else:
                self._sockets.append(sock)
                sock.listen(2048)
                loop.add_reader(sock, self._accept, sock)
        self._beat = asyncio.create_task(self._watch())

    def _connection(self) -> _Bounded:
        made: _Bounded = self._protocol(config=self._config, server_state=self._state, app_state={})
        return made

    def _accept(self, listening: socket.socket) -> None:
        """Take what knocks at an encrypted port. A server of the loop would not show us who shakes hands."""
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPTS):
            try:
                peer, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no handle or memory left: the port would only go on saying that somebody knocks
                loop.remove_reader(listening)
                loop.call_later(NO_HANDLES_S, self._accept_again, listening)
                return
            if not self._welcome(address[0]):
                reset(peer)
                peer.close()
                continue
            peer.setblocking(False)
            connection = self._connection()
            connection.address = address[0]
            if not self.crowd.enter(connection):
                peer.close()
                continue
            connection.handshake = asyncio.create_task(self._greet(connection, peer))

    def _accept_again(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    async def _greet(self, connection: _Bounded, peer: socket.socket) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, peer, ssl=self._tls)
        except OSError:  # ssl.SSLError and TimeoutError too: what failed before there was a request is no event
            self.crowd.leave(connection)
            peer.close()
        except asyncio.CancelledError:
            self.crowd.leave(connection)
            peer.close()
            raise

    async def _watch(self) -> None:
        while True:
            self._state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
            now = time.monotonic()
            for connection in list(self._state.connections):
                if isinstance(connection, _Bounded) and (connection.too_slow(now) or connection.not_wanted()):
                    connection.drop()
            await asyncio.sleep(SWEEP_S)

    async def close(self, *, patience_s: float = 10.0) -> None:
        """Take no new connection, let requests under way finish, then close what is left."""
        self._stop_listening()
        for connection in list(self._state.connections):
            connection.shutdown()
        deadline = time.monotonic() + patience_s
        while self._state.tasks and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for task in list(self._state.tasks):
            task.cancel()
        if self._beat is not None:
            self._beat.cancel()

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        while self._sockets:
            listening = self._sockets.pop()
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()
        for connection in list(self.crowd.all):
            if (
                isinstance(connection, _Bounded)
                and connection.handshake is not None
                and connection.server_state is self._state
            ):
                connection.drop()


class Gathered:
    """An application that is asked once the whole request is here.

    For pages, which are made in a few threads: a peer that sends its form slowly must not hold one of them.
    most: octets of a body. All bodies together may hold ``most`` eight times over, beyond ``FREELY`` octets
    of each, so that many large forms at once do not keep small ones out.
    headers: of the answers given here.
    """

    FREELY = 64 << 10
    SHARES = 8

    def __init__(self, app: Application, *, most: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._app = app
        self._most = most
        self._headers = list(headers)
        self._held = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        body, share, more = bytearray(), 0, True
        if any(name == b"content-length" and int(value) > self._most for name, value in scope["headers"]):
            await self._refuse(send, 413, b"This is larger than a form may be.\n")
            return
        try:
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    return
                body += event["body"]
                more = event.get("more_body", False)
                before, share = share, max(0, len(body) - self.FREELY)
                self._held += share - before
                if len(body) > self._most:
                    await self._refuse(send, 413, b"This is larger than a form may be.\n")
                    return
                if self._held > self.SHARES * self._most:
                    await self._refuse(send, 503, b"Too many large forms at once; try again.\n")
                    return
            await self._app(scope, _whole(bytes(body), receive), send)
        finally:
            self._held -= share

    async def _refuse(self, send: Send, status: int, text: bytes) -> None:
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(text)).encode()),
            (b"connection", b"close"),
            *self._headers,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})


def _whole(body: bytes, receive: Receive) -> Receive:
    """A body as one event; after it, what the connection says."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_event() -> Mapping[str, Any]:
        return waiting.pop() if waiting else await receive()

    return next_event
