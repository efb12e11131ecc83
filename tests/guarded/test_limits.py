"""The limits in the settings hold at the doors of a running house."""

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from tests.guarded.browser import Browser, raw
from tests.guarded.conftest import PASSWORD, ROOMY, Manor
from tests.peers.client import Printing, sample, trusting_anybody
from tests.peers.served import Served, serving, until

from frisket.wire import ipp

TOO_LARGE = int(ipp.Status.REQUEST_ENTITY_TOO_LARGE)


@pytest.fixture(scope="module")
def narrow() -> Iterator[Served]:
    limits = {
        "LIMITS__JOB_BYTES": "1000000",
        "LIMITS__PERSON_JOBS": "3",
        "LIMITS__DOCUMENTS_PER_JOB": "2",
        "LIMITS__IPP_HEADER_BYTES": "4096",
        "LIMITS__IPP_ATTRIBUTE_BYTES": "20000",
        "LIMITS__PAGES_PER_SECOND": "8",
        "LIMITS__WAITING_CONNECTIONS_PER_ADDRESS": "10",
        "LIMITS__HEADER_S": "1",
    }
    with serving(limits) as served:
        served.ask("queue.add", name="secure", hold=True, trust_network=["127.0.0.0/8"])
        for name in ("alice", "bob", "carol"):
            served.person(name)
        yield served


def client(served: Served, name: str) -> Printing:
    return Printing(f"{served.urls['ipp']}/secure", name)


def stored(served: Served) -> int:
    return sum(file.stat().st_size for file in (served.data / "spool").rglob("*") if file.is_file())


def test_a_job_beyond_the_limit_is_refused_announced_or_not_and_nothing_of_it_stays(narrow: Served) -> None:
    bob = client(narrow, "bob")
    document = b"%PDF-1.4\n" + bytes(1_500_000)
    message = bob.message(ipp.Operation.PRINT_JOB)
    announced = raw(
        narrow.urls["ipp"],
        b"POST /ipp/print/secure HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
        b"Content-Length: 9000000\r\n\r\n" + message,
    )
    assert announced.startswith(b"HTTP/1.1 413 ")
    before = stored(narrow)
    pieces = [message, *[document[at : at + 65536] for at in range(0, len(document), 65536)]]
    try:
        answer = bob.octets(iter(pieces), chunked=True)
        assert answer.status == TOO_LARGE
    except ConnectionError:
        pass  # it closed while we still sent
    squeezed = bob.send(
        ipp.Operation.PRINT_JOB,
        ipp.attribute("compression", ipp.keyword("gzip")),
        document=gzip.compress(bytes(300_000_000), 9),
    )
    assert squeezed.status >= 0x0400
    until(lambda: narrow.jobs("bob") == [] or all(job["state"] in ("ended", "erased") for job in narrow.jobs("bob")))
    assert until(lambda: stored(narrow) <= before + 10_000, 10)


def test_a_person_holds_so_many_jobs_and_no_more(narrow: Served) -> None:
    alice = client(narrow, "alice")
    numbers = [alice.print(sample()).job for _ in range(3)]
    fourth = alice.print(sample())
    assert fourth.status >= 0x0400 and fourth.words
    narrow.ask("job.cancel", job=str(numbers[0]))
    assert until(lambda: alice.print(sample()).status < 0x0100, 10, 0.2)


def test_a_job_has_so_many_documents_and_no_more(narrow: Served) -> None:
    carol = client(narrow, "carol")
    job = carol.create().job
    assert carol.add(job, sample(), last=False).status < 0x0100
    assert carol.add(job, sample(), last=False).status < 0x0100
    assert carol.add(job, sample(), last=False).status >= 0x0400


def test_attributes_and_headers_have_an_end(narrow: Served) -> None:
    carol = client(narrow, "carol")
    many = ipp.attribute("requested-attributes", *[ipp.keyword(f"attribute-{n}") for n in range(2000)])
    answer = carol.send(ipp.Operation.GET_PRINTER_ATTRIBUTES, many)
    assert answer.status == TOO_LARGE
    long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 5000 + b"\r\n\r\n"
    assert raw(narrow.urls["ipp"], long).startswith(b"HTTP/1.1 431 ")


def test_an_address_without_a_session_asks_only_so_often(narrow: Served) -> None:
    pages = [Browser(narrow.urls["web"]).get("/sign-in") for _ in range(12)]
    assert pages[0].status == 200
    late = [page for page in pages if page.status == 429]
    assert late and all(page.header("Retry-After") == "1" for page in late)
    assert all(page.header("Content-Security-Policy") for page in late)


# -- slow peers


async def test_people_are_served_while_two_hundred_dawdle_over_their_headers(narrow: Served) -> None:
    port = narrow.port("ipp")
    dawdlers = []
    for _ in range(200):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /ipp/print HTTP/1.1\r\nX-")
        dawdlers.append((reader, writer))
    say = client(narrow, "carol").send
    for _ in range(20):
        answer = await asyncio.wait_for(asyncio.to_thread(say, ipp.Operation.GET_PRINTER_ATTRIBUTES), 10)
        assert answer.status < 0x0100
    async with asyncio.timeout(10):
        for reader, writer in dawdlers:
            try:
                assert await reader.read() == b""
            except ConnectionError:
                pass
            writer.close()


def form(url: str, cookie: str) -> bytes:
    """The beginning of a form whose body does not come."""
    place = urlsplit(url).netloc
    return (
        f"POST /sign-in HTTP/1.1\r\nHost: {place}\r\nOrigin: {url}\r\nCookie: __Host-csrf={cookie}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\nname="
    ).encode()


def test_pages_are_served_while_many_send_their_forms_slowly(manor: Manor) -> None:
    browser = manor.browser()
    browser.get("/sign-in")
    slow: list[ssl.SSLSocket] = []
    try:
        for _ in range(30):
            plain = socket.create_connection(("127.0.0.1", manor.served.port("web")))
            slow.append(trusting_anybody().wrap_socket(plain, server_hostname="localhost"))
            slow[-1].sendall(form(manor.web, browser.cookies["__Host-csrf"]))
        time.sleep(0.3)
        assert manor.browser().ask("GET", "/sign-in", timeout=8).status == 200
        assert signs_in_within(manor, 8)
    finally:
        for sock in slow:
            sock.close()


def signs_in_within(manor: Manor, seconds: float) -> bool:
    done: list[int] = []
    asking = threading.Thread(target=lambda: done.append(manor.browser().sign_in("adam", PASSWORD).status), daemon=True)
    asking.start()
    asking.join(seconds)
    return done == [302]


def test_silent_connections_to_the_encrypted_port_do_not_keep_people_out() -> None:
    limits = {**ROOMY, "LIMITS__CONNECTIONS": "60", "LIMITS__WAITING_CONNECTIONS_PER_ADDRESS": "40"}
    with serving(limits) as served:
        silent = [socket.create_connection(("127.0.0.1", served.port("web"))) for _ in range(300)]
        try:
            assert Browser(served.urls["web"]).ask("GET", "/healthz", timeout=8).status == 200
        finally:
            for sock in silent:
                sock.close()
