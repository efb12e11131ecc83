"""What somebody without a name learns and moves: nothing."""

import json
import re
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator

import pytest
from tests.guarded.browser import Browser, Page, raw
from tests.guarded.conftest import CARD, PASSWORD, TITLE, Manor, entries
from tests.peers.client import Printing, sample
from tests.peers.programs import program

from frisket.web import pages
from frisket.web.headers import HEADERS
from frisket.web.routes import ROUTES, Route, Who
from frisket.wire import ipp

assert pages.__all__  # fills the table
OPEN = {"sign-in", "setup", "language", "help-page"}
INNER = re.compile(rb"Traceback|django|uvicorn|python/3|sqlite|/site-packages/", re.IGNORECASE)


def markers(manor: Manor) -> list[bytes]:
    """What nobody else may see."""
    return [
        word.encode()
        for word in (TITLE, "alice", "Alice Example", PASSWORD, CARD, manor.secret, manor.alice["pin"], "adam")
    ]


def tells(manor: Manor, octets: bytes) -> list[bytes]:
    return [word for word in markers(manor) if word in octets] + INNER.findall(octets)


def told(manor: Manor, page: Page) -> list[bytes]:
    return tells(manor, page.body + json.dumps(page.headers).encode())


def address(route: Route, manor: Manor) -> str:
    place = {"number": str(manor.job), "name": "press", "person_id": manor.alice["id"]}
    if route.path.startswith("queues"):
        place["name"] = "secure"
    return "/" + re.sub(r"<\w+:(\w+)>", lambda found: place[found[1]], route.path)


def test_without_a_session_every_page_leads_to_the_sign_in(manor: Manor) -> None:
    reached = set()
    for route in ROUTES:
        for method in ("GET", "POST"):
            page = manor.browser().ask(method, address(route, manor), headers={"Origin": manor.web})
            assert told(manor, page) == [], (method, route.path)
            if method in route.methods and page.status == 200 and route.needs is not Who.TERMINAL:
                reached.add(route.name)
            elif route.needs is not Who.TERMINAL and route.name not in OPEN and method == "GET":
                assert page.status in (302, 405), (route.path, page.status)
                assert page.status == 405 or str(page.header("Location")).startswith("/sign-in"), route.path
    assert reached <= OPEN


@pytest.mark.requirement("OCE-14")
def test_every_change_of_the_api_refuses_strangers_and_people_without_the_right(manor: Manor) -> None:
    api = json.loads(manor.browser().get("/api/v1/openapi.json").body)
    proof = b64encode(f"alice:{PASSWORD}".encode()).decode()
    person = {"Authorization": f"Basic {proof}", "Content-Type": "application/json"}
    before = (manor.served.ask("queue.list"), manor.served.ask("device.list"), manor.served.ask("person.list"))
    changes = 0
    for path, methods in api["paths"].items():
        place = path.replace("{person_id}", manor.alice["id"]).replace("{word}", str(manor.job))
        place = re.sub(r"{\w+}", "press", place)
        for method in methods:
            verb = method.upper()
            page = manor.browser().ask(verb, place, b"{}", {"Content-Type": "application/json"})
            assert page.status == 401, (verb, path, page.status)
            assert told(manor, page) == [], path
            own = any(word in path for word in ("/jobs", "/credentials", "/stores"))  # for every person
            if verb != "GET" and not own:
                refused = manor.browser().ask(verb, place, b"{}", person)
                assert refused.status in (403, 422), (verb, path, refused.status, refused.text)
                changes += 1
    assert changes >= 6
    after = (manor.served.ask("queue.list"), manor.served.ask("device.list"), manor.served.ask("person.list"))
    assert after == before


GUESSES = """/admin /admin/ /administrator /manager/html /console /debug /debug/vars /server-status /actuator/env
/.git/config /.env /config.json /frisket.toml /house.json /house.db /keys /backup.zip /phpinfo.php /wp-login.php
/cgi-bin/test /api /api/ /api/v1/ /api/v2/jobs /api/v1/docs /graphql /swagger.json /printers /printers/ /jobs/0
/jobs/-1 /jobs/999999999999999999999 /static/ /static/../frisket.toml /static/%2e%2e/%2e%2e/house.db
/static/..%2f..%2fhouse.db /static//etc/passwd /%00 /%ff%fe /..;/admin /;/admin /sign-in/ /sign-in%20 /SIGN-IN
/terminal /terminal/ /terminal/../press /terminal/none /metrics /metrics/ /healthz/x /setup /setup/ /first
/ipp /ipp/ /ipp/print /ipp/faxout /printers/secure /printers/secure.ppd /printers/none.ppd /admin/conf/cupsd.conf
/.well-known/security.txt /favicon.ico /robots.txt""".split()


