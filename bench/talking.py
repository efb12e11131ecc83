"""The load generator for the doors beside IPP: an exchange is one job, brought and acknowledged, every answer checked.

A closed loop like `load`, in one thread on the quicker event loop. What is spoken is written here by hand: the
house's own codecs must not share their bugs with it.
"""

import asyncio
import itertools
import json
import ssl
import time
from base64 import encodebytes
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvloop

from bench import load, messages
from bench.documents import Document

__all__ = ["Exchange", "Lpd", "Plan", "Posts", "Raw", "Refused", "Smtp", "print_job", "run", "upload"]

UEL = b"\x1b%-12345X"
_PATIENCE_S = 60.0
_numbers = itertools.count(1)  # of jobs, never twice in a run: a mail that comes again is no new one


class Refused(Exception):
    """The answer is not the one that takes the job; the words say where."""


class Exchange:
    """One client; ``__call__`` brings one job and returns when it is acknowledged. Raises Refused, OSError."""

    async def __call__(self, number: int) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """What it keeps open between two jobs."""


@dataclass(frozen=True, slots=True)
class Plan:
    jobs: int  # at most
    seconds: float  # no job is begun after so long
    at_once: int = 8


def run(make: Callable[[], Exchange], plan: Plan, server: int | None = None) -> load.Measured:
    """make: a client; each of ``at_once`` has one of its own."""
    return load.accounted(lambda: uvloop.run(_run(make, plan)), server)


async def _run(make: Callable[[], Exchange], plan: Plan) -> load.Measured:
    latencies: list[float] = []
    errors: Counter[str] = Counter()
    left = iter(range(plan.jobs))
    began = time.perf_counter()

    async def client() -> None:
        exchange = make()
        while time.perf_counter() - began < plan.seconds and next(left, None) is not None:
            since = time.perf_counter()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await exchange(next(_numbers))
            except (OSError, EOFError, TimeoutError, Refused, messages.BadAnswer) as error:
                errors[str(error)[:80] if isinstance(error, Refused) else type(error).__name__] += 1
                exchange.close()
            else:
                latencies.append(time.perf_counter() - since)
        exchange.close()

    await asyncio.gather(*[client() for _ in range(plan.at_once)])
    return load.Measured(sorted(latencies), errors, time.perf_counter() - began)


class _Once(Exchange):
    """A connection for each job, as programs that print do it."""

    def __init__(self, port: int, document: Document) -> None:
        self._port = port
        self._document = document

    async def __call__(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        try:
            await self._talk(number, reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


class Lpd(_Once):
    """RFC 1179, the control file first; done with the zero behind the data file."""

    def __init__(self, port: int, document: Document, queue: str) -> None:
        super().__init__(port, document)
        self._queue = queue.encode()

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = b"A%03dbench" % (number % 1000)
        control = b"Hbench\nPload\nJload-%d\nldf%b\nUdf%b\nNload.pdf\n" % (number, name, name)
        document = self._document.numbered(number)
        for step in (
            b"\x02%b\n" % self._queue,
            b"\x02%d cf%b\n" % (len(control), name),
            control + b"\0",
            b"\x03%d df%b\n" % (len(document), name),
            document + b"\0",
        ):
            writer.write(step)
            if await reader.readexactly(1) != b"\0":
                raise Refused(f"LPD refuses after {step[:12]!r}")


class Raw(_Once):
    """A frame of PJL around the document; done with an orderly end from the other side."""

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b'%b@PJL JOB NAME="load-%d"\r\n@PJL SET USERNAME="load"\r\n@PJL ENTER LANGUAGE=PDF\r\n' % (UEL, number)
        writer.write(head + self._document.numbered(number) + UEL + b"@PJL EOJ\r\n" + UEL)
        writer.write_eof()
        if await reader.read():
            raise Refused("a RAW port that speaks without being asked")


class Smtp(_Once):
    """One mail with the document attached; done with the 250 behind its dot."""

    def __init__(self, port: int, document: Document, sender: str, recipient: str) -> None:
        super().__init__(port, document)
        self._sender, self._recipient = sender.encode(), recipient.encode()
        self._attached = encodebytes(document.numbered(0)).replace(b"\n", b"\r\n")

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _reply(reader, b"220")
        for said, wanted in (
            (b"EHLO bench.lab\r\n", b"250"),
            (b"MAIL FROM:<%b>\r\n" % self._sender, b"250"),
            (b"RCPT TO:<%b>\r\n" % self._recipient, b"250"),
            (b"DATA\r\n", b"354"),
            (self._mail(number), b"250"),
            (b"QUIT\r\n", b"221"),
        ):
            writer.write(said)
            await _reply(reader, wanted)

    def _mail(self, number: int) -> bytes:
        return (
            b"From: %b\r\nTo: %b\r\nSubject: load-%d\r\nDate: Fri, 20 Nov 2026 09:00:00 +0000\r\n"
            b"Message-ID: <%d.%d@bench.lab>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\nContent-Type: text/plain\r\n\r\nPlease print.\r\n--b\r\nContent-Type: application/pdf\r\n"
            b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=load.pdf\r\n\r\n"
            b"%b--b--\r\n.\r\n" % (self._sender, self._recipient, number, number, time.time_ns(), self._attached)
        )


async def _reply(reader: asyncio.StreamReader, wanted: bytes) -> None:
    line = await reader.readuntil(b"\n")
    while line[3:4] == b"-":
        line = await reader.readuntil(b"\n")
    if not line.startswith(wanted):
        raise Refused(line.decode("latin-1").strip())


class Posts(Exchange):
    """POST inside TLS over a connection that is kept; ``body`` makes each, ``check`` raises Refused.

    The house's own certificate is not what is tested here.
    """

    def __init__(
        self, url: str, headers: str, body: Callable[[int], bytes], check: Callable[[int, bytes], None]
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "localhost", parts.port or 443
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}Content-Length: ".encode()
        self._body, self._check = body, check
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._tls = ssl.create_default_context()
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE

    async def __call__(self, number: int) -> None:
        if self._open is None:
            self._open = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        reader, writer = self._open
        body = self._body(number)
        writer.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
        answer = await reader.readexactly(int(fields[b"content-length"]))
        self._check(int(head.split()[1]), answer)

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def upload(url: str, token: str, queue: str, document: Document) -> Posts:
    """The document as the body of POST /api/v1/jobs; done with 201."""

    def check(status: int, answer: bytes) -> None:
        if status != 201 or "number" not in json.loads(answer):
            raise Refused(f"HTTP {status}")

    headers = f"Authorization: Bearer {token}\r\nContent-Type: application/pdf\r\n"
    return Posts(f"{url}?queue={queue}&title=load", headers, document.numbered, check)


def print_job(url: str, document: Document) -> Posts:
    """The same document as a Print-Job inside TLS."""

    def body(number: int) -> bytes:
        return messages.request("print-job", number, url, "load") + document.numbered(number)

    def check(status: int, answer: bytes) -> None:
        told = messages.parse(answer) if status == 200 else None
        if told is None or told.status > 0xFF or told.job_id is None:
            raise Refused(f"HTTP {status}")

    return Posts(url, "Content-Type: application/ipp\r\n", body, check)
