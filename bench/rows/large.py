"""Large jobs: how near to the machine's own limit, and whether memory stays where it was."""

import socket
import threading
import time
from statistics import median
from urllib.parse import urlsplit

from bench import load, machine, messages
from bench.result import Row, at_least, at_most
from bench.servers import Server
from bench.setting import Setting

__all__ = ["measure"]

GB = 10**9
_PIECE = 1 << 18


def measure(setting: Setting) -> list[Row]:
    house = setting.workshop.frisket()
    peer = setting.workshop.cups(durable=True)
    servers: list[Server] = [house, *([peer] if peer is not None else [])]
    rates: dict[str, list[float]] = {server.name: [] for server in servers}
    written: list[float] = []
    try:
        for turn in range(setting.turns):
            setting.say(f"1 GB, turn {turn + 1}")
            before = machine.write_rate(setting.folder, GB)
            for server in servers:
                rates[server.name].append(_job(server, GB, chunked=False)[0])
                _cancel(server)
            written.append(max(before, machine.write_rate(setting.folder, GB)))
        huge = 2 * GB if setting.quick else 10 * GB
        setting.say(f"{huge // GB} GB, chunked")
        rate, growth = _job(house, huge, chunked=True)
        _cancel(house)
    finally:
        setting.workshop.close(servers)
    aes = machine.aes_rate()
    limits = [min(aes, each) for each in written]
    limit, ours = median(limits), median(rates["Frisket"])
    # Against the disk as it was in the same minute, at its best before and after: it changes by the factor six
    # between two turns.
    share = median(rate / there for rate, there in zip(rates["Frisket"], limits, strict=True))
    peers = {name: median(values) for name, values in rates.items() if name != "Frisket"} | {"limit": limit}
    detail = {"turns": rates, "synced_write": written, "aes_256_gcm": aes}
    return [
        Row("large", "Job of 1 GB", "MB/s", ours, peers, share, at_least(0.7, "≥ 0.7 × limit"), detail),
        Row(
            "large",
            f"Memory growth during a job of {huge // GB} GB",
            "MB",
            growth,
            {},
            growth,
            at_most(100, "≤ 100 MB"),
            {"mb_per_s": rate},
        ),
    ]


_last: dict[str, int] = {}


def _job(server: Server, octets: int, *, chunked: bool) -> tuple[float, float]:
    """MB/s from the first octet to the answer, and how many MB the server's memory rose meanwhile."""
    watch = _Watch(server.pid)
    parts = urlsplit(server.held)
    head = messages.request("print-job", 1, server.held, "load")
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(head) + octets}"
    start = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/ipp\r\n{length}\r\n\r\n"
    piece = _piece()
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 631), timeout=600) as sock, watch:
        began = time.perf_counter()
        sock.sendall(start.encode() + (b"%x\r\n%b\r\n" % (len(head), head) if chunked else head))
        left = octets
        while left:
            size = min(left, _PIECE)
            sock.sendall(b"%x\r\n%b\r\n" % (size, piece[:size]) if chunked else piece[:size])
            left -= size
        if chunked:
            sock.sendall(b"0\r\n\r\n")
        _last[server.name] = _job_of(sock)
        took = time.perf_counter() - began
    return octets / 1e6 / took, watch.growth_mb


def _piece() -> bytes:
    return b"%PDF-1.7\n" + bytes(range(256)) * (_PIECE // 256 - 1) + bytes(247)


def _job_of(sock: socket.socket) -> int:
    seen = b""
    while piece := sock.recv(65_536):
        seen += piece
        head, end, body = seen.partition(b"\r\n\r\n")
        if end and head.startswith(b"HTTP/1.1 100"):
            seen = body
        elif end and body.endswith(b"\x03"):
            answer = messages.parse(body)
            if answer.status > 0xFF or answer.job_id is None:
                raise messages.BadAnswer(f"IPP 0x{answer.status:04x} {answer.message}")
            return answer.job_id
    raise messages.BadAnswer("the connection closed without an answer")


def _cancel(server: Server) -> None:
    """Its space is wanted for the next one."""
    load.run(load.Plan(server.held, "cancel-job", requests=1, connections=1, job=_last[server.name]))
    time.sleep(0.5)


class _Watch:
    """Looks at a server's memory twenty times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._before = machine.use_of(pid).rss
        self._most = self._before
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self._most = max(self._most, machine.use_of(self._pid).rss)

    @property
    def growth_mb(self) -> float:
        return (self._most - self._before) / 1e6
