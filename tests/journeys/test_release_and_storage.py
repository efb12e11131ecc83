"""IPP's own release and storage: who lets a job print, how often, and what clients are told of it."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.peers.client import Answer, sample
from tests.peers.office import Office
from tests.peers.programs import cups_client, number_of, program
from tests.peers.served import until

from frisket.wire import ipp

DOCUMENT = sample("for whom")
SUITE = Path(__file__).parent / "ipptool" / "release_and_storage.test"
a = ipp.attribute


def seen(office: Office, number: int, queue: str = "straight", person: str = "alice") -> tuple[int | None, list[str]]:
    group = office.client(person, queue).look(number)
    return group.integer("job-state"), group.texts("job-state-reasons")


def storage(disposition: str, access: str = "owner") -> ipp.Attribute:
    members = {"job-storage-access": ipp.keyword(access), "job-storage-disposition": ipp.keyword(disposition)}
    return a("job-storage", ipp.collection(members))


def password(secret: bytes, encryption: str = "none") -> list[ipp.Attribute]:
    return [a("job-password", ipp.octets(secret)), a("job-password-encryption", ipp.keyword(encryption))]


def which(office: Office, word: str, person: str = "alice", queue: str = "straight") -> list[int | None]:
    answer = office.client(person, queue).send(ipp.Operation.GET_JOBS, a("which-jobs", ipp.keyword(word)))
    return [group.integer("job-id") for group in answer.groups()]


def refused(answer: Answer) -> int:
    assert answer.status >= 0x0400, answer.words
    return answer.status


def test_a_named_time_is_told_back_as_it_was_asked(office: Office) -> None:
    client = office.client("alice", "straight")
    wanted = next(
        word
        for word in ("night", "day-time", "weekend")
        if client.print(DOCUMENT, a("job-hold-until", ipp.keyword(word))).groups()[0].integer("job-state") == 4
    )
    number = office.served.jobs("alice", "held")[0]["number"]
    group = client.look(number)
    assert group.text("job-hold-until") == group.text("job-hold-until-actual") == wanted
    assert group.texts("job-state-reasons") == ["job-hold-until-specified"]
    assert office.served.job(number)["hold_until"]
    assert "UTC" in office.served.explained(number)["now"]
    assert client.on_job(ipp.Operation.RELEASE_JOB, number).status == 0
    office.served.reaches(number, "erased")


def test_a_time_that_came_while_the_house_was_off_lets_the_job_print_when_it_is_back(office: Office) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=5)  # it has to be in by then, on a busy machine too
    number = office.client("alice", "straight").print(DOCUMENT, a("job-hold-until-time", ipp.datetime_value(soon))).job
    assert seen(office, number) == (4, ["job-hold-until-specified"])
    office.served.stop()
    until(lambda: datetime.now(UTC) > soon)
    office.served.start()
    assert office.served.reaches(number, "erased")["outcome"] == "printed"


def test_a_delayed_output_is_a_hold_that_says_so(office: Office) -> None:
    when = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    client = office.client("alice", "straight")
    number = client.print(DOCUMENT, a("job-delay-output-until-time", ipp.datetime_value(when))).job
    assert seen(office, number) == (4, ["job-delay-output-until-specified"])
    assert client.look(number).first("job-delay-output-until-time") == when
    assert client.look(number).text("job-hold-until") == "no-hold"
    assert client.on_job(ipp.Operation.CANCEL_JOB, number).status == 0


def test_release_job_with_the_password_prints_and_without_it_waits(office: Office) -> None:
    client = office.client("alice", "straight")
    number = client.print(DOCUMENT, operation=password(sha256(b"4711").digest(), "sha2-256")).job
    assert client.on_job(ipp.Operation.RELEASE_JOB, number).status == 0
    assert seen(office, number) == (4, ["job-password-wait"])
    assert refused(client.on_job(ipp.Operation.RELEASE_JOB, number, *password(b"0815")))
    assert client.on_job(ipp.Operation.RELEASE_JOB, number, *password(b"4711")).status == 0
    assert office.served.reaches(number, "erased")["outcome"] == "printed"


def test_a_release_that_was_suspended_asks_for_its_password_again(office: Office) -> None:
    office.lab.put("plain", "offline")
    office.served.ask("queue.add", name="calm", device=["plain"], trust_network=["127.0.0.0/8"])
    client = office.client("alice", "calm")
    try:
        number = client.print(DOCUMENT, operation=password(b"4711")).job
        assert client.on_job(ipp.Operation.RELEASE_JOB, number, *password(b"4711")).status == 0
        until(lambda: client.on_job(ipp.Operation.SUSPEND_CURRENT_JOB, number).status == 0)
        client.on_job(ipp.Operation.RESUME_JOB, number)
        assert seen(office, number, "calm") == (4, ["job-password-wait"])
        assert client.on_job(ipp.Operation.CANCEL_JOB, number).status == 0
    finally:
        office.lab.clear("plain")


def test_a_release_by_password_without_one_is_refused_whatever_the_fidelity(office: Office) -> None:
    asked = [a("job-release-action", ipp.keyword("job-password"))]
    assert refused(office.client("alice", "straight").print(DOCUMENT, operation=asked)) == 0x0400


def test_wrong_guesses_count_on_after_a_restart(office: Office) -> None:
    client = office.client("bob", "straight")
    number = client.print(DOCUMENT, operation=password(b"2468")).job
    for _ in range(5):
        assert refused(client.on_job(ipp.Operation.RELEASE_JOB, number, *password(b"0000")))
    office.served.restart()
    client = office.client("bob", "straight")
    answer = client.on_job(ipp.Operation.RELEASE_JOB, number, *password(b"2468"))
    assert refused(answer) and "not the PIN" not in answer.words, "even the right one has to wait"
    said = office.served.release(number, "bob", "plain", job_pin="2468")["jobs"][0]
    assert not said["released"]
    assert office.served.job(number)["state"] == "held"


def test_a_job_for_its_owner_at_a_device_is_released_by_nothing_else(office: Office) -> None:
    client = office.client("alice", "straight")
    number = client.print(DOCUMENT, operation=[a("job-release-action", ipp.keyword("owner-authorized"))]).job
    assert seen(office, number) == (4, ["job-held-for-authorization"])
    assert client.look(number).text("job-release-action") == "owner-authorized"
    assert client.on_job(ipp.Operation.RELEASE_JOB, number).status == 0
    said = office.served.release(number, "alice", "plain")["jobs"][0]
    assert not said["released"] and "Sign in at a device" in said["text"]
    assert seen(office, number)[0] == 4
    assert client.on_job(ipp.Operation.CANCEL_JOB, number).status == 0


@pytest.mark.requirement("OCE-182")
def test_a_stored_job_is_listed_for_its_person_alone_and_prints_until_it_is_deleted(office: Office) -> None:
    document, before = sample("a form", 2), len(office.arrived("plain"))
    office.served.ask("queue.add", name="forms", device=["plain"], trust_network=["127.0.0.0/8"])
    alice, bob = office.client("alice", "forms"), office.client("bob", "forms")
    number = alice.print(document, operation=[storage("store-only")], title="the form").job
    assert seen(office, number, "forms") == (9, ["job-completed-successfully", "job-stored", "job-restartable"])
    assert which(office, "stored-owner", queue="forms") == [number]
    assert which(office, "stored-owner", "bob", "forms") == which(office, "stored-public", "bob", "forms") == []
    assert refused(bob.on_job(ipp.Operation.RESUBMIT_JOB, number)) == int(ipp.Status.NOT_FOUND)

    again = alice.on_job(ipp.Operation.RESUBMIT_JOB, number)
    assert again.status == 0, again.words
    assert alice.look(again.job).integer("parent-job-id") == number
    office.served.reaches(again.job, "erased")
    office.served.print_at(number, "alice", "plain", copies=2)
    until(lambda: len(office.arrived("plain")) == before + 2)
    assert office.arrived("plain")[before:] == [document, document]
    assert office.lab.jobs("plain")[-1].attributes["copies"] == 2
    assert office.served.job(number)["stored"]
    assert "A copy of it was sent" in office.served.words(number)

    assert refused(bob.on_job(ipp.Operation.CANCEL_JOB, number))
    assert alice.on_job(ipp.Operation.CANCEL_JOB, number).status == 0
    assert office.served.reaches(number, "erased")
    assert refused(alice.on_job(ipp.Operation.RESUBMIT_JOB, number)) == int(ipp.Status.NOT_POSSIBLE)


def test_a_job_that_is_printed_and_stored_can_be_shared_with_everybody(office: Office) -> None:
    office.served.ask("queue.add", name="shared", device=["plain"], trust_network=["127.0.0.0/8"])
    alice, bob = office.client("alice", "shared"), office.client("bob", "shared")
    number = alice.print(DOCUMENT, operation=[storage("print-and-store", "public")], title="the menu").job
    done = office.served.reaches(number, "ended")
    assert (done["outcome"], done["stored"], done["expires_at"]) == ("printed", True, None)
    assert which(office, "stored-public", "bob", "shared") == [number]
    assert bob.look(number).text("job-name") == "the menu"
    again = bob.on_job(ipp.Operation.RESUBMIT_JOB, number)
    assert again.status == 0, again.words
    assert office.served.job(again.job)["owner"] == "bob"
    office.served.reaches(again.job, "erased")
    assert alice.on_job(ipp.Operation.CANCEL_JOB, number).status == 0
    office.served.reaches(number, "erased")


def test_a_proof_comes_out_first_and_the_run_after_a_word(office: Office) -> None:
    office.served.ask("queue.add", name="proofs", device=["plain"], trust_network=["127.0.0.0/8"])
    client, before = office.client("alice", "proofs"), len(office.lab.jobs("plain"))
    number = client.print(DOCUMENT, a("copies", ipp.integer(7)), a("proof-copies", ipp.integer(1))).job
    until(lambda: len(office.lab.jobs("plain")) == before + 1)
    assert seen(office, number, "proofs") == (6, ["job-suspended-for-approval"])
    assert which(office, "proof-and-suspend", queue="proofs") == [number]
    assert client.on_job(ipp.Operation.RESUME_JOB, number).status == 0
    assert office.served.reaches(number, "erased")["outcome"] == "printed"
    copies = [each.attributes.get("copies", 1) for each in office.lab.jobs("plain")[before:]]
    assert copies == [1, 7]
    assert refused(client.on_job(ipp.Operation.RESUME_JOB, number)) == int(ipp.Status.NOT_POSSIBLE)


def test_what_prints_for_longer_than_its_sender_allows_is_stopped(office: Office) -> None:
    office.lab.put("plain", "paper-out")
    office.served.ask("queue.add", name="hasty", device=["plain"], trust_network=["127.0.0.0/8"])
    try:
        number = office.client("alice", "hasty").print(DOCUMENT, a("job-cancel-after", ipp.integer(1))).job
        done = office.served.reaches(number, "ended", "erased", "uncertain", within_s=40)
    finally:
        office.lab.clear("plain")
    if done["state"] != "uncertain":
        assert done["outcome"] == "cancelled"
        assert seen(office, number, "hasty") == (7, ["job-canceled-after-timeout"])


@pytest.mark.peer("ipptool")
def test_ipptool_finds_release_and_storage_as_the_standard_names_them(office: Office, tmp_path: Path) -> None:
    document = tmp_path / "document.pdf"
    document.write_bytes(DOCUMENT)
    done = subprocess.run(
        [program("ipptool"), "-t", "-I", "-f", str(document), f"{office.served.urls['ipp']}/straight", str(SUITE)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "USER": "alice", "CUPS_USER": "alice"},
    )
    assert "[FAIL]" not in done.stdout and done.stdout.count("[PASS]") == 9, done.stdout + done.stderr


@pytest.mark.requirement("SPM-35")
def test_no_password_of_a_job_is_found_in_any_file_of_the_house(office: Office) -> None:
    secret = b"canary-4711-of-a-job"
    office.client("alice", "straight").print(DOCUMENT, operation=password(secret))
    hashed = sha256(secret).digest()
    office.client("alice", "straight").print(DOCUMENT, operation=password(hashed, "sha2-256"))
    office.served.stop()
    try:
        wanted = (secret, secret.hex().encode(), hashed, hashed.hex().encode())
        files = [each for each in office.served.data.parent.rglob("*") if each.is_file()]
        assert len(files) > 5
        for file in files:
            octets = file.read_bytes()
            assert not any(each in octets for each in wanted), file
    finally:
        office.served.start()


@pytest.mark.peer("lp")
def test_what_lp_asks_of_times_and_passwords_is_kept(office: Office, tmp_path: Path) -> None:
    document = tmp_path / "letter.pdf"
    document.write_bytes(DOCUMENT)
    server = f"127.0.0.1:{office.served.port('ipp')}"

    def lp(*options: str) -> dict[str, Any]:
        named = [word for option in options for word in ("-o", option)]
        said = cups_client(server, "lp", "-d", "straight", "-U", "alice", *named, str(document))
        return office.served.job(number_of(said))

    assert lp("job-hold-until=indefinite")["why"] == "indefinite"
    later = (datetime.now(UTC) + timedelta(hours=2)).strftime("%H:%M")
    timed = lp(f"job-hold-until={later}", "job-cancel-after=60")
    assert timed["why"] == "until" and timed["hold_until"][11:16] == later
    assert timed["terms"]["cancel_after_s"] == 60
    asked = lp("job-password=4711")
    assert asked["why"] == "password"
    assert "4711" not in json.dumps(asked)
    office.served.print_at(asked["number"], "alice", "plain", job_pin="4711")
    assert office.served.reaches(asked["number"], "erased")["outcome"] == "printed"


@pytest.mark.peer("lp")
@pytest.mark.requirement("SAFEQ-53")
def test_lp_goes_on_in_tls_on_the_clear_port_when_it_requires_encryption(office: Office, tmp_path: Path) -> None:
    document, octets = tmp_path / "letter.pdf", sample("inside", 300)
    document.write_bytes(octets)
    said = subprocess.run(
        [program("lp"), "-d", "straight", "-U", "alice", str(document)],
        env={
            **os.environ,
            "CUPS_SERVER": f"localhost:{office.served.port('ipp')}",
            "CUPS_ENCRYPTION": "Required",
            "CUPS_ANYROOT": "yes",
            "HOME": "/nonexistent",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    number = number_of(said.stdout)
    done = office.served.reaches(number, "erased")
    assert (done["door"], done["outcome"]) == ("ipps", "printed")
    assert done["octets"] == len(octets)
