"""Mail with real mail programs: swaks and Postfix at our door, Dovecot's mailboxes looked into."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from tests.peers.mailing import Dovecot, dovecot_running, free_ports, postfix_running
from tests.peers.programs import program
from tests.peers.served import Served, serving, until

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

    @property
    def port(self) -> int:
        return self.served.port("mail")

    def waiting(self) -> list[dict[str, Any]]:
        return self.served.jobs("", "held")

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
    with serving(chosen) as served:
        served.ask("queue.add", name="secure", hold=True)
        alice = served.person("alice", mail="alice@office.lab")
        yield Office(served, alice)


@pytest.fixture(scope="module")
def strict() -> Iterator[Office]:
    """Nobody is believed."""
    with office() as found:
        yield found


def secret_address(found: Office) -> str:
    secret = found.alice["queue_uri"].rsplit("/", 1)[1]
    return f"secure+{secret}@print.lab"


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
def test_who_signs_in_is_known_by_that(strict: Office) -> None:
    password = strict.served.ask("person.password", name="alice")["password"]
    before = len(strict.waiting())
    words = ("--tls", "--auth", "PLAIN", "--auth-user", "alice", "--auth-password", password)
    said = swaks(strict.port, *words, mail=a_mail(("a.pdf", PDF), number=3))
    assert "235 2.7.0" in said and "250 2.0.0 Jobs: 1" in said, said
    assert len(strict.waiting()) == before + 1
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
            until(lambda: postfix.mails("alice"))
            (job,) = found.waiting()
            assert job["owner"] == "alice" and job["octets"] == len(PDF)
            swaks(postfix.port, mail=mail)  # its first copy might have been lost on the way
            until(lambda: postfix.log().count("This mail was taken before") >= 1)
            (answer,) = postfix.mails("alice")
            check_answer(answer, job["number"])
            assert found.latest()[0]["answer"] == "sent"
            assert "250 2.0.0 Ok: queued" in swaks(
                postfix.port, mail=a_mail(("a.pdf", PDF), sender="x@office.lab", number=11)
            )
            until(lambda: "this mail address belongs to nobody here" in postfix.log())
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


def add_mailbox(found: Office, dovecot: Dovecot, kind: str = "imap", **values: Any) -> None:
    given = {
        "name": "print",
        "kind": kind,
        "host": "127.0.0.1",
        "port": dovecot.imaps if kind == "imap" else dovecot.pop3s,
        "user": "print",
        "password": "secret of print",
        "pinned_sha256": dovecot.pin.hex(),
        "believe_results": True,
        **values,
    }
    found.served.ask("mail.add", **given)


PASSED = "mx.lab; dmarc=pass (p=none) header.from=office.lab"
TRUSTED = {"MAIL__RESULTS_SERVERS": "mx.lab"}


@pytest.mark.peer("dovecot")
@pytest.mark.requirement("SAFEQ-60")
def test_mails_of_an_imap_mailbox_become_jobs_of_their_senders() -> None:
    with dovecot_running("print") as dovecot, office(**TRUSTED) as found:
        dovecot.put("print", a_mail(("a.pdf", PDF), number=20, Authentication_Results=PASSED).as_bytes())
        dovecot.put("print", a_mail(("b.pdf", PDF), number=21).as_bytes())
        add_mailbox(found, dovecot)
        until(lambda: dovecot.count("print", "Printed") == 1 and dovecot.count("print", "Refused") == 1)
        assert dovecot.count("print") == 0
        (job,) = found.waiting()
        assert job["owner"] == "alice"
        assert {(each["jobs"], each["why"]) for each in found.latest()} == {(1, ""), (0, "not-believed")}
        dovecot.put("print", a_mail(("c.pdf", OTHER), number=22, Authentication_Results=PASSED).as_bytes())
        until(lambda: len(found.waiting()) == 2)
        until(lambda: dovecot.count("print", "Printed") == 2)
        assert found.served.ask("mail.list")["mailboxes"][0]["state"] == "watching"


@pytest.mark.peer("dovecot")
def test_a_server_that_can_neither_idle_nor_move_is_served_all_the_same() -> None:
    with dovecot_running("print", without="IDLE MOVE UIDPLUS") as dovecot, office(**TRUSTED) as found:
        add_mailbox(found, dovecot)
        for number in (25, 26):
            dovecot.put("print", a_mail(("a.pdf", PDF), number=number, Authentication_Results=PASSED).as_bytes())
        until(lambda: dovecot.count("print", "Printed") == 2 and dovecot.count("print") == 0)
        assert len(found.waiting()) == 2


@pytest.mark.peer("dovecot")
@pytest.mark.requirement("SAFEQ-60")
def test_mails_of_a_pop3_mailbox_are_deleted_once_they_are_jobs() -> None:
    with dovecot_running("print") as dovecot, office(**TRUSTED) as found:
        large = PDF + b"%" * 3_000_000
        dovecot.put("print", a_mail(("a.pdf", large), number=30, Authentication_Results=PASSED).as_bytes())
        dovecot.put("print", a_mail(("b.pdf", PDF), number=31, Authentication_Results=PASSED).as_bytes())
        add_mailbox(found, dovecot, "pop3")
        until(lambda: dovecot.count("print") == 0)
        assert sorted(job["octets"] for job in found.waiting()) == sorted((len(large), len(PDF)))


@pytest.mark.peer("dovecot")
def test_a_mailbox_can_be_tried_out_and_its_faults_are_told() -> None:
    with dovecot_running("print") as dovecot, office() as found:
        dovecot.put("print", a_mail(number=40).as_bytes())
        add_mailbox(found, dovecot, password="not the password")
        with pytest.raises(Exception, match="refuses the name"):
            found.served.ask("mail.test", name="print")
        found.served.ask("mail.secret", name="print", password="secret of print")
        assert found.served.ask("mail.test", name="print")["signed_in"]
        found.served.ask("mail.remove", name="print")
        add_mailbox(found, dovecot, pinned_sha256="00" * 32)
        with pytest.raises(Exception, match="certificate"):
            found.served.ask("mail.test", name="print")
        listed = found.served.run("mail", "list").stdout.decode()
        assert "imap" in listed and "secret of print" not in listed


@pytest.mark.peer("dovecot")
def test_a_house_killed_between_job_and_mailbox_prints_the_mail_once() -> None:
    """The mail stays where it is because its folder cannot be made; the house is killed and looks again."""
    with dovecot_running("print") as dovecot, office(**TRUSTED) as found:
        dovecot.put(
            "print", a_mail(("a.pdf", PDF), ("b.pdf", OTHER), number=50, Authentication_Results=PASSED).as_bytes()
        )
        blocked = dovecot.root / "mail" / "print" / "Maildir" / ".Printed"
        blocked.write_text("")
        add_mailbox(found, dovecot)
        until(lambda: len(found.waiting()) == 2)
        until(lambda: found.served.ask("mail.list")["mailboxes"][0]["state"] == "trouble")
        assert dovecot.count("print") == 1
        found.served.kill()
        blocked.unlink()
        found.served.start()
        until(lambda: dovecot.count("print") == 0)
        assert len(found.waiting()) == 2
        assert len([each for each in found.latest() if each["jobs"]]) == 1
