"""What is refused and in which words; and the ways in that are no IPP: upload and the command line."""

import gzip
import http.client
import json
import socket
import subprocess
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.peers.client import Printing, post, sample, trusting_anybody
from tests.peers.office import Office, office_running
from tests.peers.programs import program
from tests.peers.served import Failed, until
from tests.wire.pjl_samples import UEL

from frisket.wire import ipp

ClientSeen = Callable[..., None]
STATED = "alice, whose stated name the queue believes"
DOCUMENT = sample("a small thing")
MOST = 300_000


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """A house with little room."""
    settings = {"LIMITS__JOB_BYTES": str(MOST), "LIMITS__PERSON_JOBS": "30", "LIMITS__PERSON_BYTES": "2000000"}
    with office_running(settings) as office:
        office.people["carol"] = office.served.person("carol")
        office.people["token"] = office.served.ask("person.token", name="alice")
        yield office


@pytest.fixture(autouse=True)
def empty(office: Office) -> Iterator[None]:
    yield
    for job in office.served.jobs():
        if job["state"] in ("held", "receiving"):
            office.served.ask("job.cancel", job=job["id"])


def bearer(office: Office, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {office.people['token']['token']}", **more}


def files_in_spool(office: Office) -> int:
    """Octets of documents that lie in the spool, whatever state their jobs are in."""
    return sum(file.stat().st_size for file in (office.served.data / "spool").rglob("*") if file.is_file())


# -- too much


def test_a_job_announced_too_large_is_refused_before_it_travels(office: Office) -> None:
    client = office.client("alice")
    head = b"POST /ipp/print/secure HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
    with socket.create_connection(("127.0.0.1", office.served.port("ipp")), timeout=10) as peer:
        peer.sendall(head + b"Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n")
        said = peer.recv(4096)
    assert said.startswith(b"HTTP/1.1 413 "), said
    with socket.create_connection(("127.0.0.1", office.served.port("ipp")), timeout=10) as peer:
        message = client.message(ipp.Operation.PRINT_JOB)
        peer.sendall(head + b"Content-Length: %d\r\n\r\n" % (MOST + 10_000) + message)
        said = peer.makefile("rb").read()  # to the end: head and message may arrive one after the other
    assert b"\x04\x08" in said, "client-error-request-entity-too-large"


def test_a_job_that_turns_out_too_large_leaves_nothing(office: Office) -> None:
    """Sent in chunks, so nobody knew before."""
    client = office.client("alice")
    pieces = [client.message(ipp.Operation.PRINT_JOB), *[bytes(65536)] * 10]
    before = files_in_spool(office)
    answer = client.octets(iter(pieces), chunked=True)
    assert answer.status == int(ipp.Status.REQUEST_ENTITY_TOO_LARGE), answer.words
    assert office.served.jobs("alice") == [] or all(job["octets"] < MOST for job in office.served.jobs("alice"))
    assert files_in_spool(office) == before


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_a_decompression_bomb_stops_at_the_limit(office: Office, compression: str) -> None:
    huge = bytes(20_000_000)
    packed = gzip.compress(huge) if compression == "gzip" else zlib.compress(huge)
    assert len(packed) < MOST
    answer = office.client("alice").print(
        packed, operation=[ipp.attribute("compression", ipp.keyword(compression))], format="application/octet-stream"
    )
    assert answer.status in (int(ipp.Status.REQUEST_ENTITY_TOO_LARGE), int(ipp.Status.BAD_REQUEST))
    assert [job for job in office.served.jobs("alice") if job["state"] == "held"] == []


def test_a_compressed_document_is_stored_as_it_was(office: Office) -> None:
    answer = office.client("alice").print(
        gzip.compress(DOCUMENT), operation=[ipp.attribute("compression", ipp.keyword("gzip"))]
    )
    assert office.served.job(answer.job)["octets"] == len(DOCUMENT)
    office.served.print_at(answer.job, "alice", "plain")
    office.served.reaches(answer.job, "erased")
    assert office.arrived("plain")[-1] == DOCUMENT


def test_a_person_has_so_many_jobs_and_no_more(office: Office) -> None:
    client = office.client("bob")
    for _ in range(30):
        assert client.print(DOCUMENT).status < 0x0100
    refused = client.print(DOCUMENT)
    assert refused.status == int(ipp.Status.ACCOUNT_LIMIT_REACHED)
    assert refused.words and office.client("alice").print(DOCUMENT).status < 0x0100
    office.served.ask("job.cancel", job=office.served.jobs("bob", "held")[0]["id"])
    until(lambda: client.print(DOCUMENT).status < 0x0100)


def test_a_person_has_so_many_octets_and_no_more(office: Office) -> None:
    client = office.client("carol")
    answers = [client.print(sample("big") + bytes(250_000), format="application/pdf") for _ in range(9)]
    taken = [answer for answer in answers if answer.status < 0x0100]
    assert len(taken) == 7
    assert {answer.status for answer in answers[7:]} == {int(ipp.Status.ACCOUNT_LIMIT_REACHED)}


# -- not wanted


def test_a_format_no_device_prints_is_refused_with_those_that_are(office: Office) -> None:
    answer = office.client("alice").print(b"PK\x03\x04", format="application/x-dvi")
    assert answer.status == int(ipp.Status.DOCUMENT_FORMAT_NOT_SUPPORTED)
    assert "prints application/x-dvi" in answer.words and "application/pdf" in answer.words


def test_a_queue_that_takes_no_jobs_says_so(office: Office) -> None:
    office.served.ask("queue.set", name="secure", accepting=False)
    try:
        answer = office.client("alice").print(DOCUMENT)
        assert answer.status == int(ipp.Status.NOT_ACCEPTING_JOBS)
        assert "takes no jobs at the moment" in answer.words
    finally:
        office.served.ask("queue.set", name="secure", accepting=True)


def test_a_queue_that_is_not_there_is_not_found(office: Office) -> None:
    client = Printing(f"{office.served.urls['ipp']}/no-such", "alice")
    assert client.print(DOCUMENT).status == int(ipp.Status.NOT_FOUND)


def test_a_compression_nobody_offers_is_refused(office: Office) -> None:
    answer = office.client("alice").print(DOCUMENT, operation=[ipp.attribute("compression", ipp.keyword("compress"))])
    assert answer.status == int(ipp.Status.COMPRESSION_NOT_SUPPORTED)


def test_what_a_client_insists_on_and_no_device_does_is_refused(office: Office) -> None:
    wanted = ipp.attribute("media", ipp.keyword("jis_b1_728x1030mm"))
    loose = office.client("alice").print(DOCUMENT, wanted)
    assert loose.status == 1 and loose.groups(ipp.Tag.UNSUPPORTED_GROUP)[0].text("media") == "jis_b1_728x1030mm"
    fidelity = [ipp.attribute("ipp-attribute-fidelity", ipp.boolean(True))]
    strict = office.client("alice").print(DOCUMENT, wanted, operation=fidelity)
    assert strict.status == 0x040B


# -- upload


@pytest.mark.requirement("SAFEQ-96")
def test_a_document_is_uploaded_as_it_is(office: Office) -> None:
    url = f"{office.served.urls['api']}/jobs?queue=secure&title=Report.pdf&copies=2&sides=two-sided-long-edge"
    status, body = post(url, DOCUMENT, bearer(office, **{"Content-Type": "application/pdf"}))
    assert status == 201, body
    view = office.served.job(body["id"])
    assert (view["title"], view["owner"], view["copies"]) == ("Report.pdf", "alice", 2)
    assert view["options"] == {"sides": "two-sided-long-edge"} and view["door"] == "upload"
    office.served.print_at(body["id"], "alice", "tls")
    office.served.reaches(body["id"], "erased")
    assert office.arrived("tls")[-1] == DOCUMENT


def curl(*words: str) -> str:
    """What the server answered; a certificate of nobody known is taken, as people do with a house of their own."""
    done = subprocess.run([program("curl"), "-sS", "-k", "--fail", *words], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode(errors="replace")


@pytest.mark.requirement("SAFEQ-96")
@pytest.mark.peer("curl")
@pytest.mark.parametrize("way", ["body", "form"])
def test_curl_uploads_with_a_token(office: Office, client_seen: ClientSeen, tmp_path: Path, way: str) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(DOCUMENT)
    url, token = f"{office.served.urls['api']}/jobs", f"Authorization: Bearer {office.people['token']['token']}"
    if way == "body":
        given = ["-H", "Content-Type: application/pdf", "--data-binary", f"@{file}", f"{url}?queue=secure"]
    else:
        given = ["-F", "queue=secure", "-F", f"document=@{file};type=application/pdf", url]
    number = json.loads(curl("-H", token, *given))["number"]
    assert office.served.job(number)["owner"] == "alice"
    office.served.print_at(number, "alice", "tls")
    office.served.reaches(number, "ended", "erased")
    what = "a PDF as the body" if way == "body" else "a PDF in a form"
    arrived = office.arrived("tls")[-1]
    client_seen("curl", "upload, HTTPS", what, "alice, by her token", sent=DOCUMENT, arrived=arrived)


@pytest.mark.peer("curl")
def test_curl_posts_ipp(office: Office, client_seen: ClientSeen, tmp_path: Path) -> None:
    file = tmp_path / "print-job.ipp"
    file.write_bytes(office.client("alice", door="ipps").message(ipp.Operation.PRINT_JOB) + DOCUMENT)
    head = ["-H", "Content-Type: application/ipp", "--data-binary", f"@{file}"]
    curl(*head, f"https://localhost:{office.served.port('ipps')}/ipp/print/secure")
    number = office.served.jobs("alice", "held")[0]["number"]
    office.served.print_at(number, "alice", "tls")
    office.served.reaches(number, "ended", "erased")
    arrived = office.arrived("tls")[-1]
    client_seen("curl", "IPPS", "a PDF in a Print-Job", STATED, sent=DOCUMENT, arrived=arrived)


def form(*parts: tuple[str, str | None, bytes]) -> tuple[bytes, str]:
    """A multipart form: (name, file name or None, octets); and its content type."""
    body = b""
    for name, file, octets in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{file}"' if file is not None else "")
        kind = "Content-Type: application/pdf\r\n" if file is not None else ""
        body += f"--limit\r\nContent-Disposition: {disposition}\r\n{kind}\r\n".encode() + octets + b"\r\n"
    return body + b"--limit--\r\n", "multipart/form-data; boundary=limit"


@pytest.mark.requirement("SAFEQ-59")
def test_a_form_brings_several_documents_of_one_job(office: Office) -> None:
    second = sample("another", 2)
    body, kind = form(
        ("queue", None, b"secure"), ("title", None, "Zwölf Blätter".encode()), ("document", "one.pdf", DOCUMENT),
        ("document", "two.pdf", second),
    )  # fmt: skip
    status, said = post(f"{office.served.urls['api']}/jobs", body, bearer(office, **{"Content-Type": kind}))
    assert status == 201, said
    view = until(lambda: (job := office.served.job(said["id"]))["pages"] and job)
    assert (view["title"], view["documents"], view["pages"]) == ("Zwölf Blätter", 2, 3)
    office.served.print_at(said["id"], "alice", "plain")
    office.served.reaches(said["id"], "erased")
    assert office.arrived("plain")[-2:] == [DOCUMENT, second]


def test_an_upload_repeated_after_a_lost_answer_is_one_job(office: Office) -> None:
    headers = bearer(office, **{"Content-Type": "application/pdf", "Idempotency-Key": "7f3c"})
    url = f"{office.served.urls['api']}/jobs?queue=secure"
    first, again = post(url, DOCUMENT, headers), post(url, DOCUMENT, headers)
    assert first[1]["id"] == again[1]["id"]
    other = post(url, DOCUMENT, {**headers, "Idempotency-Key": "7f3d"})
    assert other[1]["id"] != first[1]["id"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, (401, 403)),
        ({"Authorization": "Bearer nonsense"}, (401, 403)),
        ({"Authorization": "Basic " + b64encode(b"alice:wrong").decode()}, (401, 403)),
    ],
)
def test_an_upload_by_nobody_is_refused(office: Office, headers: dict[str, str], status: tuple[int, ...]) -> None:
    url = f"{office.served.urls['api']}/jobs?queue=secure"
    found, body = post(url, DOCUMENT, {"Content-Type": "application/pdf", **headers})
    assert found in status and body["remedy"]
    assert office.served.jobs("", "held") == []