@pytest.mark.parametrize("door", ["web", "clear"])
def test_guessed_addresses_lead_nowhere_and_tell_nothing(manor: Manor, door: str) -> None:
    browser = Browser(manor.web if door == "web" else manor.clear)
    for path in GUESSES:
        for method in ("GET", "PUT", "DELETE", "PROPFIND"):
            page = browser.ask(method, path)
            assert page.status >= 300, (method, path, page.status)
            assert page.status < 500, (method, path, page.status)
            assert told(manor, page) == [], (method, path)


def test_health_says_ok_and_no_more(manor: Manor) -> None:
    for path in ("/healthz", "/readyz"):
        assert (manor.browser().get(path).status, manor.browser().get(path).body) == (200, b"ok\n")


ANSWERS = {
    "a page": ("GET", "/sign-in", 200),
    "a redirect": ("GET", "/jobs", 302),
    "no such page": ("GET", "/nothing", 404),
    "not from our page": ("PUT", "/sign-in", 403),
    "not allowed": ("GET", "/sign-out", 405),
    "a style sheet": ("GET", "/static/web/site.css", 200),
    "no such file": ("GET", "/static/none.css", 404),
    "the api": ("GET", "/api/v1/jobs", 401),
    "no such operation": ("GET", "/api/v1/none", 404),
    "an upload": ("POST", "/api/v1/jobs", 401),
    "metrics": ("GET", "/metrics", 401),
    "health": ("GET", "/healthz", 200),
    "a terminal": ("GET", "/terminal/none", 404),
}


@pytest.mark.parametrize("method, path, status", ANSWERS.values(), ids=ANSWERS.keys())
def test_every_answer_to_a_browser_carries_the_security_headers(
    manor: Manor, method: str, path: str, status: int
) -> None:
    page = manor.browser().ask(method, path)
    assert page.status == status
    for name, value in HEADERS:
        assert page.header(name) == value, name
    assert page.header("Server") is None and page.header("X-Powered-By") is None


@pytest.mark.parametrize("sent", [0, 1_000_000])
def test_a_form_that_is_too_large_is_refused_with_the_security_headers(manor: Manor, sent: int) -> None:
    size = b"Content-Length: 99000000\r\n" if not sent else b"Transfer-Encoding: chunked\r\n"
    head = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n" + size
    chunks = b"".join(b"%x\r\n" % sent + bytes(sent) + b"\r\n" for _ in range(11)) if sent else b""
    said = raw(manor.web, head + b"\r\n" + chunks)
    assert said.startswith(b"HTTP/1.1 413 "), said[:200]
    for name, value in HEADERS:
        assert f"\r\n{name}: {value}\r\n".lower().encode() in said.lower(), name


def test_a_wrong_host_is_sent_away_with_the_security_headers(manor: Manor) -> None:
    page = manor.browser().ask("GET", "/sign-in", headers={"Host": "evil.example"})
    assert page.status == 421 and b"password" not in page.body
    for name, value in HEADERS:
        assert page.header(name) == value, name


OTHER_SCHEMES = [
    'Digest username="alice", realm="x", nonce="", uri="/", response="0"',
    "Negotiate YIIabc",
    "NTLM TlRMTVNTUAAB",
    "AWS4-HMAC-SHA256 Credential=alice",
    "Basic",
    "Basic %%%",
    "Basic " + "A" * 60_000,
    "Basic " + b64encode(b"alice").decode(),
    "Basic " + b64encode(b"\xff\xfe:\xff").decode(),
    "Bearer",
    "Bearer \xff\xfe",
    "Bearer " + "x" * 60_000,
    "\t",
]


def test_other_ways_of_signing_in_are_refused_before_anything_is_looked_at(manor: Manor) -> None:
    before = len(entries(manor.served, "sign-in.failed"))
    for scheme in OTHER_SCHEMES:
        for method, path in (("GET", "/api/v1/jobs"), ("POST", "/api/v1/jobs"), ("GET", "/metrics")):
            page = manor.browser().ask(method, path, b"x" if method == "POST" else None, {"Authorization": scheme})
            assert page.status in (401, 403), (scheme[:30], path, page.status)
            assert told(manor, page) == []
        answer = manor.stranger(headers={"Authorization": scheme}).send(ipp.Operation.VALIDATE_JOB)
        assert answer.http == 401
    assert len(entries(manor.served, "sign-in.failed")) == before


OPERATIONS = [*range(0x0001, 0x0072), *range(0x3FFF, 0x4030)]


def over_one_connection(client: Printing, requests: list[bytes]) -> Iterator[bytes]:
    """The octets of each answer, without a handshake for each."""
    peer = client.connection()
    for request in requests:
        peer.request("POST", "/ipp/print/secure", request, client.all_headers())
        reply = peer.getresponse()
        assert reply.status in (200, 401), reply.status
        yield reply.read()
    peer.close()


