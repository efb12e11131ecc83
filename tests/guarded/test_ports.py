"""Every socket of a running house, both ways, and who may use the one in its folder."""

import json
import os
import re
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.guarded.browser import Browser
from tests.guarded.conftest import ROOMY, Manor
from tests.peers.client import Printing, sample
from tests.peers.programs import program
from tests.peers.served import Served, serving, until

LISTENS = "0A"


def family(pid: int) -> list[int]:
    """The process and all it has started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def inodes(pid: int) -> set[str]:
    held = set()
    for process in family(pid):
        for file in Path(f"/proc/{process}/fd").iterdir():
            try:
                found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(file))
            except OSError:
                continue
            if found:
                held.add(found[1])
    return held


def sockets(pid: int, kind: str) -> list[list[str]]:
    """The rows of /proc/net about sockets this process holds."""
    held = inodes(pid)
    rows = [line.split() for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]]
    return [row for row in rows if len(row) > 9 and row[9] in held]


def listening(served: Served) -> set[tuple[str, int]]:
    """Addresses as the kernel writes them, and ports."""
    assert served.process is not None
    found = set()
    for kind in ("tcp", "tcp6"):
        for row in sockets(served.process.pid, kind):
            if row[3] == LISTENS:
                address, _, port = row[1].partition(":")
                found.add((address, int(port, 16)))
    return found


def test_the_house_listens_where_it_says_and_nowhere_else(manor: Manor) -> None:
    ports = {manor.served.port(door) for door in ("web", "ipp", "ipps", "lpd", "raw")}
    assert listening(manor.served) == {("0100007F", port) for port in ports}
    said = manor.served.cli("whitepaper")["listeners"]
    assert {int(each["address"].split(":")[2].split("/")[0]) for each in said} == ports
    clear = [each["door"] for each in said if "clear text" in each["encryption"]]
    assert clear == ["ipp", "lpd", "raw"]
    assert manor.served.process is not None
    for kind in ("udp", "udp6", "raw", "raw6"):
        assert sockets(manor.served.process.pid, kind) == []


def test_a_new_house_opens_no_port_in_clear_text(tmp_path: Path) -> None:
    clear = {f"DOORS__{door}__ON": "true" for door in ("IPP", "LPD", "RAW")}
    with serving({**ROOMY, "HOUSE__LEVEL": "medium", **clear}) as served:
        assert len(listening(served)) == 2
        assert set(served.urls) == {"web", "api", "ipps"}
        shut = [each["what"].split()[0] for each in served.ask("doctor")["findings"] if "stays shut" in each["what"]]
        assert shut == ["doors.lpd", "doors.raw"]


@pytest.mark.requirement("OCE-09")
@pytest.mark.parametrize("address, four, six", [("0.0.0.0", True, False), ("::", False, True), ("", True, True)])
def test_every_port_is_there_in_ipv4_in_ipv6_and_in_both(address: str, four: bool, six: bool) -> None:
    doors = {f"DOORS__{door}__ADDRESS": address for door in ("WEB", "IPP", "IPPS", "LPD", "RAW")}
    with serving({**ROOMY, **doors}) as served:
        for door in ("web", "ipp", "ipps", "lpd", "raw"):
            for host, wanted in (("127.0.0.1", four), ("::1", six)):
                with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as peer:
                    assert (peer.connect_ex((host, served.port(door))) == 0) == wanted, (door, host)


@pytest.mark.requirement("SPM-15")
def test_a_port_is_chosen_in_the_settings_and_a_clash_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, serving(ROOMY, start=False) as served:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            free = probe.getsockname()[1]
        served.settings = {**ROOMY, "DOORS__WEB__PORT": str(free)}
        served.start()
        assert served.port("web") == free
        assert Browser(served.urls["web"]).get("/healthz").status == 200
        served.stop()
        port = str(taken.getsockname()[1])
        served.settings = {**ROOMY, "DOORS__WEB__PORT": port}
        done = served.run("serve")
        assert done.returncode != 0
        said = (done.stderr + done.stdout).decode()
        assert port in said and "Traceback" not in said, said[-1500:]


# -- outwards


class Paper:
    """A RAW printer that takes one job after the other."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.settimeout(20)

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def take(self) -> bytes:
        peer, _ = self.sock.accept()
        with peer:
            got = b""
            while piece := peer.recv(65536):
                got += piece
        return got


CALLS = re.compile(r"(?:connect|sendto|sendmsg)\(.*?sa_family=(AF_INET6?), .*?(?:htons\((\d+)\)).*?\"([0-9a-f.:]+)\"")


