"""The API: who may ask, what comes in and out, how errors are told; and who sends an upload."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from frisket import device, identity, job, lab
from frisket.web import door, sessions
from frisket.web.api.entry import OPERATIONS
from tests.web.conftest import PASSWORD, Town

JSON = "application/json"


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(town: Town, name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {town.enrol(name, identity.NewToken()).token}"}


def test_a_token_name_and_password_or_a_session_are_the_only_proofs(town: Town) -> None:
    town.person("alice", password=PASSWORD)
    stranger = town.browser()
    for headers in (bearer(town, "alice"), basic("alice")):
        assert stranger.get("/api/v1/me", secure=True, headers=headers).json()["name"] == "alice"
    assert town.browser("alice").get("/api/v1/me", secure=True).json()["name"] == "alice"
    for wrong in ("Bearer nothing", "Basic !!!", "Basic " + base64.b64encode(b"alice").decode(), "Digest x", "Bearer"):
        answer = town.browser("alice").get("/api/v1/me", secure=True, headers={"authorization": wrong})
        assert answer.status_code == 403, wrong  # never passed over for the session that is there too
    assert stranger.get("/api/v1/me", secure=True, headers=basic("alice", "wrong")).status_code == 403


def test_a_revoked_token_opens_nothing(town: Town) -> None:
    headers = bearer(town, "alice")
    browser = town.browser()
    assert browser.get("/api/v1/me", secure=True, headers=headers).status_code == 200
    kept = identity.credentials(town.house.scope, town.person("alice").id)[0]
    path = f"/api/v1/persons/{town.person('alice').id}/credentials/{kept.id}"
    assert browser.delete(path, secure=True, headers=headers).status_code == 204
    assert browser.get("/api/v1/me", secure=True, headers=headers).status_code == 403


def test_a_change_by_session_needs_the_token_of_our_pages(town: Town) -> None:
    town.add_queue()
    sent = town.send("alice")
    browser = town.browser("alice", enforce_csrf_checks=True)
    path = f"/api/v1/jobs/{sent.number}/cancel"
    assert browser.post(path, secure=True, headers={"origin": "https://localhost"}).status_code == 403
    page = browser.get("/jobs", secure=True).content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    headers = {"origin": "https://localhost", "x-csrftoken": token}
    assert browser.post(path, secure=True, headers=headers).json()["outcome"] == "cancelled"


def test_a_job_is_found_explained_held_released_and_deleted(town: Town) -> None:
    town.add_queue()
    town.add_device()
    sent = town.send("alice", "Plan")
    headers, browser = bearer(town, "alice"), town.browser()
    listed = browser.get("/api/v1/jobs?state=held", secure=True, headers=headers).json()
    assert [each["title"] for each in listed["jobs"]] == ["Plan"] and listed["after"] is None
    told = browser.get(f"/api/v1/jobs/{sent.number}/explain", secure=True, headers=headers).json()
    assert told["station"] == "waiting" and told["steps"]
    held = browser.post(f"/api/v1/jobs/{sent.id}/hold", secure=True, headers=headers).json()
    assert held["reason"] == "indefinite"
    wish = {"device": "copy-1", "copies": 2, "sides": "one-sided"}
    done = browser.post(f"/api/v1/jobs/{sent.id}/release", wish, JSON, secure=True, headers=headers).json()
    assert done["ok"] and done["job"]["state"] == "released" and done["job"]["copies"] == 2
    gone = browser.post(f"/api/v1/jobs/{sent.id}/cancel", secure=True, headers=headers).json()
    assert gone["outcome"] == "cancelled"
    assert browser.post(f"/api/v1/jobs/{sent.id}/cancel", secure=True, headers=headers).status_code == 409


def test_a_field_nobody_listed_is_refused_and_named(town: Town) -> None:
    town.add_queue()
    sent = town.send("alice")
    answer = town.browser().post(
        f"/api/v1/jobs/{sent.id}/release",
        {"device": "copy-1", "state": "ended", "person_id": "x"},
        JSON,
        secure=True,
        headers=bearer(town, "alice"),
    )
    assert answer.status_code == 422 and answer["Content-Type"] == "application/problem+json"
    assert {each["field"].rpartition(".")[2] for each in answer.json()["errors"]} == {"state", "person_id"}


def test_errors_are_problem_details_in_the_language_that_was_asked_for(town: Town) -> None:
    headers = {**bearer(town, "alice"), "accept-language": "de"}
    answer = town.browser().get("/api/v1/jobs/999", secure=True, headers=headers)
    assert answer.status_code == 404 and answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == 404 and told["title"] == "Es gibt keinen solchen Auftrag." and told["detail"]


def test_queues_are_made_changed_and_removed(town: Town) -> None:
    headers, browser = bearer(town, "olga"), town.browser()
    made = browser.post("/api/v1/queues", {"name": "fast", "hold": False}, JSON, secure=True, headers=headers)
    assert made.status_code == 201 and made.json()["is_default"]
    path = "/api/v1/queues/fast"
    changed = browser.patch(path, {"printed_s": 60, "info": "At once"}, JSON, secure=True, headers=headers)
    assert changed.json()["printed_s"] == 60 and not changed.json()["hold"]
    twice = browser.post("/api/v1/queues", {"name": "FAST"}, JSON, secure=True, headers=headers)
    assert twice.status_code == 409
    assert browser.delete(path, secure=True, headers=headers).status_code == 204
    assert device.queue_by_name("fast") is None


def test_sensitive_operations_want_the_password_not_only_a_token(town: Town) -> None:
    town.person("adam", password=PASSWORD)
    new = {"name": "far", "uri": "socket://127.0.0.1:9", "probe": False}
    browser = town.browser()
    refused = browser.post("/api/v1/devices", new, JSON, secure=True, headers=bearer(town, "adam"))
    assert refused.status_code == 403 and "password" in refused.json()["title"]
    made = browser.post("/api/v1/devices", new, JSON, secure=True, headers=basic("adam"))
    assert made.status_code == 201
    session = town.browser("adam")
    town.house.clock.pass_time(timedelta(minutes=6))
    assert session.patch("/api/v1/devices/far", {"uri": "socket://127.0.0.1:8"}, JSON, secure=True).status_code == 403


def test_a_device_behind_an_lpd_queue_is_asked_and_added(town: Town, tmp_path: Path) -> None:
    town.person("adam", password=PASSWORD)
    browser = town.browser()
    with lab.running(tmp_path / "lab", lab.DevicePlan("spooler", lab.Door.LPD)) as devices:
        new = {"name": "spooler", "uri": devices.uri("spooler")}
        made = browser.post("/api/v1/devices", new, JSON, secure=True, headers=basic("adam"))
    assert made.status_code == 201
    assert made.json()["uri"] == new["uri"] and made.json()["capabilities"]["probed"]
    wrong = {"name": "wrong", "uri": "lpd://127.0.0.1/two/words"}
    assert browser.post("/api/v1/devices", wrong, JSON, secure=True, headers=basic("adam")).status_code == 400


def test_persons_are_added_with_secrets_and_changed(town: Town) -> None:
    town.person("adam", password=PASSWORD)
    headers, browser = basic("adam"), town.browser()
    made = browser.post("/api/v1/persons", {"name": "berta"}, JSON, secure=True, headers=headers).json()
    assert made["pin"] and made["password"] and made["queue_secret"]
    path = f"/api/v1/persons/{made['person']['id']}"
    again = browser.get(path, secure=True, headers=headers)
    assert made["password"] not in again.content.decode()
    raised = browser.patch(path, {"role": "operator"}, JSON, secure=True, headers=headers).json()
    assert raised["person"]["role"] == "operator"
    card = {"kind": "card", "number": "0A1B2C3D"}
    assert browser.post(f"{path}/credentials", card, JSON, secure=True, headers=headers).status_code == 201
    kinds = browser.get(f"{path}/credentials", secure=True, headers=headers).json()
    assert {"card", "pin", "queue-secret"} == {each["kind"] for each in kinds}
    assert "0A1B2C3D" not in json.dumps(kinds)


def test_a_person_may_not_look_at_others_credentials(town: Town) -> None:
    path = f"/api/v1/persons/{town.person('adam').id}/credentials"
    assert town.browser().get(path, secure=True, headers=bearer(town, "alice")).status_code in (403, 404)


def test_the_record_and_the_health_of_the_house_are_readable(town: Town) -> None:
    town.add_queue()
    headers, browser = bearer(town, "adam"), town.browser()
    entries = browser.get("/api/v1/audit?act=queue.", secure=True, headers=headers).json()["entries"]
    assert [each["act"] for each in entries] == ["queue.add"]
    assert browser.get("/api/v1/audit/verify", secure=True, headers=headers).json()["ok"]
    health = browser.get("/api/v1/health", secure=True, headers=headers).json()
    assert health["space"] in ("ok", "warn", "refuse") and health["clock_jumped"] is False


def test_the_description_is_openapi_3_1_and_names_every_operation(town: Town) -> None:
    told = town.browser().get("/api/v1/openapi.json", secure=True).json()
    assert told["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, each in told["paths"].items() for method in each}
    assert described == {(each.method, f"/api/v1{each.path}") for each in OPERATIONS} | {("POST", "/api/v1/jobs")}
    assert set(told["components"]["securitySchemes"]) == {"token", "password", "session"}
    assert "multipart/form-data" in told["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]


def form_of(browser: Client) -> tuple[dict[bytes, bytes], str]:
    """The headers a browser sends with the upload form, and the form's token."""
    page = browser.get("/upload", secure=True).content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in browser.cookies.items())
    headers = {b"host": b"localhost", b"origin": b"https://localhost", b"cookie": cookies.encode()}
    return {**headers, b"content-type": b"multipart/form-data; boundary=x", b"content-length": b"900"}, token