@pytest.mark.parametrize("door", ["ipp", "ipps"])
@pytest.mark.parametrize("name", ["", "alice"])
def test_no_operation_of_ipp_gives_a_stranger_anything(manor: Manor, door: str, name: str) -> None:
    before = manor.served.jobs()
    stranger = manor.stranger(door, user=name)
    job = ipp.attribute("job-id", ipp.integer(manor.job))
    every = ipp.attribute("requested-attributes", ipp.keyword("all"))
    which = ipp.attribute("which-jobs", ipp.keyword("all"))
    requests = [
        stranger.message(code, *more) + (sample() if code == ipp.Operation.PRINT_JOB else b"")
        for code in OPERATIONS
        for more in ((job, every), (which, every))
    ]
    for request, octets in zip(requests, over_one_connection(stranger, requests), strict=True):
        found = [word for word in markers(manor) if word in octets and word != name.encode()]
        assert found == [], (request[2:4].hex(), found)
    assert manor.served.jobs() == before


def test_a_strangers_list_of_jobs_is_empty_at_the_queue_that_believes_names(manor: Manor) -> None:
    nobody = manor.stranger("ipp", "believing")
    for which in ("all", "not-completed", "completed"):
        answer = nobody.send(ipp.Operation.GET_JOBS, ipp.attribute("which-jobs", ipp.keyword(which)))
        assert tells(manor, ipp.encode(answer.message) if answer.message else b"") == []


def test_somebody_else_reaches_a_persons_job_by_no_operation(manor: Manor) -> None:
    manor.served.person("mallory", password="another person of no importance")
    mallory = manor.stranger("ipps", "believing", basic=("mallory", "another person of no importance"))
    for code in (
        ipp.Operation.GET_JOB_ATTRIBUTES,
        ipp.Operation.CANCEL_JOB,
        ipp.Operation.HOLD_JOB,
        ipp.Operation.RELEASE_JOB,
        ipp.Operation.SEND_DOCUMENT,
        ipp.Operation.CLOSE_JOB,
    ):
        answer = mallory.on_job(code, manor.job)
        assert answer.message is not None and answer.status >= 0x0400
        assert TITLE.encode() not in ipp.encode(answer.message)
    jobs = mallory.send(ipp.Operation.GET_JOBS, ipp.attribute("which-jobs", ipp.keyword("all")))
    assert jobs.message is not None and TITLE.encode() not in ipp.encode(jobs.message)
    assert manor.served.job(manor.job)["state"] == "held"


@pytest.mark.parametrize("code", [ipp.Operation.PRINT_URI, ipp.Operation.SEND_URI])
def test_the_house_fetches_nothing_for_anybody(manor: Manor, code: int) -> None:
    believed = manor.stranger("ipp", "believing", user="alice")
    with socket.create_server(("127.0.0.1", 0)) as lure:
        lure.settimeout(0.5)
        place = ipp.attribute("document-uri", ipp.uri(f"http://127.0.0.1:{lure.getsockname()[1]}/secret.pdf"))
        answer = believed.on_job(code, manor.job, place, ipp.attribute("last-document", ipp.boolean(True)))
        assert answer.status >= 0x0400
        with pytest.raises(TimeoutError):
            lure.accept()


@pytest.mark.peer("nmap")
def test_a_network_scanner_learns_no_job_and_no_person(manor: Manor) -> None:
    ports = ",".join(str(manor.served.port(door)) for door in ("web", "ipp", "ipps"))
    scripts = "+cups-queue-info,+cups-info,+http-title,+http-headers"
    done = subprocess.run(
        [program("nmap"), "-Pn", "-sT", "-n", "-p", ports, "--script-timeout", "10s", "--script", scripts, "127.0.0.1"],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stdout.count(b"open") >= 3
    assert [word for word in markers(manor) if word in done.stdout] == []
    assert manor.browser().get("/healthz").status == 200


def test_a_secret_address_of_somebody_is_not_guessed_by_its_beginning(manor: Manor) -> None:
    for wrong in (manor.secret[:-1], manor.secret + "x", manor.secret.swapcase(), "", "*", "%", manor.secret[:1]):
        answer = Printing(f"{manor.served.urls['ipps']}/secure/{wrong or '%20'}").send(ipp.Operation.VALIDATE_JOB)
        assert answer.http in (401, 404) or answer.status >= 0x0400, wrong
    right = Printing(f"{manor.served.urls['ipps']}/secure/{manor.secret}").send(ipp.Operation.VALIDATE_JOB)
    assert right.status < 0x0100
