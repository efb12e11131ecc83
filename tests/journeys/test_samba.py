"""A real smbd in front, with the configuration we make: what arrives, as whom, and what is turned away."""

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import smbclient
from tests.peers.client import sample
from tests.peers.office import arrived_at
from tests.peers.samba import PASSWORD, Samba, samba_running
from tests.peers.served import Served, serving, until

from frisket import lab

LETTER = sample("over SMB", 2)


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Running]:
    with lab.running(tmp_path_factory.mktemp("lab"), lab.DevicePlan("copy", lab.Door.IPP)) as running:
        yield running


@pytest.fixture(scope="module")
def house(devices: lab.Running) -> Iterator[Served]:
    with serving() as served:
        served.ask("queue.add", name="secure", hold=True, info="100% held \\")
        served.ask("queue.add", name="second", hold=True)
        served.person("alice")
        served.ask("device.add", name="copy", uri=devices.uri("copy"))
        yield served


@pytest.fixture(scope="module")
def samba(house: Served) -> Iterator[Samba]:
    def ours(spool: Path, port: int) -> str:
        done = house.run("samba", "config", "--spool", str(spool), "--port", str(port))
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    with samba_running(ours, "alice", "mallory") as running:
        yield running


def job(house: Served, title: str) -> dict:
    return until(lambda: [each for each in house.jobs() if each["title"] == title], 60)[0]


@pytest.mark.peer("smbd")
@pytest.mark.peer("smbclient")
@pytest.mark.requirement("SAFEQ-52", "SPM-12")
def test_a_document_printed_over_smb_arrives_whole_in_the_name_of_who_signed_in(
    house: Served, samba: Samba, devices: lab.Running, tmp_path: Path, client_seen: Callable[..., None]
) -> None:
    file = tmp_path / "Letter over SMB.pdf"
    file.write_bytes(LETTER)
    said = samba.client("secure", f'lcd "{tmp_path}"; print "{file.name}"')
    assert said.returncode == 0, said.stdout + said.stderr
    made = job(house, "Letter over SMB.pdf")
    assert (made["owner"], made["door"], made["format"]) == ("alice", "samba", "application/pdf")
    assert (made["octets"], made["state"]) == (len(LETTER), "held")
    until(lambda: os.listdir(samba.root / "spool") == [])
    house.print_at(made["number"], "alice", "copy")
    house.reaches(made["number"], "ended", "erased")
    (arrived,) = arrived_at(devices, "copy")
    owner = "the name it signed in with at Samba"
    client_seen("smbclient", "SMB 3, through Samba", "a PDF of 2 pages", owner, sent=LETTER, arrived=arrived)


@pytest.mark.peer("smbd")
@pytest.mark.peer("smbclient")
@pytest.mark.requirement("SAFEQ-52")
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("-m", "NT1", "--option=client min protocol=NT1"), "NT_STATUS"),
        (("-m", "SMB2"), "NT_STATUS"),
        (("-N",), "NT_STATUS"),
    ],
    ids=["SMB 1", "SMB 2", "nobody"],
)
def test_whoever_speaks_an_old_or_open_smb_is_turned_away(samba: Samba, options: tuple[str, ...], why: str) -> None:
    if options == ("-N",):
        words = ["smbclient", "//127.0.0.1/secure", "-p", str(samba.port), "-s", "/dev/null", "-N", "-c", "ls"]
        said = subprocess.run(words, capture_output=True, text=True)
    else:
        said = samba.client("secure", "queue", *options)
    assert said.returncode != 0 and why in said.stdout + said.stderr


@pytest.mark.peer("smbd")
@pytest.mark.requirement("SAFEQ-52")
def test_a_client_that_asks_for_no_encryption_gets_it_all_the_same(samba: Samba) -> None:
    cache: dict = {}
    how = {"username": "alice", "password": PASSWORD, "port": samba.port, "connection_cache": cache}
    try:
        session = smbclient.register_session("127.0.0.1", **how)
        assert session.encrypt_data and session.connection.dialect >= 0x0300
    finally:
        smbclient.reset_connection_cache(fail_on_error=False, connection_cache=cache)


