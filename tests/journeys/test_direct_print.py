"""Direct printing: in at a port of the house, out at the printer's own, with nobody and nothing held between."""

import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.journeys.test_lpd_and_raw import free_port
from tests.journeys.test_stores import Api
from tests.peers.client import sample
from tests.peers.lineprinting import backend
from tests.peers.programs import program
from tests.peers.served import Served, serving, until

pytestmark = pytest.mark.xdist_group("real programs")
DOCUMENT = sample("straight through")


@dataclass
class Direct:
    """A house that does nothing else, and a plain printer: socat keeps what comes to its port and says nothing."""

    served: Served
    port: int
    out: int
    folder: Path

    def took(self) -> list[bytes]:
        return [file.read_bytes() for file in self.folder.iterdir()]

    @property
    def settings(self) -> tuple[int, str]:
        """What there is to direct printing: where it comes in, and where it goes out."""
        [queue] = self.served.ask("queue.list")["queues"]
        [device] = self.served.ask("device.list")["devices"]
        return int(queue["uris"]["raw"].rpartition(":")[2]), device["uri"]


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Direct]:
    folder = tmp_path_factory.mktemp("paper")
    port, out = free_port(9200), free_port(9100)
    sink = subprocess.Popen(
        [program("socat"), "-u", f"TCP4-LISTEN:{out},bind=127.0.0.1,reuseaddr,fork", f"SYSTEM:cat > {folder}/$$"],
        stderr=subprocess.DEVNULL,
    )
    try:
        with serving() as served:
            served.person("desk")
            served.ask("device.add", name="laser", uri=f"socket://127.0.0.1:{out}", silence_is_done=True)
            served.ask("queue.add", name="direct", device=["laser"])
            served.ask("queue.set", name="direct", raw_port=port, default_person="desk")
            found = Direct(served, port, out, folder)
            until(lambda: found.settings[0] == port)
            yield found
    finally:
        sink.terminate()
        sink.wait(10)


@pytest.mark.peer("cups-backends", "socat")
@pytest.mark.requirement("SPM-10")
def test_what_comes_in_at_the_houses_port_goes_out_at_the_printers_and_nothing_of_it_stays(
    direct: Direct, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(DOCUMENT)
    done = backend(f"socket://127.0.0.1:{direct.port}", "whoever", "x", letter)
    assert done.status == 0, done.said
    until(lambda: direct.took() == [DOCUMENT])
    [job] = direct.served.jobs()
    direct.served.reaches(job["number"], "erased")
    assert (job["door"], job["owner"]) == ("raw", "desk")


@pytest.mark.peer("cups-backends", "socat")
@pytest.mark.requirement("SPM-59")
def test_two_numbers_are_all_there_is_to_set_and_both_outlive_the_house(direct: Direct, tmp_path: Path) -> None:
    assert direct.settings == (direct.port, f"socket://127.0.0.1:{direct.out}")
    rule = f'ip daddr 127.0.0.1 tcp dport {direct.out} accept comment "laser: RAW"'
    assert direct.served.cli("device", "firewall")["rules"] == [rule]
    direct.served.restart()
    until(lambda: direct.settings[0] == direct.port)
    assert direct.settings == (direct.port, f"socket://127.0.0.1:{direct.out}")
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(DOCUMENT + b"%again\n")
    before = len(direct.took())
    assert backend(f"socket://127.0.0.1:{direct.port}", "whoever", "x", letter).status == 0
    until(lambda: len(direct.took()) > before and letter.read_bytes() in direct.took())
    other = free_port()
    direct.served.ask("queue.set", name="direct", raw_port=other)
    until(lambda: direct.settings[0] == other)
    direct.served.ask("queue.set", name="direct", raw_port=direct.port)
    until(lambda: direct.settings[0] == direct.port)


@pytest.mark.requirement("SPM-60")
def test_where_direct_printing_goes_out_is_read_by_the_house_and_told_to_no_plain_person(direct: Direct) -> None:
    desk = Api(direct.served, "desk")
    status, devices = desk("GET", "/devices")
    assert status == 200 and [each["name"] for each in devices] == ["laser"]
    assert str(direct.out) not in str(devices)
    tls = desk._tls
    for where, body in (("/queues/direct", b'{"raw_port": 1}'), ("/devices/laser", b'{"uri": "socket://127.0.0.1:1"}')):
        headers = {"Authorization": f"Bearer {desk._token}", "Content-Type": "application/json"}
        asked = urllib.request.Request(direct.served.urls["api"] + where, body, headers, method="PATCH")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(asked, context=tls, timeout=60)
    assert direct.settings == (direct.port, f"socket://127.0.0.1:{direct.out}")