@pytest.mark.requirement("PREP-38")
@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("queue=no-such", 404, "no queue"),
        ("queue=secure&copies=0", 422, "copies must be a number"),
        ("queue=secure&copies=two", 422, "copies must be a number"),
        ("queue=secure&sides=upside-down", 422, "sides must be one of"),
        ("queue=secure&media=papyrus", 422, "media must be one of"),
    ],
)
def test_a_wrong_upload_reads_what_is_wrong(office: Office, query: str, status: int, words: str) -> None:
    url = f"{office.served.urls['api']}/jobs?{query}"
    found, body = post(url, DOCUMENT, bearer(office, **{"Content-Type": "application/pdf"}))
    assert (found, body["status"]) == (status, status)
    assert words in body["detail"]


def test_a_form_without_a_file_says_so(office: Office) -> None:
    body, kind = form(("queue", None, b"secure"))
    status, said = post(f"{office.served.urls['api']}/jobs", body, bearer(office, **{"Content-Type": kind}))
    assert status == 422 and said["detail"] == "no file was chosen"


def test_an_upload_that_is_too_large_is_refused(office: Office) -> None:
    url = f"{office.served.urls['api']}/jobs?queue=secure"
    pieces = [bytes(65536)] * 10
    headers = bearer(office, **{"Content-Type": "application/pdf", "Transfer-Encoding": "chunked"})
    status, body = post(url, iter(pieces), headers, chunked=True)
    assert status in (413, 422) and body["detail"]