@pytest.mark.peer("smbd")
@pytest.mark.requirement("SPM-12")
def test_nothing_listens_for_netbios(samba: Samba) -> None:
    """Port 139 and its names are off: of all sockets smbd has only the one port."""
    told = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout
    ports = {line.split()[3].rpartition(":")[2] for line in told.splitlines() if '"smbd"' in line}
    assert str(samba.port) in ports and not ports & {"139"}
    assert "disable netbios = yes" in (samba.root / "smb.conf").read_text()


@pytest.mark.peer("smbd")
def test_a_title_is_never_a_command(house: Served, samba: Samba, tmp_path: Path) -> None:
    """A client of our own, for smbclient takes some of these signs for itself."""
    marker = samba.root / "ran"
    title = f"a'; touch {marker}; '`touch {marker}`$(touch {marker})|&\\n%U.pdf".replace("/", "∕").replace("\\", "_")
    cache: dict = {}
    how = {"username": "alice", "password": PASSWORD, "port": samba.port, "connection_cache": cache, "encrypt": True}
    path = f"\\\\127.0.0.1\\second\\{title}".replace("|", "")
    with smbclient.open_file(path, mode="wb", **how) as out:
        out.write(LETTER)
    smbclient.reset_connection_cache(fail_on_error=False, connection_cache=cache)
    made = until(lambda: [each for each in house.jobs() if each["title"].startswith("a_")], 60)[0]
    assert (made["owner"], made["octets"]) == ("alice", len(LETTER))
    assert "'" not in made["title"] and "`" not in made["title"] and not marker.exists()


@pytest.mark.peer("smbd")
@pytest.mark.peer("smbclient")
def test_who_is_no_person_of_the_house_prints_nothing(house: Served, samba: Samba, tmp_path: Path) -> None:
    """Samba lets mallory in; the house does not know the name, and nobody else gets the document."""
    before = len(house.jobs())
    file = tmp_path / f"{uuid.uuid4().hex}.pdf"
    file.write_bytes(LETTER)
    samba.client("secure", f'lcd "{tmp_path}"; print "{file.name}"', user="mallory")
    until(lambda: os.listdir(samba.root / "spool") == [], 60)
    assert len(house.jobs()) == before
    record = "".join(house.ask("audit.export")["lines"])
    assert '"samba.refuse"' in record.replace('\\"', '"') and "NotFound" in record


@pytest.mark.peer("smbd")
@pytest.mark.peer("smbclient")
def test_a_document_that_comes_while_the_house_restarts_is_not_lost(
    house: Served, samba: Samba, tmp_path: Path
) -> None:
    file = tmp_path / "While away.pdf"
    file.write_bytes(LETTER)
    house.kill()
    sending = subprocess.Popen(
        samba.words("secure", f'lcd "{tmp_path}"; print "{file.name}"'),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: os.listdir(samba.root / "spool") != [] or sending.poll() is not None)
    for _ in range(20):  # the hand-over may hold the house for a moment: it serves itself where none runs
        try:
            house.start()
            break
        except AssertionError:
            house.process = None
    made = job(house, "While away.pdf")
    assert made["octets"] == len(LETTER) and sending.wait(60) == 0
    assert len([each for each in house.jobs() if each["title"] == "While away.pdf"]) == 1


def test_documents_that_would_lie_on_a_disk_are_refused(house: Served, tmp_path: Path) -> None:
    on_disk = Path(__file__).parent
    said = house.run("samba", "config", "--spool", str(on_disk))
    assert said.returncode == 1 and b"in memory" in said.stderr


def test_the_part_for_an_smb_conf_that_is_there_names_no_global_section(house: Served) -> None:
    told = house.run("samba", "config", "--spool", "/dev/shm", "--only-printers", "--queue", "secure").stdout.decode()
    assert "[global]" not in told and "[secure]" in told and "[second]" not in told
    assert "comment = 100%% held\n" in told
    assert house.run("samba", "config", "--spool", "/dev/shm", "--queue", "unknown").returncode == 1
