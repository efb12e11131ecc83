"""A RAW printer that takes everything at once and says when each connection's first octet came.

Run as a process of its own: `python -m bench.sink`. It prints its port, then one line per job: the moments of
its first and last octet on the machine's monotonic clock, and how many octets came. It speaks as much PJL as a
printer must, so that a sender which waits for a confirmation gets it.
"""

import asyncio
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

__all__ = ["Job", "Sink"]

UEL = b"\x1b%-12345X"
_STATUS = b'@PJL INFO STATUS\r\nCODE=10001\r\nDISPLAY="READY"\r\nONLINE=TRUE\r\n\x0c'


@dataclass(frozen=True, slots=True)
class Job:
    first: float
    last: float
    octets: int


class Sink:
    """The printer, seen from the benchmark."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "bench.sink"], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.jobs: list[Job] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            first, last, octets = line.split()
            with self._changed:
                if int(octets) > 512:  # a question about its status is no job
                    self.jobs.append(Job(float(first), float(last), int(octets)))
                self._changed.notify_all()

    def wait_for(self, jobs: int, seconds: float) -> int:
        """How many had come when there were so many, or the time was over."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.jobs) >= jobs, seconds)
            return len(self.jobs)

    def forget(self) -> None:
        with self._changed:
            self.jobs.clear()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


class _Printer(asyncio.Protocol):
    def __init__(self) -> None:
        self._first = 0.0
        self._octets = 0
        self._tail = b""
        self._name = ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._octets:
            self._first = time.monotonic()
        self._octets += len(data)
        seen = self._tail + data
        if b"@PJL" in seen:
            self._answer(seen)
        self._tail = seen[seen.rfind(b"\n") + 1 :][-200:]

    def _answer(self, seen: bytes) -> None:
        assert self._transport is not None
        for line in seen.split(b"\n")[:-1]:
            command = line[line.find(b"@PJL") + 4 :].strip() if b"@PJL" in line else b""
            if command == b"INFO ID":
                self._transport.write(b'@PJL INFO ID\r\n"Sink"\r\n\x0c')
            elif command == b"INFO STATUS":
                self._transport.write(_STATUS)
            elif command.startswith(b"EOJ"):
                name = command.partition(b"NAME")[2].strip(b' ="')
                told = b'@PJL USTATUS JOB\r\nEND\r\nNAME="%b"\r\nPAGES=1\r\n\x0c' % name
                self._transport.write(told)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._octets:
            print(f"{self._first:.6f} {time.monotonic():.6f} {self._octets}", flush=True)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Printer, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
