"""The programs of CUPS, directly and through a cupsd of their own, with ippeveprinter as the device."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.delivery.conftest import Eve, bus, eve_running, free_port
from tests.peers.client import sample
from tests.peers.office import Office
from tests.peers.programs import Cups, cups_client, cups_running, number_of, program
from tests.peers.recording import recording, recording_inside_tls
from tests.peers.served import until

__all__ = ["bus"]  # a fixture that eve needs

pytestmark = pytest.mark.peer("cups")
PAGES = (1, 1000)
ClientSeen = Callable[..., None]
EVERYWHERE = "cupsd with an `everywhere` queue (`lpadmin -m everywhere`)"
STATED = "alice, whose stated name the queue believes"


@pytest.fixture(scope="module")
def eve(bus: None, office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Eve]:
    """ippeveprinter, adopted twice: eve over IPP and eves over IPPS."""
    with eve_running(tmp_path_factory.mktemp("eve")) as printer:
        office.served.ask("device.add", name="eve", uri=printer.ipp)
        added = office.served.ask("device.add", name="eves", uri=printer.ipps)
        assert added["certificate_sha256"]
        yield printer


@pytest.fixture(scope="module")
def cups(office: Office) -> Iterator[Cups]:
    with cups_running() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    made = {}
    for pages in PAGES:
        made[pages] = tmp_path_factory.mktemp("documents") / f"{pages}.pdf"
        made[pages].write_bytes(sample("annual report", pages))
    return made


def everywhere(cups: Cups, name: str, uri: str) -> None:
    """A driverless queue; cupsd asks the printer and writes its description in the background."""
    cups.add_queue(name, uri)
    until(lambda: (cups.root / "etc" / "ppd" / f"{name}.ppd").exists())


def printed_at(eve: Eve, office: Office, number: int, device: str) -> bytes:
    """Release a job at ippeveprinter; the octets it kept."""
    before = len(eve.printed())
    office.served.print_at(number, "alice", device)
    done = office.served.reaches(number, "erased")
    assert done["outcome"] == "printed"
    kept = eve.printed()
    assert len(kept) == before + 1
    return kept[-1]


def waits(office: Office, title: str) -> int:
    """The number of the held job of that title, as soon as it is there."""
    found = until(lambda: [job for job in office.served.jobs("alice", "held") if job["title"] == title])
    return int(found[0]["number"])


@pytest.mark.requirement("SPM-47", "PREP-23", "SAFEQ-79")
@pytest.mark.peer("lp")
@pytest.mark.peer("ippeveprinter")
@pytest.mark.parametrize("device", ["eve", "eves"])
@pytest.mark.parametrize("pages", PAGES)
def test_lp_prints_directly_and_the_very_octets_arrive(
    office: Office, eve: Eve, files: dict[int, Path], client_seen: ClientSeen, pages: int, device: str
) -> None:
    server = f"127.0.0.1:{office.served.port('ipp')}"
    number = number_of(cups_client(server, "lp", "-d", "secure", "-U", "alice", str(files[pages])))
    assert until(lambda: office.served.job(number)["pages"]) == pages
    sent = files[pages].read_bytes()
    arrived = printed_at(eve, office, number, device)
    client_seen("CUPS lp", "IPP", f"a PDF of {pages} page{'s' * (pages > 1)}", STATED, sent=sent, arrived=arrived)


@pytest.mark.requirement("SPM-47")
@pytest.mark.peer("lpr")
@pytest.mark.peer("ippeveprinter")
def test_lpr_of_cups_prints_directly_and_the_very_octets_arrive(
    office: Office, eve: Eve, files: dict[int, Path], client_seen: ClientSeen
) -> None:
    server = f"127.0.0.1:{office.served.port('ipp')}"
    cups_client(server, "lpr", "-P", "secure", "-U", "alice", "-T", "by lpr", str(files[1]))
    arrived = printed_at(eve, office, waits(office, "by lpr"), "eve")
    client_seen("CUPS lpr", "IPP", "a PDF of 1 page", STATED, sent=files[1].read_bytes(), arrived=arrived)


@pytest.mark.requirement("SAFEQ-53", "SAFEQ-76")
@pytest.mark.peer("lp")
def test_lp_prints_directly_inside_tls(office: Office, files: dict[int, Path]) -> None:
    server = f"localhost:{office.served.port('ipps')}"
    said = subprocess.run(
        [program("lp"), "-d", "secure", "-U", "alice", "-t", "inside TLS", str(files[1])],
        env={**os.environ, "CUPS_SERVER": server, "CUPS_ENCRYPTION": "Always", "CUPS_ANYROOT": "yes"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    assert office.served.job(number_of(said.stdout))["door"] == "ipps"


@pytest.mark.peer("cupsd")
@pytest.mark.peer("ippeveprinter")
@pytest.mark.parametrize("door", ["ipp", "ipps"])
@pytest.mark.parametrize("pages", PAGES)
def test_what_a_driverless_queue_of_cupsd_passes_through_arrives_unchanged(
    office: Office, eve: Eve, cups: Cups, files: dict[int, Path], client_seen: ClientSeen, door: str, pages: int
) -> None:
    everywhere(cups, f"plain{door}", f"{office.served.urls[door]}/secure")
    title = f"{pages} pages over {door}"
    cups.run("lp", "-d", f"plain{door}", "-U", "alice", "-t", title, "-o", "raw", str(files[pages]))
    number = waits(office, title)
    assert office.served.job(number)["door"] == door
    device = "eves" if door == "ipps" else "eve"
    printed = f"a PDF of {pages} page{'s' * (pages > 1)}, passed through"
    arrived = printed_at(eve, office, number, device)
    client_seen(EVERYWHERE, door.upper(), printed, STATED, sent=files[pages].read_bytes(), arrived=arrived)


@pytest.mark.peer("cupsd")
@pytest.mark.peer("ippeveprinter")
@pytest.mark.peer("socat")
@pytest.mark.parametrize("door", ["ipp", "ipps"])
@pytest.mark.parametrize("pages", PAGES)
def test_what_the_filters_of_cupsd_made_arrives_unchanged(
    office: Office,
    eve: Eve,
    cups: Cups,
    files: dict[int, Path],
    client_seen: ClientSeen,
    tmp_path: Path,
    door: str,
    pages: int,
) -> None:
    """An everywhere queue writes the PDF anew; what it sent to us is what the device gets."""
    port = office.served.port(door)
    with recording(port) if door == "ipp" else recording_inside_tls(port, tmp_path) as recorder:
        # By another name than the house: cupsd remembers whose certificate belongs to a name.
        everywhere(cups, f"seen{door}{pages}", f"{door}://localhost:{recorder.port}/ipp/print/secure")
        title = f"{pages} pages through filters over {door}"
        cups.run("lp", "-d", f"seen{door}{pages}", "-U", "alice", "-t", title, str(files[pages]))
        number = waits(office, title)
        assert office.served.job(number)["door"] == door
        assert until(lambda: office.served.job(number)["pages"]) == pages
        sent = recorder.documents()[-1]
    assert sent.startswith(b"%PDF-")
    arrived = printed_at(eve, office, number, "eves" if door == "ipps" else "eve")
    printed = f"a PDF of {pages} page{'s' * (pages > 1)}, as its filters wrote it"
    client_seen(EVERYWHERE, door.upper(), printed, STATED, sent=sent, arrived=arrived)


@pytest.mark.peer("cupsd")
def test_options_of_a_driverless_queue_come_through(office: Office, cups: Cups, files: dict[int, Path]) -> None:
    everywhere(cups, "optional", f"{office.served.urls['ipp']}/secure")
    cups.run(
        "lp", "-d", "optional", "-U", "alice", "-t", "both sides", "-n", "2", "-o", "sides=two-sided-long-edge",
        "-o", "print-color-mode=monochrome", str(files[1]),
    )  # fmt: skip
    view = office.served.job(waits(office, "both sides"))
    assert view["options"]["sides"] == "two-sided-long-edge"
    assert view["options"]["color_mode"] == "monochrome"
    assert view["copies"] == 2


@pytest.mark.peer("lpstat")
def test_lpstat_finds_the_queues_and_the_default(office: Office) -> None:
    server = f"127.0.0.1:{office.served.port('ipp')}"
    said = cups_client(server, "lpstat", "-t")
    assert "scheduler is running" in said
    assert "system default destination: secure" in said
    assert "printer straight is idle" in said
    assert "secure accepting requests" in said


@pytest.mark.requirement("SAFEQ-104", "OCE-182")
@pytest.mark.peer("lpstat")
@pytest.mark.peer("lpq")
def test_clients_list_only_the_jobs_of_who_is_asking(office: Office, files: dict[int, Path]) -> None:
    server = f"127.0.0.1:{office.served.port('ipp')}"
    mine = number_of(cups_client(server, "lp", "-d", "secure", "-U", "alice", "-t", "her own", str(files[1])))
    other = number_of(cups_client(server, "lp", "-d", "secure", "-U", "bob", "-t", "not hers", str(files[1])))
    seen = cups_client(server, "lpstat", "-U", "alice", "-o")
    assert f"secure-{mine} " in seen and f"secure-{other} " not in seen
    listed = cups_client(server, "lpq", "-P", "secure", "-U", "bob")
    assert "not hers" in listed and "her own" not in listed


@pytest.mark.requirement("SPM-06")
@pytest.mark.peer("cancel")
def test_cancel_deletes_an_own_job_and_no_other(office: Office, files: dict[int, Path]) -> None:
    server = f"127.0.0.1:{office.served.port('ipp')}"
    number = number_of(cups_client(server, "lp", "-d", "secure", "-U", "alice", str(files[1])))
    refused = cups_client(server, "cancel", "-U", "bob", f"secure-{number}", check=False)
    assert refused and office.served.job(number)["state"] == "held"
    cups_client(server, "cancel", "-U", "alice", f"secure-{number}")
    assert office.served.reaches(number, "erased")["outcome"] == "cancelled"


@pytest.mark.peer("cancel")
def test_cancel_minus_a_deletes_all_of_a_persons_jobs(office: Office, files: dict[int, Path]) -> None:
    server = f"127.0.0.1:{office.served.port('ipp')}"
    mine = [number_of(cups_client(server, "lp", "-d", "secure", "-U", "alice", str(files[1]))) for _ in range(3)]
    other = number_of(cups_client(server, "lp", "-d", "secure", "-U", "bob", str(files[1])))
    cups_client(server, "cancel", "-a", "-U", "alice", "-u", "alice", "secure")
    for number in mine:
        office.served.reaches(number, "erased")
    assert office.served.job(other)["state"] == "held"


@pytest.mark.peer("lp")
def test_several_files_of_one_lp_are_one_job(office: Office, files: dict[int, Path]) -> None:
    server = f"127.0.0.1:{office.served.port('ipp')}"
    number = number_of(cups_client(server, "lp", "-d", "secure", "-U", "alice", str(files[1]), str(files[1])))
    view = until(lambda: (job := office.served.job(number))["pages"] and job)
    assert (view["documents"], view["pages"]) == (2, 2)
    office.served.print_at(number, "alice", "plain")
    office.served.reaches(number, "erased")
    assert office.arrived("plain")[-2:] == [files[1].read_bytes()] * 2


@pytest.mark.peer("lp")
def test_an_unknown_user_reads_what_to_do(office: Office, files: dict[int, Path]) -> None:
    server = f"127.0.0.1:{office.served.port('ipp')}"
    said = cups_client(server, "lp", "-d", "secure", "-U", "mallory", str(files[1]), check=False)
    assert "does not know the user name your computer sent" in said
    assert "personal queue address" in said


@pytest.mark.requirement("SPM-09")
@pytest.mark.peer("lp")
@pytest.mark.peer("nc")
def test_lp_through_a_queue_that_holds_nothing_reaches_a_plain_raw_port(
    office: Office, files: dict[int, Path], tmp_path: Path
) -> None:
    """Printer without a word of PJL: netcat writes to a file what comes on its port."""
    kept, port = tmp_path / "raw.prn", free_port()
    office.served.ask("device.add", name="netcat", uri=f"socket://127.0.0.1:{port}", silence_is_done=True)
    office.served.ask("queue.add", name="paper", trust_network=["127.0.0.0/8"], device=["netcat"])
    with kept.open("wb") as out:
        sink = subprocess.Popen([program("nc"), "-lN", "127.0.0.1", str(port)], stdin=subprocess.DEVNULL, stdout=out)
    try:
        server = f"127.0.0.1:{office.served.port('ipp')}"
        number = number_of(cups_client(server, "lp", "-d", "paper", "-U", "alice", str(files[1])))
        office.served.reaches(number, "erased")
    finally:
        sink.kill()
        sink.wait(5)
    assert kept.read_bytes() == files[1].read_bytes()
