"""The load generator: raw IPP over HTTP/1.1 keep-alive, every answer parsed and checked.

Closed loop: a connection sends its next request when the answer to the one before is verified. With ``rate``
it is an open loop: latency counts from the moment a request was due, so a stalled server cannot hide behind
the requests it kept from being sent.
"""

import os
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench import machine, messages
from bench.documents import Document, pdf

__all__ = ["Measured", "Plan", "accounted", "percentile", "run"]


@dataclass(frozen=True, slots=True)
class Plan:
    url: str  # ipp://host:port/path
    operation: str = "print-job"
    requests: int = 500  # at most
    seconds: float = 10.0  # no request is begun after so long
    connections: int = 8
    octets: int = 20_480
    user: str = "load"
    rate: float | None = None  # requests a second, open loop
    hold: bool = True
    job: int | None = None
    limit: int = 100
    timeout_s: float = 60.0
    server: int | None = None  # process whose CPU counts


@dataclass(slots=True)
class Measured:
    """What a run found; times in seconds, ``latencies`` in order of size."""

    latencies: list[float]
    errors: Counter[str]
    wall: float
    server_cpu: float = 0.0
    other_cpu: float = 0.0  # share of the machine that neither server nor generator used
    jobs: list[int] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.wall if self.wall else 0.0

    @property
    def cpu_ms(self) -> float:
        """Of the server, for one request."""
        return self.server_cpu * 1000 / len(self.latencies) if self.latencies else float("nan")

    def ms(self, percent: float) -> float:
        return percentile(self.latencies, percent) * 1000

    @property
    def worst_ms(self) -> float:
        return self.latencies[-1] * 1000 if self.latencies else float("nan")


