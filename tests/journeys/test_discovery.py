"""Queues found by DNS-SD with the programs people have: Avahi's browser and ippfind, as self-certification looks."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.delivery.conftest import bus
from tests.intake.test_advertising import needs_ipv6
from tests.peers.client import Printing, sample
from tests.peers.office import Office, office_running
from tests.peers.programs import program
from tests.peers.served import serving, until
from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

from frisket.wire import ipp

__all__ = ["bus"]  # a fixture that Avahi needs

pytestmark = [pytest.mark.peer("avahi"), pytest.mark.peer("ippfind")]
HOST = f"printhouse{os.getpid()}"
FOUND = (
    *("service_name", "service_port", "txt_rp", "txt_adminurl", "txt_pdl"),
    *("txt_uuid", "txt_tls", "txt_ty", "txt_note"),
)
AVAHI = """\
[server]
host-name=browsing
use-ipv4=yes
use-ipv6=no
allow-interfaces=lo
enable-dbus=yes
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
[rlimits]
"""


@pytest.fixture(scope="module")
def avahi(bus: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A daemon of this test's own; its file system has a /run of its own, for there may be one per machine."""
    if os.geteuid() != 0:
        pytest.skip("only root can give avahi-daemon a /run of its own")
    file = tmp_path_factory.mktemp("avahi") / "avahi.conf"
    file.write_text(AVAHI)
    start = "mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon && exec "
    start += f"{program('avahi-daemon')} -f {file} --no-chroot --no-drop-root"
    daemon = subprocess.Popen(["unshare", "-m", "sh", "-c", start], stderr=subprocess.PIPE, text=True)
    assert daemon.stderr is not None
    for line in daemon.stderr:
        if "startup complete" in line:
            break
    assert daemon.poll() is None
    yield
    daemon.terminate()
    daemon.wait(10)


@pytest.fixture(scope="module")
def office(avahi: None) -> Iterator[Office]:
    with told_of() as office:
        yield office


@contextmanager
def told_of(**more: str) -> Iterator[Office]:
    settings = {"DISCOVERY__DNS_SD": "true", "DISCOVERY__INTERFACES": "127.0.0.1", "DISCOVERY__HOST": HOST}
    with office_running({**settings, **more}) as office:
        yield office


def found(kind: str) -> list[dict[str, str]]:
    """Everything of that kind on the loopback, as ippfind tells it."""
    told = [f"{{{name}}}" for name in FOUND]
    words = [program("ippfind"), "-T", "2", kind, "-x", program("printf"), "%s\\n", *told, ";"]
    lines = subprocess.run(words, capture_output=True, text=True, timeout=60).stdout.splitlines()
    groups = [lines[at : at + len(FOUND)] for at in range(0, len(lines), len(FOUND))]
    return [dict(zip(FOUND, group, strict=True)) for group in groups]


def of(queue: str, port: int, services: list[dict[str, str]]) -> dict[str, str] | None:
    """By its port too: whoever tests on this machine at the same time announces the same names."""
    return next(
        (each for each in services if each["txt_rp"] == f"ipp/print/{queue}" and int(each["service_port"]) == port),
        None,
    )


def named(office: Office, queue: str, door: str = "ipps", subtype: str = "") -> dict[str, str]:
    service: dict[str, str] = until(lambda: of(queue, office.served.port(door), found(f"_{door}._tcp{subtype}")))
    return service


def as_it_stays(office: Office, door: str) -> dict[str, str]:
    """What is told once the devices are in it: a house that has just begun told of its queue without them."""
    queue = Printing(f"{office.served.urls[door]}/secure", "alice")
    said = queue.send(ipp.Operation.GET_PRINTER_ATTRIBUTES).groups(ipp.Tag.PRINTER_GROUP)[0]
    first = ",".join(said.texts("document-format-supported")[:3])

    def settled() -> dict[str, str] | None:
        service = named(office, "secure", door, ",_print")
        return service if service["txt_pdl"].startswith(first) else None

    service: dict[str, str] = until(settled)
    return service


@pytest.mark.parametrize("door", ["ipp", "ipps"])
def test_a_queue_is_found_and_what_is_told_is_what_it_says_of_itself(office: Office, door: str) -> None:
    service = as_it_stays(office, door)
    assert service["txt_tls"] == "1.3", "the port that begins in clear goes on in TLS"
    # As somebody asks who resolved what was announced: addresses are built from the name the client used.
    told = f"{door}://{HOST}.local:{service['service_port']}/{service['txt_rp']}"
    client = Printing(f"{office.served.urls[door]}/secure", "alice", said_uri=told)
    client.headers["Host"] = f"{HOST}.local:{service['service_port']}"
    said = client.send(ipp.Operation.GET_PRINTER_ATTRIBUTES).groups(ipp.Tag.PRINTER_GROUP)[0]
    assert service["txt_adminurl"] == said.text("printer-more-info")
    assert service["txt_uuid"] == (said.text("printer-uuid") or "").removeprefix("urn:uuid:")
    listed, formats = service["txt_pdl"].split(","), said.texts("document-format-supported")
    assert listed == formats[: len(listed)] and "application/pdf" in listed  # what devices print comes first
    assert len(listed) == len(formats) or len(",".join(formats[: len(listed) + 1])) > 251  # one string has no more room
    assert service["service_name"].startswith(said.text("printer-dns-sd-name") or "?")  # another "secure" makes it -2
    assert service["txt_ty"] == said.text("printer-make-and-model")


