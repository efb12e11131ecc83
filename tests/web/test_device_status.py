"""What is known of a device on its page and over the API, and how its SNMP agent is set there."""

import json
from collections.abc import Iterator

import pytest

from frisket import delivery, device, identity
from frisket.plumbing.db import transaction
from tests.peers.agents import ReplayAgent, office
from tests.web.conftest import Town
from tests.web.reading import faults
from tests.web.test_pages import text_of

SECRET = "correct-horse-battery"


@pytest.fixture
def agent() -> Iterator[ReplayAgent]:
    with ReplayAgent(office(host=5, errors=b"\x04"), community=SECRET) as running:
        yield running
    delivery.stop()


def set_by_page(town: Town, agent: ReplayAgent, **more: str) -> None:
    form = {"version": "2c", "port": str(agent.port), "community": SECRET, "auth": "sha256", "priv": "aes128", **more}
    answer = town.browser("olga").post("/devices/copy-1/snmp", form, secure=True)
    assert answer.status_code == 302, text_of(answer)


def test_a_page_shows_supplies_paper_counter_and_who_said_so(town: Town, agent: ReplayAgent) -> None:
    town.add_device()
    set_by_page(town, agent)
    page = town.browser("olga").get("/devices/copy-1", secure=True)
    shown = text_of(page)
    supplies = ("Black toner 40 %", "Magenta toner some left", "Yellow toner not known", "Waste box room left 70 %")
    trays = ("Tray 1 A4 50 %", "Tray 2 A3 some left")
    for words in (*supplies, *trays, "4711 impressions", "EX0815", "paper jam", "SNMP: "):
        assert words in shown, (words, shown)
    assert faults(page.content.decode()) == [] and SECRET not in page.content.decode()
    german = text_of(town.browser("olga").get("/devices/copy-1", secure=True, headers={"accept-language": "de"}))
    assert "Black toner 40 %" in german and "4711 Seitenabdrucke" in german and "Papierstau" in german


def test_a_secret_that_was_typed_is_on_no_page_again(town: Town, agent: ReplayAgent) -> None:
    town.add_device()
    browser = town.browser("olga")
    form = {"version": "3", "port": "161", "user": "", "auth": "sha256", "auth_password": SECRET, "priv": "aes128"}
    wrong = browser.post("/devices/copy-1/snmp", {**form, "priv_password": SECRET}, secure=True)
    assert wrong.status_code == 400 and SECRET not in wrong.content.decode() and faults(wrong.content.decode()) == []
    short = browser.post("/devices/copy-1/snmp", {**form, "user": "mon", "auth_password": "short"}, secure=True)
    assert short.status_code == 400 and "too short for SNMPv3" in text_of(short)
    set_by_page(town, agent)
    assert browser.post("/devices/copy-1/snmp", {**form, "version": "off"}, secure=True).status_code == 302
    there = device.device_by_name(town.house.scope, "copy-1")
    assert there.snmp is None and device.snmp_access(there.id) is None


def test_tags_and_further_addresses_are_set_on_the_page(town: Town) -> None:
    there = town.add_device()
    form = {"name": "copy-1", "uri": there.uri, "location": "", "active": "on"}
    form |= {"tags": "North wing, library,", "ways": "socket://192.0.2.9\r\nipps://192.0.2.9/ipp/print"}
    browser = town.browser("olga")
    assert browser.post("/devices/copy-1", form, secure=True).status_code == 302
    now = device.device_by_name(town.house.scope, "copy-1")
    assert now.tags == ("library", "north wing")
    assert [way.uri for way in now.ways] == ["socket://192.0.2.9:9100", "ipps://192.0.2.9:631/ipp/print"]
    page = browser.get("/devices/copy-1", secure=True)
    assert "not adopted: nothing is sent there" in text_of(page) and "library, north wing" in page.content.decode()
    wrong = browser.post("/devices/copy-1", {**form, "ways": "ftp://192.0.2.9"}, secure=True)
    assert wrong.status_code == 400 and faults(wrong.content.decode()) == []


def test_the_api_tells_the_status_and_never_a_secret(town: Town, agent: ReplayAgent) -> None:
    town.add_device()
    set_by_page(town, agent)
    token = town.enrol("bert", identity.NewToken()).token
    reader = town.browser()
    headers = {"authorization": f"Bearer {token}"}
    answer = reader.get("/api/v1/devices/copy-1/status", secure=True, headers=headers)
    told = json.loads(answer.content)
    assert (told["state"], told["reasons"], told["marked"]) == ("stopped", ["media-jam-error"], 4711)
    assert told["supplies"][0] == {
        "name": "Black toner",
        "kind": "toner",
        "colour": "black",
        "receptacle": False,
        "level": {"word": "known", "percent": 40, "amount": 40, "unit": "percent"},
    }
    assert [each["source"] for each in told["sources"]] == ["snmp"] and told["said_by"]["state"] == "snmp"
    (listed,) = json.loads(reader.get("/api/v1/devices", secure=True, headers=headers).content)
    assert listed["ways"] == [] and listed["snmp"] is None, "how it is asked is for whoever manages it"
    assert SECRET not in answer.content.decode() + json.dumps(listed)
    forbidden = reader.post("/api/v1/devices/copy-1/look", secure=True, headers=headers)
    assert forbidden.status_code == 403


def test_the_page_of_a_job_says_where_it_would_print_and_prints_anyway_when_that_is_ticked(town: Town) -> None:
    town.add_queue()
    with transaction() as tx:
        adoption = device.Adoption(device.Capabilities(colour=False, probed=True))
        new = device.NewDevice("grey", "ipp://127.0.0.1:9/grey", adoption=adoption)
        there = device.add_device(town.house.scope, new, by=town.house.administrator, tx=tx)
    view = town.send("alice", "Plan")
    browser, form = town.browser("alice"), {"device": there.id.hex, "color_mode": "color"}
    browser.post(f"/jobs/{view.number}/release", form, secure=True)
    shown = text_of(browser.get(f"/jobs/{view.number}", secure=True))
    assert "grey prints in black and white only. No other device can print it just now; it waits." in shown
    browser.post(f"/jobs/{view.number}/release", {**form, "as_it_can": "on"}, secure=True)
    assert town.job_now(view.id).device == there.id


def test_a_release_over_the_api_says_why_not_and_where(town: Town) -> None:
    town.add_queue()
    with transaction() as tx:
        for name, colour in (("grey", False), ("full", True)):
            adoption = device.Adoption(device.Capabilities(colour=colour, probed=True))
            new = device.NewDevice(name, f"ipp://127.0.0.1:9/{name}", "second floor", adoption=adoption)
            device.add_device(town.house.scope, new, by=town.house.administrator, tx=tx)
    view = town.send("alice", "Plan")
    headers = {"authorization": f"Bearer {town.enrol('alice', identity.NewToken()).token}"}

    def release(**told: object) -> dict[str, object]:
        body = json.dumps({"device": "grey", "color_mode": "color", **told})
        url = f"/api/v1/jobs/{view.number}/release"
        answer = town.browser().post(url, body, content_type="application/json", secure=True, headers=headers)
        return json.loads(answer.content)  # type: ignore[no-any-return]

    refused = release()
    assert (refused["ok"], refused["why"], refused["instead"]) == (False, ["colour"], ["full"])
    assert refused["text"] == "grey prints in black and white only. Go to full, second floor: it can print this now."
    assert release(as_it_can=True)["ok"] is True
