"""Printing over LPD and RAW with programs that are not ours: whole, as whom, and nothing lost or left."""

import getpass
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.peers.client import sample
from tests.peers.lineprinting import backend, lprng, netcat, rlpr
from tests.peers.office import Office, office_running
from tests.peers.programs import cups_running, program
from tests.peers.served import Served, serving, until
from tests.wire.pjl_samples import JOBS, PCL, UEL

from frisket.programs.control import Remote

ME = getpass.getuser()
STATED = "the name it states"
ClientSeen = Callable[..., None]
DOCUMENT = sample("a line printer is forever")


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with office_running() as office:
        if ME not in office.people:
            office.people[ME] = office.served.person(ME)
        office.served.ask("queue.set", name="secure", device=["raw"])  # the only one that takes PCL
        yield office


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "office" in request.fixturenames:
        served = request.getfixturevalue("office").served
        for job in served.jobs():
            if job["state"] == "held":
                served.ask("job.cancel", job=job["id"])


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.pdf"
    path.write_bytes(DOCUMENT)
    return path


def newest(office: Office) -> dict[str, Any]:
    return office.served.jobs()[0]


def printed(office: Office, job: dict[str, Any], person: str) -> bytes:
    """What the RAW device gets of the job when its person releases it."""
    before = len(office.arrived("raw"))
    office.served.print_at(job["number"], person, "raw")
    office.served.reaches(job["number"], "ended", "erased")
    found: list[bytes] = until(lambda: office.arrived("raw")[before:])
    return found[0]


# -- LPD


@pytest.mark.peer("rlpr")
@pytest.mark.requirement("OCE-58", "SPM-47")
def test_rlpr_prints_as_the_account_it_runs_under(office: Office, letter: Path, client_seen: ClientSeen) -> None:
    port = office.served.port("lpd")
    done = rlpr("rlpr", port, "secure", "-J", "Ein Brief", str(letter))
    assert done.status == 0, done.said
    job = newest(office)
    assert (job["owner"], job["title"], job["door"]) == (ME, "Ein Brief", "lpd")
    client_seen("rlpr", "LPD", "a PDF", STATED, sent=DOCUMENT, arrived=printed(office, job, ME))


@pytest.mark.peer("cups-backends")
@pytest.mark.requirement("SPM-47")
def test_somebody_the_house_does_not_know_prints_nothing_over_lpd(office: Office, letter: Path) -> None:
    before = len(office.served.jobs())
    uri = f"lpd://127.0.0.1:{office.served.port('lpd')}/secure?reserve=none"
    path = program("/usr/lib/cups/backend/lpd")
    words = [path, "42", "mallory", "x", "1", "", str(letter)]
    trying = subprocess.Popen(words, env={**os.environ, "DEVICE_URI": uri}, stderr=subprocess.DEVNULL)
    try:
        until(lambda: "nobody here has the name" in office.served.log.read_text())
    finally:
        trying.kill()
        trying.wait(10)
    assert len(office.served.jobs()) == before


@pytest.mark.peer("rlpr")
@pytest.mark.requirement("OCE-59", "OCE-182")
def test_rlpq_shows_and_rlprm_removes_a_persons_own_jobs_only(office: Office, letter: Path) -> None:
    port = office.served.port("lpd")
    rlpr("rlpr", port, "secure", "-J", "Mine", str(letter))
    mine = newest(office)["number"]
    theirs = office.print_held("alice", DOCUMENT, title="Hers")
    said = rlpr("rlpq", port, "secure", ME).said
    assert "Mine" in said and str(mine) in said and "Hers" not in said
    assert "Mine" not in rlpr("rlpq", port, "secure").said
    rlpr("rlprm", port, "secure", str(theirs))
    assert office.served.job(theirs)["state"] == "held"
    rlpr("rlprm", port, "secure", str(mine))
    assert office.served.job(mine)["state"] in ("ended", "erased")


