"""HTTP/1.1 listeners: uvicorn's protocol with the deadlines, rates and caps it does not have (R23).

A connection has ``header_s`` for each request header and, after ten seconds inside a body, must bring
``slowest_bytes_per_s``. Connections of one address without a complete request are capped; above the cap the
one that has waited longest is closed, never a working one. One sweep a second looks at all of them: a timer
per request would cost more than the request.
"""

import asyncio
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

__all__ = ["Bounds", "Listener"]

HANDSHAKE_S = 10.0
GRACE_S = 10.0  # a body may be slow this long, a driver may still be rendering


@dataclass(frozen=True, slots=True)
class Bounds:
    header_bytes: int
    header_s: float
    idle_s: float
    slowest_bytes_per_s: int
    connections: int
    waiting_per_address: int


class _Crowd:
    """Every connection of the process, whatever listener it came by."""

    def __init__(self) -> None:
        self.all: set[_Bounded] = set()
        self.waiting: dict[str, OrderedDict[_Bounded, None]] = {}

    def wait(self, connection: "_Bounded", most: int) -> None:
        line = self.waiting.setdefault(connection.address, OrderedDict())
        line[connection] = None
        if len(line) > most:
            slowest, _ = line.popitem(last=False)
            slowest.drop()

    def served(self, connection: "_Bounded") -> None:
        line = self.waiting.get(connection.address)
        if line is not None:
            line.pop(connection, None)
            if not line:
                del self.waiting[connection.address]


class _Bounded(HttpToolsProtocol):
    """One connection, watched."""

    bounds: Bounds
    crowd: _Crowd

    address = ""
    in_header = True
    in_body = False
    header_since = 0.0
    header_octets = 0
    body_since = 0.0
    body_octets = 0
    certificate: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self.header_since = time.monotonic()
        crowd, bounds = self.crowd, self.bounds
        if len(crowd.all) >= bounds.connections:
            self.drop()
            return
        crowd.all.add(self)
        crowd.wait(self, bounds.waiting_per_address)
        inside = transport.get_extra_info("ssl_object")
        if inside is not None:
            self.certificate = inside.getpeercert(binary_form=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.all.discard(self)
        self.crowd.served(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.in_body:
            self.body_octets += len(data)
        elif self.in_header:
            if not self.header_octets:
                self.header_since = time.monotonic()
            self.header_octets += len(data)
        super().data_received(data)
        if self.in_header and self.header_octets > self.bounds.header_bytes:
            self.refuse(b"431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        self.in_header, self.in_body = False, True
        self.crowd.served(self)
        self.body_since, self.body_octets = time.monotonic(), 0
        self.scope["extensions"] = {"frisket": {"certificate": self.certificate}}
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.in_body, self.in_header = False, True
        self.header_octets = 0
        super().on_message_complete()

    def too_slow(self, now: float) -> bool:
        if self.transport.is_closing():
            return False
        if self.in_header and self.header_octets:
            return now - self.header_since > self.bounds.header_s
        if self.in_header:
            busy = self.cycle is not None and not self.cycle.response_complete
            return not busy and self.cycle is None and now - self.header_since > self.bounds.header_s
        if self.flow.read_paused:  # we are the slow one: the clock of the peer stands still
            self.body_since, self.body_octets = now, 0
            return False
        spent = now - self.body_since
        if spent <= GRACE_S:
            return False
        slow = self.body_octets < spent * self.bounds.slowest_bytes_per_s
        if spent > 60:  # judge the last minute, not the whole transfer
            self.body_since, self.body_octets = now - GRACE_S, int(GRACE_S * self.bounds.slowest_bytes_per_s)
        return slow

    def refuse(self, status: bytes) -> None:
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()

    def drop(self) -> None:
        self.transport.abort()


class Listener:
    """One open port serving an ASGI application."""

    crowd = _Crowd()

    def __init__(
        self,
        app: Callable[..., Any],
        bounds: Bounds,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._state = ServerState()
        self._protocol = type("Connection", (_Bounded,), {"bounds": bounds, "crowd": self.crowd})
        self._config = Config(
            app,
            http=self._protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(bounds.idle_s),
        )
        self._config.load()
        self._servers: list[asyncio.Server] = []
        self._beat: asyncio.Task[None] | None = None
        self.port = 0

    async def open(self, address: str, port: int, *, inherited: socket.socket | None = None) -> None:
        """Bind and listen; ``port`` 0 takes any free one, found in ``.port`` afterwards."""
        loop = asyncio.get_running_loop()
        sockets = [inherited] if inherited is not None else list(_bind(address, port))
        self.port = sockets[0].getsockname()[1]
        handshake = HANDSHAKE_S if self._tls is not None else None
        self._servers = [
            await loop.create_server(
                self._connection, sock=sock, ssl=self._tls, backlog=2048, ssl_handshake_timeout=handshake
            )
            for sock in sockets
        ]
        self._beat = asyncio.create_task(self._watch())

    def _connection(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self._protocol(config=self._config, server_state=self._state, app_state={})
        return made

    async def _watch(self) -> None:
        while True:
            self._state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
            now = time.monotonic()
            for connection in list(self._state.connections):
                if isinstance(connection, _Bounded) and connection.too_slow(now):
                    connection.drop()
            await asyncio.sleep(1)

    async def close(self, *, patience_s: float = 10.0) -> None:
        """Take no new connection, let requests under way finish, then close what is left."""
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        deadline = time.monotonic() + patience_s
        while self._state.tasks and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for task in list(self._state.tasks):
            task.cancel()
        if self._beat is not None:
            self._beat.cancel()


def _bind(address: str, port: int) -> Iterable[socket.socket]:
    """Sockets for an address; none given means all addresses, IPv6 and IPv4 on one port."""
    if address:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [_listening(family, address, port)]
    both = []
    try:
        six = _listening(socket.AF_INET6, "::", port)
        both.append(six)
        port = six.getsockname()[1]
    except OSError:
        pass  # a machine without IPv6
    return [*both, _listening(socket.AF_INET, "0.0.0.0", port)]


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    sock.setblocking(False)
    return sock
