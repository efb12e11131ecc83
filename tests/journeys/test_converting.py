"""Files that no device prints, from the upload to paper; locked and broken ones among them."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pikepdf
import pytest
from tests.journeys.test_limits_and_uploads import bearer, curl, form, post
from tests.peers.office import Office, office_running
from tests.peers.served import until
from tests.samples import office as samples
from tests.samples.make import FOLDER, pdf

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
with_office = [
    pytest.mark.peer("libreoffice"),
    pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed"),
]
pytestmark = with_office


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with office_running() as office:
        office.people["token"] = office.served.ask("person.token", name="alice")
        yield office


def send(office: Office, document: bytes, kind: str = "application/octet-stream", **more: str) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in {"queue": "secure", **more}.items())
    status, body = post(f"{office.served.urls['api']}/jobs?{query}", document, bearer(office, **{"Content-Type": kind}))
    assert status == 201, body
    return dict(body)


def settled(office: Office, sent: dict[str, Any]) -> dict[str, Any]:
    def rests() -> Any:
        view = office.served.job(sent["id"])
        return view if view["state"] not in ("received", "admitted", "prepared") else None

    return dict(until(rests, within_s=120))


def locked_pdf(password: str) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(2))) as document:
        document.save(out, encryption=pikepdf.Encryption(user=password, owner="author"))
    return out.getvalue()


@pytest.mark.requirement("PREP-04", "PREP-12", "SAFEQ-59")
@pytest.mark.parametrize("name", ["letter.docx", "letter.odt", "table.xlsx", "slide.pptx"])
def test_an_office_file_is_uploaded_and_a_pdf_of_it_prints(office: Office, name: str) -> None:
    sent = send(office, (FOLDER / name).read_bytes(), title=name)
    assert sent["state"] == "admitted"
    waiting = settled(office, sent)
    assert (waiting["state"], waiting["format"], waiting["pages"]) == ("held", "application/pdf", 1)
    office.served.print_at(sent["id"], "alice", "tls")
    office.served.reaches(sent["id"], "erased")
    printed = office.arrived("tls")[-1]
    assert printed.startswith(b"%PDF-")
    assert "PDF was made of it" in office.served.words(sent["id"])


@pytest.mark.peer("curl")
def test_a_letter_that_curl_sends_is_printed_as_pdf(office: Office, client_seen: Callable[..., None]) -> None:
    letter = FOLDER / "letter.docx"
    token = f"Authorization: Bearer {office.people['token']['token']}"
    url = f"{office.served.urls['api']}/jobs"
    sent = json.loads(curl("-H", token, "-F", "queue=secure", "-F", f"document=@{letter};type={DOCX}", url))
    waiting = settled(office, sent)
    office.served.print_at(sent["id"], "alice", "tls")
    office.served.reaches(sent["id"], "ended", "erased")
    client_seen(
        "curl", "upload, HTTPS", "an office letter (DOCX)", "alice, by her token",
        sent=letter.read_bytes(), arrived=office.arrived("tls")[-1], pages=waiting["pages"],
    )  # fmt: skip


def test_a_form_brings_a_letter_and_a_picture_in_one_job(office: Office) -> None:
    body, kind = form(
        ("queue", None, b"secure"),
        ("document", "letter.docx", (FOLDER / "letter.docx").read_bytes()),
        ("document", "photo.png", samples.picture()),
    )
    body = body.replace(b"Content-Type: application/pdf\r\n", b"Content-Type: application/octet-stream\r\n")
    status, sent = post(f"{office.served.urls['api']}/jobs", body, bearer(office, **{"Content-Type": kind}))
    assert status == 201, sent
    assert settled(office, sent)["pages"] == 2


@pytest.mark.requirement("PREP-47")
def test_a_locked_pdf_waits_opens_by_its_password_and_prints(office: Office) -> None:
    sent = send(office, locked_pdf("open sesame"), "application/pdf")
    waiting = settled(office, sent)
    assert (waiting["state"], waiting["why"]) == ("held", "locked")
    refused = office.served.release(sent["id"], "alice", "tls")["jobs"][0]
    assert not refused["released"] and "password" in refused["text"]
    url = f"{office.served.urls['api']}/jobs/{sent['id']}/unlock"
    headers = bearer(office, **{"Content-Type": "application/json"})
    status, body = post(url, b'{"password": "wrong"}', headers)
    assert status == 403, body
    status, body = post(url, b'{"password": "open sesame"}', headers)
    assert status == 200, body
    assert settled(office, sent)["why"] == "for-release"
    office.served.print_at(sent["id"], "alice", "tls")
    office.served.reaches(sent["id"], "erased")
    with pikepdf.open(io.BytesIO(office.arrived("tls")[-1])) as printed:
        assert not printed.is_encrypted and len(printed.pages) == 2
    assert b"sesame" not in office.served.log.read_bytes()
    files = [file for file in office.served.data.rglob("*") if file.is_file() and file.name != "reserve"]
    assert files and not any(b"open sesame" in file.read_bytes() for file in files)


def test_broken_files_are_answered_and_hold_nobody_up(office: Office) -> None:
    """Every second one is broken; all the good ones come through, each broken one reads why."""
    good = [(FOLDER / "letter.odt").read_bytes(), samples.picture(), samples.docx("fine"), b"plain text\n"]
    kinds = ["", "", "", "text/plain"]
    broken = [
        samples.docx("cut")[:-200],
        samples.picture(30, 2, says=(60_000, 60_000)),
        samples.archive({"readme.txt": b"no document"}).replace(b"readme.txt", b"word/a.txt"),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"noise" * 300,
    ]
    jobs = []
    for (document, kind), bad in zip(zip(good, kinds, strict=True), broken, strict=True):
        jobs.append((send(office, document, kind or "application/octet-stream"), True))
        jobs.append((send(office, bad), False))
    for sent, fine in jobs:
        found = settled(office, sent)
        if fine:
            assert (found["state"], found["format"]) == ("held", "application/pdf"), found
        else:
            assert found["outcome"] == "failed" and found["why"] in ("unreadable", "too-much"), found


@pytest.mark.requirement("PREP-12")
def test_nothing_of_a_converted_document_lies_on_the_disk(office: Office) -> None:
    marker = "Zaunkoenig-4711-Brunnenkresse"
    sent = send(office, samples.docx(marker, marker), title="secret")
    assert settled(office, sent)["state"] == "held"
    spool = office.served.data / "spool"
    files = [file for file in office.served.data.rglob("*") if file.is_file() and file.name != "reserve"]
    assert any(spool in file.parents for file in files)
    assert files and not any(marker.encode() in file.read_bytes() for file in files)
