"""What travels between the house and its peers: recorded octet by octet, and looked into."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.client import Printing, post, sample
from tests.peers.office import Office
from tests.peers.programs import program
from tests.peers.recording import recording

from frisket import lab
from frisket.wire import ipp

MARK = "canary-on-the-wire-31c7"
WORDS = tuple(word.encode() for word in (MARK, "Title-9f3a", "alice"))


@pytest.fixture(scope="module")
def authority(office: Office) -> Iterator[Path]:
    """The house's own authority, as an operator hands it to clients."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ca.pem"
        file.write_bytes(office.served.run("ca").stdout)
        yield file


@pytest.mark.requirement("SAFEQ-76", "SAFEQ-79")
def test_in_tls_nothing_of_a_job_is_readable_on_its_way_in_or_out(office: Office) -> None:
    document = sample(MARK, 5)
    with recording(office.served.port("ipps")) as way_in, recording(office.lab["tls"].port) as way_out:
        uri = f"ipps://127.0.0.1:{way_in.port}/ipp/print/secure"
        number = Printing(uri, "alice").print(document, title="Title-9f3a").job
        office.served.ask("device.add", name="seen", uri=f"ipps://127.0.0.1:{way_out.port}/ipp/print")
        office.served.print_at(number, "alice", "seen")
        office.served.reaches(number, "erased")
        assert office.arrived("tls")[-1] == document
        for sent in (*way_in.sent, *way_out.sent):
            assert not any(word in sent for word in WORDS)
        assert sum(map(len, way_out.sent)) > len(document), "the document did pass here"


@pytest.mark.requirement("SAFEQ-96")
def test_an_upload_is_readable_to_nobody_on_its_way(office: Office) -> None:
    token = office.served.ask("person.token", name="alice")["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/pdf"}
    with recording(office.served.port("web")) as recorder:
        url = f"https://127.0.0.1:{recorder.port}/api/v1/jobs?queue=secure&title=Title-9f3a"
        status, body = post(url, sample(MARK), headers)
        assert status == 201, body
        octets = b"".join(recorder.sent)
    assert len(octets) > 500
    assert not any(word in octets for word in (*WORDS, token.encode()))


def test_the_recorder_finds_these_words_where_nothing_hides_them(office: Office) -> None:
    with recording(office.served.port("ipp")) as recorder:
        uri = f"ipp://127.0.0.1:{recorder.port}/ipp/print/secure"
        Printing(uri, "alice").print(sample(MARK), title="Title-9f3a")
        octets = b"".join(recorder.sent)
    assert all(word in octets for word in WORDS)


def test_to_a_device_go_the_document_and_no_title(office: Office) -> None:
    """Titles never leave the house, whatever the device would show of them."""
    document = sample("plain words")
    with recording(office.lab["plain"].port) as recorder:
        office.served.ask("device.add", name="watched", uri=f"ipp://127.0.0.1:{recorder.port}/ipp/print")
        number = office.print_held("alice", document, title="Title-9f3a")
        office.served.print_at(number, "alice", "watched")
        office.served.reaches(number, "erased")
        octets = b"".join(recorder.sent)
    assert document in octets or document[:200] in octets
    assert b"Title-9f3a" not in octets


@pytest.mark.requirement("SAFEQ-63")
@pytest.mark.peer("curl")
def test_a_client_that_trusts_the_houses_authority_needs_no_exception(office: Office, authority: Path) -> None:
    url = f"{office.served.urls['web']}/healthz"
    for host in ("127.0.0.1", "localhost"):
        good = subprocess.run(
            [program("curl"), "-sS", "--cacert", str(authority), url.replace("127.0.0.1", host)], capture_output=True
        )
        assert good.stdout == b"ok\n", good.stderr
    bad = subprocess.run([program("curl"), "-sS", url], capture_output=True)
    assert bad.returncode == 60, "curl: the certificate cannot be authenticated with known authorities"


