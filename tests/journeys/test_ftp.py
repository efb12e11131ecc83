"""Printing by FTP with clients that are not ours: curl, Python's ftplib, and the store reader of another house."""

import ftplib
import io
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.peers.client import sample, trusting_anybody
from tests.peers.office import Office, office_running
from tests.peers.programs import program
from tests.peers.served import Served, serving, until

pytestmark = pytest.mark.xdist_group("real programs")
ClientSeen = Callable[..., None]
DOCUMENT = sample("put into a folder")
PASSWORD = "a quiet walk by the river"
SIGNED_IN = "alice, by name and password"
ON = {"DOORS__FTP__ON": "true", "DOORS__FTP__PORT": "0", "DOORS__FTP__PASSIVE_PORT": "0"}
ON |= {"DOORS__FTP__ADDRESS": "127.0.0.1"}


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with office_running(ON) as office:
        office.served.ask("person.password", name="alice", password=PASSWORD)
        yield office


@pytest.fixture(scope="module")
def medium() -> Iterator[Served]:
    with serving({**ON, "HOUSE__LEVEL": "medium"}) as served:
        served.ask("queue.add", name="secure", hold=True)
        served.person("alice", password=PASSWORD)
        served.person("bob", password=PASSWORD)
        yield served


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "Brief an Müller.pdf"
    path.write_bytes(DOCUMENT)
    return path


def curl(port: int, *words: str, where: str = "secure/", user: str = f"alice:{PASSWORD}") -> tuple[int, str]:
    command = [program("curl"), "-sSvk", "--max-time", "60", "--user", user, *words, f"ftp://127.0.0.1:{port}/{where}"]
    done = subprocess.run(command, capture_output=True, timeout=90)
    return done.returncode, (done.stderr + done.stdout).decode(errors="replace")


def newest(served: Served) -> dict[str, Any]:
    return served.jobs()[0]


