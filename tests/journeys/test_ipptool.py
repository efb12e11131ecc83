"""ipptool and every conformance file that comes with it, against queues of ours; and documents of all kinds."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.client import Printing
from tests.peers.ipptool import Run, Suite, make_samples, run_all
from tests.peers.office import Office, office_running

from frisket import lab
from frisket.intake.ipp.offered import OFFERED
from frisket.wire import ipp

pytestmark = pytest.mark.peer("ipptool")
PASSWORD = "an operator who minds the queues"
DOTS = (150, 180, 300, 360, 600, 720)
COLOURS = ("black-1", "sgray-8", "srgb-8", "cmyk-8", "srgb-16")

# The levels of IPP, with how many tests each suite holds and how many of them must not be skipped.
LEVELS = {
    "ipp-1.1": ("1.1", 66, 50),
    "ipp-2.0": ("2.0", 67, 51),
    "ipp-2.1": ("2.1", 68, 52),
    "ipp-2.2": ("2.2", 69, 53),
}
EVERYWHERE = 500
# Each does one thing, as anybody who may print here.
SINGLE = (
    "create-job",
    "create-job-format",
    "create-job-sheets",
    "get-completed-jobs",
    "get-job-template-attributes",
    "get-jobs",
    "get-printer-attributes",
    "get-printer-attributes-suite",
    "get-printer-description-attributes",
    "get-printers",
    "identify-printer",
    "identify-printer-display",
    "identify-printer-multiple",
    "ipp-backend",
    "print-job",
    "print-job-and-wait",
    "print-job-deflate",
    "print-job-gzip",
    "print-job-hold",
    "print-job-letter",
    "print-job-manual",
    "print-job-media-col",
    "print-job-password",
    "validate-job",
)
SUBSCRIPTIONS = ipp.Operation.CREATE_PRINTER_SUBSCRIPTIONS in OFFERED
OF_SUBSCRIPTIONS = ("notify-", "ippget-event-life", *(f"0x{code:04x}" for code in range(0x16, 0x1D)))


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """Presses that print at once, so that the suites need not wait; a queue of its own for each suite."""
    plans = [lab.DevicePlan(name, lab.Door.IPP, lab.Make.PRESS) for name in ("press", "quick")]
    with office_running(None, *plans) as office:
        for name in ("lone", *LEVELS, "everywhere", "secure-2.0", "single", "clearing"):
            # A device prints one job after the other: nobody waits behind the four hundred of the largest suite.
            there = ["press" if name == "everywhere" else "quick"]
            office.served.ask("queue.add", name=name, hold=False, device=there, trust_network=["127.0.0.0/8"])
            # The suites look at completed jobs before any of their own has had the time to become one.
            office.served.reaches(office.client("alice", name).print(b"%PDF-1.4\n%%EOF").job, "erased")
        office.served.person("olga", role="operator", password=PASSWORD)
        yield office


@pytest.fixture(scope="module")
def suites() -> Iterator[Path]:
    """Removed at once: these rasters are large."""
    with tempfile.TemporaryDirectory(prefix="frisket-suites-") as folder:
        yield make_samples(Path(folder), DOTS, COLOURS)


@pytest.fixture(scope="module")
def runs(office: Office, suites: Path) -> dict[str, Run]:
    """All of them at once."""
    plain, inside = office.served.urls["ipp"], office.served.urls["ipps"]
    planned = [Suite(name, f"{plain}/{name}", version) for name, (version, _, _) in LEVELS.items()]
    planned.append(Suite("ipp-2.0", f"{inside}/secure-2.0", "2.0"))
    planned.append(Suite("ipp-everywhere", f"{inside}/everywhere", "2.0"))
    planned += [Suite(name, f"{plain}/single") for name in SINGLE]
    found = run_all(planned, suites)
    for run in found.values():
        print(run.line())
    return found


@pytest.mark.parametrize("suite", LEVELS)
def test_the_suite_of_an_ipp_version_has_no_failure(runs: dict[str, Run], suite: str) -> None:
    run, (_, tests, passed) = runs[f"{suite}@ipp"], LEVELS[suite]
    failed = run.failed
    if not SUBSCRIPTIONS and suite in ("ipp-2.1", "ipp-2.2"):
        assert failed, "without subscriptions this level must not pass"
        failed = [
            line
            for line in failed
            if line.startswith("EXPECTED") and not any(w in line.lower() for w in OF_SUBSCRIPTIONS)
        ]
    assert failed == [], run.said
    assert sum(run.counts.values()) == tests and run.counts["PASS"] >= passed - (
        suite > "ipp-2.0" and not SUBSCRIPTIONS
    ), run.line()


@pytest.mark.requirement("SAFEQ-53")
def test_a_suite_has_no_failure_inside_tls(runs: dict[str, Run]) -> None:
    run = runs["ipp-2.0@ipps"]
    assert run.failed == [] and run.counts["PASS"] >= LEVELS["ipp-2.0"][2], run.said


@pytest.mark.requirement("SAFEQ-62")
@pytest.mark.peer("ghostscript")
def test_the_suite_of_ipp_everywhere_prints_all_samples_without_failure(runs: dict[str, Run]) -> None:
    run = runs["ipp-everywhere@ipps"]
    assert run.failed == [], run.said
    assert sum(run.counts.values()) == EVERYWHERE and run.counts["PASS"] >= 484, run.line()  # the rest is Print-URI


@pytest.mark.parametrize("suite", SINGLE)
def test_a_stock_file_of_one_operation_has_no_failure(runs: dict[str, Run], suite: str) -> None:
    run = runs[f"{suite}@ipp"]
    assert run.failed == [] and run.counts["PASS"] > 0, run.said


def test_the_stock_file_that_stops_and_starts_a_queue_passes_for_an_operator(office: Office, suites: Path) -> None:
    run = Suite("set-attrs-hold", as_olga(office, "lone"), user="olga").run(suites)
    assert run.failed == [] and run.counts["PASS"] == 7, run.said


def test_the_stock_file_that_stops_a_queue_fails_for_anybody_else(office: Office, suites: Path) -> None:
    run = Suite("set-attrs-hold", f"{office.served.urls['ipp']}/lone").run(suites)
    assert run.counts["FAIL"] >= 2 and "client-error-not-authorized" in run.said, run.said


def test_the_stock_files_that_look_at_one_job_pass(office: Office, suites: Path) -> None:
    client = Printing(f"{office.served.urls['ipps']}/clearing", basic=("olga", PASSWORD))
    number = client.print(b"%PDF-1.4\n%%EOF", ipp.attribute("job-hold-until", ipp.keyword("indefinite"))).job
    uri = as_olga(office, "").removesuffix("/ipp/print/") + f"/jobs/{number}"
    for name in ("get-job-attributes", "get-job-attributes2"):
        run = Suite(name, uri, user="olga").run(suites)
        assert run.failed == [] and run.counts["PASS"] == 1, run.said
    run = Suite("cancel-current-job", as_olga(office, "clearing"), user="olga").run(suites)
    assert run.failed == [] and run.counts["PASS"] == 2, run.said
    assert office.served.job(number)["outcome"] == "cancelled"


def as_olga(office: Office, queue: str) -> str:
    """A queue's address with an operator's name and password in it, as ipptool takes them."""
    return f"{office.served.urls['ipps']}/{queue}".replace("//", f"//olga:{PASSWORD.replace(' ', '%20')}@", 1)


def test_a_personal_address_needs_no_name(office: Office, suites: Path) -> None:
    """The secret in the address says who is printing, whatever the client states."""
    run = Suite("print-job", office.people["bob"]["queue_uri"]).run(suites)
    assert run.counts == {"PASS": 1}, run.said
    assert office.served.jobs("bob", "held")
