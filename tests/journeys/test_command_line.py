"""The forms people script: the same against a house that runs and one that does not."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.agents import ReplayAgent, office
from tests.peers.client import Printing, sample
from tests.peers.served import Failed, Served, serving, until

from frisket import lab

DOCUMENT = sample("by script", 2)


@pytest.fixture(scope="module", params=["running", "stopped"])
def house(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serving(start=request.param == "running") as served:
        furnish(served)
        yield served


def furnish(house: Served) -> None:
    """A queue, a person and a device; what the commands answer is looked at as well."""
    queue = house.cli("queue", "add", "secure", "--hold")
    assert (queue["name"], queue["hold"], queue["default"]) == ("secure", True, True)
    changed = house.cli("queue", "set", "secure", "--trust-network", "127.0.0.0/8")
    assert changed["trusted_networks"] == ["127.0.0.0/8"]
    alice = house.cli("person", "add", "alice")
    assert alice["name"] == "alice" and alice["password"] and alice["pin"].isdigit()
    if house.process is not None:
        assert alice["queue_uri"].startswith(house.urls["ipps"] + "/secure/")
    device = house.cli("device", "add", "d1", "socket://127.0.0.1:9100")
    assert (device["name"], device["uri"]) == ("d1", "socket://127.0.0.1:9100")
    assert [each["name"] for each in house.cli("device", "list")["devices"]] == ["d1"]
    assert [each["name"] for each in house.cli("person", "list")["persons"]] == ["alice"]
    assert "alice" in house.run("person", "list").stdout.decode()


def test_a_house_is_furnished_and_looked_at(house: Served) -> None:
    assert [each["name"] for each in house.cli("queue", "list")["queues"]] == ["secure"]
    assert "d1" in [each["name"] for each in house.cli("device", "list")["devices"]]


def test_jobs_are_sent_listed_released_and_explained(house: Served, tmp_path: Path) -> None:
    file = tmp_path / "Report.pdf"
    file.write_bytes(DOCUMENT)
    made = house.cli("job", "submit", str(file), "--person", "alice")
    listed = house.cli("job", "list", "--person", "alice", "--state", "held")["jobs"]
    assert [(job["id"], job["state"], job["title"]) for job in listed] == [(made["id"], "held", "Report.pdf")]
    assert set(listed[0]) >= {"id", "state", "title", "pages"}
    assert house.cli("job", "list", "--person", "alice", "--state", "erased")["jobs"] == []
    with lab.running(tmp_path / "lab", lab.DevicePlan("virtual", lab.Door.IPP)) as devices:
        house.cli("device", "add", "virtual", devices.uri("virtual"))
        released = house.cli("job", "release", made["id"], "--person", "alice", "--device", "virtual")
        assert released["jobs"][0]["released"]
        if house.process is not None:
            house.reaches(made["id"], "erased")
            assert devices.jobs("virtual")[0].documents[0].octets == len(DOCUMENT)

    text = house.run("job", "explain", made["id"]).stdout.decode()
    assert "It arrived from the command line, was sealed on stable storage and acknowledged." in text
    assert "alice released it to virtual." in text
    assert json.loads(house.run("job", "explain", made["id"], "--json").stdout)["steps"]


def test_a_device_is_shown_with_what_its_agent_says_and_no_secret_is_on_the_command_line(house: Served) -> None:
    walk = office(host=5, errors=b"\x04")
    with ReplayAgent(walk, community="correct-horse") as agent:
        house.cli("device", "add", "known", "socket://127.0.0.1:9", "--tag", "north", "--location", "hall")
        set_ = house.cli("device", "snmp", "known", "2c", "--port", str(agent.port), stdin=b"correct-horse\n")
        assert set_["snmp"] == "2c" and "correct-horse" not in str(set_)
        found = house.cli("device", "show", "known", "--ask")
        text = house.run("device", "show", "known").stdout.decode()
    assert found["tags"] == ["north"] and found["status"]["marked"] == 4711
    assert (found["state"], found["state_reasons"]) == ("stopped", ["media-jam-error"])
    assert found["status"]["supplies"][0]["level"]["percent"] == 40
    assert "Black toner: 40 %" in text and "snmp: stopped" in text
    made = house.cli("job", "submit", "-", "--person", "alice", "--hold", "--format", "application/pdf", stdin=DOCUMENT)
    words = ("job", "release", made["id"], "--person", "alice", "--device", "known", "--json")
    refused = house.run(*words)  # its agent is silent meanwhile; what it said a moment ago counts
    (told,) = json.loads(refused.stdout)["jobs"]
    assert refused.returncode == 1 and told["why"] == ["broken"] and "Paper is jammed in known." in told["text"]
    assert house.cli("device", "snmp", "known", "off")["snmp"] is None
    assert house.cli("device", "set", "known", "--also", "ipp://127.0.0.1/two")["ways"] == ["ipp://127.0.0.1:631/two"]
    assert house.cli("device", "set", "known", "--only", "--no-tags")["ways"] == []


def test_a_job_goes_to_the_lpd_queue_that_a_device_was_added_with(house: Served, tmp_path: Path) -> None:
    file = tmp_path / "letter.pdf"
    file.write_bytes(DOCUMENT)
    with lab.running(tmp_path / "lab", lab.DevicePlan("spooler", lab.Door.LPD)) as devices:
        added = house.cli("device", "add", "spooler", devices.uri("spooler"))
        assert added["uri"] == devices.uri("spooler") and added["silence_is_done"] and added["probed"]
        made = house.cli("job", "submit", str(file), "--person", "alice")
        released = house.cli("job", "release", made["id"], "--person", "alice", "--device", "spooler")
        assert released["jobs"][0]["released"]
        if house.process is not None:
            house.reaches(made["id"], "erased")
            until(lambda: devices.jobs("spooler"))
            kept = devices.jobs("spooler")[0]
            assert (tmp_path / "lab" / "spooler" / kept.documents[0].file).read_bytes() == DOCUMENT
            assert (kept.attributes["queue"], kept.attributes["user"]) == ("lp", "frisket")


def test_the_log_is_verified_and_exported(house: Served) -> None:
    verdict = house.cli("audit", "verify")
    assert verdict["ok"] and verdict["problems"] == []
    assert b"The log is whole" in house.run("audit", "verify").stdout
    lines = [json.loads(line) for line in house.run("audit", "export").stdout.splitlines()]
    assert lines
    text = house.run("audit", "export").stdout
    assert b"Report.pdf" not in text and b"alice" not in text


def test_every_setting_is_shown_and_explained(house: Served) -> None:
    settings = {row["setting"]: row for row in house.cli("config", "show", "--explain")["settings"]}
    assert settings["limits.job_bytes"]["value"] == str(16 << 30)
    assert all(row["meaning"] for row in settings.values())


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("job", "show", "999"), 1, b"no such job"),
        (("job", "show", "not-a-job"), 1, b"neither the id nor the number"),
        (("job", "release", "1", "--person", "nobody", "--device", "d1"), 1, b"there is no person nobody"),
        (("person", "add"), 2, b"Missing argument"),
        (("no-such-command",), 2, b"No such command"),
        (("queue", "set", "no-such"), 1, b"there is no queue"),
        (("device", "add", "d9", "gopher://nowhere"), 1, b""),
        (("queue", "set", "secure", "--trust-network", "everything"), 1, b""),
    ],
)
def test_what_does_not_work_says_why_and_with_which_status(
    house: Served, words: tuple[str, ...], status: int, said: bytes
) -> None:
    done = house.run(*words)
    assert done.returncode == status, done.stderr
    assert said in done.stderr and b"Traceback" not in done.stderr
    assert done.stderr.strip()


def test_every_command_teaches(house: Served) -> None:
    for words in ([], ["job"], ["device"]):
        done = house.run(*words, "--help")
        assert done.returncode == 0 and b"Usage" in done.stdout


def test_a_secret_is_shown_once_and_the_next_takes_its_place(house: Served) -> None:
    first = house.cli("person", "pin", "alice")["pin"]
    assert house.cli("person", "pin", "alice")["pin"] != first
    assert "password" not in house.cli("person", "list")["persons"][0]


def test_init_makes_a_house_that_only_its_owner_reads(tmp_path: Path) -> None:
    made = Served(tmp_path / "house")
    said = made.cli("init", "--ephemeral-ports")
    assert len(said["setup_token"]) >= 20 and Path(said["settings"]).exists()
    assert stat.S_IMODE((tmp_path / "house").stat().st_mode) == 0o700
    with pytest.raises(Failed):
        made.cli("init", "--ephemeral-ports")


@pytest.mark.requirement("SAFEQ-36")
def test_no_two_houses_share_a_key_or_a_certificate(tmp_path: Path) -> None:
    houses = [Served(tmp_path / name) for name in ("one", "two")]
    for each in houses:
        each.cli("init", "--ephemeral-ports")
    octets = [{file.read_bytes() for file in (each.data / "keys").rglob("*") if file.is_file()} for each in houses]
    assert octets[0] and octets[0].isdisjoint(octets[1])


def test_a_print_and_a_command_meet_in_one_house() -> None:
    """What IPP brought the command line sees, and the other way round."""
    with serving() as served:
        served.cli("queue", "add", "secure", "--hold")
        alice = served.cli("person", "add", "alice")
        number = Printing(alice["queue_uri"]).print(DOCUMENT, title="From a client").job
        found = served.cli("job", "list", "--person", "alice", "--state", "held")["jobs"]
        assert [(job["number"], job["title"]) for job in found] == [(number, "From a client")]
