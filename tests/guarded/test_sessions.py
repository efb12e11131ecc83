"""Sessions and forms, as a thief of cookies and another site would have them."""

import json
import re

import pytest
from tests.guarded.browser import Browser
from tests.guarded.conftest import PASSWORD, ROOMY, Manor, settled
from tests.peers.served import serving, until


def signed_in(browser: Browser) -> bool:
    return browser.get("/me").status == 200


def test_a_session_planted_before_the_sign_in_is_not_the_one_after_it(manor: Manor) -> None:
    for planted in ("planted-by-somebody-else-0000000", manor.signed_in("alice").cookies["__Host-session"]):
        browser = manor.browser()
        browser.cookies["__Host-session"] = planted
        if not signed_in(browser):
            browser.sign_in("adam", PASSWORD)
            assert browser.cookies["__Host-session"] != planted
            assert signed_in(browser)
            thief = manor.browser()
            thief.cookies["__Host-session"] = planted
            assert not signed_in(thief)


def test_every_cookie_is_for_this_host_only_and_out_of_reach_of_scripts(manor: Manor) -> None:
    browser = manor.browser()
    given = browser.get("/sign-in").set_cookies + browser.sign_in("adam", PASSWORD).set_cookies
    given += browser.get("/devices").set_cookies
    assert {cookie.partition("=")[0] for cookie in given} >= {"__Host-session", "__Host-csrf", "__Host-console"}
    for cookie in given:
        flags = {flag.strip().lower().partition("=")[0] for flag in cookie.split(";")[1:]}
        assert {"secure", "httponly", "path", "samesite"} <= flags and "domain" not in flags, cookie
        assert "path=/" in cookie.lower() and ("samesite=lax" in cookie.lower() or "samesite=strict" in cookie.lower())
    strict = [cookie for cookie in given if cookie.startswith("__Host-console")]
    assert all("samesite=strict" in cookie.lower() for cookie in strict)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_changes_nothing(manor: Manor, headers: dict[str, str]) -> None:
    browser = manor.signed_in()
    token = browser.get("/queues/add").token
    form = {"csrfmiddlewaretoken": token, "name": "planted", "hold": "on"}
    assert browser.post("/queues/add", form, headers).status == 403
    assert "planted" not in json.dumps(manor.served.ask("queue.list"))


@pytest.mark.parametrize("token", ["", "x", "a" * 64, None])
def test_a_form_without_the_right_token_changes_nothing(manor: Manor, token: str | None) -> None:
    browser = manor.signed_in()
    theirs = manor.signed_in("alice").get("/me").token
    form = {"csrfmiddlewaretoken": theirs if token is None else token, "name": "planted", "hold": "on"}
    assert browser.post("/queues/add", form).status == 403
    assert browser.post("/sign-out", {"csrfmiddlewaretoken": token or ""}).status == 403
    assert signed_in(browser)
    assert "planted" not in json.dumps(manor.served.ask("queue.list"))


def test_the_api_with_a_session_wants_the_token_too(manor: Manor) -> None:
    browser = manor.signed_in()
    body = json.dumps({"name": "planted", "hold": True})
    for headers in ({}, {"X-CSRFToken": "x" * 32}, {"Origin": "https://evil.example"}):
        page = browser.ask("POST", "/api/v1/queues", body, {"Content-Type": "application/json", **headers})
        assert page.status in (401, 403), page.text
    upload = browser.ask("POST", "/api/v1/jobs?queue=secure", b"%PDF-1.4", {"Content-Type": "application/pdf"})
    assert upload.status in (401, 403)
    assert "planted" not in json.dumps(manor.served.ask("queue.list"))


def test_reading_changes_nothing(manor: Manor) -> None:
    browser = manor.signed_in()
    for path in ("/sign-out", f"/jobs/{manor.job}/release?device=press", "/queues/add?name=planted", "/all-jobs/act"):
        assert browser.get(path).status in (200, 405), path
    assert signed_in(browser) and manor.served.job(manor.job)["state"] == "held"
    assert "planted" not in json.dumps(manor.served.ask("queue.list"))


def test_signing_out_ends_the_session_for_whoever_kept_its_cookies(manor: Manor) -> None:
    browser = manor.signed_in()
    thief = Browser(manor.web, dict(browser.cookies))
    assert signed_in(thief)
    assert browser.post("/sign-out", {"csrfmiddlewaretoken": browser.get("/me").token}).status == 302
    assert not signed_in(thief)


def test_without_the_strict_cookie_the_console_stays_shut(manor: Manor) -> None:
    browser = manor.signed_in()
    del browser.cookies["__Host-console"]
    assert browser.get("/devices").status == 403
    assert browser.get("/persons").status == 403


def test_a_session_is_of_no_use_in_clear_text_or_at_a_terminal(manor: Manor) -> None:
    browser = manor.signed_in("alice")
    clear = Browser(manor.clear, dict(browser.cookies))
    assert clear.get("/me").status == 404
    at_device = Browser(manor.web, dict(browser.cookies)).get("/terminal/press")
    assert "Dismissal" not in at_device.text


def test_after_signing_in_nobody_is_led_away(manor: Manor) -> None:
    for to in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aX: y"):
        browser = manor.browser()
        form = {"name": "adam", "password": PASSWORD, "csrfmiddlewaretoken": browser.get("/sign-in").token, "next": to}
        page = browser.post("/sign-in", form)
        assert page.status == 302
        assert re.fullmatch(r"/[^/\\\r\n]*", str(page.header("Location"))), to
        assert page.header("X") is None


def test_a_person_who_is_shut_out_is_out_within_a_second() -> None:
    with serving(ROOMY) as served:
        manor = settled(served)
        alice, adam = manor.signed_in("alice"), manor.signed_in()
        assert signed_in(alice)
        token = adam.get("/queues/add").token
        head = {"Content-Type": "application/json", "X-CSRFToken": token, "Origin": manor.web}
        page = adam.ask("PATCH", f"/api/v1/persons/{manor.alice['id']}", json.dumps({"active": False}), head)
        assert page.status == 200, page.text
        until(lambda: not signed_in(alice))
        assert manor.browser().sign_in("alice", PASSWORD).status == 403
        answer = manor.stranger(basic=("alice", PASSWORD)).send(0x0004)
        assert answer.http == 401


def test_a_session_outlives_a_restart_and_ends_with_a_new_password() -> None:
    with serving(ROOMY) as served:
        manor = settled(served)
        adam = manor.signed_in()
        served.restart()
        adam.url = served.urls["web"]
        assert signed_in(adam)
        served.ask("person.password", name="adam", password="seven swans over the quiet lake")
        until(lambda: not signed_in(adam))
