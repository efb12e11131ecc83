"""What makes a job wait, and what lets it go: its own PIN, a time, its sender, its person."""

import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from tests.peers.client import sample
from tests.peers.office import Office
from tests.peers.served import until

from frisket.programs import control
from frisket.wire import ipp

DOCUMENT = sample("it waits")
HELD, PENDING = 4, 3


def state(office: Office, number: int, person: str = "alice", queue: str = "secure") -> tuple[int | None, list[str]]:
    seen = office.client(person, queue).look(number)
    return seen.integer("job-state"), seen.texts("job-state-reasons")


def password(value: bytes, encryption: str) -> list[ipp.Attribute]:
    return [
        ipp.attribute("job-password", ipp.octets(value)),
        ipp.attribute("job-password-encryption", ipp.keyword(encryption)),
    ]


def test_a_job_on_a_queue_that_holds_says_so_from_its_first_answer(office: Office) -> None:
    answer = office.client("alice").print(DOCUMENT)
    assert answer.message is not None
    assert answer.message.job.integer("job-state") == HELD
    assert answer.message.job.texts("job-state-reasons") == ["job-held-for-release"]


@pytest.mark.parametrize("encryption", ["none", "sha2-256"])
def test_a_job_with_a_pin_prints_for_who_types_it_and_for_nobody_else(office: Office, encryption: str) -> None:
    pin = b"4711"
    sent = pin if encryption == "none" else sha256(pin).digest()
    answer = office.client("alice", "straight").print(DOCUMENT, operation=password(sent, encryption))
    number = answer.job
    assert state(office, number, queue="straight") == (HELD, ["job-password-wait"])
    assert "Type its PIN" in office.served.explained(number)["next"]

    for wrong in (None, "0000"):
        said = office.served.release(number, "alice", "plain", job_pin=wrong)["jobs"][0]
        assert not said["released"] and "not the PIN of the job" in said["text"]
    office.client("alice", "straight").on_job(ipp.Operation.RELEASE_JOB, number)
    assert office.served.job(number)["state"] == "held"
    office.served.print_at(number, "alice", "plain", job_pin="4711")
    assert office.served.reaches(number, "erased")["outcome"] == "printed"


def test_guessing_the_pin_of_a_job_is_slowed_down(office: Office) -> None:
    number = office.client("bob", "straight").print(DOCUMENT, operation=password(b"8613", "none")).job
    texts = [
        office.served.release(number, "bob", "plain", job_pin=f"{guess:04}")["jobs"][0]["text"] for guess in range(12)
    ]
    assert any("not the PIN" not in text for text in texts), texts
    said = office.served.release(number, "bob", "plain", job_pin="8613")["jobs"][0]
    assert not said["released"], "even the right PIN has to wait now"


def test_a_hold_without_end_is_ended_by_its_sender(office: Office) -> None:
    client = office.client("alice", "straight")
    number = client.print(DOCUMENT, ipp.attribute("job-hold-until", ipp.keyword("indefinite"))).job
    assert state(office, number, queue="straight") == (HELD, ["job-hold-until-specified"])
    assert client.on_job(ipp.Operation.RELEASE_JOB, number).status == 0
    assert office.served.reaches(number, "erased")["outcome"] == "printed"


def test_release_job_on_a_queue_that_holds_leaves_the_last_word_to_the_person(office: Office) -> None:
    client = office.client("alice")
    number = client.print(DOCUMENT, ipp.attribute("job-hold-until", ipp.keyword("indefinite"))).job
    assert client.on_job(ipp.Operation.RELEASE_JOB, number).status == 0
    assert state(office, number) == (HELD, ["job-held-for-release"])


def test_a_job_prints_by_itself_when_its_time_has_come(office: Office) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=6)).strftime("%H:%M:%S")  # to be in by then
    client = office.client("alice", "straight")
    number = client.print(DOCUMENT, ipp.attribute("job-hold-until", ipp.name(soon))).job
    assert state(office, number, queue="straight")[0] == HELD
    done = office.served.reaches(number, "erased", within_s=60)
    assert done["outcome"] == "printed"
    assert "Its time came and it was released" in office.served.words(number)


def test_hold_job_keeps_back_what_waits_for_its_device(office: Office) -> None:
    office.lab.put("plain", "offline")
    office.served.ask("queue.add", name="only-plain", device=["plain"], trust_network=["127.0.0.0/8"])
    try:
        client = office.client("alice", "only-plain")
        number = client.print(DOCUMENT).job
        until(lambda: office.served.job(number)["why"] == "retry")
        assert client.on_job(ipp.Operation.HOLD_JOB, number).status == 0
        assert office.served.job(number)["why"] == "withdrawn"
    finally:
        office.lab.clear("plain")
    time.sleep(2)
    assert office.served.job(number)["state"] == "held"


@pytest.mark.requirement("SPM-32", "SPM-49")
def test_what_nobody_releases_is_destroyed_when_its_time_is_over(office: Office) -> None:
    office.served.ask("queue.add", name="short", hold=True, trust_network=["127.0.0.0/8"])
    office.served.ask("queue.set", name="short", held_s=1)
    number = office.client("alice", "short").print(DOCUMENT).job
    done = office.served.reaches(number, "erased", within_s=60)
    assert done["outcome"] == "expired"
    assert state(office, number, queue="short")[0] == 7
    assert "Nobody released it in time" in office.served.words(number)
    assert office.served.explained(number)["receipt"]["e1_at"]