@pytest.mark.peer("lprng")
@pytest.mark.requirement("OCE-59")
def test_lprng_prints_looks_and_removes(office: Office, letter: Path, client_seen: ClientSeen) -> None:
    port = office.served.port("lpd")
    done = lprng("lpr", port, "secure", "-J", "From LPRng", str(letter), see=letter)
    assert done.status == 0, done.said
    job = newest(office)
    assert (job["owner"], job["title"]) == (ME, "From LPRng")
    assert "From LPRng" in lprng("lpq", port, "secure", ME).said
    client_seen("LPRng lpr", "LPD", "a PDF", STATED, sent=DOCUMENT, arrived=printed(office, job, ME))
    lprng("lpr", port, "secure", "-J", "Not wanted", str(letter), see=letter)
    unwanted = newest(office)["number"]
    lprng("lprm", port, "secure", str(unwanted))
    assert office.served.job(unwanted)["state"] in ("ended", "erased")


@pytest.mark.peer("cups-backends")
@pytest.mark.parametrize("order", ["", "&order=data,control", "&mode=stream"])
def test_the_lpd_backend_of_cups_delivers_whole_and_as_its_user(
    office: Office, letter: Path, client_seen: ClientSeen, order: str
) -> None:
    uri = f"lpd://127.0.0.1:{office.served.port('lpd')}/secure?reserve=none{order}"
    before = len(office.served.jobs())
    done = backend(uri, "bob", "From CUPS", letter)
    assert done.status == 0, done.said
    until(lambda: len(office.served.jobs()) > before)  # a stream does not wait for its acknowledgement
    job = newest(office)
    assert (job["owner"], job["title"], job["format"]) == ("bob", "From CUPS", "application/pdf")
    client_seen("CUPS lpd backend", "LPD", "a PDF", STATED, sent=DOCUMENT, arrived=printed(office, job, "bob"))


@pytest.mark.peer("cups")
@pytest.mark.requirement("OCE-53")
def test_a_postscript_driver_needs_nothing_but_the_lpd_port(office: Office, letter: Path) -> None:
    with cups_running() as cups:
        uri = f"lpd://127.0.0.1:{office.served.port('lpd')}/secure?reserve=none"
        cups.add_queue("driver", uri, "drv:///sample.drv/generic.ppd")
        before = len(office.served.jobs())
        cups.run("lp", "-d", "driver", "-U", "alice", "-t", "Driven", str(letter))
        until(lambda: len(office.served.jobs()) > before)
    job = newest(office)
    assert (job["owner"], job["format"]) == ("alice", "application/postscript")
    assert printed(office, job, "alice").startswith(b"%!PS-Adobe")


# -- RAW


@pytest.mark.peer("nc")
@pytest.mark.parametrize(
    ("name", "document"),
    [("hp", PCL), ("hp-held", b"%!PS-Adobe-3.0\nshowpage\n"), ("lexmark", JOBS["no-frame"]), ("two", PCL)],
)
def test_recorded_jobs_of_drivers_arrive_whole_and_as_their_user(
    office: Office, client_seen: ClientSeen, name: str, document: bytes
) -> None:
    octets = JOBS[name].replace(b'NAME="one"', b'NAME="one"\r\n@PJL SET USERNAME="alice"')
    done = netcat(office.served.port("raw"), octets.replace(b'NAME="two"', b'NAME="two"\r\n@PJL SET USERNAME="alice"'))
    assert done.status == 0, done.said
    job = newest(office)
    assert (job["owner"], job["door"]) == ("alice", "raw")
    if name == "hp-held":  # a PIN of its own: its person is asked for it
        refused = office.served.release(job["number"], "alice", "raw")["jobs"][0]
        assert not refused["released"]
        return
    what = "a recorded job of a PJL driver"
    client_seen("netcat", "RAW", what, "the user in its PJL", sent=document, arrived=printed(office, job, "alice"))


