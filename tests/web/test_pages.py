"""The pages at work, without a network: one's own jobs, people, queues, devices, the record."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from frisket import audit, device, identity, job, lab
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.plumbing.settings import Door, LpdDoor
from frisket.web.routes import ROUTES, Who
from tests.web.conftest import PASSWORD, Town
from tests.web.reading import faults
from tests.web.test_routes import address, filled


def text_of(answer: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))  # type: ignore[attr-defined]


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_page_can_be_read_without_seeing_it(town: Town, language: str) -> None:
    filled(town)
    town.send("adam", "Board paper")
    browser = town.browser("adam")
    found = {}
    for route in ROUTES:
        if "GET" not in route.methods or route.name in ("setup", "job-receipt", "sign-in", "terminal-progress"):
            continue
        answer = browser.get(address(route, town), secure=True, headers={"accept-language": language})
        assert answer.status_code == 200 and answer["Content-Language"] == language
        found[route.path] = faults(answer.content.decode())
    stranger = town.browser().get("/sign-in", secure=True, headers={"accept-language": language})
    found["sign-in"] = faults(stranger.content.decode())
    missing = town.browser().get("/nothing", secure=True, headers={"accept-language": language})
    found["nothing"] = faults(missing.content.decode())
    assert {path: problems for path, problems in found.items() if problems} == {}


def test_empty_pages_teach_and_can_be_read_too(town: Town) -> None:
    browser = town.browser("adam")
    for path in ("/", "/jobs", "/jobs?show=past", "/all-jobs", "/uncertain", "/devices", "/queues", "/upload"):
        assert faults(browser.get(path, secure=True).content.decode()) == []
    assert "No job of yours waits" in text_of(browser.get("/jobs", secure=True))
    assert "nobody can print" in text_of(browser.get("/", secure=True))


def test_set_up_happens_once_and_is_gone_afterwards(town: Town) -> None:
    with transaction() as tx:
        token = identity.new_setup_token(tx=tx)
    browser = town.browser()
    assert browser.get("/", secure=True)["Location"] == "/setup"
    assert 'href="/setup"' in browser.get("/sign-in", secure=True).content.decode()  # people may sign in before
    form = {"token": "not the token", "name": "ada", "password": PASSWORD}
    assert browser.post("/setup", form, secure=True).status_code == 403
    short = browser.post("/setup", {**form, "token": token, "password": "short"}, secure=True)
    assert short.status_code == 400 and identity.by_name("ada") is None
    assert browser.post("/setup", {**form, "token": token}, secure=True)["Location"] == "/first"
    ada = identity.by_name("ada")
    assert ada is not None and ada.role is identity.Role.ADMINISTRATOR
    assert browser.post("/first", {"queue": "secure"}, secure=True)["Location"] == "/"
    queue = device.default_queue()
    assert queue is not None and queue.name == "secure" and queue.hold
    for method in (browser.get, town.browser().get):
        assert method("/setup", secure=True).status_code == 404


@pytest.mark.requirement("SAFEQ-104")
def test_nobody_sees_what_others_print(town: Town) -> None:
    town.add_queue()
    town.add_device()
    hers = town.send("alice", "Her very own letter")
    browser = town.browser("bert")
    paths = ["/", "/jobs", "/jobs?show=past", f"/jobs/{hers.number}", f"/jobs/{hers.number}/delete", "/api/v1/jobs"]
    paths += [f"/api/v1/jobs/{hers.id}", f"/api/v1/jobs/{hers.number}/explain"]
    for path in [*paths, f"/api/v1/jobs?person={town.person('alice').id}"]:
        assert b"Her very own" not in browser.get(path, secure=True).content, path
    acts = {"act": "delete", "sure": "yes", "job": hers.id.hex}
    browser.post("/jobs/act", acts, secure=True)
    browser.post(f"/jobs/{hers.number}/delete", {"sure": "yes"}, secure=True)
    browser.post(f"/api/v1/jobs/{hers.id}/cancel", secure=True)
    assert town.job_now(hers.id).state is job.State.HELD
    assert b"Her very own" in town.browser("alice").get("/jobs", secure=True).content


@pytest.mark.requirement("SPM-33")
def test_a_person_deletes_their_own_jobs_after_saying_so_twice(town: Town) -> None:
    town.add_queue()
    one, two = town.send("alice", "one"), town.send("alice", "two")
    browser = town.browser("alice")
    asked = browser.post("/jobs/act", {"act": "delete", "job": [one.id.hex, two.id.hex]}, secure=True)
    assert "2 jobs are deleted" in text_of(asked) and town.job_now(one.id).state is job.State.HELD
    browser.post("/jobs/act", {"act": "delete", "job": [one.id.hex, two.id.hex], "sure": "yes"}, secure=True)
    for each in (one, two):
        assert town.job_now(each.id).outcome is job.Outcome.CANCELLED
    assert "2 jobs were deleted" in text_of(browser.get("/jobs", secure=True))


def test_a_job_is_released_with_changes_from_its_page(town: Town) -> None:
    town.add_queue()
    there = town.add_device()
    sent = town.send("alice")
    form = {"device": there.id.hex, "copies": "2", "sides": "two-sided-long-edge", "color_mode": "monochrome"}
    town.browser("alice").post(f"/jobs/{sent.number}/release", form, secure=True)
    now = town.job_now(sent.id)
    assert now.state is job.State.RELEASED and now.device == there.id and now.copies == 2
    assert (now.options.sides, now.options.color_mode) == ("two-sided-long-edge", "monochrome")


def test_a_jobs_page_tells_what_happened_and_what_comes_next(town: Town) -> None:
    town.add_queue()
    sent = town.send("alice")
    page = town.browser("alice").get(f"/jobs/{sent.number}", secure=True)
    assert "It waits for its person." in text_of(page) and "Stand at any device" in text_of(page)
    assert page.content.count(b'aria-current="step"') == 1


def test_titles_and_messages_are_shown_as_text_never_as_markup(town: Town) -> None:
    town.add_queue()
    sent = town.send("alice", "<script>alert(1)</script><b>bold</b>")
    for path in ("/jobs", f"/jobs/{sent.number}"):
        page = town.browser("alice").get(path, secure=True).content
        assert b"<script>alert" not in page and b"<b>bold" not in page and b"&lt;script&gt;" in page


def test_lists_are_cut_by_key_and_lead_on(town: Town) -> None:
    town.add_queue()
    for number in range(53):
        town.send("alice", f"paper {number}")
    browser = town.browser("alice")
    first = browser.get("/jobs", secure=True).content.decode()
    more = re.search(r'href="(\?after=\d+)"', first)
    assert more is not None and first.count('name="job"') == 50
    rest = browser.get("/jobs" + more[1], secure=True).content.decode()
    assert rest.count('name="job"') == 3 and "paper 0" in rest and "paper 0" not in first


def test_a_person_is_added_with_secrets_that_are_shown_once(town: Town) -> None:
    town.add_queue()
    browser = town.browser("adam")
    form = {"name": "Berta", "full_name": "Berta Example", "mail": "berta@example.org", "role": "person"}
    shown = browser.post("/persons/add", form, secure=True)
    found = identity.by_name("berta")
    assert found is not None and found.mail == "berta@example.org"
    password, pin, address_ = re.findall(r"<dd>([^<]+)</dd>", shown.content.decode())
    assert re.fullmatch(r"\d{6}", pin) and address_.startswith("ipps://localhost/ipp/print/secure/")
    claim = identity.QueueSecret(address_.rpartition("/")[2])
    assert identity.person_by_claim(claim, origin=identity.Origin("ipps")) == found
    town.sign_in("berta", password)
    later = browser.get(f"/persons/{found.id}", secure=True).content.decode()
    assert password not in later and pin not in later
    again = browser.post("/persons/add", {**form, "name": "BERTA"}, secure=True)
    assert "has this name" in text_of(again)


def test_an_operator_enrols_cards_of_persons_but_not_of_administrators(town: Town) -> None:
    town.person("adam")
    browser = town.browser("olga")
    for name in ("alice", "adam"):
        form = {"act": "card", "number": f"0A1B2C{name}", "label": "badge"}
        browser.post(f"/persons/{town.person(name).id}/credentials", form, secure=True)
    scope = town.house.scope
    assert [each.kind for each in identity.credentials(scope, town.person("alice").id)] == ["card"]
    assert identity.credentials(scope, town.person("adam").id) == []


def test_one_ends_ones_own_print_address_and_makes_another(town: Town) -> None:
    town.add_queue()
    browser = town.browser("alice")
    shown = browser.post("/me/credentials", {"act": "address", "label": "laptop"}, secure=True)
    secret = shown.content.decode().split("/ipp/print/secure/")[1].split("<")[0]
    kept = identity.credentials(town.house.scope, town.person("alice").id)
    assert [(each.kind, each.label) for each in kept] == [("queue-secret", "laptop")]
    origin = identity.Origin("ipps")
    assert identity.person_by_claim(identity.QueueSecret(secret), origin=origin) == town.person("alice")
    browser.post("/me/credentials", {"act": "revoke", "credential": kept[0].id.hex}, secure=True)
    assert identity.person_by_claim(identity.QueueSecret(secret), origin=origin) is None


def test_nobody_ends_what_others_sign_in_with(town: Town) -> None:
    hers = town.enrol("alice", identity.NewCard("0A1B2C3D"))
    form = {"act": "revoke", "credential": str(hers.credential)}
    town.browser("bert").post("/me/credentials", form, secure=True)
    assert identity.credentials(town.house.scope, town.person("alice").id)[0].revoked_at is None


def test_the_last_administrator_stays(town: Town) -> None:
    browser = town.browser("adam")
    adam = town.person("adam")
    answer = browser.post(f"/persons/{adam.id}/active", {"active": "no"}, secure=True)
    assert answer.status_code == 409 and "the last administrator" in text_of(answer)


@pytest.mark.requirement("SPM-31")
def test_whether_a_printed_document_is_deleted_is_set_on_the_queues_page(town: Town) -> None:
    queue = town.add_queue()
    browser = town.browser("olga")
    form = {
        "name": "secure",
        "hold": "on",
        "accepting": "on",
        "running": "on",
        "is_default": "on",
        "trusted_networks": "",
    }
    form |= {"held_h": "48", "printed_h": "12", "history_h": "24"}
    assert browser.post("/queues/secure", form, secure=True).status_code == 302
    assert device.queue(queue.id).printed_s == 12 * 3600 and device.queue(queue.id).held_s == 48 * 3600
    kept = _printed(town)
    assert kept.due_at == kept.state_at + timedelta(hours=12)
    browser.post("/queues/secure", {**form, "printed_h": "0"}, secure=True)
    gone = _printed(town)
    assert gone.due_at == gone.state_at


def test_a_queue_is_stopped_and_goes_on_from_its_page(town: Town) -> None:
    queue = town.add_queue()
    browser = town.browser("olga")
    form = {"name": "secure", "hold": "on", "accepting": "on", "is_default": "on", "trusted_networks": ""}
    form |= {"held_h": "48", "printed_h": "0", "history_h": "24"}
    assert browser.post("/queues/secure", form, secure=True).status_code == 302
    assert device.queue(queue.id).halt == "paused"
    assert "stopped" in browser.get("/queues", secure=True).content.decode()
    browser.post("/queues/secure", {**form, "running": "on"}, secure=True)
    assert device.queue(queue.id).halt == ""
    assert "stopped" not in browser.get("/queues", secure=True).content.decode()


def _printed(town: Town) -> job.JobView:
    """A job that was delivered just now and has been counted."""
    sent = town.send("alice", state=job.State.DELIVERED)
    with transaction() as tx:
        return job.move(
            sent.id,
            job.State.ENDED,
            expected=job.State.DELIVERED,
            why=job.Reason.PRINTED,
            by=town.house.administrator,
            tx=tx,
            changes=job.Changes(outcome=job.Outcome.PRINTED),
        )


def test_a_wrong_network_keeps_what_was_typed_and_says_where(town: Town) -> None:
    town.add_queue()
    form = {"name": "secure", "trusted_networks": "somewhere", "held_h": "1", "printed_h": "0", "history_h": "1"}
    answer = town.browser("olga").post("/queues/secure", form, secure=True)
    assert answer.status_code == 400 and b"somewhere</textarea>" in answer.content
    assert b'id="id_trusted_networks_error"' in answer.content and faults(answer.content.decode()) == []


def test_another_address_of_a_device_wants_the_password_again(town: Town) -> None:
    there = town.add_device()
    browser = town.browser("olga")
    form = {"name": "copy-1", "uri": "socket://127.0.0.1:19100", "location": "cellar", "active": "on"}
    town.house.clock.pass_time(timedelta(minutes=6))
    assert browser.post("/devices/copy-1", form, secure=True).status_code == 403
    assert device.device(town.house.scope, there.id).uri == there.uri
    assert browser.post("/devices/copy-1", {**form, "uri": there.uri}, secure=True).status_code == 302
    assert device.device(town.house.scope, there.id).location == "cellar"


def test_a_device_nobody_can_ask_is_added_only_when_somebody_insists(town: Town) -> None:
    browser = town.browser("olga")
    form = {"name": "far", "uri": "ipp://127.0.0.1:9/ipp/print", "location": "", "step": "look"}
    asked = browser.post("/devices/add", form, secure=True)
    assert "could not be asked" in text_of(asked) and device.devices(town.house.scope) == []
    assert faults(asked.content.decode()) == []
    browser.post("/devices/add", {**form, "step": "unasked"}, secure=True)
    assert [each.name for each in device.devices(town.house.scope)] == ["far"]


def test_a_device_behind_an_lpd_queue_is_shown_and_then_added(town: Town, tmp_path: Path) -> None:
    browser = town.browser("olga")
    with lab.running(tmp_path / "lab", lab.DevicePlan("spooler", lab.Door.LPD)) as devices:
        form = {"name": "spooler", "uri": devices.uri("spooler"), "location": "", "step": "look"}
        asked = browser.post("/devices/add", form, secure=True)
        assert "Is this the device?" in text_of(asked) and device.devices(town.house.scope) == []
        browser.post("/devices/add", {**form, "step": "adopt", "seen": ""}, secure=True)
    (added,) = device.devices(town.house.scope)
    assert (added.uri, added.state, added.silence_is_done) == (form["uri"], "idle", True)


def test_an_address_with_a_password_in_it_is_refused_beside_its_field(town: Town) -> None:
    form = {"name": "far", "uri": "ipp://root:secret@127.0.0.1/", "step": "look"}
    answer = town.browser("olga").post("/devices/add", form, secure=True)
    assert b'id="id_uri_error"' in answer.content and device.devices(town.house.scope) == []


def test_bulk_deleting_others_jobs_says_how_many_first(town: Town) -> None:
    town.add_queue()
    sent = [town.send("alice"), town.send("bert")]
    browser = town.browser("olga")
    chosen = {"job": [each.id.hex for each in sent]}
    assert "2 jobs of other people" in text_of(browser.post("/all-jobs/act", chosen, secure=True))
    browser.post("/all-jobs/act", {**chosen, "sure": "yes"}, secure=True)
    assert all(town.job_now(each.id).outcome is job.Outcome.CANCELLED for each in sent)


def test_a_name_that_is_searched_for_never_stands_in_an_address(town: Town) -> None:
    town.add_queue()
    town.send("alice", "hers")
    town.send("bert", "his")
    browser = town.browser("olga")
    to = browser.post("/all-jobs/find", {"search": "alice"}, secure=True)["Location"]
    assert "alice" not in to
    page = browser.get(to, secure=True).content
    assert b"hers" in page and b"his</a>" not in page
    assert browser.post("/all-jobs/find", {"search": "1"}, secure=True)["Location"] == "/jobs/1"


@pytest.mark.parametrize("query, titles", [("state=held", {"hers"}), ("state=sending", set()), ("queue=other", set())])
def test_filters_stand_in_the_address(town: Town, query: str, titles: set[str]) -> None:
    town.add_queue()
    town.add_queue("other")
    town.send("alice", "hers")
    page = town.browser("olga").get(f"/all-jobs?{query}", secure=True).content.decode()
    assert set(re.findall(r'href="/jobs/\d+">([^<]+)', page)) == titles


def test_an_uncertain_job_is_decided_by_its_owner_or_an_operator_only(town: Town) -> None:
    town.add_queue()
    first = town.send("alice", state=job.State.UNCERTAIN)
    second = town.send("alice", state=job.State.UNCERTAIN)
    town.browser("bert").post(f"/jobs/{first.number}/decide", {"printed": "yes"}, secure=True)
    assert town.job_now(first.id).state is job.State.UNCERTAIN
    assert f"Job {first.number}" in text_of(town.browser("olga").get("/uncertain", secure=True))
    town.browser("alice").post(f"/jobs/{first.number}/decide", {"printed": "no"}, secure=True)
    assert town.job_now(first.id).state is job.State.HELD
    town.browser("olga").post(f"/jobs/{second.number}/decide", {"printed": "yes"}, secure=True)
    assert town.job_now(second.id).state is job.State.DELIVERED


def test_the_record_is_read_checked_and_taken_along_by_administrators(town: Town) -> None:
    town.add_queue()
    browser = town.browser("adam")
    assert "queue.add" in text_of(browser.get("/audit?act=queue.", secure=True))
    assert "job.accept" not in text_of(browser.get("/audit?act=queue.", secure=True)).split("Facts")[1]
    with audit_sequenced():
        assert "The record is whole" in text_of(browser.post("/audit/verify", secure=True))
    export = browser.post("/audit/export", {"since": "2026-03-01", "until": "2026-03-03"}, secure=True)
    lines = b"".join(export.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert "frisket-audit-export" in lines[0] and any("queue.add" in line for line in lines)
    assert audit.recent(town.house.scope, act="export")


class audit_sequenced:
    """With everything recorded so far under a signed checkpoint."""

    def __enter__(self) -> None:
        sequencer = audit.Sequencer()
        sequencer.run_once()

    def __exit__(self, *values: object) -> None:
        return None


def test_a_damaged_record_is_told(town: Town) -> None:
    town.add_queue()
    with audit_sequenced():
        file = next((town.house.data / "audit" / "entries").iterdir())
        octets = bytearray(file.read_bytes())
        octets[-10] ^= 1
        file.write_bytes(bytes(octets))
    answer = town.browser("adam").post("/audit/verify", secure=True)
    assert "The record is damaged" in text_of(answer) and faults(answer.content.decode()) == []


def test_health_shows_a_clock_that_ran_ahead_until_somebody_confirms_it(town: Town) -> None:
    browser = town.browser("adam")
    assert "ran ahead" not in text_of(browser.get("/health", secure=True))
    town.house.clock.set_wall(town.house.clock.now() + timedelta(hours=3))
    assert "ran ahead" in text_of(browser.get("/health", secure=True))
    assert town.browser("olga").post("/health/clock", secure=True).status_code == 403
    browser.post("/health/clock", secure=True)
    assert not parts.clock().jumped()


@pytest.mark.requirement("SPM-23")
def test_while_a_door_without_encryption_is_open_every_page_warns(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = town.browser("olga")
    assert "without encryption" not in text_of(browser.get("/", secure=True))
    doors = parts.settings().doors
    shut = {"ipp": Door(on=True), "lpd": LpdDoor(on=True)}  # switched on, but this level keeps them shut
    monkeypatch.setattr(doors, "__dict__", {**doors.__dict__, **shut})
    assert "without encryption" not in text_of(browser.get("/", secure=True))
    listed = {"lpd": LpdDoor(on=True, networks=["192.0.2.0/24"])}
    monkeypatch.setattr(doors, "__dict__", {**doors.__dict__, **listed})
    assert "without encryption is open" in text_of(browser.get("/", secure=True))
    assert "not encrypted" in text_of(browser.get("/health", secure=True))


def test_the_upload_form_goes_to_the_raw_door_with_its_token_first(town: Town) -> None:
    town.add_queue()
    page = town.browser("alice").get("/upload", secure=True).content.decode()
    form = page.split('action="/api/v1/jobs?then=/"')[1].split("</form>")[0]
    assert re.findall(r'name="(\w+)"', form) == [
        "csrfmiddlewaretoken",
        "queue",
        "title",
        "copies",
        "sides",
        "color_mode",
        "document",
    ]


def test_no_page_of_the_framework_takes_a_document(town: Town) -> None:
    assert all(route.path != "api/v1/jobs" for route in ROUTES)
    assert not any(route.needs is Who.PUBLIC and "upload" in route.path for route in ROUTES)
    answer = town.browser("alice").post("/api/v1/jobs", {"x": "y"}, secure=True)
    assert answer.status_code == 405


def test_a_queues_raw_port_and_its_person_for_nameless_jobs_are_set_on_its_page(town: Town) -> None:
    queue, other = town.add_queue(), town.add_queue("other")
    bob = town.person("bob")
    browser = town.browser("olga")
    form = {"name": "secure", "accepting": "on", "running": "on", "held_h": "48", "printed_h": "0", "history_h": "24"}
    told = {**form, "raw_port": "9101", "default_person": "Bob"}
    assert browser.post("/queues/secure", told, secure=True).status_code == 302
    kept = device.queue(queue.id)
    assert (kept.raw_port, kept.default_person) == (9101, bob.id)
    page = browser.get("/queues/secure", secure=True).content.decode()
    assert 'value="9101"' in page and 'value="bob"' in page
    for wrong in ({"raw_port": "9101"}, {"default_person": "nobody-here"}):
        answer = browser.post("/queues/other", {**form, "name": "other", **wrong}, secure=True)
        assert answer.status_code in (400, 404, 409, 422)
    assert device.queue(other.id).raw_port is None
    assert browser.post("/queues/secure", form, secure=True).status_code == 302
    kept = device.queue(queue.id)
    assert (kept.raw_port, kept.default_person) == (None, None)