def test_the_upload_door_learns_who_sends_a_form(town: Town) -> None:
    town.add_queue()
    headers, token = form_of(town.browser("alice"))
    assert door.authenticate(headers, token) == town.person("alice")
    by_header = {**headers, b"x-csrftoken": token.encode()}
    assert door.authenticate(by_header, None) == town.person("alice")


def test_the_upload_door_refuses_what_did_not_come_from_our_page(town: Town) -> None:
    town.add_queue()
    headers, token = form_of(town.browser("alice"))
    other, _ = form_of(town.browser("bert"))
    wrong: list[tuple[dict[bytes, bytes], str | None]] = [
        (headers, None),
        (headers, ""),
        (headers, token[:-1] + ("y" if token[-1] == "x" else "x")),
        (headers, "x" * 64),
        ({**headers, b"origin": b"https://evil.example"}, token),
        ({**headers, b"sec-fetch-site": b"cross-site"}, token),
        ({**headers, b"host": b"evil.example"}, token),
        ({**headers, b"cookie": b""}, token),
        (other, token),
        ({name: value for name, value in headers.items() if name != b"cookie"}, token),
    ]
    for each, csrf in wrong:
        with pytest.raises(identity.Refused):
            door.authenticate(each, csrf)


def test_the_upload_door_takes_tokens_and_passwords_of_programs(town: Town) -> None:
    town.person("alice", password=PASSWORD)
    for headers in (bearer(town, "alice"), basic("alice")):
        told = {b"authorization": headers["authorization"].encode(), b"host": b"whatever"}
        assert door.authenticate(told, None).id == town.person("alice").id
    with pytest.raises(identity.Refused):
        door.authenticate({b"authorization": b"Negotiate abc"}, None)


def test_a_session_that_is_over_uploads_nothing(town: Town) -> None:
    town.add_queue()
    headers, token = form_of(town.browser("alice"))
    town.house.clock.pass_time(timedelta(minutes=61))
    with pytest.raises(identity.Refused):
        door.authenticate(headers, token)


def test_console_operations_by_session_want_the_strict_cookie(town: Town) -> None:
    browser = town.browser("adam")
    assert browser.get("/api/v1/health", secure=True).status_code == 200
    del browser.cookies[sessions.CONSOLE_COOKIE]
    assert browser.get("/api/v1/health", secure=True).status_code == 403
    assert browser.get("/api/v1/jobs", secure=True).status_code == 200


def test_nobody_decides_about_somebody_elses_uncertain_job(town: Town) -> None:
    town.add_queue()
    sent = town.send("alice", state=job.State.UNCERTAIN)
    headers = bearer(town, "bert")
    answer = town.browser().post(
        f"/api/v1/jobs/{sent.id}/decide", {"printed": True}, JSON, secure=True, headers=headers
    )
    assert answer.status_code == 404 and town.job_now(sent.id).state is job.State.UNCERTAIN
