"""What stands before every page: host, origin, token, rate, headers."""

from dataclasses import replace

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from frisket.plumbing import parts
from frisket.web import hosts
from frisket.web.headers import HEADERS, POLICY
from frisket.web.rates import Rates
from tests.web.conftest import PASSWORD, Town


@pytest.mark.parametrize(
    "path",
    ["/sign-in", "/nothing", "/jobs", "/static/web/site.css", "/static/web/none.css", "/api/v1/jobs", "/api/v1/x"],
)
def test_every_answer_carries_the_security_headers(town: Town, path: str) -> None:
    answer = town.browser().get(path, secure=True)
    for name, value in HEADERS:
        assert answer[name] == value
    assert "unsafe" not in POLICY and "'none'" in POLICY


def test_answers_are_not_kept_by_browsers_but_static_files_are(town: Town) -> None:
    browser = town.browser()
    assert browser.get("/sign-in", secure=True)["Cache-Control"] == "no-store"
    assert "max-age" in browser.get("/static/web/site.css", secure=True)["Cache-Control"]


def test_a_failing_page_still_answers_in_words_and_with_headers(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*values: object, **named: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr("frisket.web.pages.health.spool.space", fail)
    browser = town.browser("adam", raise_request_exception=False)
    answer = browser.get("/health", secure=True)
    assert answer.status_code == 500
    assert answer["Content-Security-Policy"] == POLICY
    assert b"Something in the house failed" in answer.content and b"secret words" not in answer.content


@pytest.mark.parametrize(
    "host, ours",
    [
        ("localhost", True),
        ("localhost:8443", True),
        ("127.0.0.1:41234", True),
        ("[::1]:8443", True),
        ("192.0.2.7", True),
        ("print.example.org", True),
        ("PRINT.example.org.:8443", True),
        ("evil.example", False),
        ("print.example.org.evil.example", False),
        ("", False),
        ("localhost:port", False),
        ("[::1", False),
    ],
)
def test_a_host_is_ours_when_it_is_named_in_the_settings_or_is_this_machine(host: str, ours: bool) -> None:
    assert hosts.is_ours(host, ["print.example.org"]) is ours


@given(st.text(max_size=80))
def test_whatever_stands_in_the_host_header_there_is_an_answer(host: str) -> None:
    assert hosts.is_ours(host, ["print.example.org"]) in (True, False)


def test_a_request_for_another_host_is_not_served(town: Town) -> None:
    answer = Client(headers={"host": "evil.example"}).get("/sign-in", secure=True)
    assert answer.status_code == 421
    assert b"password" not in answer.content


@pytest.mark.parametrize(
    "origin, site, same",
    [
        (None, None, True),
        ("https://localhost", "same-origin", True),
        ("https://localhost", None, True),
        ("https://localhost:8443", None, False),
        ("http://localhost", None, False),
        ("https://evil.example", None, False),
        ("null", None, False),
        (None, "cross-site", False),
        (None, "same-site", False),
        ("https://localhost", "cross-site", False),
    ],
)
def test_a_change_comes_from_our_own_origin(origin: str | None, site: str | None, same: bool) -> None:
    assert hosts.same_origin("localhost", origin, site) is same


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_a_form_of_another_site_changes_nothing(town: Town, headers: dict[str, str]) -> None:
    browser = town.browser("alice")
    answer = browser.post("/language", {"language": "de"}, secure=True, headers=headers)
    assert answer.status_code == 403
    assert town.browser("alice").get("/", secure=True)["Content-Language"] == "en"


def test_a_form_without_its_token_changes_nothing(town: Town) -> None:
    browser = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    town.person("adam")
    town.person("alice", password=PASSWORD)
    page = browser.get("/sign-in", secure=True).content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = {"name": "alice", "password": PASSWORD}
    origin = {"origin": "https://localhost"}
    assert browser.post("/sign-in", form, secure=True, headers=origin).status_code == 403
    signed = browser.post("/sign-in", {**form, "csrfmiddlewaretoken": token}, secure=True, headers=origin)
    assert signed.status_code == 302
    # The old token ended with the sign-in; the new one works.
    stale = browser.post("/language", {"language": "de", "csrfmiddlewaretoken": token}, secure=True, headers=origin)
    assert stale.status_code == 403


def test_a_caller_gets_a_seconds_worth_and_then_what_time_refills() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    assert [rates.take("a", 5) for _ in range(6)] == [True] * 5 + [False]
    assert rates.take("b", 5)
    now[0] = 0.2
    assert rates.take("a", 5) and not rates.take("a", 5)
    now[0] = 60.0
    assert [rates.take("a", 5) for _ in range(6)] == [True] * 5 + [False]


def test_too_many_requests_of_an_address_are_told_to_wait_and_a_session_may_do_more(town: Town) -> None:
    browser = town.browser("alice")
    before = parts.installed()
    limits = before.settings.limits.model_copy(update={"pages_per_second": 20})
    parts.install(replace(before, settings=before.settings.model_copy(update={"limits": limits})))
    stranger = Client(headers={"host": "localhost"}, REMOTE_ADDR="192.0.2.77")
    answers = [stranger.get("/help", secure=True) for _ in range(12)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] == "1" and b"Wait a moment" in answers[-1].content
    assert all(browser.get("/help", secure=True).status_code == 200 for _ in range(12))
    invented = Client(headers={"host": "localhost"}, REMOTE_ADDR="192.0.2.77")
    invented.cookies["__Host-session"] = "made-up-key-that-names-no-session"
    assert [invented.get("/help", secure=True).status_code for _ in range(8)][-1] == 429
