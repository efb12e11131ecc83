"""The process itself: starting, its ready file, stopping, being killed, and clients that only waste its time."""

import json
import os
import resource
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.client import Printing, sample, trusting_anybody
from tests.peers.office import Office, office_running
from tests.peers.served import COMMAND, Served, serving, until

from frisket.wire import ipp

DOCUMENT = sample("it survives", 2)


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    settings = {"LIMITS__HEADER_S": "2", "DELIVERY__FOLLOW_S": "5"}
    with office_running(settings) as office:
        yield office


def test_the_ready_file_is_for_its_owner_and_names_every_open_door(office: Office) -> None:
    served = office.served
    mode = stat.S_IMODE(served.ready_file.stat().st_mode)
    said = json.loads(served.ready_file.read_text())
    assert mode == 0o600
    assert said["pid"] == served.process.pid if served.process else False
    assert set(said["urls"]) == {"web", "api", "ipp", "ipps", "lpd", "raw"}
    assert said["urls"]["ipp"].startswith("ipp://127.0.0.1:") and said["urls"]["ipp"].endswith("/ipp/print")
    assert said["urls"]["api"] == said["urls"]["web"] + "/api/v1"
    assert len(said["setup_token"]) >= 20
    for name in said["urls"]:
        with socket.create_connection(("127.0.0.1", served.port(name)), timeout=5):
            pass


def test_the_data_folder_is_for_the_house_alone(office: Office) -> None:
    data = office.served.data
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for file in data.rglob("*"):
        assert stat.S_IMODE(file.lstat().st_mode) & 0o077 == 0 or file.is_symlink(), file


def test_a_second_process_does_not_open_the_house(office: Office) -> None:
    done = office.served.run("serve")
    assert done.returncode == 1
    assert b"another process has this house open" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_stops_and_keeps_what_waits(how: int) -> None:
    with office_running() as office:
        served = office.served
        number = office.print_held("alice", DOCUMENT)
        assert served.stop(with_signal=how) == 0
        assert not (served.data / "control.sock").exists()
        served.start()
        assert served.job(number)["state"] == "held"
        served.print_at(number, "alice", "plain")
        served.reaches(number, "erased")
        assert office.arrived("plain") == [DOCUMENT]


def test_killed_in_the_middle_it_loses_nothing_that_was_acknowledged(office: Office) -> None:
    served, acknowledged = office.served, []
    stop = threading.Event()

    def print_on() -> None:
        client = office.client("alice")
        while not stop.is_set():
            try:
                acknowledged.append(client.print(DOCUMENT).job)
            except (OSError, AssertionError, EOFError):
                return
            except Exception as error:  # the connection died with the process
                assert "Remote" in type(error).__name__ or "HTTP" in type(error).__name__, error
                return

    clients = [threading.Thread(target=print_on) for _ in range(4)]
    for client in clients:
        client.start()
    until(lambda: len(acknowledged) > 40)
    served.kill()
    stop.set()
    for client in clients:
        client.join()
    served.start()
    waiting = {job["number"] for job in served.jobs("alice", "held")}
    assert set(acknowledged) <= waiting
    assert served.ask("audit.verify")["ok"]
    served.print_at(acknowledged[-1], "alice", "tls")
    served.reaches(acknowledged[-1], "erased")
    assert office.arrived("tls")[-1] == DOCUMENT


def test_killed_while_sending_it_prints_no_second_time_by_itself(office: Office) -> None:
    served, document = office.served, sample("in the middle", 300)
    office.lab.put("plain", "slow 20000")
    number = office.print_held("alice", document)
    served.print_at(number, "alice", "plain")
    until(lambda: any(each["first_octet_at"] for each in served.job(number)["attempts"]))
    served.kill()
    office.lab.clear("plain")
    served.start()
    assert served.reaches(number, "uncertain", within_s=60)["why"] == "crashed"
    time.sleep(2)
    assert served.job(number)["state"] == "uncertain"
    assert office.arrived("plain").count(document) == 0
    assert "may have printed" in served.explained(number)["now"]