# -- the command line


def test_the_command_line_submits_a_file_and_standard_input(office: Office, tmp_path: Any) -> None:
    file = tmp_path / "Letter.pdf"
    file.write_bytes(DOCUMENT)
    from_file = office.served.cli("job", "submit", str(file), "--person", "alice", "--queue", "secure")
    from_pipe = office.served.cli("job", "submit", "-", "--person", "alice", "--queue", "secure", stdin=DOCUMENT)
    assert from_file["title"] == "Letter.pdf" and from_pipe["title"] == "untitled"
    for made in (from_file, from_pipe):
        assert (made["state"], made["octets"], made["format"]) == ("held", len(DOCUMENT), "application/pdf")
        office.served.print_at(made["id"], "alice", "plain")
        office.served.reaches(made["id"], "erased")
    assert office.arrived("plain")[-2:] == [DOCUMENT, DOCUMENT]


def test_a_submit_that_is_refused_ends_with_status_one_and_words(office: Office) -> None:
    with pytest.raises(Failed, match="there is no person nobody") as failed:
        office.served.cli("job", "submit", "-", "--person", "nobody", stdin=DOCUMENT)
    assert failed.value.status == 1


# -- what is none of a job's business (R19)

FRAMED = UEL + b"@PJL SET DUPLEX=ON\r\n@PJL SET QTY=2\r\n@PJL ENTER LANGUAGE=PDF\r\n" + DOCUMENT + UEL
HELD = FRAMED.replace(b"@PJL ENTER", b'@PJL SET HOLD=ON\r\n@PJL SET HOLDKEY="4711"\r\n@PJL ENTER')
REACHES_IN = FRAMED.replace(b"@PJL ENTER", b'@PJL FSDELETE NAME="0:\\x"\r\n@PJL ENTER')
BEHIND = DOCUMENT + UEL + b"@PJL DEFAULT COPIES=99\r\n"
PROGRAM = b"%!PS-Adobe-3.0\nserverdict begin 0 exitserver\n"
ANYTHING = "application/octet-stream"


