"""An LPD server that breaks off wherever a test says, and counts what it has whole."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from frisket.wire import lpd

__all__ = ["STEPS", "LpdServer", "lpd_server"]

# Every class of octet of one job, as the server meets them. "whole": it has the document and its zero.
STEPS = (
    "connected",
    "command",
    "command-answered",
    "control-header",
    "control-header-answered",
    "control-half",
    "control",
    "control-answered",
    "data-header",
    "data-header-answered",
    "data-first",
    "data-half",
    "data-last",
    "whole",
)


@dataclass
class LpdServer:
    """die_at: a step of STEPS; how: "rst" or "fin". refuse_at: answers that step with 1 instead.

    printed: documents that came whole, with their control files.
    """

    port: int = 0
    die_at: str = ""
    die_from: int = 1  # the connection from which on it dies
    how: str = "rst"
    refuse_at: str = ""
    words: bytes = b""  # behind a refusal
    printed: list[bytes] = field(default_factory=list)
    controls: list[lpd.ControlFile] = field(default_factory=list)
    connections: int = 0

    @property
    def uri(self) -> str:
        return f"lpd://127.0.0.1:{self.port}/PASSTHRU"


class _Dead(Exception):
    pass


@contextmanager
def lpd_server() -> Iterator[LpdServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = LpdServer(listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, server), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _accept(listener: socket.socket, server: LpdServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        connection.settimeout(10)
        with connection, suppress(_Dead, OSError):
            _Talk(connection, server).serve()


class _Talk:
    def __init__(self, connection: socket.socket, server: LpdServer) -> None:
        self._connection = connection
        self._server = server

    def serve(self) -> None:
        self._step("connected")
        queue = self._line()
        assert queue.startswith(b"\x02PASSTHRU"), queue
        self._step("command", answer="command-answered")
        header = self._line()
        octets, name = header[1:].split(b" ", 1)
        self._step("control-header", answer="control-header-answered")
        first = self._octets(int(octets) // 2)
        self._step("control-half")
        control = first + self._octets(int(octets) - len(first))
        assert self._octets(1) == b"\0"
        self._step("control", answer="control-answered")
        header = self._line()
        count = int(header[1:].split(b" ", 1)[0])
        self._step("data-header", answer="data-header-answered")
        document = self._data(count)
        self._server.printed.append(document)
        self._server.controls.append(lpd.ControlFile.read(name.decode(), control))
        self._step("whole", answer="answered")

    def _data(self, count: int) -> bytes:
        if not count:
            rest = b""
            while piece := self._connection.recv(65536):
                rest += piece
            return rest
        first = self._octets(1)
        self._step("data-first")
        half = self._octets(count // 2 - 1)
        self._step("data-half")
        rest = self._octets(count - len(first) - len(half))
        self._step("data-last")
        assert self._octets(1) == b"\0"
        return first + half + rest

    def _step(self, name: str, answer: str = "") -> None:
        """Die here, or answer and perhaps die then."""
        if self._dies_at(name):
            self._die()
        if self._server.refuse_at == name:
            self._connection.sendall(b"\x01" + self._server.words)
            self._server.printed = self._server.printed[:-1] if name == "whole" else self._server.printed
            raise _Dead
        if answer:
            self._connection.sendall(b"\0")
            if self._dies_at(answer):
                self._die()

    def _dies_at(self, name: str) -> bool:
        return self._server.die_at == name and self._server.connections >= self._server.die_from

    def _die(self) -> None:
        if self._server.how == "rst":
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self._connection.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                self._connection.settimeout(0.3)
                while self._connection.recv(65536):  # unread octets would turn the FIN into a reset
                    pass
        raise _Dead

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            octet = self._connection.recv(1)
            if not octet:
                raise _Dead
            line += octet
        return line[:-1]

    def _octets(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self._connection.recv(count - len(found))
            if not piece:
                raise _Dead
            found += piece
        return found
