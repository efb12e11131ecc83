"""Who is behind a print: every proof the doors take, and everything they refuse."""

import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest
from tests.peers.client import Printing, sample, trusting_anybody
from tests.peers.office import Office
from tests.peers.programs import program

from frisket.wire import ipp

DOCUMENT = sample("whose is it")
UNKNOWN = int(ipp.Status.NOT_AUTHENTICATED)


@pytest.fixture(scope="module", autouse=True)
def strict_queue(office: Office) -> None:
    """A queue that believes nobody's stated name."""
    office.served.ask("queue.add", name="strict", hold=True)


def strict(office: Office, door: str = "ipps", **more: object) -> Printing:
    return Printing(f"{office.served.urls[door]}/strict", **more)  # type: ignore[arg-type]


def owner(office: Office, number: int) -> str:
    return str(office.served.job(number)["owner"])


def test_a_stated_name_is_believed_where_the_operator_said_so(office: Office) -> None:
    answer = office.client("alice").print(DOCUMENT)
    assert owner(office, answer.job) == "alice"


@pytest.mark.parametrize("name", ["ALICE", "alice@example.org", "EXAMPLE\\alice"])
def test_a_name_is_the_same_person_in_all_its_spellings(office: Office, name: str) -> None:
    assert owner(office, office.client(name).print(DOCUMENT).job) == "alice"


def test_a_stated_name_alone_is_nobody_on_any_other_queue(office: Office) -> None:
    answer = strict(office, "ipp", user="alice").print(DOCUMENT)
    assert answer.status == UNKNOWN
    assert "does not know who is printing" in answer.words and "personal queue address" in answer.words
    answer = strict(office, user="alice").print(DOCUMENT)
    assert answer.http in (200, 401)
    assert answer.message is None or answer.status == UNKNOWN


def test_a_name_nobody_has_is_refused_with_words(office: Office) -> None:
    answer = office.client("mallory").print(DOCUMENT)
    assert answer.status == UNKNOWN and "does not know the user name" in answer.words


def test_the_personal_address_says_who_prints_whatever_name_the_client_states(office: Office) -> None:
    """Windows often states a wrong name; identity can live in the address."""
    uri = office.people["bob"]["queue_uri"]
    answer = Printing(uri, user="DESKTOP-7\\somebody").print(DOCUMENT)
    assert owner(office, answer.job) == "bob"


def test_a_client_that_shortens_its_printer_uri_is_known_by_the_path(office: Office) -> None:
    uri = office.people["bob"]["queue_uri"]
    answer = Printing(uri, said_uri=uri.rpartition("/")[0]).print(DOCUMENT)
    assert owner(office, answer.job) == "bob"


def test_a_wrong_secret_is_not_passed_over_for_a_name_that_is_believed(office: Office) -> None:
    answer = Printing(f"{office.served.urls['ipp']}/secure/not-a-secret-of-anybody", user="alice").print(DOCUMENT)
    assert answer.status == UNKNOWN


def test_a_person_may_have_a_second_personal_address(office: Office) -> None:
    made = office.served.ask("person.queue", name="bob")["queue_uri"]
    assert owner(office, Printing(made).print(DOCUMENT).job) == "bob"


def test_name_and_password_are_taken_inside_tls_only(office: Office) -> None:
    basic = ("alice", office.people["alice"]["password"])
    assert owner(office, strict(office, basic=basic).print(DOCUMENT).job) == "alice"
    refused = strict(office, "ipp", basic=basic).print(DOCUMENT)
    assert refused.status == UNKNOWN
    assert "IPPS or HTTPS only" in refused.words


def test_a_wrong_password_is_asked_for_again(office: Office) -> None:
    answer = strict(office, basic=("alice", "not her password")).print(DOCUMENT)
    assert answer.http == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_another_way_of_signing_in_is_not_looked_into(office: Office) -> None:
    client = strict(office)
    client.headers["Authorization"] = "Negotiate YIIBhwYGKwYBBQUCoIIBezCC"
    assert client.print(DOCUMENT).http == 401


