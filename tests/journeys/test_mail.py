"""Mail with real mail programs: swaks and Postfix at our door, Dovecot's mailboxes looked into."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.intake.exchange_double import Exchange, certificates, exchange_running
from tests.peers.mailing import Dovecot, dovecot_running, free_ports, postfix_running
from tests.peers.office import arrived_at
from tests.peers.programs import program
from tests.peers.served import Served, serving, until

from frisket import lab

ClientSeen = Callable[..., None]
patiently = partial(until, within_s=90.0)  # four servers on a machine that may be busy
SAMPLES = Path(__file__).parents[1] / "samples"
PDF = (SAMPLES / "one-page.pdf").read_bytes()
OTHER = (SAMPLES / "three-pages-colour.pdf").read_bytes()


def a_mail(
    *documents: tuple[str, bytes], sender: str = "alice@office.lab", number: int = 1, **fields: str
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = "secure@print.lab"
    mail["Subject"] = "Bitte drucken"
    mail["Date"] = "Fri, 20 Nov 2026 09:00:00 +0100"  # or the mail server adds one of its own
    mail["Message-ID"] = f"<{number}.of-the-tests@office.lab>"
    for name, value in fields.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Guten Tag\n")
    for name, data in documents:
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return mail


def swaks(port: int, *words: str, mail: EmailMessage | None = None, to: str = "secure@print.lab") -> str:
    """The whole conversation; swaks ends with another status than 0 where the mail is refused."""
    command = [program("swaks"), "--server", f"127.0.0.1:{port}", "--to", to, "--from", "alice@office.lab", *words]
    data = mail.as_bytes() if mail is not None else None
    if data is not None:
        command += ["--data", "-"]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace")


@dataclass
class Office:
    served: Served
    alice: dict[str, Any]
    devices: lab.Running

    @property
    def port(self) -> int:
        return self.served.port("mail")

    def waiting(self) -> list[dict[str, Any]]:
        return self.served.jobs("", "held")

    def arrived(self, job: dict[str, Any]) -> bytes:
        """What the device gets of a held job when alice releases it there."""
        self.served.print_at(job["number"], "alice", "copy")
        self.served.reaches(job["number"], "ended", "erased")
        return arrived_at(self.devices, "copy")[-1]

    def latest(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.served.ask("mail.latest")["mails"]
        return found


@contextmanager
def office(level: str = "medium", **settings: str) -> Iterator[Office]:
    chosen = {
        "DOORS__MAIL__ON": "true",
        "DOORS__MAIL__PORT": "0",
        "DOORS__MAIL__ADDRESS": "127.0.0.1",
        "HOUSE__LEVEL": level,
        "MAIL__DOMAINS": "print.lab",
        "MAIL__LOOK_EVERY_S": "1",
        **settings,
    }
    with (
        tempfile.TemporaryDirectory(prefix="frisket-lab-") as folder,
        serving(chosen) as served,
        lab.running(Path(folder), lab.DevicePlan("copy", lab.Door.IPPS)) as devices,
    ):
        served.ask("queue.add", name="secure", hold=True)
        served.ask("device.add", name="copy", uri=devices.uri("copy"))
        alice = served.person("alice", mail="alice@office.lab")
        yield Office(served, alice, devices)


@pytest.fixture(scope="module")
def strict() -> Iterator[Office]:
    """Nobody is believed."""
    with office() as found:
        yield found


def secret_address(found: Office) -> str:
    address = str(found.alice["mail_address"])
    assert address.startswith("secure+") and address.endswith("@print.lab")
    return address


@pytest.mark.peer("swaks")
def test_nothing_is_taken_before_tls_above_level_normal(strict: Office) -> None:
    said = swaks(strict.port, mail=a_mail(("a.pdf", PDF)), to=secret_address(strict))
    assert "530 5.7.0 Must issue a STARTTLS command first" in said
    assert strict.waiting() == []


@pytest.mark.peer("swaks")
def test_a_from_line_proves_nothing(strict: Office) -> None:
    said = swaks(strict.port, "--tls", mail=a_mail(("a.pdf", PDF)))
    assert "550 5.7.1" in said
    assert strict.waiting() == []
    assert strict.latest()[0]["why"] == "not-believed"


@pytest.mark.peer("swaks")
def test_a_personal_address_says_whose_job_it_is(strict: Office) -> None:
    before = len(strict.waiting())
    mail = a_mail(("Bericht.pdf", PDF), ("plan.pdf", OTHER), sender="somebody@elsewhere.example", number=2)
    said = swaks(strict.port, "--tls", mail=mail, to=secret_address(strict))
    assert "554" not in said and "250 2.0.0 Jobs: 2, refused: 0" in said, said
    jobs = strict.waiting()[:2]
    assert {job["owner"] for job in jobs} == {"alice"}
    assert sorted(job["octets"] for job in jobs) == sorted((len(PDF), len(OTHER)))
    again = swaks(strict.port, "--tls", mail=mail, to=secret_address(strict))
    assert "250 2.0.0 This mail was taken before" in again
    assert len(strict.waiting()) == before + 2
    wrong = swaks(strict.port, "--tls", mail=mail, to=secret_address(strict).replace("@", "x@"))
    assert "550 5.1.1" in wrong


@pytest.mark.peer("swaks")
def test_who_signs_in_is_known_by_that(strict: Office, client_seen: ClientSeen) -> None:
    password = strict.served.ask("person.password", name="alice")["password"]
    before = len(strict.waiting())
    words = ("--tls", "--auth", "PLAIN", "--auth-user", "alice", "--auth-password", password)
    said = swaks(strict.port, *words, mail=a_mail(("a.pdf", PDF), number=3))
    assert "235 2.7.0" in said and "250 2.0.0 Jobs: 1" in said, said
    assert len(strict.waiting()) == before + 1
    arrived = strict.arrived(strict.waiting()[0])
    owner = "alice, who signs in over SMTP"
    client_seen("swaks", "mail, SMTP inside TLS", "an attached PDF", owner, sent=PDF, arrived=arrived)
    login = swaks(strict.port, *words[:2], "LOGIN", *words[3:], mail=a_mail(("a.pdf", PDF), number=4))
    assert "250 2.0.0 Jobs: 1" in login, login
    assert "535 5.7.8" in swaks(strict.port, *words[:-1], "a wrong password", mail=a_mail(number=5))
    clear = swaks(strict.port, *words[1:], mail=a_mail(number=6))
    assert "530" in clear or "Host did not advertise authentication" in clear, clear


@pytest.mark.peer("postfix", "swaks")
def test_a_mail_through_the_sites_mail_server_is_printed_and_answered_once() -> None:
    (port,) = free_ports(1)
    with postfix_running("print.lab", port) as postfix:
        settings = {
            "DOORS__MAIL__PORT": str(port),
            "MAIL__BELIEVE_RELAYS": "127.0.0.0/8",
            "MAILER__HOST": "127.0.0.1",
            "MAILER__PORT": str(postfix.port),
            "MAILER__PINNED_SHA256": postfix.pin.hex(),
            "MAILER__SENDER": "frisket@office.lab",
            "HOUSE__LANGUAGE": "de",
        }
        with office(**settings) as found:
            mail = a_mail(("Bericht.pdf", PDF), ("bilder.zip", b"PK\x03\x04" + bytes(60)), number=10)
            assert "250 2.0.0 Ok: queued" in swaks(postfix.port, mail=mail)
            patiently(lambda: postfix.mails("alice"))
            (job,) = found.waiting()
            assert job["owner"] == "alice" and job["octets"] == len(PDF)
            swaks(postfix.port, mail=mail)  # its first copy might have been lost on the way
            patiently(lambda: postfix.log().count("This mail was taken before") >= 1)
            (answer,) = postfix.mails("alice")
            check_answer(answer, job["number"])
            assert found.latest()[0]["answer"] == "sent"
            assert "250 2.0.0 Ok: queued" in swaks(
                postfix.port, mail=a_mail(("a.pdf", PDF), sender="x@office.lab", number=11)
            )
            patiently(lambda: "this mail address belongs to nobody here" in postfix.log())
            assert len(found.waiting()) == 1


def check_answer(answer: EmailMessage, number: int) -> None:
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["Return-Path"] in (None, "<>")
    assert answer["In-Reply-To"] == "<10.of-the-tests@office.lab>"
    text, page = answer.get_body(("plain",)), answer.get_body(("html",))
    assert text is not None and page is not None
    said = " ".join(text.get_content().split())
    assert f"Bericht.pdf: Wartet auf Sie als Auftrag {number} in secure." in said, said
    assert "bilder.zip: Nicht gedruckt. Das ist ein Archiv." in said, said
    assert "<b>bilder.zip</b>" in page.get_content()


# -- mailboxes

PASSED = "mx.lab; dmarc=pass (p=none) header.from=office.lab"


@dataclass
class Shop(Office):
    """A house that believes the mail server of its mailboxes, and that server."""

    dovecot: Dovecot
    exchange: Exchange  # gives out tokens

    def add(self, user: str, kind: str = "imap", /, *, dovecot: Dovecot | None = None, **values: Any) -> None:
        server = dovecot or self.dovecot
        given = {
            "name": user,
            "kind": kind,
            "host": "127.0.0.1",
            "port": server.imaps if kind == "imap" else server.pop3s,
            "user": user,
            "password": f"secret of {user}",
            "pinned_sha256": server.pin.hex(),
            "believe_results": True,
            **values,
        }
        self.served.ask("mail.add", **given)

    def state(self, user: str) -> str:
        boxes = self.served.ask("mail.list")["mailboxes"]
        return str(next(each["state"] for each in boxes if each["name"] == user))

    def called(self) -> list[str]:
        """Whom the house says that it calls."""
        return [each["to"] for each in self.served.ask("whitepaper")["outbound"]]

    def printed(self, *titles: str) -> list[dict[str, Any]]:
        return [job for job in self.waiting() if job["title"] in titles]


def passed(number: int, *documents: tuple[str, bytes]) -> bytes:
    return a_mail(*documents, number=number, Authentication_Results=PASSED).as_bytes()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = certificates(tmp_path_factory.mktemp("exchange"))
    context = made.server_context(want_client_certificate=False)
    with exchange_running(context) as exchange, exchange_running(None, exchange) as knows:
        exchange.authority = made.authority_pem().decode()
        users = ("print", "bearer", "post", "tried", "killed")
        introspection = f"http://127.0.0.1:{knows.port}/introspect"
        with dovecot_running(*users, introspection=introspection) as dovecot:
            with office(MAIL__RESULTS_SERVERS="mx.lab") as found:
                yield Shop(found.served, found.alice, found.devices, dovecot, exchange)


@pytest.mark.peer("dovecot")
@pytest.mark.requirement("SAFEQ-60")
def test_mails_of_an_imap_mailbox_become_jobs_of_their_senders(shop: Shop, client_seen: ClientSeen) -> None:
    dovecot = shop.dovecot
    dovecot.put("print", passed(20, ("i1.pdf", PDF)))
    dovecot.put("print", a_mail(("i2.pdf", PDF), number=21).as_bytes())
    shop.add("print")
    patiently(lambda: dovecot.count("print", "Printed") == 1 and dovecot.count("print", "Refused") == 1)
    patiently(lambda: dovecot.count("print") == 0)  # a move copies first
    (job,) = shop.printed("i1.pdf", "i2.pdf")
    assert job["owner"] == "alice" and job["title"] == "i1.pdf"
    assert {(each["jobs"], each["why"]) for each in shop.latest()[:2]} == {(1, ""), (0, "not-believed")}
    patiently(lambda: shop.state("print") == "watching")
    dovecot.put("print", passed(22, ("i3.pdf", OTHER)))  # told by IDLE
    patiently(lambda: shop.printed("i3.pdf") and dovecot.count("print", "Printed") == 2)
    owner = "alice, for whom the mailbox's server vouches"
    arrived = shop.arrived(shop.printed("i3.pdf")[0])
    client_seen("Dovecot mailbox", "mail, fetched over IMAP", "an attached PDF", owner, sent=OTHER, arrived=arrived)


@pytest.mark.peer("dovecot")
@pytest.mark.requirement("SAFEQ-61")
def test_a_mailbox_may_ask_for_oauth_instead_of_a_password(shop: Shop) -> None:
    shop.add(
        "bearer",
        user="print",  # whom the double's tokens are for
        password="",
        client_secret="the client secret",
        token_url=f"https://localhost:{shop.exchange.port}/token",
        client="print-client",
        authority=shop.exchange.authority,
        afterwards="seen",
    )
    shop.dovecot.put("print", passed(24, ("o2.pdf", PDF)))
    patiently(lambda: shop.printed("o2.pdf"))
    patiently(lambda: shop.state("bearer") == "watching")
    assert shop.exchange.tokens


@pytest.mark.peer("dovecot")
def test_a_server_that_can_neither_idle_nor_move_is_served_all_the_same(shop: Shop) -> None:
    with dovecot_running("plain", without="IDLE MOVE UIDPLUS") as dovecot:
        shop.add("plain", dovecot=dovecot)
        for number in (25, 26):
            dovecot.put("plain", passed(number, (f"p{number}.pdf", PDF)))
        patiently(lambda: dovecot.count("plain", "Printed") == 2 and dovecot.count("plain") == 0)
        assert len(shop.printed("p25.pdf", "p26.pdf")) == 2
        shop.served.ask("mail.remove", name="plain")


@pytest.mark.peer("dovecot")
@pytest.mark.requirement("SAFEQ-60")
def test_mails_of_a_pop3_mailbox_are_deleted_once_they_are_jobs(shop: Shop, client_seen: ClientSeen) -> None:
    large = PDF + b"%" * 3_000_000
    shop.dovecot.put("post", passed(30, ("q1.pdf", large)))
    shop.dovecot.put("post", a_mail(("q2.pdf", large), number=31).as_bytes())  # refused before its end
    shop.dovecot.put("post", passed(32, ("q3.pdf", PDF)))
    shop.add("post", "pop3")
    patiently(lambda: shop.dovecot.count("post") == 0)
    printed = {job["title"]: job for job in shop.printed("q1.pdf", "q2.pdf", "q3.pdf")}
    assert {title: job["octets"] for title, job in printed.items()} == {"q1.pdf": len(large), "q3.pdf": len(PDF)}
    owner = "alice, for whom the mailbox's server vouches"
    arrived = shop.arrived(printed["q1.pdf"])
    client_seen("Dovecot mailbox", "mail, fetched over POP3", "a PDF of 3 MB", owner, sent=large, arrived=arrived)


@pytest.mark.peer("dovecot")
def test_a_mailbox_can_be_tried_out_and_its_faults_are_told(shop: Shop) -> None:
    shop.add("tried", password="not the password")
    with pytest.raises(Exception, match="refuses the name"):
        shop.served.ask("mail.test", name="tried")
    shop.served.ask("mail.secret", name="tried", password="secret of tried")
    assert shop.served.ask("mail.test", name="tried")["signed_in"]
    shop.served.ask("mail.remove", name="tried")
    shop.add("tried", pinned_sha256="00" * 32)
    with pytest.raises(Exception, match="certificate"):
        shop.served.ask("mail.test", name="tried")
    listed = shop.served.run("mail", "list").stdout.decode()
    assert "imap" in listed and "secret of" not in listed
    assert "mailbox tried" in shop.called()
    assert shop.served.cli("mail", "set", "tried", "--off")["active"] is False
    assert "mailbox tried" not in shop.called()


@pytest.mark.peer("dovecot")
def test_a_house_killed_between_job_and_mailbox_prints_the_mail_once(shop: Shop) -> None:
    """The mail stays where it is because its folder cannot be made; the house is killed and looks again."""
    shop.dovecot.put("killed", passed(50, ("k1.pdf", PDF), ("k2.pdf", OTHER)))
    blocked = shop.dovecot.root / "mail" / "killed" / "Maildir" / ".Printed"
    blocked.write_text("")
    shop.add("killed")
    patiently(lambda: len(shop.printed("k1.pdf", "k2.pdf")) == 2)
    patiently(lambda: shop.state("killed") == "trouble")
    assert shop.dovecot.count("killed") == 1
    shop.served.kill()
    blocked.unlink()
    shop.served.start()
    patiently(lambda: shop.dovecot.count("killed") == 0)
    assert len(shop.printed("k1.pdf", "k2.pdf")) == 2
    assert len([each for each in shop.latest() if each["jobs"] == 2]) == 1
