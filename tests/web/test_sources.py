"""The pages and operations of hot folders and stores."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from frisket import device, identity
from frisket.intake import sources
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from tests.web.conftest import Town
from tests.web.reading import faults
from tests.web.test_pages import text_of

JSON = "application/json"


@pytest.fixture
def ground(town: Town, tmp_path: Path) -> Path:
    """Where hot folders may lie; not around the house itself."""
    before = parts.installed()
    settings = before.settings
    folders = settings.folders.model_copy(update={"roots": [str(tmp_path)], "connect_s": 0.5})
    parts.install(replace(before, data=tmp_path / "house", settings=settings.model_copy(update={"folders": folders})))
    (tmp_path / "in").mkdir()
    town.add_queue()
    town.person("alice")
    return tmp_path


def form(ground: Path, town: Town, **values: Any) -> dict[str, Any]:
    told = {
        "name": "letters",
        "address": str(ground / "in"),
        "queue": _default(town),
        "owner_rule": "person",
        "person": "Alice",
    }
    told |= {"copies": "2", "sides": "", "color_mode": "", "afterwards": "keep", "picks_up": "on", "user": ""}
    return {**told, "settle_s": "2", "every_s": "5", "active": "on", "certificate": "", "authority": "", **values}


def _default(town: Town) -> str:
    found = device.default_queue()
    assert found is not None
    return found.id.hex


def kept(town: Town) -> list[sources.SourceView]:
    return sources.sources(town.house.scope)


def test_a_folder_is_added_by_its_page_which_says_whether_it_can_be_used(town: Town, ground: Path) -> None:
    browser = town.browser("adam")
    empty = browser.get("/sources", secure=True)
    assert str(ground) in empty.content.decode() and faults(empty.content.decode()) == []
    answer = browser.post("/sources/add", form(ground, town), secure=True, follow=True)
    assert "it can be used" in text_of(answer) and faults(answer.content.decode()) == []
    (made,) = kept(town)
    assert (made.name, made.copies, made.afterwards.value, made.kind.value) == ("letters", 2, "keep", "folder")
    (ground / "in" / ".frisket").rename(ground / "gone")
    assert "letters" in text_of(browser.get("/sources", secure=True))


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"address": "/etc"}, "address", "folders.roots"),
        ({"address": "smb://a:b@host/share"}, "address", "names somebody"),
        ({"person": "nobody"}, "person", "no such person"),
        ({"person": ""}, "address", "whose documents"),
        ({"name": "a b"}, "name", "part of an address"),
        ({"certificate": "12:34"}, "certificate", "64 hexadecimal"),
        ({"afterwards": "leave"}, "address", "never left"),
        ({"address": "davs://127.0.0.1:9/in"}, None, "does not answer"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    town: Town, ground: Path, values: dict[str, Any], field: str | None, words: str
) -> None:
    answer = town.browser("adam").post("/sources/add", form(ground, town, **values), secure=True)
    page = answer.content.decode()
    assert words in text_of(answer) and faults(page) == [] and kept(town) == []
    assert field is None or f'id="id_{field}_error"' in page


def test_a_stores_password_is_kept_sealed_shown_nowhere_and_forgotten_with_its_server(town: Town, ground: Path) -> None:
    browser = town.browser("adam")
    told = form(ground, town, address="smb://127.0.0.1:9/share", user="printer", password="s3cret of the NAS")
    answer = browser.post("/sources/add", told, secure=True, follow=True)
    assert "cannot be used yet" in text_of(answer) and "s3cret" not in answer.content.decode()
    (made,) = kept(town)
    assert made.has_password and made.user == "printer" and "s3cret" not in repr(made)
    assert "s3cret" not in browser.get("/api/v1/sources", secure=True).content.decode()
    browser.post("/sources/letters", {**told, "password": "", "copies": "3"}, secure=True)
    (same,) = kept(town)
    assert same.has_password and same.copies == 3
    browser.post("/sources/letters", {**told, "password": "", "address": "smb://127.0.0.1:8/share"}, secure=True)
    (moved,) = kept(town)
    assert not moved.has_password and moved.address.endswith(":8/share")


def test_folders_want_the_password_again_and_are_for_administrators_only(town: Town, ground: Path) -> None:
    for name in ("alice", "olga"):
        browser = town.browser(name)
        assert browser.get("/sources", secure=True).status_code == 403
        assert browser.post("/sources/add", form(ground, town), secure=True).status_code == 403
        assert browser.get("/api/v1/sources", secure=True).status_code == 403
    browser = town.browser("adam")
    told = form(ground, town)
    town.house.clock.pass_time(timedelta(minutes=6))
    assert browser.post("/sources/add", told, secure=True).status_code == 403
    assert kept(town) == []


def test_a_folder_is_made_changed_and_removed_over_the_api(town: Town, ground: Path) -> None:
    browser = town.browser("adam")
    new = {"name": "letters", "address": str(ground / "in"), "queue": _default(town), "owner": "path"}
    made = browser.post("/api/v1/sources", new, JSON, secure=True)
    assert made.status_code == 201 and made.json()["owner"] == "path"
    assert browser.post("/api/v1/sources", {**new, "secret": 1}, JSON, secure=True).status_code == 422
    again = browser.post("/api/v1/sources", new, JSON, secure=True)
    assert again.status_code in (400, 409, 503) and len(kept(town)) == 1
    changed = browser.patch("/api/v1/sources/letters", {"copies": 4, "active": False}, JSON, secure=True)
    assert (changed.json()["copies"], changed.json()["active"]) == (4, False)
    assert browser.get("/api/v1/sources/letters/pick-ups", secure=True).json() == {"rows": [], "after": None}
    assert browser.delete("/api/v1/sources/letters", secure=True).status_code == 204
    assert kept(town) == []


@pytest.mark.requirement("OCE-93")
def test_an_administrator_switches_printing_from_a_stick_off_and_it_is_nowhere_any_more(
    town: Town, ground: Path
) -> None:
    told = form(ground, town, name="stick", address=f"usb:{ground / 'in'}", person="", browsable="on")
    del told["picks_up"]
    adam, alice = town.browser("adam"), town.browser("alice")
    answer = adam.post("/sources/add", told, secure=True, follow=True)
    assert "nothing is plugged in" in text_of(answer).lower() and faults(answer.content.decode()) == []
    assert "stick" in text_of(alice.get("/stores", secure=True))
    assert "nothing is plugged in" in text_of(alice.get("/stores/stick", secure=True)).lower()
    assert alice.post("/sources/stick", {**told, "active": ""}, secure=True).status_code == 403
    del told["active"]
    adam.post("/sources/stick", told, secure=True)
    assert [each.active for each in kept(town)] == [False]
    assert "stick" not in text_of(alice.get("/stores", secure=True))
    assert alice.get("/stores/stick", secure=True).status_code == 404
    assert alice.post("/stores/stick", {"print": "a.pdf"}, secure=True).status_code == 404
    assert alice.get("/api/v1/stores", secure=True).json() == []


def test_a_person_sees_open_stores_only_and_reads_why_one_does_not_answer(town: Town, ground: Path) -> None:
    town.add_store("docs")
    browser = town.browser("alice")
    assert "docs" in text_of(browser.get("/stores", secure=True))
    page = browser.get("/stores/docs", secure=True)
    assert page.status_code == 200 and "does not answer" in text_of(page) and faults(page.content.decode()) == []
    assert "/stores" in browser.get("/upload", secure=True).content.decode()
    with transaction() as tx:
        found = sources.by_name(town.house.scope, "docs")
        closed = sources.SourceChange(browsable=False)
        sources.change(town.house.scope, found.id, closed, by=town.house.administrator, tx=tx)
    assert browser.get("/stores/docs", secure=True).status_code == 404
    assert "No store is open" in text_of(browser.get("/stores", secure=True))


@pytest.mark.parametrize("path", ["../secret", "a/../../b", "a\\b", "x" * 2000])
def test_a_way_out_of_a_store_leads_nowhere(town: Town, ground: Path, path: str) -> None:
    town.add_store("docs")
    browser = town.browser("alice")
    assert "path" in text_of(browser.post("/stores/docs", {"open": path}, secure=True))
    wish = {"print": path, "queue": "secure", "copies": "1"}
    assert browser.post("/stores/docs", wish, secure=True).status_code >= 400
    assert (
        sources.of_person(town.house.own(town.person("alice").id), sources.by_name(town.house.scope, "docs").id) == []
    )


@pytest.mark.parametrize(
    ("level", "closed"), [("normal", False), ("medium", False), ("medium-high", True), ("high", True)]
)
def test_above_medium_nothing_is_fetched_in_clear(town: Town, ground: Path, level: str, closed: bool) -> None:
    before = parts.installed()
    house = before.settings.house.model_copy(update={"level": level})
    parts.install(replace(before, settings=before.settings.model_copy(update={"house": house})))
    for address in ("ftp://127.0.0.1:9/in", "dav://127.0.0.1:9/in"):
        problem = sources.check(town.add_store(address[:3], address))
        assert isinstance(problem, sources.ClosedByLevel) is closed and problem is not None


def test_who_is_named_by_a_folder_stays_until_it_names_somebody_else(town: Town, ground: Path) -> None:
    browser = town.browser("adam")
    browser.post("/sources/add", form(ground, town), secure=True)
    alice = town.person("alice").id
    with pytest.raises(identity.PersonInUse), transaction() as tx:
        identity.remove(town.house.scope, alice, by=town.house.administrator, tx=tx)
    assert kept(town)[0].person == alice