def printed(office: Office, octets: bytes) -> tuple[bool, Any]:
    answer = office.client("alice").print(octets, format=ANYTHING)
    assert answer.status in (0, int(ipp.Status.DOCUMENT_FORMAT_ERROR)), answer.words
    return (True, answer.job) if not answer.status else (False, answer.words)


def sent(office: Office, octets: bytes) -> tuple[bool, Any]:
    client = office.client("alice")
    number = client.create().job
    answer = client.add(number, octets, last=True, format=ANYTHING)
    if answer.status:
        client.on_job(ipp.Operation.CANCEL_JOB, number)
        return False, answer.words
    return True, number


def uploaded(office: Office, octets: bytes) -> tuple[bool, Any]:
    url = f"{office.served.urls['api']}/jobs?queue=secure&title=a+letter"
    status, said = post(url, octets, bearer(office, **{"Content-Type": ANYTHING}))
    return (True, said["number"]) if status == 201 else (False, said["detail"])


def filled_in(office: Office, octets: bytes) -> tuple[bool, Any]:
    body, kind = form(("queue", None, b"secure"), ("title", None, b"a letter"), ("document", "one.pdf", octets))
    status, said = post(f"{office.served.urls['api']}/jobs", body, bearer(office, **{"Content-Type": kind}))
    return (True, said["number"]) if status == 201 else (False, said["detail"])


