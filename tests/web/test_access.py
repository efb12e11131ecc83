"""From where somebody may come, who may upload, and the upload page's own password: by page, API and door."""

import json
from datetime import timedelta

import pytest
from django.test import Client

from frisket import identity, intake
from frisket.plumbing.db import transaction
from frisket.web import door, gate
from tests.web.conftest import PASSWORD, Town
from tests.web.reading import faults

SECRET = "the lobby has blue chairs"


def rule(town: Town, **change: object) -> None:
    with transaction() as tx:
        wanted = intake.AccessChange(**change)  # type: ignore[arg-type]
        intake.change_access(town.house.scope, wanted, peer="", by=town.house.administrator, tx=tx)


def send(town: Town, browser: Client) -> identity.PersonView:
    """What the upload door asks of a document that a page's form brings."""
    token = browser.get("/me", secure=True).cookies.get("__Host-csrf") or browser.cookies["__Host-csrf"]
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    headers = {b"host": b"localhost", b"origin": b"https://localhost", b"cookie": cookies.encode()}
    return door.authenticate(headers, token.value, "127.0.0.1")


@pytest.mark.requirement("OCE-179")
@pytest.mark.parametrize(("who", "lets"), [("everybody", "anna olga adam"), ("operators", "olga adam"), ("nobody", "")])
def test_the_upload_page_is_for_whom_the_rule_names(town: Town, who: str, lets: str) -> None:
    town.add_queue()
    rule(town, upload_by=intake.UploadBy(who))
    for name in ("anna", "olga", "adam"):
        browser = town.browser(name)
        let = name in lets.split()
        assert browser.get("/upload", secure=True).status_code == (200 if let else 404), name
        assert (b'href="/upload"' in browser.get("/jobs", secure=True).content) is let
        if let:
            assert send(town, browser).name == name
        else:
            with pytest.raises(intake.UploadClosed):
                send(town, browser)


@pytest.mark.requirement("OCE-179")
def test_whoever_has_no_account_is_sent_to_the_sign_in(town: Town) -> None:
    town.person("adam")
    answer = town.browser().get("/upload", secure=True)
    assert answer.status_code == 302 and answer["Location"].startswith("/sign-in")
    with pytest.raises(identity.Refused):
        door.authenticate({b"host": b"localhost"}, None, "127.0.0.1")


@pytest.mark.requirement("OCE-185")
def test_the_upload_page_asks_for_its_own_password_once_in_a_session(town: Town) -> None:
    town.add_queue()
    rule(town, upload_password=SECRET)
    browser = town.browser("anna")
    asked = browser.get("/upload", secure=True).content.decode()
    assert "This page has a password of its own" in asked and 'type="file"' not in asked
    with pytest.raises(gate.UploadLocked):  # not by going round the page either
        send(town, browser)
    wrong = browser.post("/upload", {"password": "the lobby has red chairs"}, secure=True)
    assert wrong.status_code == 403 and b"That did not fit" in wrong.content
    assert browser.post("/upload", {"password": SECRET}, secure=True)["Location"] == "/upload"
    assert b'type="file"' in browser.get("/upload", secure=True).content
    assert send(town, browser).name == "anna"
    assert b'type="file"' not in town.browser("anna").get("/upload", secure=True).content  # another session of hers
    rule(town, upload_password="the lobby has green chairs")
    with pytest.raises(gate.UploadLocked):
        send(town, browser)
    rule(town, upload_password="")
    assert send(town, browser).name == "anna"


@pytest.mark.requirement("OCE-185")
def test_guesses_at_the_upload_pages_password_are_throttled_for_each_person_apart(town: Town) -> None:
    rule(town, upload_password=SECRET)
    anna, bob = town.browser("anna"), town.browser("bob")
    said = [anna.post("/upload", {"password": f"a guess {n}"}, secure=True).status_code for n in range(6)]
    assert said == [403] * 5 + [429]
    assert anna.post("/upload", {"password": SECRET}, secure=True).status_code == 429
    assert bob.post("/upload", {"password": SECRET}, secure=True).status_code == 302
    town.house.clock.pass_time(timedelta(seconds=31))
    assert anna.post("/upload", {"password": SECRET}, secure=True).status_code == 302


@pytest.mark.requirement("OCE-185")
def test_the_password_is_set_on_a_page_kept_as_a_verifier_and_never_shown(town: Town) -> None:
    adam = town.browser("adam")
    values = {"networks": "", "upload_by": "everybody", "upload_password": SECRET}
    assert adam.post("/access", values, secure=True)["Location"] == "/access"
    page = adam.get("/access", secure=True).content.decode()
    assert faults(page) == [] and SECRET not in page and "The upload page has a password of its own." in page
    assert adam.post("/access", {**values, "upload_password": "123456789012"}, secure=True).status_code == 400
    kept = intake.access().stamp
    adam.post("/access", {**values, "upload_password": ""}, secure=True)
    assert intake.access().stamp == kept
    adam.post("/access", {**values, "upload_password": "", "no_password": "on"}, secure=True)
    assert intake.access().stamp == 0
    for name in ("anna", "olga"):
        assert town.browser(name).get("/access", secure=True).status_code == 403


@pytest.mark.requirement("OCE-07")
@pytest.mark.parametrize("way", ["page", "API"])
def test_nobody_can_lock_themselves_out_with_the_list(town: Town, way: str) -> None:
    town.person("adam", password=PASSWORD)
    adam = town.sign_in("adam")

    def wish(*networks: str) -> tuple[int, str]:
        if way == "page":
            told = {"networks": "\n".join(networks), "upload_by": "everybody"}
            answer = adam.post("/access", told, secure=True)
        else:
            token = adam.cookies["__Host-csrf"].value
            body = json.dumps({"networks": list(networks)})
            answer = adam.patch(
                "/api/v1/access", body, content_type="application/json", secure=True, headers={"X-CSRFToken": token}
            )
        return answer.status_code, answer.content.decode()

    adam.get("/access", secure=True)
    status, said = wish("192.0.2.0/24")
    assert status == 409 and "This list would keep you out." in said
    assert intake.access().networks == () and intake.welcome("198.51.100.1")
    assert wish("192.0.2.1/24")[0] == 400  # bits of a host in a network
    assert wish("127.0.0.1", "192.0.2.0/24", "2001:db8::/32")[0] in (200, 302)
    assert intake.access().networks == ("127.0.0.1/32", "192.0.2.0/24", "2001:db8::/32")
    lets = ["127.0.0.1", "192.0.2.255", "::ffff:192.0.2.7", "2001:db8::7"]
    assert [each for each in (*lets, "127.0.0.2", "192.0.3.1", "2001:db9::1", "") if intake.welcome(each)] == lets


def test_the_page_speaks_german(town: Town) -> None:
    said = town.browser("adam", HTTP_ACCEPT_LANGUAGE="de").get("/access", secure=True).content.decode()
    assert "Zugang" in said and "Nur aus diesen Netzen und von diesen Adressen" in said
    rule(town, upload_password=SECRET)
    said = town.browser("anna", HTTP_ACCEPT_LANGUAGE="de").get("/upload", secure=True).content.decode()
    assert "Diese Seite hat ein eigenes Kennwort" in said
