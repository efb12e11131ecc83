"""Local control: the command line talks to a running house over a Unix socket, never over TCP (R5, R12).

Length-prefixed JSON. A request names a command and its values; a document follows in frames of at most 1 MiB,
ended by an empty frame. The kernel says who is at the other end: only the account of the house, and root. Whoever
does not say what is wanted, or rests too long within a document or before taking the answer, is left.
"""

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedRWPair
from pathlib import Path
from typing import Any, BinaryIO

from frisket.errors import Blame, FrisketError
from frisket.intake import CutOff

__all__ = ["ControlServer", "Remote", "ask"]

log = logging.getLogger("frisket.control")
Values = Mapping[str, Any]
Run = Callable[[str, Values, AsyncIterator[bytes]], Awaitable[Any]]
_MOST = 16 << 20  # of a JSON frame
_PIECE = 1 << 20
_FIRST_S = 30.0  # for a whole command
_PAUSE_S = 120.0  # for a piece of a document, which a program may still be making, and for taking the answer
_SOCKET = "control.sock"


class Remote(FrisketError):
    """What the running house answered when it could not do as asked."""

    def __init__(self, text: str, blame: Blame, remedy: str, *, retry: bool = False) -> None:
        super().__init__(text)
        self.blame = blame
        self.remedy = remedy
        self.retry = retry


@contextmanager
def _short_path(data: Path) -> Iterator[str]:
    """A path to the socket that fits: Unix addresses end at 107 octets, data folders need not."""
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{_SOCKET}"
    finally:
        os.close(folder)


class ControlServer:
    """Answers commands with ``run``; one request a connection."""

    def __init__(self, data: Path, run: Run) -> None:
        self._data = data
        self._run = run
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        (self._data / _SOCKET).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short_path(self._data) as path:
            before = os.umask(0o177)
            try:
                listening.bind(path)
            finally:
                os.umask(before)
        listening.setblocking(False)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        (self._data / _SOCKET).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _peer_uid(writer) not in (0, os.geteuid()):
                return
            async with asyncio.timeout(_FIRST_S):
                command, values = _read(await _frame(reader, _MOST))
            answer = await self._answer(command, values, reader)
            _put(writer, json.dumps(answer).encode())
            async with asyncio.timeout(_PAUSE_S):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, RecursionError):
            pass  # the command line went away or sent nonsense: nobody is left to tell
        except TimeoutError:
            writer.transport.abort()
        finally:
            writer.close()

    async def _answer(self, command: str, values: Values, reader: asyncio.StreamReader) -> dict[str, Any]:
        try:
            result = await self._run(command, values, _frames(reader))
        except FrisketError as error:
            return {"error": str(error), "blame": error.blame.value, "remedy": error.remedy, "retry": error.retry}
        except Exception:  # the top of one command: whoever asked must hear that it failed
            log.exception("the command %s failed", command)
            return {"error": "The house failed.", "blame": Blame.HOUSE.value, "remedy": "Its log says why."}
        return {"result": result}


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    sock = writer.get_extra_info("socket")
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _read(request: bytes) -> tuple[str, Values]:
    """Raises ValueError for what is no request."""
    told = json.loads(request)
    if not isinstance(told, dict) or not isinstance(told.get("command"), str):
        raise ValueError("no command")
    values = told.get("values")
    if not isinstance(values, dict):
        raise ValueError("no values")
    return told["command"], values


async def _frame(reader: asyncio.StreamReader, most: int) -> bytes:
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if length > most:
        raise ValueError("a frame that is too long")
    return await reader.readexactly(length)


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Raises CutOff."""
    while True:
        try:
            async with asyncio.timeout(_PAUSE_S):
                piece = await _frame(reader, _PIECE)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
            raise CutOff("the document broke off on its way from the command line") from error
        except TimeoutError as error:
            raise CutOff("the document did not go on for too long") from error
        if not piece:
            return
        yield piece


def _put(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(struct.pack(">I", len(data)) + data)


def ask(data: Path, command: str, values: Values, document: BinaryIO | None = None) -> tuple[bool, Any]:
    """(True, the answer) of the house that runs on this folder, or (False, None) when none runs.

    Raises Remote for what it refused.
    """
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_path(data) as path:
            peer.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        peer.close()
        return False, None
    with peer, peer.makefile("rwb") as stream:
        try:
            _send(stream, {"command": command, "values": values}, document)
            head = stream.read(4)
        except ConnectionError:
            head = b""
        if len(head) < 4:
            # Whether it was done nobody knows; only what carries a key of its own may be asked again.
            raise Remote("The house stopped while it was asked.", Blame.OPERATOR, "Look at its log.", retry=True)
        answer = json.loads(stream.read(struct.unpack(">I", head)[0]))
    if "error" in answer:
        raise Remote(answer["error"], Blame(answer["blame"]), answer["remedy"], retry=bool(answer.get("retry")))
    return True, answer["result"]


def _send(stream: BufferedRWPair, request: Mapping[str, Any], document: BinaryIO | None) -> None:
    told = json.dumps(request).encode()
    stream.write(struct.pack(">I", len(told)) + told)
    if document is not None:
        while piece := document.read(_PIECE):
            stream.write(struct.pack(">I", len(piece)) + piece)
        stream.write(struct.pack(">I", 0))
    stream.flush()
