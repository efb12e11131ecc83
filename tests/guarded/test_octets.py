"""Fifty thousand broken requests against a running house: it answers, stays, and keeps nothing by halves."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.fuzz.mutating import upset
from tests.guarded.conftest import ROOMY, Manor
from tests.peers.client import Printing, sample
from tests.peers.served import Served, serving

from frisket.wire import ipp

REQUESTS = 50_000
CONNECTIONS = 8
GROWTH_KIB = 60 << 10
HTTP_ANSWERS = {200, 400, 401, 404, 413, 415, 501}
Asked = ipp.Operation


def originals(served: Served) -> list[bytes]:
    """Real requests of one client; the cheap ones often, those that leave something behind seldom."""
    peer = Printing(f"{served.urls['ipp']}/secure", "alice")
    few = ipp.attribute("requested-attributes", ipp.keyword("printer-state"), ipp.keyword("queued-job-count"))
    one = ipp.attribute("job-id", ipp.integer(1))
    ticket = [
        ipp.attribute("copies", ipp.integer(2)),
        ipp.attribute("sides", ipp.keyword("two-sided-long-edge")),
        ipp.attribute("media", ipp.keyword("iso_a4_210x297mm")),
        ipp.attribute("job-hold-until", ipp.keyword("indefinite")),
    ]
    named = [
        ipp.attribute("job-name", ipp.name("letter")),
        ipp.attribute("document-format", ipp.mime("application/pdf")),
    ]
    asking = [
        peer.message(Asked.GET_PRINTER_ATTRIBUTES, few),
        peer.message(Asked.GET_JOBS, ipp.attribute("limit", ipp.integer(3))),
        peer.message(Asked.GET_JOB_ATTRIBUTES, one),
        peer.message(Asked.VALIDATE_JOB, *named, job=ticket),
        peer.message(Asked.HOLD_JOB, one, ipp.attribute("job-hold-until", ipp.keyword("indefinite"))),
        peer.message(Asked.CUPS_GET_PRINTERS, few, target=False),
        peer.message(Asked.CUPS_GET_DEFAULT, few, target=False),
        peer.message(Asked.SEND_DOCUMENT, one, ipp.attribute("last-document", ipp.boolean(True))),
    ]
    leaving = [
        peer.message(Asked.PRINT_JOB, *named, job=ticket) + sample("mutated"),
        peer.message(Asked.CREATE_JOB, *named, job=ticket),
        peer.message(Asked.CANCEL_JOB, one),
    ]
    return asking * 6 + leaving


def mutated(source: random.Random, originals: list[bytes]) -> bytes:
    octets = bytearray(source.choice(originals))
    if source.randrange(2):  # whole, but with other values
        for _ in range(source.randint(1, 3)):
            octets[source.randrange(len(octets))] = source.choice((0, 0x7F, 0xFF, source.randrange(256)))
        return bytes(octets)
    octets = upset(source, bytes(octets))
    if not source.randrange(7):
        octets[2:4] = source.randrange(0x70).to_bytes(2)  # another operation
    return bytes(octets)


@dataclass
class Storm:
    """What came back."""

    answered: Counter[int] = field(default_factory=Counter)  # HTTP statuses
    codes: Counter[int] = field(default_factory=Counter)  # IPP statuses
    accepted: dict[int, int] = field(default_factory=dict)  # job: octets of its document
    odd: list[str] = field(default_factory=list)

    def take(self, request: bytes, status: int, kind: bytes, body: bytes) -> None:
        self.answered[status] += 1
        if status not in HTTP_ANSWERS:
            self.odd.append(f"HTTP {status} {request!r}")
        if kind != b"application/ipp":
            return
        try:
            message, rest = ipp.decode(body)
        except ipp.MessageError as error:
            self.odd.append(f"an answer that cannot be read: {error}")
            return
        self.codes[message.code] += 1
        if rest or (len(request) >= 8 and message.request_id not in (0, int.from_bytes(request[4:8], signed=True))):
            self.odd.append(f"an answer to something else: {message.request_id} {request[:8].hex()}")
        if message.code < 0x0100 and request[2:4] == int(Asked.PRINT_JOB).to_bytes(2):
            number = message.job.integer("job-id")
            assert number is not None
            self.accepted[number] = len(ipp.decode(request)[1])


async def client(served: Served, storm: Storm, requests: Any) -> None:
    port = served.port("ipp")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /ipp/print/secure HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
    for request in requests:
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(request) + request)
        async with asyncio.timeout(30):
            answer = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in answer.lower().split(b"\r\n")[1:] if line)
            body = await reader.readexactly(int(fields[b"content-length"]))
        storm.take(request, int(answer[9:12]), fields.get(b"content-type", b""), body)
        if fields.get(b"connection") == b"close":
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def rage(served: Served, count: int, seed: int) -> Storm:
    source, models, storm = random.Random(seed), originals(served), Storm()
    requests = (mutated(source, models) for _ in range(count))
    await asyncio.gather(*[client(served, storm, requests) for _ in range(CONNECTIONS)])
    return storm


def complaints(served: Served) -> list[str]:
    """Lines of the house's log that no peer should be able to cause."""
    return [
        line[:2000]
        for line in served.log.read_text(errors="replace").splitlines()
        if '"exception"' in line or "Traceback" in line or '"level": "error"' in line or '"level": "critical"' in line
    ]


