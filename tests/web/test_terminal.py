"""The page at a device, spoken to as a small old browser does: forms, links, cookies, no scripts."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client

from frisket import delivery, device, identity, job
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from tests.web.conftest import PASSWORD, Town
from tests.web.reading import faults, read
from tests.web.test_pages import text_of

CARD = "0A:1B:2C:3D"


@pytest.fixture
def at_device(town: Town) -> Town:
    town.add_queue()
    town.add_device()
    town.enrol("alice", identity.NewCard(CARD))
    return town


def tap(town: Town, number: str = CARD, device: str = "copy-1") -> Client:
    """A card held to the reader, which types its number and Enter."""
    browser = town.browser()
    browser.post(f"/terminal/{device}/sign-in", {"by": "card", "number": number}, secure=True)
    return browser


def jobs_shown(browser: Client, device: str = "copy-1") -> list[str]:
    page = browser.get(f"/terminal/{device}", secure=True).content.decode()
    return re.findall(r"<b>([^<]+)</b>", page)


@pytest.mark.requirement("SAFEQ-05")
def test_a_card_signs_its_person_in_and_a_wrong_or_half_read_one_nobody(at_device: Town) -> None:
    at_device.send("alice", "Plan")
    at_device.enrol("bert", identity.NewCard("FFFF0000"))
    assert jobs_shown(tap(at_device)) == ["Plan"]
    assert jobs_shown(tap(at_device, "0a1b2c3d\r")) == ["Plan"]
    for wrong in ("0A1B2C3", "A1B2C3D", "0A1B2C3D0A1B2C3D", "0A1B2C3E", "", "%", "0A1B" * 300):
        browser = tap(at_device, wrong)
        assert jobs_shown(browser) == [] and "__Host-terminal" not in browser.cookies, wrong
    assert jobs_shown(tap(at_device, "FFFF0000")) == []


def test_name_and_pin_or_password_sign_in_too(at_device: Town) -> None:
    at_device.send("alice", "Plan")
    at_device.person("alice", password=PASSWORD)
    pin = at_device.enrol("alice", identity.NewPin()).pin
    for form in ({"by": "pin", "name": "ALICE", "pin": pin}, {"by": "password", "name": "alice", "password": PASSWORD}):
        browser = at_device.browser()
        browser.post("/terminal/copy-1/sign-in", form, secure=True)
        assert jobs_shown(browser) == ["Plan"]
    wrong = at_device.browser()
    answer = wrong.post("/terminal/copy-1/sign-in", {"by": "pin", "name": "alice", "pin": "000000"}, secure=True)
    assert answer.status_code == 403 and faults(answer.content.decode()) == []


def test_where_a_card_needs_its_pin_the_number_waits_sealed(at_device: Town) -> None:
    at_device.send("alice", "Plan")
    pin = at_device.enrol("alice", identity.NewPin()).pin
    _at_level_high()
    browser = at_device.browser()
    asked = browser.post("/terminal/copy-1/sign-in", {"by": "card", "number": CARD}, secure=True).content.decode()
    card = asked.split('name="card" value="')[1].split('"')[0]
    assert "0A1B2C3D" not in asked and CARD not in asked and jobs_shown(browser) == []
    late = at_device.browser()
    browser.post("/terminal/copy-1/sign-in", {"by": "card-pin", "card": card, "pin": pin}, secure=True)
    assert jobs_shown(browser) == ["Plan"]
    at_device.house.clock.pass_time(timedelta(minutes=3))
    late.post("/terminal/copy-1/sign-in", {"by": "card-pin", "card": card, "pin": pin}, secure=True)
    assert jobs_shown(late) == []


def _at_level_high() -> None:
    before = parts.installed()
    house = before.settings.house.model_copy(update={"level": "high"})
    parts.install(replace(before, settings=before.settings.model_copy(update={"house": house})))


@pytest.mark.requirement("SPM-34")
def test_the_list_at_the_device_tells_what_each_job_is(at_device: Town) -> None:
    sent = at_device.send("alice", "Minutes of the spring meeting", copies=3)
    job.record_facts(sent.id, 12, True, "iso_a4_210x297mm", [(1, 12)])
    page = text_of(tap(at_device).get("/terminal/copy-1", secure=True))
    assert "12 pages × 3, colour, 20 kB" in page
    assert "Minutes of…" in page and "spring" not in page and "alice" in page


def test_one_several_or_all_jobs_are_printed(at_device: Town) -> None:
    sent = [at_device.send("alice", f"paper {number}") for number in range(6)]
    browser = tap(at_device)
    to = browser.post("/terminal/copy-1/act", {"act": "print", "job": sent[0].id.hex}, secure=True)["Location"]
    assert "/progress?jobs=1" in to and "Printing on copy-1" in text_of(browser.get(to, secure=True))
    browser.post("/terminal/copy-1/act", {"act": "print", "job": [each.id.hex for each in sent[1:3]]}, secure=True)
    states = [at_device.job_now(each.id).state for each in sent]
    assert states == [job.State.RELEASED] * 3 + [job.State.HELD] * 3
    browser.post("/terminal/copy-1/act", {"act": "all"}, secure=True)
    assert all(at_device.job_now(each.id).state is job.State.RELEASED for each in sent)


def test_copies_sides_and_colour_can_be_changed_before_printing(at_device: Town) -> None:
    sent = at_device.send("alice")
    browser = tap(at_device)
    asked = browser.post("/terminal/copy-1/act", {"act": "change", "job": sent.id.hex}, secure=True)
    assert {"copies", "sides", "color_mode"} <= {each.get("name") for each in read(asked.content.decode()).fields}
    form = {"job": sent.id.hex, "copies": "2", "sides": "", "color_mode": "", "sparing": "yes"}
    browser.post("/terminal/copy-1/print", form, secure=True)
    now = at_device.job_now(sent.id)
    assert now.state is job.State.RELEASED and now.copies == 2
    assert (now.options.sides, now.options.color_mode) == ("two-sided-long-edge", "monochrome")


@pytest.mark.requirement("SPM-33")
def test_a_job_is_deleted_at_the_device_by_its_person_only(at_device: Town) -> None:
    hers, his = at_device.send("alice"), at_device.send("bert")
    browser = tap(at_device)
    chosen = {"act": "delete", "job": [hers.id.hex, his.id.hex]}
    assert "Delete 1 job?" in text_of(browser.post("/terminal/copy-1/act", chosen, secure=True))
    browser.post("/terminal/copy-1/act", {**chosen, "sure": "yes"}, secure=True)
    assert at_device.job_now(hers.id).outcome is job.Outcome.CANCELLED
    assert at_device.job_now(his.id).state is job.State.HELD


def test_a_session_ends_after_a_minute_and_says_so(at_device: Town) -> None:
    at_device.send("alice", "Plan")
    browser = tap(at_device)
    page = browser.get("/terminal/copy-1", secure=True).content.decode()
    assert re.search(r'http-equiv="refresh" content="62;url=/terminal/copy-1\?out=1"', page)
    at_device.house.clock.pass_time(timedelta(seconds=59))
    assert jobs_shown(browser) == ["Plan"]
    at_device.house.clock.pass_time(timedelta(seconds=61))
    over = browser.get("/terminal/copy-1?out=1", secure=True)
    assert "nobody touched the screen" in text_of(over) and b"Plan" not in over.content


def test_signing_out_leaves_nothing_behind(at_device: Town) -> None:
    browser = tap(at_device)
    kept = browser.cookies["__Host-terminal"].value
    browser.post("/terminal/copy-1/sign-out", secure=True)
    browser.cookies["__Host-terminal"] = kept
    assert "Hold your card" in text_of(browser.get("/terminal/copy-1", secure=True))


def test_a_session_is_good_at_its_own_device_only_and_one_at_a_time(at_device: Town) -> None:
    at_device.add_device("copy-2", "socket://127.0.0.1:19")
    at_device.send("alice", "Plan")
    first = tap(at_device)
    token = first.cookies["__Host-terminal"].value
    assert first.cookies["__Host-terminal"]["samesite"] == "Strict"
    assert jobs_shown(first, "copy-2") == []
    copied = at_device.browser()
    copied.cookies["__Host-terminal"] = token
    assert jobs_shown(copied) == ["Plan"]  # one terminal, one cookie, one person
    second = tap(at_device)
    assert jobs_shown(second) == ["Plan"] and jobs_shown(first) == []


def test_a_job_with_a_pin_of_its_own_asks_for_it(at_device: Town) -> None:
    sent = at_device.send("alice", password_verifier=b"none\0never")
    browser = tap(at_device)
    asked = browser.post("/terminal/copy-1/act", {"act": "print", "job": sent.id.hex}, secure=True)
    assert "This job has a PIN" in text_of(asked)
    browser.post("/terminal/copy-1/act", {"act": "all"}, secure=True)
    assert at_device.job_now(sent.id).state is job.State.HELD


def test_after_printing_the_page_says_how_it_ended_and_goes_back(at_device: Town) -> None:
    sent = at_device.send("alice", "Plan")
    browser = tap(at_device)
    to = browser.post("/terminal/copy-1/act", {"act": "print", "job": sent.id.hex}, secure=True)["Location"]
    assert "round=1" in browser.get(to, secure=True).content.decode()
    with transaction() as tx:
        job.move(
            sent.id,
            job.State.SENDING,
            expected=job.State.RELEASED,
            why=job.Reason.STAGE,
            by=at_device.house.administrator,
            tx=tx,
        )
        job.move(
            sent.id,
            job.State.HELD,
            expected=job.State.SENDING,
            why=job.Reason.DEVICE_FAILED,
            by=at_device.house.administrator,
            tx=tx,
            changes=job.Changes(note="Paper jam.", forget_device=True),
        )
    page = browser.get(to, secure=True).content.decode()
    assert "The device did not print it. It still waits here." in page and "Paper jam." in page
    assert 'content="12;url=/terminal/copy-1"' in page


@pytest.mark.parametrize("path", ["", "?by=pin", "?by=password"])
def test_the_sign_in_can_be_read_without_seeing_it(at_device: Town, path: str) -> None:
    at_device.person("adam")
    page = at_device.browser().get("/terminal/copy-1" + path, secure=True).content.decode()
    assert faults(page) == [] and "<script" not in page
    assert all(each.get("autocomplete") == "off" for each in read(page).fields)


def test_every_page_at_the_device_can_be_read_without_seeing_it(at_device: Town) -> None:
    sent = [at_device.send("alice", f"paper {number}") for number in range(6)]
    browser = tap(at_device)
    acts = [browser.get("/terminal/copy-1", secure=True)]
    acts += [
        browser.post("/terminal/copy-1/act", {"act": act, "job": sent[0].id.hex}, secure=True)
        for act in ("change", "delete")
    ]
    acts.append(browser.post("/terminal/copy-1/act", {"act": "print"}, secure=True))
    acts.append(browser.get("/terminal/copy-1/progress?jobs=1,2,3,4,5,6", secure=True))
    for answer in acts:
        assert faults(answer.content.decode()) == [] and b"<script" not in answer.content
    assert len(jobs_shown(browser)) == 4  # the others are one tap away


@pytest.mark.parametrize("query", ["jobs=", "jobs=a,b", "jobs=" + "9" * 400, "jobs=1&round=x", "round=99999"])
def test_whatever_stands_in_the_address_of_the_progress_it_is_a_page(at_device: Town, query: str) -> None:
    assert tap(at_device).get(f"/terminal/copy-1/progress?{query}", secure=True).status_code == 200


def _loaded(town: Town, name: str, **can: object) -> device.DeviceView:
    """A device whose abilities are known, standing on the third floor."""
    with transaction() as tx:
        adoption = device.Adoption(device.Capabilities(probed=True, **can))  # type: ignore[arg-type]
        new = device.NewDevice(name, f"ipp://127.0.0.1:9/{name}", "third floor", adoption=adoption)
        return device.add_device(town.house.scope, new, by=town.house.administrator, tx=tx)


def _says(there: device.DeviceView, state: str, *reasons: str) -> None:
    with transaction() as tx:
        device.set_state(there.id, state, reasons, tx=tx, source="ipp")


def test_a_broken_device_says_so_and_where_it_would_print_in_the_persons_language(at_device: Town) -> None:
    there, _ = _loaded(at_device, "broken"), _loaded(at_device, "good")
    _says(there, "stopped", "media-jam-error")
    view = at_device.send("alice", "Plan")
    browser = tap(at_device, device="broken")
    shown = text_of(browser.get("/terminal/broken", secure=True))
    assert "Paper is jammed in broken. Go to good, third floor: it can print this now." in shown
    form = {"act": "print", "job": view.id.hex}
    assert browser.post("/terminal/broken/act", form, secure=True).status_code == 409
    assert at_device.job_now(view.id).state is job.State.HELD
    alice = at_device.person("alice")
    with transaction() as tx:
        by = identity.actor_for(alice, "tests")
        identity.set_language(at_device.house.scope, alice.id, "de", by=by, tx=tx)
    german = text_of(browser.get("/terminal/broken", secure=True))
    # Before it refused it was asked once more, and did not even answer.
    assert "broken antwortet nicht. Gehen Sie zu good, third floor: dort lässt er sich jetzt drucken." in german
    delivery.stop()


def test_what_would_come_out_otherwise_prints_only_when_the_person_says_anyway(at_device: Town) -> None:
    there = _loaded(at_device, "grey", colour=False)
    _loaded(at_device, "full")
    view = at_device.send("alice", "Plan", options=job.Options(color_mode="color"))
    browser = tap(at_device, device="grey")
    asked = browser.post("/terminal/grey/act", {"act": "print", "job": view.id.hex}, secure=True)
    assert asked.status_code == 409 and faults(asked.content.decode()) == []
    assert "grey prints in black and white only. Go to full, third floor" in text_of(asked)
    assert at_device.job_now(view.id).state is job.State.HELD
    form = {"job": view.id.hex, "as_it_can": "yes"}
    assert browser.post("/terminal/grey/print", form, secure=True).status_code == 302
    after = at_device.job_now(view.id)
    assert after.state is job.State.RELEASED and after.device == there.id