class ReusingTls(ftplib.FTP_TLS):
    """As careful clients do: the data connection goes on with the TLS session of the control one."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        sock, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.context.wrap_socket(sock, session=self.sock.session), size


def client(served: Served, name: str = "alice", *, tls: type[ftplib.FTP_TLS] = ReusingTls) -> ftplib.FTP_TLS:
    found = tls(context=trusting_anybody(), timeout=60)
    found.connect("127.0.0.1", served.port("ftp"))
    found.login(name, PASSWORD)
    found.prot_p()
    return found


# -- a file that is put into a folder is a job


@pytest.mark.peer("curl")
@pytest.mark.requirement("OCE-51", "OCE-60")
@pytest.mark.parametrize("mode", ["--ftp-pasv", "--ssl-reqd"])
def test_what_curl_puts_into_a_folder_is_its_persons_job_in_that_queue(
    office: Office, letter: Path, client_seen: ClientSeen, mode: str
) -> None:
    status, said = curl(office.served.port("ftp"), mode, "-T", str(letter))
    assert status == 0, said
    made = newest(office.served)
    assert (made["owner"], made["door"], made["title"]) == ("alice", "ftp", letter.name)
    assert (made["state"], made["octets"]) == ("held", len(DOCUMENT))
    assert f"226 Job {made['number']} is in the queue secure" in said
    before = len(office.arrived("raw"))
    office.served.print_at(made["number"], "alice", "raw")
    arrived = until(lambda: office.arrived("raw")[before:])[0]
    door = "FTP with TLS" if mode == "--ssl-reqd" else "FTP"
    client_seen("curl", door, "a PDF", SIGNED_IN, sent=DOCUMENT, arrived=arrived)


@pytest.mark.peer("lftp")
@pytest.mark.requirement("OCE-51", "OCE-60")
@pytest.mark.parametrize("level", ["normal", "medium"])
def test_lftp_puts_a_document_into_a_folder(
    office: Office, medium: Served, letter: Path, client_seen: ClientSeen, level: str
) -> None:
    served = medium if level == "medium" else office.served
    tls = "true" if level == "medium" else "false"
    wishes = [f"set ftp:ssl-allow {tls}", f"set ftp:ssl-force {tls}", f"set ftp:ssl-protect-data {tls}"]
    wishes += [
        "set ssl:verify-certificate no",
        "set net:max-retries 1",
        f"put -O secure '{letter}'",
        "ls secure",
        "bye",
    ]
    where = f"ftp://127.0.0.1:{served.port('ftp')}"
    words = [program("lftp"), "-u", f"alice,{PASSWORD}", "-e", "; ".join(wishes), where]
    done = subprocess.run(words, capture_output=True, timeout=90, env={"HOME": str(letter.parent), "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stderr.decode()
    made = newest(served)
    assert (made["owner"], made["door"], made["title"]) == ("alice", "ftp", letter.name)
    assert f"{made['number']} {letter.name}" in done.stdout.decode()
    if level == "normal":
        before = len(office.arrived("raw"))
        served.print_at(made["number"], "alice", "raw")
        arrived = until(lambda: office.arrived("raw")[before:])[0]
        client_seen("lftp", "FTP", "a PDF", SIGNED_IN, sent=DOCUMENT, arrived=arrived)


@pytest.mark.requirement("OCE-60")
def test_ftplib_prints_inside_tls_looks_and_is_shown_its_own_jobs_only(medium: Served, letter: Path) -> None:
    alice, bob = client(medium), client(medium, "bob")
    bob.storbinary("STOR /secure/his.pdf", io.BytesIO(DOCUMENT))
    assert alice.nlst() == ["secure"]
    alice.cwd("secure")
    said = alice.storbinary(f"STOR {letter.name}", io.BytesIO(DOCUMENT))
    made = newest(medium)
    assert said.startswith(f"226 Job {made['number']} ") and (made["owner"], made["title"]) == ("alice", letter.name)
    shown = [name for name, _ in alice.mlsd()]
    assert f"{made['number']} {letter.name}" in shown and not [name for name in shown if "his.pdf" in name]
    with pytest.raises(ftplib.error_perm, match="not given out"):
        alice.retrbinary(f"RETR {made['number']} {letter.name}", lambda data: None)
    for act in (lambda: alice.delete("x"), lambda: alice.mkd("/new"), lambda: alice.rename("a", "b")):
        with pytest.raises(ftplib.error_perm):
            act()
    alice.quit()
    bob.quit()


def test_two_documents_at_once_from_one_address_are_each_their_own_persons(medium: Served) -> None:
    """One passive port: which session a connection is of is told by address, in turns."""
    clients = [(client(medium, name), name) for name in ("alice", "bob", "alice", "bob")]
    before = len(medium.jobs())
    ways = []
    for found, name in clients:
        found.voidcmd("TYPE I")
        ways.append((found, found.transfercmd(f"STOR /secure/of {name}.pdf")))
    for _, data in ways:
        data.sendall(DOCUMENT)
    for found, data in reversed(ways):
        assert isinstance(data, ssl.SSLSocket)
        data.unwrap()
        data.close()
        found.voidresp()
        found.quit()
    made = medium.jobs()[: len(medium.jobs()) - before]
    assert sorted((job["owner"], job["title"]) for job in made) == [
        ("alice", "of alice.pdf"),
        ("alice", "of alice.pdf"),
        ("bob", "of bob.pdf"),
        ("bob", "of bob.pdf"),
    ]


# -- levels


@pytest.mark.peer("curl")
@pytest.mark.requirement("OCE-51")
def test_at_medium_no_name_and_no_document_goes_outside_tls(medium: Served, letter: Path) -> None:
    before = len(medium.jobs())
    status, said = curl(medium.port("ftp"), "-T", str(letter))
    assert status != 0 and "530" in said and "PASS" not in said
    status, said = curl(medium.port("ftp"), "--ftp-ssl-control", "-T", str(letter))
    assert status != 0 and "inside TLS only" in said, said
    assert len(medium.jobs()) == before
    status, said = curl(medium.port("ftp"), "--ssl-reqd", "-T", str(letter))
    assert status == 0 and len(medium.jobs()) == before + 1, said
    listener = {each["door"]: each["encryption"] for each in medium.ask("whitepaper")["listeners"]}
    assert "demanded" in listener["ftp"] and "demanded" in listener["ftp-data"]


@pytest.mark.requirement("OCE-51")
def test_above_medium_the_door_is_shut_however_it_is_set() -> None:
    with serving({**ON, "HOUSE__LEVEL": "medium-high"}) as served:
        assert not {"ftp", "ftp-data"} & set(served.urls)
        assert any("doors.ftp" in each["what"] for each in served.ask("doctor")["findings"])


# -- refusals a person understands, and nothing left of them


@pytest.mark.peer("curl")
def test_why_a_document_is_not_taken_is_said_before_it_travels_or_behind_it(office: Office, tmp_path: Path) -> None:
    served, port = office.served, office.served.port("ftp")
    before = len(served.jobs())
    script = tmp_path / "no document.bin"
    script.write_bytes(b"GET / HTTP/1.1\r\n\r\n")
    other = tmp_path / "a.pdf"
    other.write_bytes(DOCUMENT)
    for words, where, told in (
        (("-T", str(other)), "nowhere/", "There is no such queue"),
        (("-T", str(other)), "", "553 Put it into the folder of a queue"),
        (("-T", str(other), "--use-ascii"), "secure/", "553 Choose binary"),
        (("-T", str(script)), "secure/", "553 Not printed: the peer speaks http"),
        (("-T", str(other), "-P", "-"), "secure/", "502 Passive mode only"),
    ):
        status, said = curl(port, *words, where=where)
        assert status != 0 and told in said, said
    served.ask("queue.set", name="secure", accepting=False)
    try:
        status, said = curl(port, "-T", str(other))
        assert status != 0 and "takes no" in said, said
    finally:
        served.ask("queue.set", name="secure", accepting=True)
    assert len(served.jobs()) == before


@pytest.mark.peer("curl")
def test_a_wrong_password_says_nothing_of_who_exists(office: Office, letter: Path) -> None:
    port = office.served.port("ftp")
    answers = []
    for user in ("alice:wrong and long enough", "nobody-here:wrong and long enough"):
        status, said = curl(port, "-T", str(letter), user=user)
        assert status != 0
        answers.append(next(line for line in said.splitlines() if line.startswith("< 530")))
    assert answers[0] == answers[1]


def test_a_document_that_breaks_off_is_no_job(medium: Served, office: Office) -> None:
    """Inside TLS by the missing end of TLS, outside by the end of the document itself."""
    for served, found in ((medium, client(medium)), (office.served, ftplib.FTP(timeout=60))):
        if not isinstance(found, ftplib.FTP_TLS):
            found.connect("127.0.0.1", served.port("ftp"))
            found.login("alice", PASSWORD)
        before = len(served.jobs())
        found.voidcmd("TYPE I")
        data = found.transfercmd("STOR /secure/cut.pdf")
        data.sendall(DOCUMENT if isinstance(data, ssl.SSLSocket) else DOCUMENT[:-20])
        if isinstance(data, ssl.SSLSocket):
            socket.socket(fileno=data.detach()).close()  # without saying so inside TLS
        else:
            data.close()
        with pytest.raises(ftplib.error_temp, match="426"):
            found.voidresp()
        assert len(served.jobs()) == before
        assert found.storbinary("STOR /secure/whole.pdf", io.BytesIO(DOCUMENT)).startswith("226")  # and it goes on
        found.quit()


def test_a_data_connection_that_does_not_go_on_with_its_own_tls_session_brings_nothing(medium: Served) -> None:
    """Somebody else at the same address cannot bring a document in another's name."""
    before = len(medium.jobs())
    other = client(medium, tls=ftplib.FTP_TLS)  # makes a new session for its data
    with pytest.raises((ftplib.Error, OSError)):
        other.storbinary("STOR /secure/a.pdf", io.BytesIO(DOCUMENT))
    assert len(medium.jobs()) == before
    other.close()
