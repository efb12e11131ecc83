"""Doors that acknowledge at once: the generator's own limit, and, with a folder, the machine's.

Run as a process of its own: `python -m bench.nowhere lpd|raw|mail|post [FOLDER]`. It prints its port. In the folder
each RAW job becomes a file that is synced before its connection ends; for `post` it holds tls.pem and tls.key.
"""

import asyncio
import itertools
import os
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import uvloop

__all__ = ["Nowhere"]

_ENDED = (OSError, EOFError)
_names = itertools.count()


class Nowhere:
    """Such a door, seen from the benchmark."""

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        words = [sys.executable, "-m", "bench.nowhere", kind, *([str(folder)] if folder is not None else [])]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


async def _lpd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\n")
    writer.write(b"\0")
    while line := await reader.readline():
        writer.write(b"\0")
        await reader.readexactly(int(line[1:].split()[0]) + 1)
        writer.write(b"\0")


async def _raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    data = await reader.read(-1)
    if len(sys.argv) > 2:
        await asyncio.to_thread(_keep, Path(sys.argv[2]) / f"{next(_names)}", data)


def _keep(file: Path, data: bytes) -> None:
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


async def _mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 nowhere\r\n")
    while line := await reader.readline():
        if line == b"DATA\r\n":
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"221 bye\r\n" if line == b"QUIT\r\n" else b"250 fine\r\n")


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length[15:]))
        writer.write(b'HTTP/1.1 201 Created\r\nContent-Length: 13\r\n\r\n{"number": 1}')


async def _serve(kind: str) -> None:
    acts: dict[str, Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = {
        "lpd": _lpd,
        "raw": _raw,
        "mail": _mail,
        "post": _post,
    }
    act, tls = acts[kind], None
    if kind == "post":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(Path(sys.argv[2]) / "tls.pem", Path(sys.argv[2]) / "tls.key")

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*_ENDED):
            await act(reader, writer)
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0, ssl=tls, limit=1 << 20, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(sys.argv[1]))
