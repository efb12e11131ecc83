"""What pages and terminals show and do of jobs whose senders asked for more than a print."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from frisket import device, identity, job
from frisket.job import Reason, State, Terms
from frisket.plumbing.db import transaction
from tests.web.conftest import Town
from tests.web.test_pages import text_of
from tests.web.test_terminal import at_device, jobs_shown, tap

__all__ = ["at_device"]


def stored(town: Town, title: str, access: str = "owner") -> job.JobView:
    owner, queue = town.person("alice"), device.default_queue()
    assert queue is not None
    new = job.NewJob(
        id=uuid4(),
        queue=queue.id,
        person=owner.id,
        door="upload",
        title=title,
        owner=owner.name,
        state=State.ENDED,
        why=Reason.STORED,
        documents=(job.NewDocument(1, "application/pdf", 20_000),),
        format="application/pdf",
        hold="stored",
        terms=Terms(store="store-only", access=access),
    )
    with transaction() as tx:
        return job.create_many([new], by=[identity.actor_for(owner, "upload")], tx=tx)[0]


def copies_asked(town: Town, view: job.JobView) -> list[str]:
    told = job.explain(town.house.stage, town.job_now(view.id))
    return [step.text for step in told.steps if "A copy of it" in step.text]


def test_a_stored_job_is_printed_at_the_device_when_it_is_chosen_and_not_with_all(at_device: Town) -> None:
    form, letter = stored(at_device, "The form"), at_device.send("alice", "A letter")
    browser = tap(at_device)
    assert sorted(jobs_shown(browser)) == ["A letter", "The form"]
    assert "stored" in text_of(browser.get("/terminal/copy-1", secure=True))
    browser.post("/terminal/copy-1/act", {"act": "all"}, secure=True)
    assert at_device.job_now(letter.id).state is State.RELEASED and copies_asked(at_device, form) == []
    for times in (1, 2):
        browser.post("/terminal/copy-1/act", {"act": "print", "job": form.id.hex}, secure=True)
        assert len(copies_asked(at_device, form)) == times
    browser.post("/terminal/copy-1/act", {"act": "delete", "job": form.id.hex, "sure": "yes"}, secure=True)
    assert at_device.job_now(form.id).stored == 0 and jobs_shown(browser) == []


def test_a_job_for_its_owner_prints_at_the_device_and_its_page_offers_no_print(at_device: Town) -> None:
    sent = at_device.send("alice", hold="owner", terms=Terms(release="owner-authorized"))
    page = at_device.browser("alice").get(f"/jobs/{sent.number}", secure=True)
    assert "by its owner at a device" in text_of(page) and 'action="/jobs/1/release"' not in page.content.decode()
    there = device.device_by_name(at_device.house.scope, "copy-1")
    answer = at_device.browser("alice").post(
        f"/jobs/{sent.number}/release", {"device": there.id.hex, "copies": 1}, secure=True, follow=True
    )
    assert "Sign in at a device" in text_of(answer) and at_device.job_now(sent.id).state is State.HELD
    tap(at_device).post("/terminal/copy-1/act", {"act": "print", "job": sent.id.hex}, secure=True)
    assert at_device.job_now(sent.id).state is State.RELEASED


def test_the_pages_tell_what_a_sender_asked(at_device: Town) -> None:
    until = at_device.house.clock.now() + timedelta(hours=3)
    terms = Terms(proof_copies=2, cancel_after_s=300, retain="end-of-day")
    at_device.send("alice", "Tonight", hold="until", hold_until=until, terms=terms)
    stored(at_device, "The form")
    text = text_of(at_device.browser("alice").get("/jobs", secure=True))
    assert "waits until" in text and "stored" in text
    page = text_of(at_device.browser("alice").get("/jobs/1", secure=True))
    for words in ("That is 2026-03-02 12:00 UTC.", "Proof copies 2", "300 s of printing"):
        assert words in page, words
    german = at_device.browser("alice")
    german.post("/language", {"language": "de", "next": "/jobs"}, secure=True)
    assert "gespeichert" in text_of(german.get("/jobs", secure=True))


def test_what_is_stored_for_everybody_has_a_page_for_everybody_and_no_delete(at_device: Town) -> None:
    own, shared = stored(at_device, "Mine"), stored(at_device, "The menu", "public")
    bob = at_device.browser("bob")
    assert bob.get(f"/jobs/{own.number}", secure=True).status_code == 404
    page: Any = bob.get(f"/jobs/{shared.number}", secure=True)
    assert "The menu" in text_of(page) and f"/jobs/{shared.number}/delete" not in page.content.decode()
    bob.post(f"/jobs/{shared.number}/delete", {"sure": "yes"}, secure=True)
    assert at_device.job_now(shared.id).stored == 2


def test_programs_learn_what_a_job_waits_for(at_device: Town) -> None:
    sent = at_device.send("alice", hold="owner", terms=Terms(release="owner-authorized"))
    told = at_device.browser("alice").get(f"/api/v1/jobs/{sent.number}", secure=True).json()
    assert (told["hold"], told["release_action"], told["stored"]) == ("owner", "owner-authorized", False)
