"""Documents of every kind in one stream through the upload: all are answered, none holds the others up.

The short form has two dozen of our own and a few of FRISKET_CORPORA, the long one a thousand of the collections.
"""

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.journeys.test_limits_and_uploads import bearer, post
from tests.peers.office import Office, office_running
from tests.peers.served import until
from tests.samples import office as samples
from tests.samples.make import FOLDER, pdf

KINDS = "docx xlsx pptx odt ods odp doc xls ppt rtf txt html jpg png tif gif ps eps pdf".split()
RESTS = ("held", "ended", "erased", "quarantined")
pytestmark = [
    pytest.mark.peer("libreoffice"),
    pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed"),
]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with office_running({"CONVERT__WALL_S": "30"}) as office:
        office.people["token"] = office.served.ask("person.token", name="alice")
        yield office


def send(office: Office, name: str, document: bytes) -> tuple[int, Any]:
    url = f"{office.served.urls['api']}/jobs?queue=secure&title={quote(name)}"
    return post(url, document, bearer(office, **{"Content-Type": "application/octet-stream"}))


def all_settled(office: Office, sent: dict[str, str], within_s: float) -> dict[str, dict[str, Any]]:
    """The job of each once nothing more happens to it by itself."""
    found: dict[str, dict[str, Any]] = {}

    def done() -> bool:
        for name in sent.keys() - found.keys():
            view = office.served.job(sent[name])
            if view["state"] in RESTS:
                found[name] = view
        return len(found) == len(sent)

    until(done, within_s=within_s, every_s=0.5)
    return found


def own() -> list[tuple[str, bytes, bool]]:
    """Name, octets, and whether it can be printed."""
    good = [(name, (FOLDER / name).read_bytes(), True) for name in ("letter.docx", "letter.odt", "table.xlsx")]
    good += [("photo.png", samples.picture(), True), ("plain.txt", b"text\n", True), ("plain.pdf", pdf(2), True)]
    bad = [
        ("cut.docx", samples.docx("cut")[:-150], False),
        ("noise.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"noise" * 200, False),
        ("dots.png", samples.picture(9, 2, says=(70_000, 70_000)), False),
        ("empty.txt", b"\n\n", False),
    ]
    return [(f"{turn}-{name}", octets, fine) for turn in range(2) for name, octets, fine in (*good, *bad)]


def test_two_dozen_of_all_kinds_are_answered_and_the_good_ones_wait_to_be_printed(office: Office) -> None:
    sent, fine = {}, {}
    for name, octets, good in own():
        status, body = send(office, name, octets)
        assert status == 201, body
        sent[name], fine[name] = body["id"], good
    for name, view in all_settled(office, sent, 240).items():
        expected = ("held", "application/pdf") if fine[name] else ("failed",)
        assert expected == ((view["state"], view["format"]) if fine[name] else (view["outcome"],)), (name, view)


def collected(most: int) -> list[Path]:
    root = Path(os.environ.get("FRISKET_CORPORA", "/nowhere"))
    folders = [root / "office", root / "pdf", root / "jobs", root / "email"]
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.suffix.lower()[1:] in KINDS)
    files = [file for file in files if file.is_file() and 0 < file.stat().st_size < 20 << 20]
    random.Random(4711).shuffle(files)
    return files[:most]


@pytest.mark.skipif(not collected(1), reason="FRISKET_CORPORA names no documents")
def test_a_few_dozen_real_documents_are_all_answered(office: Office) -> None:
    _stream(office, collected(36), within_s=280)


@pytest.mark.long
@pytest.mark.timeout(5400)
@pytest.mark.skipif(not collected(1), reason="FRISKET_CORPORA names no documents")
def test_a_thousand_real_documents_are_all_answered(office: Office) -> None:
    files = collected(1000)
    _stream(office, [*files, *files[: max(0, 1000 - len(files))]], within_s=3600)


def _stream(office: Office, files: list[Path], within_s: float) -> None:
    sent: dict[str, str] = {}
    refused: Counter[str] = Counter()
    began = time.monotonic()
    for number, file in enumerate(files):
        name = f"{number}{file.suffix.lower()}"
        status, body = send(office, name, file.read_bytes())
        if status == 201:
            sent[name] = body["id"]
        else:
            refused[body["detail"]] += 1
            assert status == 422, body
    views = all_settled(office, sent, within_s)
    took = time.monotonic() - began
    told = Counter(f"{view['outcome'] or view['state']} {view['why']}" for view in views.values())
    print(f"\n{len(files)} documents in {took:.0f} s ({len(files) * 60 / took:.0f} a minute)")
    print(f"{dict(told)}, refused at the door: {dict(refused)}")
    for view in views.values():
        assert view["state"] == "held" or view["why"] in ("unreadable", "too-much", "too-slow", "no-converter"), view
    # Nothing is left behind, and the house goes on: one more comes through.
    status, body = send(office, "last.docx", (FOLDER / "letter.docx").read_bytes())
    assert status == 201
    assert all_settled(office, {"last": body["id"]}, 60)["last"]["state"] == "held"
