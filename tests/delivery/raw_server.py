"""A printer on a RAW port that breaks off wherever a test says, and keeps what it has whole."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from frisket.wire import pjl

__all__ = ["STEPS", "RawServer", "raw_server"]

# Every class of octet of one print, as the printer meets them; those of the frame are met by one that speaks PJL.
# "ended": it has the document and all that follows it, and has not said so.
STEPS = ("connected", "frame-half", "frame", "first", "half", "last", "ended")
_ENTER = b"@PJL ENTER LANGUAGE"


@dataclass
class RawServer:
    """die_at: a step of STEPS; how: "rst" or "fin". expects: the length of the document that comes.

    begun: prints of which at least one octet of the document came; printed: those that came whole.
    """

    port: int = 0
    talks: bool = False
    die_at: str = ""
    how: str = "rst"
    expects: int = 0
    begun: int = 0
    printed: list[bytes] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"socket://127.0.0.1:{self.port}"


class _Dead(Exception):
    pass


@contextmanager
def raw_server(expects: int, *, talks: bool) -> Iterator[RawServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RawServer(listener.getsockname()[1], talks, expects=expects)
        thread = threading.Thread(target=_accept, args=(listener, server), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _accept(listener: socket.socket, server: RawServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.settimeout(10)
        with connection, suppress(_Dead, OSError):
            _Talk(connection, server).serve()


class _Talk:
    def __init__(self, connection: socket.socket, server: RawServer) -> None:
        self._connection = connection
        self._server = server
        self._held = b""
        self._ended = False

    def serve(self) -> None:
        self._step("connected")
        name = self._frame() if self._server.talks else None
        if self._server.talks and name is None:
            return  # somebody asked, or looked whether we are here
        first = self._octets(1)
        if not first:
            return
        self._server.begun += 1
        self._step("first")
        half = self._octets(self._server.expects // 2 - 1)
        self._step("half")
        rest = self._octets(self._server.expects - 1 - len(half))
        self._step("last")
        if name is not None:
            while b"EOJ" not in self._held and self._more():
                pass
        self._server.printed.append(first + half + rest)
        self._step("ended")
        if name is not None:
            self._connection.sendall(pjl.reply("USTATUS JOB", "END", f'NAME="{name}"', "PAGES=1"))
        while self._more():
            pass

    def _frame(self) -> str | None:
        """The name of the job; None for questions, which are answered."""
        while _ENTER not in self._held:
            if b"INFO STATUS" in self._held:
                self._connection.sendall(pjl.reply("INFO ID", '"A TEST"'))
                self._connection.sendall(pjl.reply("INFO STATUS", "CODE=10001", 'DISPLAY="Ready"', "ONLINE=TRUE"))
                while self._more():
                    self._held = b""
                return None
            if len(self._held) > 20:
                self._step("frame-half")
            if not self._more(24):
                return None
        while b"\n" not in self._held.partition(_ENTER)[2]:
            self._more()
        frame, _, rest = self._held.partition(_ENTER)
        self._held = rest.partition(b"\n")[2]
        self._step("frame")
        return frame.partition(b'NAME="')[2].partition(b'"')[0].decode()

    def _more(self, most: int = 65536) -> bool:
        piece = self._connection.recv(most) if not self._ended else b""
        self._ended = not piece
        self._held += piece
        return not self._ended

    def _octets(self, count: int) -> bytes:
        while len(self._held) < count and self._more():
            pass
        found, self._held = self._held[:count], self._held[count:]
        return found

    def _step(self, name: str) -> None:
        if self._server.die_at != name:
            return
        if self._server.how == "rst":
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self._connection.shutdown(socket.SHUT_WR)
        raise _Dead