@pytest.mark.peer("nc")
def test_netcat_reads_what_the_queue_answers(office: Office) -> None:
    said = netcat(office.served.port("raw"), UEL + b"@PJL INFO ID\r\n@PJL INFO STATUS\r\n" + UEL).said
    assert '"Frisket secure"' in said and "CODE=10001" in said


@pytest.mark.peer("cups-backends")
def test_the_socket_backend_of_cups_prints_as_the_person_the_queue_names(
    office: Office, letter: Path, client_seen: ClientSeen
) -> None:
    office.served.ask("queue.set", name="secure", default_person="bob")
    try:
        done = backend(f"socket://127.0.0.1:{office.served.port('raw')}", "whoever", "x", letter)
        assert done.status == 0, done.said
        job = newest(office)
        assert (job["owner"], job["door"]) == ("bob", "raw")
        arrived = printed(office, job, "bob")
        client_seen("CUPS socket backend", "RAW", "a PDF", "the queue's own person", sent=DOCUMENT, arrived=arrived)
    finally:
        office.served.ask("queue.set", name="secure", no_default_person=True)


@pytest.mark.peer("cups-backends")
def test_the_ipp_backend_of_cups_prints_as_the_name_it_states(
    office: Office, letter: Path, client_seen: ClientSeen
) -> None:
    done = backend(f"{office.served.urls['ipp']}/secure?waitjob=false", "alice", "By the backend", letter)
    assert done.status == 0, done.said
    job = newest(office)
    assert (job["owner"], job["door"], job["title"]) == ("alice", "ipp", "By the backend")
    client_seen("CUPS ipp backend", "IPP", "a PDF", STATED, sent=DOCUMENT, arrived=printed(office, job, "alice"))


@pytest.mark.peer("nmap")
def test_a_scanner_cannot_write_on_a_display(office: Office) -> None:
    port = str(office.served.port("raw"))
    words = ["--script", "+pjl-ready-message", "--script-args", 'pjl_ready_message="Call 555"', "127.0.0.1"]
    done = subprocess.run([program("nmap"), "-Pn", "-p", port, *words], capture_output=True, timeout=60, text=True)
    assert '"Ready" changed to "Ready"' in done.stdout, done.stdout


def free_port(wished: int = 0) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wished))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.peer("cups-backends")
@pytest.mark.requirement("SPM-21")
def test_a_queue_that_holds_nothing_prints_directly_from_a_port_of_its_own(office: Office, letter: Path) -> None:
    port = free_port(9200)
    served = office.served
    served.ask("queue.set", name="straight", raw_port=port, default_person="alice")
    uri = until(lambda: served.ask("queue.list")["queues"][1]["uris"].get("raw"))
    assert uri == f"socket://127.0.0.1:{port}"
    done = backend(uri, "whoever", "x", letter)
    assert done.status == 0, done.said
    served.reaches(newest(office)["number"], "ended", "erased")
    until(lambda: any(DOCUMENT in office.arrived(name) for name in ("tls", "plain", "raw")))
    served.ask("queue.set", name="straight", raw_port=0, no_default_person=True)
    until(lambda: refuses(port))


def refuses(port: int) -> bool:
    with socket.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_another_program_has_is_told_by_the_doctor_and_opened_once_it_is_free(office: Office) -> None:
    served = office.served
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served.cli("queue", "set", "straight", "--raw-port", str(port))
        until(lambda: f"RAW port {port} of straight could not be opened" in str(served.ask("doctor")))
    until(lambda: f":{port}" in str(served.ask("whitepaper")["listeners"]))
    with pytest.raises(Remote):
        served.ask("queue.set", name="secure", raw_port=port)
    served.ask("queue.set", name="straight", raw_port=0)
    until(lambda: f":{port}" not in str(served.ask("whitepaper")["listeners"]))


# -- ends and kills


