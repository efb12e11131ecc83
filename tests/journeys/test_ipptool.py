"""ipptool and the conformance files that come with it, against a queue that holds nothing."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.client import sample
from tests.peers.office import Office, office_running
from tests.peers.programs import program

from frisket import lab

pytestmark = pytest.mark.peer("ipptool")
STOCK = Path("/usr/share/cups/ipptool")

# Each does one thing; the document of their own that two of them want lies beside the suites.
SINGLE = (
    "create-job",
    "create-job-format",
    "create-job-sheets",
    "get-completed-jobs",
    "get-job-template-attributes",
    "get-jobs",
    "get-printer-attributes",
    "get-printer-description-attributes",
    "print-job",
    "print-job-and-wait",
    "print-job-deflate",
    "print-job-gzip",
    "print-job-hold",
    "print-job-media-col",
    "print-job-password",
    "validate-job",
)
_POSTSCRIPT = (
    "%!PS-Adobe-3.0\n%%BoundingBox: 0 0 {0} {1}\n%%Pages: 1\n"
    "<< /PageSize [{0} {1}] >> setpagedevice\n/Helvetica findfont 11 scalefont setfont\n"
    "%%Page: 1 1\n50 200 moveto (a page) show 0.9 0.2 0.1 setrgbcolor 60 70 40 40 rectfill showpage\n%%EOF\n"
)


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """One device that prints at once, so that the suites need not wait."""
    with office_running(None, lab.DevicePlan("plain", lab.Door.IPP)) as office:
        yield office


@pytest.fixture(scope="module")
def suites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stock files with the documents they ask for, which Debian does not ship."""
    program("ipptool")
    place = tmp_path_factory.mktemp("ipptool")
    folder = place / "suites"
    folder.mkdir()
    for file in STOCK.glob("*.test"):
        shutil.copy(file, folder)
    for name, width, height in (("a4", 595, 842), ("letter", 612, 792)):
        (folder / f"document-{name}.pdf").write_bytes(sample(f"on {name}", 3))
        (folder / f"document-{name}.ps").write_text(_POSTSCRIPT.format(width, height))
    (place / "data").mkdir()
    (place / "data" / "testprint.ps").write_text(_POSTSCRIPT.format(595, 842))
    photo = folder / "photo.ps"
    photo.write_text(_POSTSCRIPT.format(288, 432))
    for device, name in (("jpeg", "color.jpg"), ("jpeggray", "gray.jpg")):
        subprocess.run(
            [program("gs"), "-q", "-dNOPAUSE", "-dBATCH", "-r75", f"-sDEVICE={device}", f"-sOutputFile={name}", photo],
            check=True,
            cwd=folder,
        )
    return folder


def run(suite: Path, uri: str, *options: str) -> tuple[dict[str, int], str]:
    """How many of the suite's tests passed, failed and were skipped; and all it said."""
    document = suite.parent / "document-a4.pdf"
    done = subprocess.run(
        ["ipptool", *options, "-I", "-t", "-f", str(document), uri, str(suite)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "USER": "alice", "CUPS_USER": "alice"},
    )
    said = done.stdout + done.stderr
    return {word: said.count(f"[{word}]") for word in ("PASS", "FAIL", "SKIP")}, said


@pytest.mark.parametrize(("suite", "version", "tests"), [("ipp-1.1", "1.1", 66), ("ipp-2.0", "2.0", 67)])
@pytest.mark.parametrize("door", ["ipp", "ipps"])
def test_the_suite_of_an_ipp_version_has_no_failure(
    office: Office, suites: Path, suite: str, version: str, tests: int, door: str
) -> None:
    counts, said = run(suites / f"{suite}.test", f"{office.served.urls[door]}/straight", "-V", version)
    assert counts["FAIL"] == 0, said
    assert counts["PASS"] >= 40 and sum(counts.values()) == tests, said


@pytest.mark.parametrize("suite", SINGLE)
def test_a_stock_file_of_one_operation_has_no_failure(office: Office, suites: Path, suite: str) -> None:
    counts, said = run(suites / f"{suite}.test", f"{office.served.urls['ipp']}/straight", "-V", "2.0")
    assert counts["FAIL"] == 0 and counts["PASS"] > 0, said


def test_a_personal_address_needs_no_name(office: Office, suites: Path) -> None:
    """The secret in the address says who is printing, whatever the client states."""
    uri = office.people["bob"]["queue_uri"]
    counts, said = run(suites / "print-job.test", uri, "-V", "2.0")
    assert counts == {"PASS": 1, "FAIL": 0, "SKIP": 0}, said
    assert office.served.jobs("bob", "held")