@pytest.mark.requirement("SAFEQ-53")
@pytest.mark.peer("ipptool")
def test_ipptool_asks_a_queue_inside_tls(office: Office) -> None:
    uri = f"ipps://localhost:{office.served.port('ipps')}/ipp/print/secure"
    suite = "/usr/share/cups/ipptool/get-printer-attributes.test"
    done = subprocess.run([program("ipptool"), "-tI", uri, suite], capture_output=True, text=True, timeout=60)
    assert "[PASS]" in done.stdout, done.stdout + done.stderr


@pytest.mark.requirement("OCE-167")
@pytest.mark.peer("openssl")
def test_https_works_from_the_first_start_with_a_certificate_that_names_the_house(office: Office) -> None:
    port = office.served.port("web")
    shown = subprocess.run(
        [program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}"], input=b"", capture_output=True, timeout=20
    )
    told = subprocess.run(
        [program("openssl"), "x509", "-noout", "-subject", "-ext", "subjectAltName"],
        input=shown.stdout,
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert re.search(r"subject=O ?= ?Frisket, OU ?= ?[^,]+, CN ?= ?localhost", told)
    assert "DNS:localhost" in told and "IP Address:127.0.0.1" in told


@pytest.mark.requirement("SPM-58", "SAFEQ-84")
def test_pages_and_api_answer_inside_tls_only(office: Office) -> None:
    plain = f"http://127.0.0.1:{office.served.port('ipp')}"
    for path in ("/", "/sign-in", "/setup", "/api/v1/jobs", "/terminal/tls", "/static/web/site.css"):
        done = subprocess.run(
            [program("curl"), "-s", "-o", os.devnull, "-w", "%{http_code}", plain + path], capture_output=True
        )
        assert done.stdout == b"404", path
    inside = subprocess.run([program("curl"), "-sk", f"{office.served.urls['web']}/sign-in"], capture_output=True)
    assert b"<form" in inside.stdout


@pytest.mark.requirement("PREP-42")
def test_every_port_that_listens_is_in_the_white_paper(office: Office) -> None:
    assert office.served.process is not None
    told = office.served.ask("whitepaper")
    listed = {int(each["address"].split(":")[2].split("/")[0]) for each in told["listeners"]}
    inodes = set()
    for link in Path(f"/proc/{office.served.process.pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(link).removeprefix("socket:[").rstrip("]"))
        except FileNotFoundError:
            pass
    open_ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            row = line.split()
            if row[3] == "0A" and row[9] in inodes:
                open_ports.add(int(row[1].rpartition(":")[2], 16))
    assert open_ports == listed and len(listed) == len(told["listeners"]) >= 3


@pytest.mark.requirement("PREP-24")
def test_a_queue_offers_what_the_device_behind_it_can_do(office: Office) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        lab.running(Path(folder), lab.DevicePlan("mono", lab.Door.IPP, lab.Make.MONO)) as devices,
    ):
        office.served.ask("device.add", name="mono", uri=devices.uri("mono"))
        office.served.ask("queue.add", name="grey", device=["mono"], hold=True, trust_network=["127.0.0.0/8"])
        office.served.ask("queue.add", name="colour", device=["tls"], hold=True, trust_network=["127.0.0.0/8"])
        offered = {}
        for queue in ("grey", "colour"):
            client = Printing(f"{office.served.urls['ipp']}/{queue}", "alice")
            offered[queue] = client.send(ipp.Operation.GET_PRINTER_ATTRIBUTES).groups(ipp.Tag.PRINTER_GROUP)[0]
    grey, colour = offered["grey"], offered["colour"]
    assert (grey.boolean("color-supported"), colour.boolean("color-supported")) == (False, True)
    assert "color" not in grey.texts("print-color-mode-supported")
    assert "two-sided-long-edge" in colour.texts("sides-supported")
    assert len(colour.values("finishings-supported")) > len(grey.values("finishings-supported"))
    assert "iso_a3_297x420mm" in colour.texts("media-supported")
    assert "iso_a3_297x420mm" not in grey.texts("media-supported")