@pytest.mark.peer("nc")
def test_a_sender_that_is_killed_leaves_nothing_of_its_job(office: Office) -> None:
    before = len(office.served.jobs())
    sending = subprocess.Popen(
        [program("nc"), "127.0.0.1", str(office.served.port("raw"))], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert sending.stdin is not None
    head = UEL + b'@PJL SET USERNAME="alice"\r\n@PJL ENTER LANGUAGE=PDF\r\n%PDF-1.4\n'
    sending.stdin.write(head + bytes(3_000_000))
    sending.stdin.flush()
    sending.kill()
    sending.wait(10)
    until(lambda: "ended within a document" in office.served.log.read_text())
    assert len(office.served.jobs()) == before


@pytest.mark.peer("rlpr")
@pytest.mark.peer("nc")
def test_what_was_acknowledged_is_there_after_the_house_was_killed(letter: Path) -> None:
    with serving() as served:
        served.ask("queue.add", name="secure", hold=True, trust_network=["127.0.0.0/8"])
        served.person(ME)
        served.ask("device.add", name="press", uri="socket://127.0.0.1:9", silence_is_done=True)
        assert rlpr("rlpr", served.port("lpd"), "secure", str(letter)).status == 0
        served.ask("queue.set", name="secure", default_person=ME)
        assert netcat(served.port("raw"), DOCUMENT).status == 0
        served.kill()
        served.start()
        kept = [(job["door"], job["state"], job["octets"]) for job in served.jobs()]
        assert sorted(kept) == [("lpd", "held", len(DOCUMENT)), ("raw", "held", len(DOCUMENT))]


# -- who may connect, by level


DOORS = {f"DOORS__{door}__{name}": value for door in ("LPD", "RAW") for name, value in (("ON", "true"), ("PORT", "0"))}
LISTED = {f"DOORS__{door}__NETWORKS": "127.0.0.1/32" for door in ("LPD", "RAW")}


def test_above_normal_the_doors_open_to_listed_networks_at_the_port_of_the_settings() -> None:
    low = {"DOORS__LPD__PORT": str(free_port(515))} if os.geteuid() == 0 else {}
    with serving({"HOUSE__LEVEL": "medium", **DOORS, **low, **LISTED}) as served:
        assert set(served.urls) == {"web", "api", "ipps", "lpd", "raw"}
        said = [each for each in served.ask("whitepaper")["listeners"] if each["door"] in ("lpd", "raw")]
        assert {each["door"]: each["open to"] for each in said} == dict.fromkeys(("lpd", "raw"), "127.0.0.1/32")
        assert str(served.port("lpd")) == low.get("DOORS__LPD__PORT", str(served.port("lpd")))
        assert not [each for each in served.ask("doctor")["findings"] if "stays shut" in each["what"]]


def talk(served: Served, octets: bytes, source: str = "127.0.0.1") -> bytes:
    try:
        peer = socket.create_connection(("127.0.0.1", served.port("lpd")), 10, source_address=(source, 0))
        with peer, peer.makefile("rb") as stream:
            peer.sendall(octets)
            return stream.read()
    except ConnectionError:
        return b""


@pytest.mark.peer("rlpr")
def test_at_high_a_listed_station_prints_over_lpd_and_is_told_nothing_else(letter: Path) -> None:
    settings = {"HOUSE__LEVEL": "high", **DOORS, **LISTED}
    with serving(settings) as served:
        served.ask("queue.add", name="secure", hold=True, trust_network=["127.0.0.0/8"])
        served.person(ME)
        assert set(served.urls) == {"web", "api", "ipps", "lpd"}
        served.ask("device.add", name="press", uri="socket://127.0.0.1:9", silence_is_done=True)
        done = rlpr("rlpr", served.port("lpd"), "secure", "-J", "Secret plan", str(letter))
        assert done.status == 0, done.said
        [job] = served.jobs()
        assert job["owner"] == ME
        said = talk(served, b"\3secure %s\n" % ME.encode())
        assert b"not told" in said and b"plan" not in said
        assert talk(served, b"\3secure\n", source="127.0.0.2") == b""
        assert talk(served, b"\2secure\n", source="127.0.0.2") == b""