@pytest.mark.peer("strace")
def test_the_house_calls_its_devices_and_nobody_else(tmp_path: Path) -> None:
    trace = tmp_path / "calls"
    paper = Paper()
    place = ("127.0.0.1", paper.port)
    with paper.sock, serving(ROOMY) as served:
        assert served.process is not None
        watching = subprocess.Popen(
            [
                program("strace"),
                "-fqq",
                "-e",
                "trace=connect,sendto,sendmsg",
                "-o",
                trace,
                "-p",
                str(served.process.pid),
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: "TracerPid:\t0" not in Path(f"/proc/{served.process.pid}/status").read_text(), 10)  # type: ignore[union-attr]
            served.ask("queue.add", name="secure", hold=True, trust_network=["127.0.0.0/8"])
            served.person("alice", password="a quiet walk by the river")
            served.ask("device.add", name="press", uri=f"socket://127.0.0.1:{paper.port}", silence_is_done=True)
            job = Printing(f"{served.urls['ipp']}/secure", "alice").print(sample("outward")).job
            served.reaches(job, "held")
            Browser(served.urls["web"]).sign_in("alice", "a quiet walk by the river")
            served.print_at(job, "alice", "press")
            while b"outward" not in paper.take():
                pass
            served.reaches(job, "ended", "erased", within_s=60)
            time.sleep(2)
        finally:
            watching.terminate()
            watching.wait(10)
    called = {(address, int(port)) for _, port, address in CALLS.findall(trace.read_text())}
    assert called == {place}


# -- the socket in the folder


def control(path: Path, octets: bytes, *, within_s: float = 3.0) -> bytes:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(within_s)
        peer.connect(str(path))
        try:
            peer.sendall(octets)
            peer.shutdown(socket.SHUT_WR)
            return peer.recv(1 << 20)
        except (ConnectionError, TimeoutError):
            return b""


def framed(value: object) -> bytes:
    octets = json.dumps(value).encode()
    return struct.pack(">I", len(octets)) + octets


def test_the_control_socket_and_its_folder_are_for_the_house_alone(manor: Manor) -> None:
    assert (manor.served.data / "control.sock").stat().st_mode & 0o777 == 0o600
    assert manor.served.data.stat().st_mode & 0o777 == 0o700
    for file in manor.served.data.rglob("*"):
        assert file.stat().st_mode & 0o077 == 0 or file.parent.stat().st_mode & 0o077 == 0, file


def test_another_account_is_not_answered_even_where_the_folder_is_open() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    with serving(ROOMY) as served:
        path = served.data / "control.sock"
        assert b"result" in control(path, framed({"command": "health", "values": {}}))
        for place in (served.data.parent, served.data):
            place.chmod(0o755)
        path.chmod(0o666)
        done = subprocess.run(
            [
                program("setpriv"),
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                program("socat"),
                "-t2",
                "-",
                f"UNIX-CONNECT:{path}",
            ],
            input=framed({"command": "person.list", "values": {}}),
            capture_output=True,
            timeout=20,
            cwd="/",
        )
        assert done.stdout == b""
        assert b"result" in control(path, framed({"command": "health", "values": {}}))


@pytest.fixture
def quiet_log(manor: Manor) -> Iterator[None]:
    before = len(manor.served.log.read_text(errors="replace"))
    yield
    said = manor.served.log.read_text(errors="replace")[before:]
    assert "Traceback" not in said and '"exception"' not in said, said[-3000:]


NONSENSE = [
    b"",
    b"\0",
    b"\xff\xff\xff\xff" + b"x" * 100,
    struct.pack(">I", 5) + b"hello",
    struct.pack(">I", 4) + b"\xff\xfe\xfd\xfc",
    framed([]),
    framed("health"),
    framed(None),
    framed({}),
    framed({"command": "health"}),
    framed({"command": "health", "values": []}),
    framed({"command": ["health"], "values": {}}),
    framed({"command": "no.such", "values": {}}),
    struct.pack(">I", 200_000) + b"[" * 200_000,
]


@pytest.mark.parametrize("octets", NONSENSE)
def test_nonsense_at_the_control_socket_gets_no_result_and_leaves_it_working(
    manor: Manor, quiet_log: None, octets: bytes
) -> None:
    path = manor.served.data / "control.sock"
    assert b'"result"' not in control(path, octets)
    assert b'"result"' in control(path, framed({"command": "health", "values": {}}))
