"""Signing in, staying signed in, and all the ways in which that ends."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from frisket import audit, identity
from frisket.plumbing.db import transaction
from frisket.web import sessions
from tests.web.conftest import PASSWORD, Town


def signed_in(browser: object) -> bool:
    answer = browser.get("/me", secure=True)  # type: ignore[attr-defined]
    assert answer.status_code in (200, 302)
    return bool(answer.status_code == 200)


def test_a_wrong_password_is_refused_without_a_reason_and_an_unknown_name_just_so(town: Town) -> None:
    town.person("alice", password=PASSWORD)
    town.person("adam")
    pages = []
    for name in ("alice", "nobody"):
        answer = town.browser().post("/sign-in", {"name": name, "password": "wrong " * 4}, secure=True)
        assert answer.status_code == 403 and not answer.cookies.get("__Host-session", "")
        pages.append(answer.content.split(b"<h1>")[1].split(b"<form")[0])
    assert pages[0] == pages[1]


def test_cookies_are_bound_to_this_host_and_out_of_reach_of_scripts(town: Town) -> None:
    town.person("adam")
    town.person("alice", password=PASSWORD)
    browser = town.sign_in("alice")
    for name, same_site in (("__Host-session", "Lax"), (sessions.CONSOLE_COOKIE, "Strict")):
        cookie = browser.cookies[name]
        assert cookie["secure"] and cookie["httponly"] and cookie["path"] == "/" and not cookie["domain"]
        assert cookie["samesite"] == same_site
        assert cookie["max-age"] == 8 * 3600  # both, or one would outlive the other


def test_signing_in_gives_the_session_a_new_name(town: Town) -> None:
    town.person("adam")
    town.person("alice", password=PASSWORD)
    browser = town.browser()
    browser.cookies["__Host-session"] = "planted-by-somebody-else-0000000"
    browser.post("/sign-in", {"name": "alice", "password": PASSWORD}, secure=True)
    assert browser.cookies["__Host-session"].value != "planted-by-somebody-else-0000000"
    assert signed_in(browser)


@pytest.mark.parametrize(
    "to, place", [("/me", "/me"), ("//evil.example/", "/"), ("https://evil.example", "/"), ("", "/")]
)
def test_after_signing_in_one_lands_on_a_page_of_ours(town: Town, to: str, place: str) -> None:
    town.person("adam")
    town.person("alice", password=PASSWORD)
    form = {"name": "alice", "password": PASSWORD, "next": to}
    assert town.browser().post("/sign-in", form, secure=True)["Location"] == place


@pytest.mark.parametrize("name, idle", [("alice", timedelta(minutes=60)), ("olga", timedelta(minutes=15))])
def test_a_session_ends_when_nobody_uses_it(town: Town, name: str, idle: timedelta) -> None:
    browser = town.browser(name)
    town.house.clock.pass_time(idle - timedelta(seconds=30))
    assert signed_in(browser)
    town.house.clock.pass_time(idle + timedelta(seconds=30))
    assert not signed_in(browser)


def test_a_session_ends_after_eight_hours_however_busy(town: Town) -> None:
    browser = town.browser("alice")
    for _ in range(15):
        town.house.clock.pass_time(timedelta(minutes=30))
        assert signed_in(browser)
    town.house.clock.pass_time(timedelta(minutes=31))
    assert not signed_in(browser)


def test_setting_the_wall_clock_does_not_lengthen_a_session(town: Town) -> None:
    browser = town.browser("alice")
    town.house.clock.pass_time(timedelta(minutes=70))
    town.house.clock.set_wall(town.house.clock.now() - timedelta(minutes=65))
    assert not signed_in(browser)


def test_a_disabled_persons_session_is_dead_within_a_second(town: Town) -> None:
    browser = town.browser("alice")
    assert signed_in(browser)
    with transaction() as tx:
        identity.set_active(town.house.scope, town.person("alice").id, False, by=town.house.administrator, tx=tx)
    town.house.clock.pass_time(timedelta(seconds=1))
    assert not signed_in(browser)


def test_signing_out_ends_the_session_for_good(town: Town) -> None:
    browser = town.browser("alice")
    kept = browser.cookies["__Host-session"].value
    assert browser.post("/sign-out", secure=True)["Location"] == "/sign-in"
    browser.cookies["__Host-session"] = kept
    assert not signed_in(browser)
    assert audit.recent(town.house.scope, act="sign-out")


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(town: Town) -> None:
    town.person("alice", password=PASSWORD)
    here, there = town.browser("alice"), town.browser("alice")
    form = {"old": PASSWORD, "new": "seven swans over the quiet lake"}
    assert here.post("/me/password", form, secure=True)["Location"] == "/me"
    town.house.clock.pass_time(timedelta(seconds=1))
    assert signed_in(here) and not signed_in(there)


def test_a_new_password_needs_the_old_one(town: Town) -> None:
    town.person("alice", password=PASSWORD)
    browser = town.browser("alice")
    answer = browser.post("/me/password", {"old": "not it at all", "new": "seven swans on a lake"}, secure=True)
    assert answer.status_code == 403
    assert identity.standing(town.person("alice").id, town.person("alice").stamp) is not None


def test_console_pages_do_not_open_from_other_sites(town: Town) -> None:
    browser = town.browser("adam")
    del browser.cookies[sessions.CONSOLE_COOKIE]  # what a browser leaves out when it comes from elsewhere
    answer = browser.get("/devices", secure=True)
    assert answer.status_code == 403 and b"You came from another page" in answer.content
    assert browser.get("/jobs", secure=True).status_code == 200


def test_a_sensitive_act_wants_the_password_again_and_forgets_nothing(town: Town) -> None:
    town.person("adam", password=PASSWORD)
    browser = town.browser("adam")
    bob = {"name": "bob", "full_name": "Bob Example", "mail": "", "role": "operator"}
    town.house.clock.pass_time(timedelta(minutes=6))
    asked = browser.post("/persons/add", bob, secure=True)
    assert asked.status_code == 403 and b'value="Bob Example"' in asked.content
    assert identity.by_name("bob") is None
    wrong = browser.post("/persons/add", {**bob, "proof": "guess guess guess"}, secure=True)
    assert wrong.status_code == 403 and identity.by_name("bob") is None
    done = browser.post("/persons/add", {**bob, "proof": PASSWORD}, secure=True)
    assert done.status_code == 200 and identity.by_name("bob") is not None


def test_somebody_elses_password_proves_nothing(town: Town) -> None:
    town.person("adam", password=PASSWORD)
    town.person("berta", password="another password of mine")
    browser = town.browser("adam")
    town.house.clock.pass_time(timedelta(minutes=6))
    bob = {"name": "bob", "full_name": "", "mail": "", "role": "operator", "proof": "another password of mine"}
    assert browser.post("/persons/add", bob, secure=True).status_code == 403


def test_too_many_wrong_passwords_make_everybody_wait(town: Town) -> None:
    town.person("adam")
    town.person("alice", password=PASSWORD)
    browser = town.browser()
    answers = [browser.post("/sign-in", {"name": "alice", "password": "wrong " * 4}, secure=True) for _ in range(6)]
    assert answers[0].status_code == 403
    assert answers[-1].status_code == 429 and b"too many failed attempts" in answers[-1].content


def test_the_session_row_holds_no_name(town: Town) -> None:
    browser = town.browser("alice")
    browser.get("/", secure=True)
    rows = [str(row.get_decoded()) for row in Session.objects.all()]
    assert rows and not any("alice" in row or "Alice" in row for row in rows)


def test_the_database_does_not_hold_the_key_of_a_session(town: Town) -> None:
    key = town.browser("ada").cookies["__Host-session"].value
    rows = Session.objects.values_list("session_key", flat=True)
    assert rows and key not in rows