def test_parts_of_a_house_need_a_database_they_can_share() -> None:
    with serving(start=False) as served:
        done = served.run("serve", "--only", "doors")
        assert done.returncode == 1 and b"database" in done.stderr
        done = served.run("serve", "--only", "kitchen")
        assert done.returncode != 0 and b"there is no part kitchen" in done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"LIMITS__JOB_BYTE": "7"}, b"did you mean limits.job_bytes"),
        ({"LIMITS__JOB_BYTES": "many"}, b"limits.job_bytes"),
        ({"DOORS__WEB__PORT": "70000"}, b"doors.web.port"),
    ],
)
def test_a_setting_that_is_wrong_is_named(settings: dict[str, str], words: bytes) -> None:
    with serving(settings, start=False) as served:
        done = served.run("serve")
        assert done.returncode == 1 and words in done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.requirement("SPM-15")
def test_ports_are_chosen_in_the_settings_and_a_clash_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, serving(start=False) as served:
        port = taken.getsockname()[1]
        served.settings = {"DOORS__WEB__PORT": str(port)}
        done = served.run("serve")
        assert done.returncode == 1, done.stderr
        assert str(port).encode() in done.stderr and b"Traceback" not in done.stderr
        taken.close()
        served.start()
        assert served.port("web") == port


def test_a_house_is_made_once(tmp_path: Path) -> None:
    with serving(start=False) as served:
        done = served.run("init")
        assert done.returncode == 1 and b"there is a house in this folder already" in done.stderr
    nowhere = Served(tmp_path / "nothing")
    done = nowhere.run("job", "list")
    assert done.returncode == 1 and b"there is no house" in done.stderr
    assert COMMAND[-1] == "frisket"


# -- clients that waste time


def test_a_header_that_never_ends_is_cut_off(office: Office) -> None:
    peer = socket.create_connection(("127.0.0.1", office.served.port("ipp")), timeout=20)
    peer.sendall(b"POST /ipp/print/secure HTTP/1.1\r\nHost: x\r\n")
    try:
        until(lambda: _cut_off(peer, b"X-More: and more\r\n"), 60, 0.3)
    finally:
        peer.close()


def test_a_header_that_is_too_long_is_refused(office: Office) -> None:
    peer = socket.create_connection(("127.0.0.1", office.served.port("ipp")), timeout=10)
    try:
        peer.sendall(b"POST /ipp/print/secure HTTP/1.1\r\nHost: x\r\n")
        for _ in range(200):
            peer.sendall(b"X-Long: " + b"a" * 1000 + b"\r\n")
        said = peer.recv(4096)
    except OSError:
        said = b""
    assert said == b"" or b" 431 " in said or b" 400 " in said
    peer.close()


