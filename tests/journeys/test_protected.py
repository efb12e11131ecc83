"""PDF that qpdf protected: printed as it came, held with the reason, or opened by its author's password alone."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from tests.journeys.test_limits_and_uploads import bearer, post
from tests.peers.office import Office, office_running
from tests.samples.make import pdf

from frisket import lab, prepress
from frisket.wire import ipp

pytestmark = [
    pytest.mark.peer("qpdf"),
    pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed"),
]
STRENGTHS = {"128-bit": ["128", "--use-aes=y"], "256-bit": ["256"]}


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    press = lab.DevicePlan("press", lab.Door.IPPS, make=lab.Make.PRESS)
    with office_running({}, press) as office:
        office.people["token"] = office.served.ask("person.token", name="alice")
        yield office


def protected(folder: Path, *allowed: str, user: str = "", strength: str = "256-bit") -> bytes:
    """Six pages. allowed: what qpdf is told of the permissions; the author's password is ``author``."""
    (folder / "plain.pdf").write_bytes(pdf(6))
    how = ["--encrypt", user, "author", *STRENGTHS[strength], *allowed, "--"]
    subprocess.run(["qpdf", *how, folder / "plain.pdf", folder / "protected.pdf"], check=True, timeout=60)
    return (folder / "protected.pdf").read_bytes()


def unlock(office: Office, job: str, password: str) -> int:
    headers = bearer(office, **{"Content-Type": "application/json"})
    status, _ = post(
        f"{office.served.urls['api']}/jobs/{job}/unlock", b'{"password": "%s"}' % password.encode(), headers
    )
    return status


def waits(office: Office, number: int) -> dict[str, Any]:
    return office.served.reaches(number, "held", within_s=60)


@pytest.mark.requirement("PREP-45", "PREP-46")
@pytest.mark.parametrize("strength", STRENGTHS)
def test_what_may_be_printed_and_not_changed_is_printed_octet_for_octet(
    office: Office, tmp_path: Path, strength: str
) -> None:
    """What its sender wants done to the pages is asked of the device; the document stays what it is."""
    document = protected(tmp_path, "--modify=none", "--print=full", strength=strength)
    wishes = [ipp.attribute("number-up", ipp.integer(2)), ipp.attribute("page-ranges", ipp.range_(1, 4))]
    answer = office.client("alice").print(document, *wishes, ipp.attribute("copies", ipp.integer(2)))
    assert answer.status < 0x0100, answer.words
    waits(office, answer.job)
    office.served.print_at(answer.job, "alice", "press")
    office.served.reaches(answer.job, "erased", within_s=60)
    assert office.arrived("press")[-1] == document
    printed = office.lab.jobs("press")[-1]
    assert printed.attributes["number-up"] == 2 and printed.attributes["copies"] == 2
    assert printed.impressions == 4, "four pages, two on a side, twice: what the device did"


@pytest.mark.requirement("PREP-46")
@pytest.mark.parametrize("door", ["ipp", "upload"])
def test_what_may_not_be_printed_waits_and_its_person_is_told_why(office: Office, tmp_path: Path, door: str) -> None:
    document = protected(tmp_path, "--print=none", user="reader" if door == "upload" else "")
    if door == "ipp":
        number = office.client("alice").print(document).job
    else:
        url = f"{office.served.urls['api']}/jobs?queue=secure"
        status, body = post(url, document, bearer(office, **{"Content-Type": "application/pdf"}))
        assert status == 201
        number = body["number"]
    held = waits(office, number)
    assert held["why"] == ("locked" if door == "upload" else "forbidden")
    before = len(office.arrived("press"))
    said = office.served.release(number, "alice", "press")["jobs"][0]
    assert not said["released"] and "password" in said["text"]
    # The reader's password opens it, and does not make it printable.
    assert unlock(office, held["id"], "reader") == 403
    if door == "ipp":
        told = office.served.explained(number)
        assert "author" in told["now"] and "author's password" in told["next"]
    assert office.served.job(number)["state"] == "held" and len(office.arrived("press")) == before
    assert unlock(office, held["id"], "author") == 200
    waits(office, number)
    office.served.print_at(number, "alice", "press")
    office.served.reaches(number, "erased", within_s=60)
    with pikepdf.open(io.BytesIO(office.arrived("press")[-1])) as printed:
        assert len(printed.pages) == 6


@pytest.mark.requirement("PREP-46")
@pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript is not installed")
@pytest.mark.peer("ghostscript")
def test_a_protected_document_is_not_mended_because_that_would_strip_it(tmp_path: Path) -> None:
    document = protected(tmp_path, "--modify=none", "--print=none")
    assert prepress.convert(iter([document]), "application/pdf") == prepress.Failed("damaged")
    hidden = document.replace(b"/Encrypt ", b"/#45ncrypt ", 1)
    assert hidden != document
    assert prepress.convert(iter([hidden]), "application/pdf") == prepress.Failed("damaged")
    assert isinstance(prepress.convert(iter([pdf(2)]), "application/pdf"), prepress.Converted)
