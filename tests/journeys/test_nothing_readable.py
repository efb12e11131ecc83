"""Canaries: unique words go in everywhere, and the house's files are searched for them."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.client import post, sample
from tests.peers.office import Office, office_running
from tests.peers.served import until

from frisket.wire import ipp

DOCUMENT_WORDS = "canary-7d1f-in-the-document"
TITLE = "canary-9b42-in-the-title"
FILE_NAME = "canary-55aa-file-name.pdf"
FULL_NAME = "Canary Threehundred"
MAIL = "canary-mail-1e@example.org"
PASSWORD = "canary password 42 river"
JOB_PIN = b"canary-job-pin-8c"


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with office_running() as office:
        office.people["carol"] = office.served.person("carolcanary", full_name=FULL_NAME, mail=MAIL)
        office.served.ask("person.password", name="carolcanary", password=PASSWORD)
        office.people["token"] = office.served.ask("person.token", name="carolcanary")
        yield office


def found(office: Office, *words: bytes) -> dict[bytes, list[str]]:
    """Which words stand where in the files of the house, and in what it said."""
    gc.collect()
    places: dict[bytes, list[str]] = {}
    for file in [*office.served.data.rglob("*"), office.served.log]:
        if file.is_file():
            octets = file.read_bytes()
            for word in words:
                if word in octets:
                    places.setdefault(word, []).append(str(file.relative_to(office.served.data.parent)))
    return places


@pytest.mark.requirement("PREP-70", "SPM-30", "SPM-37", "SPM-48")
def test_of_a_job_nothing_can_be_read_while_it_waits_and_after_it_printed(office: Office) -> None:
    words = [each.encode() for each in (DOCUMENT_WORDS, TITLE, FILE_NAME)]
    client, document = office.client("alice"), sample(DOCUMENT_WORDS, 3)
    small = client.print(document, title=TITLE, operation=[ipp.attribute("document-name", ipp.name(FILE_NAME))]).job
    large = client.print(document + DOCUMENT_WORDS.encode() * 20_000, title=TITLE).job
    waiting = until(lambda: (job := office.served.job(small))["pages"] and job)
    assert waiting["title"] == TITLE, "the canary went in"
    assert found(office, b"application/pdf"), "the search finds what lies open"
    assert found(office, *words) == {}
    for number, device in ((small, "tls"), (large, "plain")):
        office.served.print_at(number, "alice", device)
        office.served.reaches(number, "erased")
    assert DOCUMENT_WORDS.encode() in office.arrived("tls")[-1]
    assert found(office, *words) == {}


@pytest.mark.requirement("PREP-39", "OCE-110", "SPM-38", "SPM-35", "SPM-46")
def test_no_secret_of_a_person_or_a_job_stands_anywhere(office: Office) -> None:
    person = office.people["carol"]
    secrets = [
        PASSWORD.encode(),
        person["password"].encode(),
        str(person["queue_uri"]).rpartition("/")[2].encode(),
        office.people["token"]["token"].encode(),
        JOB_PIN,
        b"04A1B2C3D4E5F6",
    ]
    name, words = "carolcanary", PASSWORD
    client = office.client("alice")
    client.print(sample("x"), operation=[ipp.attribute("job-password", ipp.octets(JOB_PIN))])
    proven = office.client(name, door="ipps")
    proven.uri, proven.basic = office.served.urls["ipps"] + "/secure", (name, words)
    assert proven.print(sample("y")).status < 0x0100
    headers = {"Authorization": f"Bearer {office.people['token']['token']}", "Content-Type": "application/pdf"}
    assert post(f"{office.served.urls['api']}/jobs?queue=secure", sample("z"), headers)[0] == 201
    proven.basic = (name, words + "-wrong")
    proven.print(sample("y"))
    assert found(office, *secrets) == {}


@pytest.mark.requirement("SPM-37")
def test_names_and_mail_addresses_of_people_are_sealed(office: Office) -> None:
    assert found(office, b"carolcanary", FULL_NAME.encode(), MAIL.encode()) == {}


@pytest.mark.requirement("SAFEQ-101")
def test_every_opening_of_a_key_is_on_record(office: Office) -> None:
    number = office.print_held("alice", sample("opened"))
    until(lambda: office.served.job(number)["pages"])
    office.served.print_at(number, "alice", "tls")
    office.served.reaches(number, "erased")
    openings = [
        text for text in office.served.words(number).split(". ") if "Its key was opened for one reading" in text
    ]
    assert len(openings) == 2, "once to count, once to send"


@pytest.mark.requirement("SAFEQ-40", "SAFEQ-100")
def test_the_spool_alone_is_unreadable_on_another_machine(office: Office, tmp_path: Path) -> None:
    """Whoever copies the spool and the database, and has no keys, has noise."""
    document = sample("carried away " * 40, 2)
    number = office.print_held("alice", document)
    pieces = [file.read_bytes() for file in (office.served.data / "spool").rglob("*") if file.is_file()]
    assert pieces and all(b"carried away" not in piece and b"%PDF" not in piece for piece in pieces)
    office.served.ask("job.cancel", job=str(number))


def sealed_files(office: Office) -> set[Path]:
    """Documents too large to share a segment have a file of their own."""
    return {
        file for file in (office.served.data / "spool").rglob("*") if file.is_file() and file.stat().st_size > 65536
    }


def overwritten(office: Office, number: int) -> bool:
    receipt = office.served.explained(number)["receipt"]
    return bool(receipt and receipt["overwritten_at"])


@pytest.mark.requirement("OCE-130")
def test_deleting_a_job_overwrites_its_octets(office: Office) -> None:
    before = sealed_files(office)
    number = office.print_held("alice", sample("large") + bytes(300_000))
    (file,) = sealed_files(office) - before
    with file.open("rb") as still_open:
        sealed = still_open.read()
        assert office.client("alice").on_job(ipp.Operation.CANCEL_JOB, number).status == 0
        office.served.reaches(number, "erased")
        until(lambda: overwritten(office, number))
        still_open.seek(0)
        left = still_open.read()
    assert not file.exists()
    assert sealed[:4096] not in left and sealed[-4096:] not in left, "not merely unlinked"


@pytest.mark.requirement("OCE-184")
def test_a_queue_that_holds_nothing_leaves_nothing_behind(office: Office) -> None:
    before = sealed_files(office)
    document = sample("straight through") + bytes(300_000)
    number = office.client("alice", "straight").print(document).job
    assert office.served.reaches(number, "erased")["outcome"] == "printed"
    until(lambda: overwritten(office, number))
    assert sealed_files(office) == before
