"""One state of a device out of its print port, its SNMP agent and what jobs met."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from frisket import audit, delivery, device, lab
from frisket.delivery import watching
from frisket.device.models import Device
from frisket.device.status import Facts, merge
from frisket.plumbing import snmp, work
from frisket.plumbing.db import transaction
from tests.conftest import House
from tests.delivery.conftest import Eve, Post, set_settings
from tests.peers.agents import ReplayAgent, Snmpd, office, snmpd

Start = Callable[..., lab.Running]
needs_snmpd = pytest.mark.skipif(
    shutil.which("snmpd") is None and not Path("/usr/sbin/snmpd").exists(), reason="snmpd is not installed"
)


@pytest.fixture
def agent() -> Iterator[ReplayAgent]:
    with ReplayAgent(office()) as running:
        yield running


def ask_by_snmp(post: Post, there: device.DeviceView, port: int, **how: str) -> device.DeviceView:
    told = {"version": "2c", "community": "public", **how}
    with transaction() as tx:
        new = device.NewSnmp(port=port, **told)  # type: ignore[arg-type]
        return device.set_snmp(post.house.scope, there.id, new, by=post.house.administrator, tx=tx)


def watch(post: Post) -> None:
    watching.handle_watch(work.Item.__new__(work.Item))


def now_of(post: Post, there: device.DeviceView) -> device.DeviceView:
    return device.device(post.house.scope, there.id)


@pytest.mark.requirement("SPM-28", "FLEET-31")
def test_a_bare_raw_port_is_known_by_its_snmp_agent_and_never_connected_to(post: Post, agent: ReplayAgent) -> None:
    there = ask_by_snmp(post, post.adopted("socket://127.0.0.1:9", probe=False), agent.port)
    watch(post)
    how = device.status(post.house.scope, there.id)
    assert (how.state, how.said_by["state"], how.model) == ("idle", "snmp", "Example Works 4500")
    assert how.trays[0].media == "iso_a4_210x297mm" and how.marked == 4711
    agent.walk |= office(state=1, host=5, errors=b"\x04")
    agent.walk["1.3.6.1.2.1.43.16.5.1.2.1.1"] = b"Open side door"
    watch(post)
    there = now_of(post, there)
    assert (there.state, there.state_reasons) == ("stopped", ("media-jam-error",))
    assert there.state_message == "Open side door"
    with transaction() as tx:
        there = device.set_snmp(post.house.scope, there.id, None, by=post.house.administrator, tx=tx)
    assert (there.state, there.state_reasons, there.state_message) == ("unknown", (), "")


@needs_snmpd
@pytest.mark.peer("snmpd")
@pytest.mark.requirement("FLEET-08")
def test_a_device_is_asked_by_version_three_with_both_keys(post: Post, tmp_path: Path) -> None:
    with snmpd(tmp_path / "snmpd", office(errors=b"\x80")) as running:
        made = post.adopted("socket://127.0.0.1:9", probe=False)
        how = {"version": "3", "user": Snmpd.USER, "auth": "sha256", "priv": "aes128", "community": ""}
        there = ask_by_snmp(post, made, running.port, auth_password=Snmpd.AUTH, priv_password=Snmpd.PRIV, **how)
        found = delivery.condition(post.house.scope, there.id)
        assert (found.state, found.reasons, found.marked) == ("idle", ("media-low-warning",), 4711)
        there = ask_by_snmp(post, made, running.port, auth_password="not this one", priv_password=Snmpd.PRIV, **how)
        found = delivery.condition(post.house.scope, there.id)
        said = found.of("snmp")
        assert said is not None and said.problem == "denied" and found.state == "unknown"


@pytest.mark.peer("ippeveprinter")
def test_a_real_ipp_printer_says_what_is_in_it(post: Post, eve: Eve) -> None:
    there = post.adopted(eve.ipp)
    found = delivery.condition(post.house.scope, there.id)
    assert found.state == "idle" and found.said_by["state"] == "ipp"
    assert found.trays and found.supplies and any(each.level.percent is not None for each in found.supplies)


@pytest.mark.requirement("PREP-24")
def test_what_a_device_can_do_and_has_loaded_is_read_from_it(post: Post, virtual: Start) -> None:
    there = post.adopted(virtual(lab.DevicePlan("office", lab.Door.IPP)).uri("office"))
    can, how = there.capabilities, delivery.condition(post.house.scope, there.id)
    assert can.colour and "two-sided-long-edge" in can.sides and can.finishings and can.output_bins
    assert "iso_a3_297x420mm" in can.media
    assert {tray.media for tray in how.trays} >= {"iso_a4_210x297mm", "iso_a3_297x420mm"}
    assert all(tray.capacity == 500 and tray.level.percent == 50 for tray in how.trays)
    assert [(each.colour, each.level.word) for each in how.supplies][:2] == [("cyan", "known"), ("magenta", "known")]


def test_the_worse_word_of_print_port_and_agent_counts_and_each_has_its_source(
    post: Post, agent: ReplayAgent, virtual: Start
) -> None:
    uri = virtual(lab.DevicePlan("office", lab.Door.IPP)).uri("office")
    there = ask_by_snmp(post, post.adopted(uri), agent.port)
    found = delivery.condition(post.house.scope, there.id)
    assert found.state == "idle" and found.said_by["trays"] == "ipp" and found.said_by["covers"] == "snmp"
    assert found.marked == 4711 and found.said_by["marked"] == "snmp"
    agent.walk |= office(state=1, host=5, errors=b"\x08")
    found = delivery.condition(post.house.scope, there.id)
    assert (found.state, found.reasons, found.said_by["state"]) == ("stopped", ("door-open-error",), "snmp")
    agent.bend = lambda answer: None
    post.house.clock.pass_time(timedelta(seconds=200))
    set_quick(post)
    found = delivery.condition(post.house.scope, there.id)
    said = found.of("snmp")
    assert found.state == "idle", "an agent that does not answer any more has no say"
    assert said is not None and said.problem == "no-answer" and said.covers
    assert said.at < post.house.clock.now(), "what it said before keeps the age of that"


def set_quick(post: Post) -> None:
    set_settings(delivery={"connect_s": 1.0, "stall_s": 1.0, "snmp_s": 0.3})


def test_merging_takes_the_first_that_says_it_and_the_worst_state_of_fresh_ones(house: House) -> None:
    at = house.clock.now()
    tray = device.Tray("One", "iso_a4_210x297mm")
    ipp = Facts("ipp", at, "idle", ("media-low-report",), trays=(tray,))
    agent = Facts("snmp", at, "stopped", ("media-low-warning", "media-jam-error"), "Jam", covers=(device.Cover("A"),))
    both = merge([agent, ipp], at)
    assert (both.state, both.message, both.trays) == ("stopped", "Jam", (tray,))
    assert both.reasons == ("media-low-warning", "media-jam-error")
    late = at + timedelta(minutes=10)
    assert merge([agent, replace(ipp, at=late)], late).state == "idle"
    assert merge([agent, ipp], late).state == "unknown"
    blank = replace(agent, reasons=())
    assert merge([blank, replace(ipp, state="processing")], at).state == "processing"
    met = Facts("job", at, "unreachable")
    assert merge([met], at).state == "unreachable"
    assert merge([met, ipp], at).state == "idle", "the port answered since"
    assert merge([], at) == device.Status()


@pytest.mark.parametrize("how", ["community", "keys"])
def test_secrets_of_agents_are_sealed_and_in_no_answer_row_or_log(post: Post, how: str) -> None:
    made = post.adopted("socket://127.0.0.1:9", probe=False)
    if how == "community":
        there = ask_by_snmp(post, made, 161, community="correct-horse")
    else:
        told = {"version": "3", "user": "mon", "auth": "sha256", "priv": "aes128", "community": ""}
        there = ask_by_snmp(post, made, 161, auth_password="correct-horse", priv_password="correct-horse", **told)
    row = Device.objects.get(id=there.id)
    keys = device.snmp_access(there.id)
    assert keys is not None
    secret = getattr(keys[1], "auth_key", b"")
    for text in (repr(there), json.dumps(row.snmp), repr(keys)):
        assert "correct-horse" not in text and (not secret or secret.hex() not in text)
    sealed = bytes(row.snmp_secret)
    assert b"correct-horse" not in sealed and (not secret or secret.hex().encode() not in sealed)
    leaves = [repr(entry.facts) for entry in audit.history(post.house.scope, there.id)]
    assert any("version" in leaf for leaf in leaves) and not any("horse" in leaf for leaf in leaves)


def test_another_address_takes_the_agents_secret_and_all_that_was_said_away(post: Post, agent: ReplayAgent) -> None:
    there = ask_by_snmp(post, post.adopted("socket://127.0.0.1:9", probe=False), agent.port)
    watch(post)
    with transaction() as tx:
        change = device.DeviceChange(uri="socket://127.0.0.2:9")
        moved = device.change_device(post.house.scope, there.id, change, by=post.house.administrator, tx=tx)
    assert moved.snmp is None and device.snmp_access(there.id) is None
    assert device.status(post.house.scope, there.id) == device.Status()
    asked = agent.asked
    watch(post)
    assert agent.asked == asked


@pytest.mark.parametrize("level", ["medium-high", "high"])
def test_at_the_higher_levels_no_agent_is_asked_in_the_clear(post: Post, agent: ReplayAgent, level: str) -> None:
    there = ask_by_snmp(post, post.adopted("socket://127.0.0.1:9", probe=False), agent.port)
    set_settings(house={"level": level})
    watch(post)
    assert agent.asked == 0 and device.snmp_access(there.id) is None
    with pytest.raises(device.BadSnmp):
        ask_by_snmp(post, there, agent.port)


def test_what_is_no_way_of_asking_is_refused(post: Post) -> None:
    there = post.adopted("socket://127.0.0.1:9", probe=False)
    for wrong in (
        {"version": "4"},
        {"version": "2c", "community": ""},
        {"version": "3", "user": ""},
        {"version": "3", "user": "mon", "priv": "aes128", "priv_password": "long enough"},
        {"version": "3", "user": "mon", "auth": "rot13", "auth_password": "long enough"},
    ):
        with pytest.raises(device.BadSnmp):
            ask_by_snmp(post, there, 161, **wrong)
    with pytest.raises(snmp.WeakPassword):
        ask_by_snmp(post, there, 161, version="3", user="mon", auth="sha256", auth_password="short")
    with pytest.raises(device.NoSuchDevice), transaction() as tx:
        device.set_snmp(post.house.scope, UUID(int=1), None, by=post.house.administrator, tx=tx)


def test_a_round_asks_many_agents_at_once_and_no_silent_one_holds_the_others_up(post: Post) -> None:
    agents = [ReplayAgent(office()) for _ in range(12)]
    agents[3].bend = agents[7].bend = lambda answer: None
    set_quick(post)
    for each in agents:
        each.__enter__()
    try:
        made = [
            ask_by_snmp(post, post.adopted(f"socket://127.0.0.1:{9 + n}", f"d{n}", probe=False), each.port)
            for n, each in enumerate(agents)
        ]
        watch(post)
        states = [now_of(post, each).state for each in made]
        assert states.count("idle") == 10 and states[3] == states[7] == "unknown"
    finally:
        for each in agents:
            each.__exit__()
