"""A relay in front of a device, which breaks the connection off where a test says."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

__all__ = ["Cut", "Relay", "relay"]

_ANSWER = b"HTTP/1.1 200"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


@dataclass(frozen=True, slots=True)
class Cut:
    """Break off behind ``sent``, once the device has it, or before its answer of this number (from 1) is passed on.

    dead: from then on the device is away; else only this connection broke.
    """

    sent: bytes = b""
    answer: int = 0
    at_once: bool = False
    dead: bool = False


@dataclass
class Relay:
    to: int
    port: int = 0
    cut: Cut | None = None
    happened: threading.Event = field(default_factory=threading.Event)
    answers: int = 0

    def away(self) -> bool:
        return self.cut is not None and self.cut.dead and self.happened.is_set()

    def arm(self, cut: Cut | None) -> None:
        """From now on; None: the device is well again."""
        self.happened.clear()
        self.cut, self.answers = cut, 0


class _Broken(Exception):
    """This is the place."""


@contextmanager
def relay(to: int) -> Iterator[Relay]:
    """Between whoever connects to its port and port ``to`` of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        between = Relay(to, listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, between), daemon=True)
        thread.start()
        try:
            yield between
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _accept(listener: socket.socket, between: Relay) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(near, between), daemon=True).start()


def _serve(near: socket.socket, between: Relay) -> None:
    cut = between.cut
    if between.away() or (cut is not None and cut.at_once and not between.happened.is_set()):
        between.happened.set()
        _reset(near)
        return
    with socket.create_connection(("127.0.0.1", between.to)) as far:
        back = threading.Thread(target=_pass, args=(far, near, between, False), daemon=True)
        back.start()
        _pass(near, far, between, True)
        back.join(30)


def _pass(source: socket.socket, sink: socket.socket, between: Relay, forth: bool) -> None:
    seen = bytearray()
    try:
        while data := source.recv(65536):
            whole = _behind(data, seen, between) if forth else None
            if not forth:
                _before(data, between)
            sink.sendall(data if whole is None else data[:whole])
            if whole is not None:
                raise _Broken
        sink.shutdown(socket.SHUT_WR)
    except _Broken:
        between.happened.set()
        # What was passed on is for the device to read; who sent it is told by a reset.
        near, far = (source, sink) if forth else (sink, source)
        with suppress(OSError):
            far.shutdown(socket.SHUT_WR)
        _reset(near)
    except OSError:
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _behind(data: bytes, seen: bytearray, between: Relay) -> int | None:
    """How much of this piece is still passed on, when the place is in it."""
    cut = between.cut
    if cut is None or not cut.sent or between.happened.is_set():
        return None
    kept = len(seen)
    seen += data
    at = seen.find(cut.sent)
    if at >= 0:
        return at + len(cut.sent) - kept
    del seen[: -len(cut.sent)]  # it may stand across two pieces
    return None


def _before(data: bytes, between: Relay) -> None:
    between.answers += data.count(_ANSWER)
    cut = between.cut
    if cut is not None and cut.answer and between.answers >= cut.answer and not between.happened.is_set():
        raise _Broken


def _reset(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connected.shutdown(socket.SHUT_RD)
    connected.close()