def test_without_a_proof_a_client_in_tls_is_asked_for_one(office: Office) -> None:
    answer = strict(office).print(DOCUMENT)
    assert answer.http == 401


@pytest.mark.requirement("OCE-166")
@pytest.mark.peer("openssl")
def test_a_certificate_of_the_house_says_who_prints(office: Office) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bundle, pem = Path(folder) / "alice.p12", Path(folder) / "alice.pem"
        made = office.served.cli("person", "certificate", "alice", str(bundle))
        secret = f"pass:{made['bundle_password']}"
        subprocess.run(
            [program("openssl"), "pkcs12", "-in", bundle, "-passin", secret, "-nodes", "-out", pem],
            check=True,
            capture_output=True,
        )
        tls = trusting_anybody()
        tls.load_cert_chain(pem)
        assert owner(office, strict(office, tls=tls).print(DOCUMENT).job) == "alice"
        assert "bundle" not in made and made["certificate_sha256"]


@pytest.mark.peer("openssl")
def test_a_certificate_of_somebody_else_is_turned_away(office: Office) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "own.pem"
        subprocess.run(
            [
                program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-subj", "/CN=alice", "-days", "1", "-keyout", pem, "-out", str(pem) + ".crt",
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        tls = trusting_anybody()
        tls.load_cert_chain(str(pem) + ".crt", pem)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            strict(office, tls=tls).print(DOCUMENT)


def test_an_anonymous_scanner_learns_of_no_job(office: Office) -> None:
    number = office.print_held("alice", DOCUMENT, title="the secret plan")
    nobody = Printing(f"{office.served.urls['ipp']}/secure")
    listed = nobody.send(ipp.Operation.GET_JOBS, ipp.attribute("which-jobs", ipp.keyword("all")))
    assert listed.status == 0 and listed.groups() == []
    asked = nobody.on_job(ipp.Operation.GET_JOB_ATTRIBUTES, number)
    assert asked.status == UNKNOWN


@pytest.mark.requirement("SAFEQ-104")
def test_a_job_of_another_looks_like_no_job(office: Office) -> None:
    number = office.print_held("alice", DOCUMENT, title="the secret plan")
    bob = office.client("bob")
    for operation in (ipp.Operation.GET_JOB_ATTRIBUTES, ipp.Operation.CANCEL_JOB, ipp.Operation.HOLD_JOB):
        answer = bob.on_job(operation, number)
        assert answer.status == int(ipp.Status.NOT_FOUND)
        assert bob.on_job(operation, 2**30).words == answer.words
    said = bob.send(ipp.Operation.GET_JOBS, ipp.attribute("requested-attributes", ipp.keyword("all")))
    assert number not in [group.integer("job-id") for group in said.groups()]


def test_an_operators_stated_name_gives_no_operators_rights(office: Office) -> None:
    """A name is a claim; only a proof carries a role."""
    made = office.served.person("olga", role="operator")
    number = office.print_held("alice", DOCUMENT)
    assert office.client("olga").on_job(ipp.Operation.CANCEL_JOB, number).status == int(ipp.Status.NOT_FOUND)
    proven = Printing(f"{office.served.urls['ipps']}/secure", basic=("olga", made["password"]))
    assert proven.on_job(ipp.Operation.GET_JOB_ATTRIBUTES, number).status == 0
    assert proven.on_job(ipp.Operation.CANCEL_JOB, number).status == 0
    office.served.reaches(number, "erased")


def test_a_person_who_left_prints_no_more(office: Office) -> None:
    made = office.served.person("leaver")
    office.served.ask("person.remove", name="leaver")
    assert office.client("leaver").print(DOCUMENT).status == UNKNOWN
    assert Printing(made["queue_uri"]).print(DOCUMENT).http == 401