def test_fifty_thousand_broken_requests_leave_the_house_as_it_was() -> None:
    with serving(ROOMY) as served:
        served.ask("queue.add", name="secure", hold=True, trust_network=["127.0.0.0/8"])
        served.person("alice")
        Printing(f"{served.urls['ipp']}/secure", "alice").print(sample("first"))
        first = asyncio.run(rage(served, REQUESTS // 10, 1))
        before = served.resident_kib()
        storm = asyncio.run(rage(served, REQUESTS - REQUESTS // 10, 2))
        grown = served.resident_kib() - before

        assert not first.odd and not storm.odd, Counter(first.odd + storm.odd)
        assert sum(first.answered.values()) + sum(storm.answered.values()) == REQUESTS
        assert grown < GROWTH_KIB
        assert complaints(served) == []
        assert 0x0500 not in storm.codes and 0x0500 not in first.codes
        refused = sum(count for code, count in storm.codes.items() if code >= 0x0400)
        assert min(refused, len(storm.accepted)) > 50  # it was a mixture
        kept = {job["number"]: job["octets"] for job in served.jobs()}
        for number, octets in (first.accepted | storm.accepted).items():
            assert kept.get(number, octets) == octets
        assert Printing(f"{served.urls['ipp']}/secure", "alice").print(sample("after")).status == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_a_document_that_breaks_off_is_no_job(manor: Manor, chunked: bool) -> None:
    before = len(manor.served.jobs())
    document = b"%PDF-1.4\n" + bytes(200_000)

    async def broken(part: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", manor.served.port("ipp"))
        body = manor.stranger("ipp", "believing", user="alice").message(Asked.PRINT_JOB) + document
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
        writer.write(
            b"POST /ipp/print/believing HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n" + length
        )
        cut = body[: len(body) * part // 10]
        writer.write(b"\r\n\r\n" + (b"%x\r\n" % len(cut) + cut + b"\r\n" if chunked else cut))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()

    async def all_of_them() -> None:
        await asyncio.gather(*[broken(part) for part in range(1, 10)])

    asyncio.run(all_of_them())
    assert manor.stranger("ipp", "believing", user="alice").print(sample("whole")).status == 0
    alive = [job for job in manor.served.jobs() if job["state"] not in ("ended", "erased")]
    assert len(alive) <= before + 1
    assert not any(job["octets"] > 100_000 for job in alive)