def percentile(ordered: list[float], percent: float) -> float:
    """Of values in order of size; not a number where there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


def run(plan: Plan) -> Measured:
    return accounted(_Generator(plan).run, plan.server)


def accounted(act: Callable[[], Measured], server: int | None) -> Measured:
    """What ``act`` found, and whose CPU it took; ``server``: the process whose work it was."""
    cpu = machine.use_of(server).cpu if server else 0.0
    busy, own, began = machine.busy_seconds(), time.process_time(), time.perf_counter()
    measured = act()
    wall = time.perf_counter() - began
    if server:
        measured.server_cpu = machine.use_of(server).cpu - cpu
    other = machine.busy_seconds() - busy - measured.server_cpu - (time.process_time() - own)
    measured.other_cpu = max(0.0, other / wall / (os.cpu_count() or 1)) if wall else 0.0
    return measured


class _Broken(Exception):
    """The connection or the answer is no good; the words say how."""


class _Connection:
    """One connection and the request on it."""

    def __init__(self, host: str, port: int) -> None:
        self._at = (host, port)
        self.socket: socket.socket | None = None
        self.out = memoryview(b"")
        self.seen = bytearray()
        self.since = 0.0
        self.number = 0

    def begin(self, octets: bytes, number: int, since: float) -> socket.socket:
        self.number, self.since, self.out = number, since, memoryview(octets)
        self.seen.clear()
        if self.socket is None:
            self.socket = socket.create_connection(self._at, timeout=10)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.setblocking(False)
        return self.socket

    def push(self) -> None:
        assert self.socket is not None
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out[:262_144]) :]
        except BlockingIOError:
            return

    def pull(self) -> bytes | None:
        """The body of the answer once it is whole. Raises _Broken."""
        assert self.socket is not None
        try:
            piece = self.socket.recv(65_536)
        except BlockingIOError:
            return None
        if not piece:
            raise _Broken("closed by the server")
        self.seen += piece
        return self._body()

    def _body(self) -> bytes | None:
        while True:
            end = self.seen.find(b"\r\n\r\n")
            if end < 0:
                return None
            lines = bytes(self.seen[:end]).lower().split(b"\r\n")
            status = int(lines[0].split()[1])
            if status != 100:
                break
            del self.seen[: end + 4]
        if status != 200:
            raise _Broken(f"HTTP {status}")
        headers = dict(line.split(b": ", 1) for line in lines[1:])
        rest = bytes(self.seen[end + 4 :])
        if headers.get(b"transfer-encoding") == b"chunked":
            return _unchunked(rest) if rest.endswith(b"0\r\n\r\n") else None
        length = int(headers[b"content-length"])
        return rest if len(rest) >= length else None

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _unchunked(octets: bytes) -> bytes:
    out, at = bytearray(), 0
    while True:
        line = octets.index(b"\r\n", at)
        size = int(octets[at:line].split(b";")[0], 16)
        if not size:
            return bytes(out)
        out += octets[line + 2 : line + 2 + size]
        at = line + 4 + size


class _Generator:
    def __init__(self, plan: Plan) -> None:
        parts = urlsplit(plan.url)
        assert parts.hostname is not None
        self._plan = plan
        self._uri = plan.url
        port = parts.port or 631
        self._head = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.hostname}:{port}\r\n"
            "Content-Type: application/ipp\r\nUser-Agent: bench\r\nContent-Length: "
        ).encode()
        self._document: Document | None = pdf(plan.octets) if plan.operation == "print-job" else None
        self._selector = selectors.DefaultSelector()
        self._idle = deque(_Connection(parts.hostname, port) for _ in range(plan.connections))
        self._busy: set[_Connection] = set()
        self._sent = 0
        self._latencies: list[float] = []
        self._errors: Counter[str] = Counter()
        self._jobs: list[int] = []
        self._known: set[int] = set()
        self._began = 0.0

    def run(self) -> Measured:
        self._began = time.perf_counter()
        looked = self._began
        while self._wants_more() or self._busy:
            now = time.perf_counter()
            self._send_due(now)
            for key, events in self._selector.select(self._patience(now)):
                self._serve(key.data, events)
            if now - looked > 1:
                looked = now
                self._give_up(now)
        wall = time.perf_counter() - self._began
        for connection in self._idle:
            connection.close()
        self._selector.close()
        return Measured(sorted(self._latencies), self._errors, wall, jobs=self._jobs)

    def _wants_more(self) -> bool:
        plan = self._plan
        return self._sent < plan.requests and time.perf_counter() - self._began < plan.seconds

    def _due(self, now: float) -> float:
        return self._began + self._sent / self._plan.rate if self._plan.rate else now

    def _patience(self, now: float) -> float:
        if not self._plan.rate or not self._idle:
            return 1.0
        return min(1.0, max(0.0, self._due(now) - now))

    def _send_due(self, now: float) -> None:
        while self._idle and self._wants_more() and (due := self._due(now)) <= now:
            self._send(self._idle.popleft(), due)

    def _send(self, connection: _Connection, due: float) -> None:
        plan = self._plan
        self._sent += 1
        number = self._sent
        body = messages.request(
            plan.operation, number, self._uri, plan.user, job=plan.job, limit=plan.limit, hold=plan.hold
        )
        if self._document is not None:
            body += self._document.numbered(number)
        octets = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
        self._busy.add(connection)
        try:
            sock = connection.begin(octets, number, due if plan.rate else time.perf_counter())
            connection.push()
        except OSError as error:
            self._end(connection, type(error).__name__)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.out else 0)
        try:
            self._selector.modify(sock, events, connection)
        except KeyError:
            self._selector.register(sock, events, connection)

    def _serve(self, connection: _Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE and connection.out:
                connection.push()
                if not connection.out and connection.socket is not None:
                    self._selector.modify(connection.socket, selectors.EVENT_READ, connection)
            body = connection.pull() if events & selectors.EVENT_READ else None
            if body is not None:
                self._check(connection, messages.parse(body))
                self._latencies.append(time.perf_counter() - connection.since)
                self._busy.discard(connection)
                self._idle.append(connection)
        except (OSError, _Broken, messages.BadAnswer) as error:
            self._end(connection, str(error) if isinstance(error, _Broken) else type(error).__name__)

    def _check(self, connection: _Connection, answer: messages.Answer) -> None:
        if answer.request_id != connection.number:
            raise _Broken("another request's answer")
        if answer.status > 0xFF:
            raise _Broken(f"IPP 0x{answer.status:04x} {answer.message[:60]}")
        if self._plan.operation == "print-job":
            if answer.job_id is None or answer.job_id in self._known:
                raise _Broken("no job id of its own")
            self._known.add(answer.job_id)
            self._jobs.append(answer.job_id)

    def _end(self, connection: _Connection, error: str) -> None:
        self._errors[error] += 1
        if connection.socket is not None:
            try:
                self._selector.unregister(connection.socket)
            except (KeyError, ValueError):
                pass  # it broke before it was ever watched
        connection.close()
        self._busy.discard(connection)
        self._idle.append(connection)

    def _give_up(self, now: float) -> None:
        for connection in [each for each in self._busy if now - each.since > self._plan.timeout_s]:
            self._end(connection, "no answer in time")