def test_two_hundred_slow_clients_hinder_nobody(office: Office) -> None:
    """Above the cap of waiting connections the one that waited longest goes, never a working one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 1024)), hard))
    slow = []
    try:
        for _ in range(200):
            peer = socket.create_connection(("127.0.0.1", office.served.port("ipp")), timeout=5)
            peer.sendall(b"POST /ipp/print/secure HTTP/1.1\r\nHo")
            slow.append(peer)
        for _ in range(20):  # how long they wait is the benchmark's to say
            assert office.client("alice").print(DOCUMENT).status < 0x0100
        for peer in slow:
            peer.setblocking(False)
        assert sum(_is_open(peer) for peer in slow) <= 64
    finally:
        for peer in slow:
            peer.close()


def _is_open(peer: socket.socket) -> bool:
    try:
        return peer.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_a_body_that_trickles_is_cut_off_at_each_door_of_documents(office: Office) -> None:
    client, before = office.client("alice"), len(office.served.jobs("", "held"))
    printing = socket.create_connection(("127.0.0.1", office.served.port("ipp")), timeout=30)
    head = b"POST /ipp/print/secure HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
    printing.sendall(head + b"Content-Length: 500000\r\n\r\n" + client.message(ipp.Operation.PRINT_JOB))
    plain = socket.create_connection(("127.0.0.1", office.served.port("web")), timeout=30)
    uploading = trusting_anybody().wrap_socket(plain, server_hostname="localhost")
    head = b"POST /api/v1/jobs?queue=secure HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pdf\r\n"
    token = office.served.ask("person.token", name="alice")["token"].encode()
    uploading.sendall(head + b"Authorization: Bearer " + token + b"\r\nContent-Length: 500000\r\n\r\n%PDF-1.4\n")
    try:
        for peer in (printing, uploading):
            until(lambda peer=peer: _cut_off(peer), 60, 0.3)
    finally:
        printing.close(), uploading.close()
    assert len(office.served.jobs("", "held")) == before


def _cut_off(peer: socket.socket, octets: bytes = b"slowly") -> bool:
    """Whether one who goes on slowly has been closed out."""
    try:
        peer.sendall(octets)
    except OSError:
        return True
    return False


def files_in_spool(office: Office) -> int:
    """Octets of documents that lie in the spool, whatever state their jobs are in."""
    return sum(file.stat().st_size for file in (office.served.data / "spool").rglob("*") if file.is_file())


@pytest.mark.parametrize("where", ["ipp", "upload"])
def test_an_upload_that_breaks_off_leaves_nothing(office: Office, where: str) -> None:
    before, jobs = files_in_spool(office), len(office.served.jobs())
    if where == "ipp":
        client = office.client("alice")
        port, body = office.served.port("ipp"), client.message(ipp.Operation.PRINT_JOB) + bytes(5_000_000)
        head = f"POST /ipp/print/secure HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/ipp\r\n"
        peer = socket.create_connection(("127.0.0.1", port))
    else:
        port, body = office.served.port("web"), bytes(5_000_000)
        head = f"POST /api/v1/jobs?queue=secure HTTP/1.1\r\nHost: localhost:{port}\r\n"
        head += f"Authorization: Bearer {office.served.ask('person.token', name='alice')['token']}\r\n"
        head += "Content-Type: application/pdf\r\n"
        plain = socket.create_connection(("127.0.0.1", port))
        peer = trusting_anybody().wrap_socket(plain, server_hostname="localhost")
    peer.sendall(head.encode() + b"Content-Length: 25000000\r\n\r\n" + body)
    until(lambda: files_in_spool(office) > before)
    peer.close()
    until(lambda: files_in_spool(office) == before)
    assert len(office.served.jobs()) == jobs


# -- a large job


def test_a_gigabyte_passes_through_in_bounded_memory(office: Office) -> None:
    size, piece = 1 << 30, os.urandom(1 << 20)
    room = os.statvfs(office.served.data)
    if room.f_bavail * room.f_frsize < 5 * size:
        pytest.skip("not enough room on the disk for a gigabyte twice")
    served, client = office.served, Printing(f"{office.served.urls['ipp']}/secure", "alice", timeout=240)
    client.print(DOCUMENT)  # whatever is loaded for the first job is loaded now
    before, most, done = served.resident_kib(), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, served.resident_kib())
            time.sleep(0.05)

    def pieces() -> Iterator[bytes]:
        yield client.message(
            ipp.Operation.PRINT_JOB, ipp.attribute("document-format", ipp.mime("application/octet-stream"))
        )
        for _ in range(size // len(piece)):
            yield piece

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        answer = client.octets(pieces(), chunked=True)
    finally:
        done.set()
        watching.join()
    assert served.job(answer.job)["octets"] == size
    assert most - before < 100 * 1024, f"grew by {most - before} KiB"
    served.ask("job.cancel", job=str(answer.job))
    served.reaches(answer.job, "erased", within_s=60)
