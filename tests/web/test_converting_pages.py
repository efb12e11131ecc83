"""What pages and the API show while PDF is made, and of documents that want a password."""

from collections.abc import Iterator

import pytest

from frisket import device, flow, job
from tests.web.conftest import Town
from tests.web.test_api import JSON, bearer


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Passwords that came as far as the flow, which takes one of them."""
    seen: list[str] = []

    def unlock(scope: object, identifier: object, password: str, *, by: object) -> None:
        seen.append(password)
        if password != "open sesame":
            raise flow.DocumentLocked("This password does not open the document.")

    monkeypatch.setattr(flow, "unlock", unlock)
    yield seen


def locked(town: Town, person: str = "alice") -> job.JobView:
    return town.send(person, conversion="locked")


def page(town: Town, person: str, path: str) -> str:
    return town.browser(person).get(path, secure=True).content.decode()


def test_a_job_that_is_being_converted_says_so_in_list_and_page(town: Town) -> None:
    sent = town.send("alice", state=job.State.ADMITTED, conversion="due")
    assert "being converted" in page(town, "alice", "/jobs")
    told = page(town, "alice", f"/jobs/{sent.number}")
    assert "PDF is being made of it." in told and 'action="/jobs/1/release"' not in told


def test_a_locked_job_asks_its_person_for_the_password_and_nobody_else(town: Town, unlocked: list[str]) -> None:
    sent = locked(town)
    told = page(town, "alice", f"/jobs/{sent.number}")
    assert f'action="/jobs/{sent.number}/unlock"' in told and "protected" in told
    assert f'action="/jobs/{sent.number}/release"' not in told
    assert "/unlock" not in page(town, "olga", f"/jobs/{sent.number}")
    answer = town.browser("bert").post(f"/jobs/{sent.number}/unlock", {"document_password": "open sesame"}, secure=True)
    assert answer.status_code == 404 and unlocked == []


def test_a_password_typed_on_the_page_opens_the_document_or_says_it_does_not(town: Town, unlocked: list[str]) -> None:
    sent, browser = locked(town), town.browser("alice")
    wrong = {"document_password": "guess"}
    answer = browser.post(f"/jobs/{sent.number}/unlock", wrong, secure=True, follow=True)
    assert "does not open the document" in answer.content.decode() and "guess" not in answer.content.decode()
    right = {"document_password": "open sesame"}
    answer = browser.post(f"/jobs/{sent.number}/unlock", right, secure=True, follow=True)
    assert "Its document is open now." in answer.content.decode()
    assert unlocked == ["guess", "open sesame"]


def test_the_api_opens_a_document_too(town: Town, unlocked: list[str]) -> None:
    sent, headers = locked(town), bearer(town, "alice")
    path = f"/api/v1/jobs/{sent.id}/unlock"
    answer = town.browser().post(path, {"password": "guess"}, JSON, secure=True, headers=headers)
    assert answer.status_code == 403
    answer = town.browser().post(path, {"password": "open sesame"}, JSON, secure=True, headers=headers)
    assert answer.status_code == 200 and answer.json()["conversion"] == "locked"
    answer = town.browser().post(path, {"password": "x", "more": 1}, JSON, secure=True, headers=headers)
    assert answer.status_code == 422


def test_the_upload_page_says_what_becomes_pdf(town: Town) -> None:
    town.add_queue()
    assert "PDF is made of" not in page(town, "alice", "/upload")
    device.can_convert({"image/png", "text/plain"})
    try:
        told = page(town, "alice", "/upload")
        german = town.browser("alice").get("/upload", secure=True, headers={"Accept-Language": "de"}).content.decode()
    finally:
        device.can_convert(())
    assert "PDF is made of: pictures, text." in told and "office files" not in told
    assert "Bilder" in german