@pytest.mark.parametrize("door", [printed, sent, uploaded, filled_in], ids=lambda door: door.__name__)
def test_no_door_keeps_a_command_to_a_device(office: Office, door: Any) -> None:
    before = {job["id"] for job in office.served.jobs() if job["state"] == "held"}
    for octets in (REACHES_IN, BEHIND, PROGRAM, UEL + PROGRAM):
        assert door(office, octets)[0] is False, octets
    assert {job["id"] for job in office.served.jobs() if job["state"] == "held"} == before
    for octets in (FRAMED, DOCUMENT):
        good, number = door(office, octets)
        assert good, number
        view = office.served.job(number)
        assert (view["octets"], view["format"], view["title"]) == (len(DOCUMENT), "application/pdf", "a letter")
        framed = octets is FRAMED
        assert (view["copies"], view["options"]) == ((2, {"sides": "two-sided-long-edge"}) if framed else (1, {}))
    office.served.print_at(number, "alice", "plain")
    office.served.reaches(number, "erased")
    assert office.arrived("plain")[-1] == DOCUMENT


@pytest.mark.parametrize("door", [printed, sent], ids=lambda door: door.__name__)
def test_a_frame_that_asks_to_be_held_is_held_where_nothing_else_holds_it(office: Office, door: Any) -> None:
    """Its PIN is not kept, so it prints at its person's word and not in passing."""
    office.served.ask("queue.set", name="secure", hold=False)
    try:
        _, number = door(office, HELD)
        office.served.reaches(number, "held")
        assert office.client("alice").on_job(ipp.Operation.RELEASE_JOB, number).status == 0
        office.served.reaches(number, "erased")
    finally:
        office.served.ask("queue.set", name="secure", hold=True)


# -- HTTP around IPP


@pytest.mark.requirement("PREP-38")
@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("GET", "/ipp/print/secure", "application/ipp", 405),
        ("POST", "/ipp/print/secure", "application/pdf", 415),
        ("POST", "/ipp/print/secure", "application/ipp", 400),
        ("POST", "/ipp/no/such/place/at/all", "application/ipp", 404),
        ("GET", "/", "", 404),
        ("GET", "/sign-in", "", 404),
    ],
)
def test_what_is_no_ipp_gets_a_plain_answer(office: Office, method: str, path: str, kind: str, status: int) -> None:
    peer = http.client.HTTPConnection("127.0.0.1", office.served.port("ipp"), timeout=10)
    peer.request(method, path, b"" if method == "GET" else b"no ipp", {"Content-Type": kind} if kind else {})
    answer = peer.getresponse()
    said = answer.read()
    peer.close()
    assert answer.status == status, said
    assert b"Traceback" not in said and b"/src/" not in said


def test_several_requests_share_one_connection(office: Office) -> None:
    client = office.client("alice")
    peer = http.client.HTTPConnection("127.0.0.1", office.served.port("ipp"), timeout=10)
    numbers = set()
    for _ in range(5):
        peer.request(
            "POST", "/ipp/print/secure", client.message(ipp.Operation.PRINT_JOB) + DOCUMENT, client.all_headers()
        )
        reply = peer.getresponse()
        numbers.add(ipp.decode(reply.read())[0].job.integer("job-id"))
        assert reply.headers.get("connection") != "close"
    peer.close()
    assert len(numbers) == 5


def test_metrics_and_health(office: Office) -> None:
    parts = urlsplit(office.served.urls["web"])
    peer = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=trusting_anybody(), timeout=10)

    def get(path: str, **headers: str) -> tuple[int, bytes]:
        peer.request("GET", path, headers=headers)
        answer = peer.getresponse()
        return answer.status, answer.read()

    assert get("/healthz") == (200, b"ok\n")
    assert get("/readyz")[0] == 200
    assert get("/metrics")[0] in (401, 403)
    assert get("/metrics", Authorization="Bearer wrong")[0] in (401, 403)
    hers = office.people["token"]["token"]
    assert get("/metrics", Authorization=f"Bearer {hers}")[0] == 403
    office.served.person("watch", role="operator")
    operators = office.served.ask("person.token", name="watch")["token"]
    status, text = get("/metrics", Authorization=f"Bearer {operators}")
    assert status == 200 and b"frisket_live_jobs " in text and b"alice" not in text
    peer.close()


def test_health_at_the_command_line_counts_space_and_work(office: Office) -> None:
    health = json.loads(json.dumps(office.served.ask("health")))
    assert health["space"]["free"] > 0 and health["urls"] == office.served.urls