def test_a_queue_made_changed_and_removed_is_told_at_once(office: Office) -> None:
    office.served.ask("queue.add", name="annex", location="Annex, 1st floor")
    assert named(office, "annex")["txt_note"] == "Annex, 1st floor"
    office.served.ask("queue.set", name="annex", location="Annex, 2nd floor")
    until(lambda: named(office, "annex")["txt_note"] == "Annex, 2nd floor")
    office.served.ask("queue.remove", name="annex")
    until(lambda: of("annex", office.served.port("ipps"), found("_ipps._tcp")) is None)


def test_the_flagship_reserves_the_name_while_there_is_no_lpd(office: Office) -> None:
    named(office, "secure")
    browsed = subprocess.run(
        [program("avahi-browse"), "-rpt", "_printer._tcp"], capture_output=True, text=True, timeout=30
    ).stdout
    resolved = [line.split(";") for line in browsed.splitlines() if line.startswith("=")]
    assert {line[8] for line in resolved if line[6] == f"{HOST}.local"} == {"0"}


@pytest.mark.requirement("SAFEQ-62")
@pytest.mark.peer("lp")
def test_a_queue_that_was_found_is_printed_to_inside_tls(
    office: Office, tmp_path: Path, client_seen: Callable[..., None]
) -> None:
    plan = sample("a plan")
    (tmp_path / "plan.pdf").write_bytes(plan)
    service = named(office, "secure")
    queue = service["txt_rp"].rpartition("/")[2]
    printed = subprocess.run(
        [program("lp"), "-d", queue, "-U", "alice", "-t", "found it", str(tmp_path / "plan.pdf")],
        env={
            **os.environ,
            "CUPS_SERVER": f"localhost:{service['service_port']}",
            "CUPS_ENCRYPTION": "Always",
            "CUPS_ANYROOT": "yes",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert printed.returncode == 0, printed.stderr
    (view,) = office.served.jobs("alice", "held")
    assert (view["title"], view["door"]) == ("found it", "ipps")
    office.served.print_at(view["number"], "alice", "tls")
    office.served.reaches(view["number"], "ended", "erased")
    owner = "alice, whose stated name the queue believes"
    arrived = office.arrived("tls")[-1]
    client_seen("ippfind, then CUPS lp to what it found", "IPPS", "a PDF of 1 page", owner, sent=plan, arrived=arrived)


@needs_ipv6
def test_a_queue_that_answers_over_ipv6_alone_is_found_and_printed_to() -> None:
    queue = f"six{os.getpid()}"
    told = {"DISCOVERY__DNS_SD": "true", "DISCOVERY__INTERFACES": "lo", "DISCOVERY__HOST": queue}
    with serving({**told, "DOORS__IPP__ADDRESS": "::1", "DOORS__IPPS__ADDRESS": "::1"}) as served:
        served.ask("queue.add", name=queue, hold=True, trust_network=["::1/128"])
        served.person("alice")
        info = resolved(queue)
        assert (info.server, info.port) == (f"{queue}.local.", served.port("ipps"))
        assert info.parsed_addresses(IPVersion.All) == ["::1"]
        client = Printing(f"ipps://[::1]:{info.port}/{info.decoded_properties['rp']}", "alice")
        answer = client.print(sample("by the long address"))
        assert served.job(answer.job)["door"] == "ipps"


def resolved(name: str) -> ServiceInfo:
    """What a client of DNS-SD finds by browsing, and asks for."""
    kind = "_ipps._tcp.local."
    seen: set[str] = set()

    def told(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        seen.add(name)

    with Zeroconf(interfaces=["127.0.0.1"]) as client:
        ServiceBrowser(client, kind, handlers=[told])
        until(lambda: f"{name}.{kind}" in seen, within_s=60)
        info: ServiceInfo = until(lambda: client.get_service_info(kind, f"{name}.{kind}", 1000), within_s=60)
    return info


def test_only_named_queues_are_told(avahi: None) -> None:
    with told_of(DISCOVERY__QUEUES="straight") as office:
        ports = {office.served.port("ipps")}
        here = lambda: [each for each in found("_ipps._tcp") if int(each["service_port"]) in ports]  # noqa: E731
        assert {each["txt_rp"] for each in until(here)} == {"ipp/print/straight"}
    until(lambda: not here())  # it said goodbye


def test_nobody_is_told_at_a_level_that_closes_it(avahi: None) -> None:
    with told_of(HOUSE__LEVEL="medium-high", DISCOVERY__HOST="silent") as office:
        assert "dns-sd" not in office.served.urls
        findings = office.served.cli("doctor")["findings"]
        assert any("DNS-SD" in each["what"] for each in findings)
        port = office.served.port("ipps")
        assert [each for each in found("_ipps._tcp") if int(each["service_port"]) == port] == []
