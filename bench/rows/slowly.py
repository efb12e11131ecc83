"""Two hundred clients that send a header's octets one by one: what others notice of them."""

import selectors
import socket
import threading
from urllib.parse import urlsplit

from bench import load
from bench.result import Row, at_most
from bench.servers import Server
from bench.setting import Setting

__all__ = ["measure"]

CLIENTS = 200


def measure(setting: Setting) -> list[Row]:
    house = setting.workshop.frisket()
    peer = setting.workshop.cups(durable=False)
    servers: list[Server] = [house, *([peer] if peer is not None else [])]
    found: dict[str, dict[str, load.Measured]] = {}
    try:
        for server in servers:
            setting.say(server.name)
            found[server.name] = _disturbed(setting, server)
    finally:
        setting.workshop.close(servers)
    ratios = {name: _ratio(both) for name, both in found.items()}
    detail = {
        name: {
            when: {"p50_ms": m.ms(50), "p99_ms": m.ms(99), "ok": len(m.latencies), "errors": dict(m.errors)}
            for when, m in both.items()
        }
        for name, both in found.items()
    }
    ours = ratios.pop("Frisket")
    goal = at_most(2, "≤ 2 ×")
    what = f"Others' p99 while {CLIENTS} clients send headers slowly"
    return [Row("slow", what, "×", ours, ratios, ours, goal, detail)]


def _disturbed(setting: Setting, server: Server) -> dict[str, load.Measured]:
    """A steady load alone, and beside the slow ones; in turns, of which the quieter ones count."""
    seconds = 4.0 if setting.quick else 8.0
    plan = load.Plan(server.held, rate=60.0, requests=10_000, seconds=seconds, connections=4, timeout_s=5.0)
    load.run(load.Plan(server.held, requests=100, connections=4))
    alone, beside = [], []
    for _ in range(setting.turns):
        alone.append(load.run(plan))
        with _Slow(server.held):
            beside.append(load.run(plan))
    return {"alone": _best(alone), "beside": _best(beside)}


def _best(turns: list[load.Measured]) -> load.Measured:
    return min(turns, key=lambda m: (sum(m.errors.values()), m.ms(99)))


def _ratio(both: dict[str, load.Measured]) -> float:
    """Infinite where others got no answer at all."""
    if both["beside"].errors:
        return float("inf")
    return both["beside"].ms(99) / both["alone"].ms(99)


class _Slow:
    """Connections that bring one octet of their header twice a second, and come again when they are closed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._at = (parts.hostname, parts.port or 631)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> "_Slow":
        self._thread.start()
        self._over.wait(1.0)  # until they are all there
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def _run(self) -> None:
        while not self._over.is_set():
            self._sockets = [sock for sock in self._sockets if _goes_on(sock)]
            while len(self._sockets) < CLIENTS and not self._over.is_set():
                try:
                    sock = socket.create_connection(self._at, timeout=1)
                    sock.sendall(b"POST /ipp/print HTTP/1.1\r\nX-Slow: ")
                except OSError:
                    break  # the server takes no more
                self._sockets.append(sock)
            self._over.wait(0.5)


def _goes_on(sock: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        if selector.select(0):  # closed, or refused in words
            sock.close()
            return False
    try:
        sock.sendall(b"x")
    except OSError:
        sock.close()
        return False
    return True