@pytest.mark.requirement("OCE-183")
def test_a_queue_may_keep_what_was_printed_for_a_while(office: Office) -> None:
    office.served.ask("queue.add", name="keeps", trust_network=["127.0.0.0/8"])
    office.served.ask("queue.set", name="keeps", printed_s=6)
    number = office.client("alice", "keeps").print(DOCUMENT).job
    done = office.served.reaches(number, "ended", "erased")
    assert done["state"] == "ended" and done["outcome"] == "printed"
    office.served.reaches(number, "erased", within_s=60)


def test_what_was_kept_prints_again_as_a_job_of_its_own(office: Office) -> None:
    office.served.ask("queue.add", name="twice", trust_network=["127.0.0.0/8"], device=["plain"])
    office.served.ask("queue.set", name="twice", printed_s=30)
    document, client = sample("once more", 2), office.client("alice", "twice")
    first = client.print(document, ipp.attribute("sides", ipp.keyword("two-sided-long-edge"))).job
    office.served.reaches(first, "ended")
    assert state(office, first, queue="twice")[1] == ["job-completed-successfully", "job-restartable"]
    before = len(office.arrived("plain"))

    other = office.client("bob", "twice").on_job(ipp.Operation.RESUBMIT_JOB, first)
    assert other.status == int(ipp.Status.NOT_FOUND)
    again = client.on_job(ipp.Operation.RESUBMIT_JOB, first)
    assert again.status == 0, again.words
    assert again.job != first
    view = office.served.reaches(again.job, "ended")
    assert (view["title"], view["options"]) == ("a letter", {"sides": "two-sided-long-edge"})
    assert office.arrived("plain")[before:] == [document]
    assert "Its key was opened for one reading" in office.served.words(first)


def test_what_is_destroyed_or_still_waits_does_not_print_again(office: Office) -> None:
    waiting = office.print_held("alice", DOCUMENT)
    gone = office.print_held("alice", DOCUMENT)
    office.served.ask("job.cancel", job=str(gone))
    office.served.reaches(gone, "erased")
    for number in (waiting, gone):
        answer = office.client("alice").on_job(ipp.Operation.RESUBMIT_JOB, number)
        assert answer.status == int(ipp.Status.NOT_POSSIBLE) and "kept after printing" in answer.words


def test_a_person_changes_copies_sides_and_colour_at_the_device(office: Office) -> None:
    number = office.print_held("alice", sample("changed", 4))
    until(lambda: office.served.job(number)["pages"] == 4)
    wish = {"copies": 3, "sides": "two-sided-long-edge", "color_mode": "monochrome"}
    office.served.print_at(number, "alice", "plain", **wish)
    office.served.reaches(number, "erased")
    printed = office.lab.jobs("plain")[-1]
    assert (printed.impressions, printed.sheets) == (12, 6)
    assert printed.attributes["copies"] == 3
    assert printed.attributes["sides"] == "two-sided-long-edge"
    assert printed.attributes["print-color-mode"] == "monochrome"


@pytest.mark.parametrize("copies", [0, -1, 1000])
def test_a_number_of_copies_that_makes_no_sense_releases_nothing(office: Office, copies: int) -> None:
    number = office.print_held("alice", DOCUMENT)
    said = office.served.release(number, "alice", "plain", copies=copies)["jobs"][0]
    assert not said["released"] and "Copies must be a number from 1 to 999" in said["text"]


@pytest.mark.requirement("SAFEQ-18")
def test_nobody_releases_the_job_of_another(office: Office) -> None:
    number = office.print_held("alice", DOCUMENT)
    try:
        said = office.served.release(number, "bob", "plain")["jobs"][0]
        assert not said["released"]
    except control.Remote:
        pass  # told that there is no such job
    assert office.served.job(number)["state"] == "held"


@pytest.mark.requirement("SPM-05", "SPM-06", "SPM-50")
def test_its_owner_or_an_operator_deletes_a_waiting_job(office: Office) -> None:
    own, other = office.print_held("alice", DOCUMENT), office.print_held("alice", DOCUMENT)
    assert office.client("bob").on_job(ipp.Operation.CANCEL_JOB, own).status == int(ipp.Status.NOT_FOUND)
    assert office.client("alice").on_job(ipp.Operation.CANCEL_JOB, own).status == 0
    office.served.ask("job.cancel", job=str(other))
    for number, words in ((own, "Its owner deleted it."), (other, "An operator deleted it.")):
        assert office.served.reaches(number, "erased")["outcome"] == "cancelled"
        assert words in office.served.words(number)
    assert state(office, own) == (7, ["job-canceled-by-user"])
    assert state(office, other) == (7, ["job-canceled-by-operator"])
    assert office.client("alice").on_job(ipp.Operation.CANCEL_JOB, own).status == int(ipp.Status.NOT_POSSIBLE)
