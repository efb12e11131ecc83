"""A hot folder with a destination: beside its print lie the original, the printed form and a log."""

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from tests.journeys.test_hot_folders import lies_in, log
from tests.journeys.test_limits_and_uploads import post
from tests.peers.office import Office, office_running
from tests.peers.served import until
from tests.samples import office as samples
from tests.samples.make import FOLDER, pdf

from frisket import lab

with_office = [
    pytest.mark.peer("libreoffice"),
    pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed"),
]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    device = lab.DevicePlan("tls", lab.Door.IPPS)
    with office_running({"FOLDERS__ROOTS": tempfile.gettempdir()}, device) as office:
        yield office


@pytest.fixture
def ways(office: Office, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Where documents are dropped, and where their three files come out."""
    hot, out = tmp_path / "in", tmp_path / "out"
    hot.mkdir()
    out.mkdir()
    said = office.served.ask(
        "source.add",
        **{"name": "desk", "address": str(hot), "destination": str(out), "person": "alice", "queue": "straight"},
        **{"settle_s": 0.3, "every_s": 1, "copies": 2, "sides": "two-sided-long-edge"},
    )
    assert said["notice"] is None and said["destination"] == str(out)
    yield hot, out
    office.served.ask("source.remove", name="desk", anyway=True)


def drop(hot: Path, name: str, octets: bytes) -> None:
    (hot.parent / name).write_bytes(octets)
    os.rename(hot.parent / name, hot / name)


def came_out(out: Path, count: int) -> dict[str, bytes]:
    """By what follows the job's number; whole files only."""
    until(lambda: len(list(out.glob("*.log"))) >= count, within_s=90)
    return {file.name.partition("-")[2]: file.read_bytes() for file in out.iterdir()}


@with_office[0]
@with_office[1]
@pytest.mark.requirement("PREP-14")
def test_original_printed_form_and_log_of_each_file_are_in_the_destination(
    office: Office, ways: tuple[Path, Path]
) -> None:
    hot, out = ways
    letter, page = (FOLDER / "letter.docx").read_bytes(), pdf(2)
    drop(hot, "letter.docx", letter)
    drop(hot, "page.pdf", page)
    found = came_out(out, 2)
    assert sorted(found) == [
        *("letter.log", "letter.original.docx", "letter.pdf"),
        *("page.log", "page.original.pdf", "page.pdf"),
    ]
    assert found["letter.original.docx"] == letter and found["page.original.pdf"] == found["page.pdf"] == page
    with pikepdf.open(io.BytesIO(found["letter.pdf"])) as made:
        assert len(made.pages) == 1
    assert b"PDF was made of it, 1 pages" in found["letter.log"] and b"ready to print" in found["letter.log"]
    assert b"as it came" in found["page.log"]
    # What was exported is what prints, by the folder's own wishes; and nothing is left in the folder.
    jobs = until(lambda: len(made := office.served.jobs("alice", "erased")) >= 2 and made)
    assert {(job["copies"], job["options"]["sides"]) for job in jobs[:2]} == {(2, "two-sided-long-edge")}
    assert set(office.arrived("tls")[-2:]) == {found["letter.pdf"], page}
    until(lambda: lies_in(hot) == [])


@pytest.mark.requirement("PREP-14")
def test_what_cannot_be_printed_leaves_its_original_and_the_reason(office: Office, ways: tuple[Path, Path]) -> None:
    hot, out = ways
    cut = samples.picture(30, 20)[:-40]
    drop(hot, "half.png", cut)
    found = came_out(out, 1)
    assert sorted(found) == ["half.log", "half.original.png"] and found["half.original.png"] == cut
    assert b"damaged" in found["half.log"]


@pytest.mark.requirement("PREP-46")
def test_the_opened_form_of_a_locked_document_is_never_written_there(office: Office, ways: tuple[Path, Path]) -> None:
    hot, out = ways
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(2))) as document:
        document.save(locked, encryption=pikepdf.Encryption(user="open sesame", owner="author"))
    drop(hot, "locked.pdf", locked.getvalue())
    found = came_out(out, 1)
    assert sorted(found) == ["locked.log", "locked.original.pdf"] and b"password" in found["locked.log"]
    row = until(lambda: office.served.jobs("alice", "held"))[0]
    token = office.served.ask("person.token", name="alice")["token"]
    unlock(office, row["id"], token)
    office.served.reaches(row["id"], "erased", within_s=60)
    assert sorted(came_out(out, 1)) == ["locked.log", "locked.original.pdf"]


def unlock(office: Office, job: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, body = post(f"{office.served.urls['api']}/jobs/{job}/unlock", b'{"password": "open sesame"}', headers)
    assert status == 200, body


def test_files_wait_where_they_are_while_the_destination_is_gone(office: Office, ways: tuple[Path, Path]) -> None:
    hot, out = ways
    out.rename(out.with_name("elsewhere"))

    def waits() -> bool:
        shown = next(each for each in office.served.ask("source.list")["sources"] if each["name"] == "desk")
        return shown["state"] == "waiting" and "destination" in shown["note"]

    until(waits)
    drop(hot, "page.pdf", pdf(1))
    until(waits)
    assert lies_in(hot) == ["page.pdf"] and log(office.served, "desk") == []
    out.with_name("elsewhere").rename(out)
    assert "page.pdf" in came_out(out, 1)


@pytest.mark.requirement("PREP-79")
def test_a_destination_that_cannot_be_is_told_when_it_is_set(office: Office, tmp_path: Path) -> None:
    hot = tmp_path / "in"
    hot.mkdir()
    wish = {"name": "other", "address": str(hot), "person": "alice", "queue": "straight"}
    for bad in (hot, hot / "out", tmp_path, office.served.data, Path("/etc/out"), Path("relative")):
        with pytest.raises(Exception, match=r"destination|roots|data folder"):
            office.served.ask("source.add", **wish, destination=str(bad))
    said = office.served.ask("source.add", **wish, destination=str(tmp_path / "nowhere"))
    assert "destination folder is not there" in said["notice"]
    office.served.ask("source.remove", name="other", anyway=True)
