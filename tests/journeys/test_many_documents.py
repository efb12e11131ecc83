"""Documents of every kind in one stream through the upload: each is printed or told why not, none holds others up.

The short form has sixty of our own, half of them broken, locked or too much; the long one a thousand of
FRISKET_CORPORA, and compares the rate of the good ones with what it is when they are alone.
"""

import io
import json
import os
import random
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pikepdf
import pytest
from PIL import Image
from tests.journeys.test_limits_and_uploads import bearer, post
from tests.peers.office import Office, office_running
from tests.samples import office as samples
from tests.samples.make import FOLDER, pdf

from frisket import lab

KINDS = (
    "docx docm dotx xlsx xlsm xlsb pptx pptm odt ods odp doc xls ppt rtf txt html csv vsd vsdx pub "
    "jpg png tif tiff gif webp ps eps pdf pcl xps msg json list"
).split()
WHY_NOT = frozenset(("unreadable", "too-much", "too-slow", "no-converter", "locked", "forbidden"))
BLOCK = 100
COMPARED = (1, 4, 7)  # blocks whose good ones are sent alone too
pytestmark = [
    pytest.mark.peer("libreoffice"),
    pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed"),
]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    device = lab.DevicePlan("tls", lab.Door.IPPS)
    with office_running({"CONVERT__WALL_S": "30", "LIMITS__PERSON_JOBS": "100000"}, device) as office:
        office.people["token"] = office.served.ask("person.token", name="alice")
        yield office


@dataclass(frozen=True)
class Doc:
    """why: "" for what prints, else what its person is told; None where nobody knows beforehand."""

    name: str
    octets: bytes = field(repr=False)
    why: str | None = None
    pages: int | None = None


@dataclass
class Ran:
    """What became of a batch. ended: name to the seconds since its begin."""

    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def printed(self) -> set[str]:
        return {name for name, view in self.views.items() if view["outcome"] == "printed"}

    def why(self, name: str) -> str:
        view = self.views.get(name)
        return f"door: {self.refused[name]}" if view is None else "" if name in self.printed else str(view["why"])


def run(office: Office, docs: list[Doc], within_s: float) -> Ran:
    """Upload them all, release each as soon as it can be, until nothing more happens to any."""
    ran, sent = Ran(), {}
    began = time.monotonic()
    for doc in docs:
        url = f"{office.served.urls['api']}/jobs?queue=secure&title={quote(doc.name)}"
        status, body = post(url, doc.octets, bearer(office, **{"Content-Type": "application/octet-stream"}))
        if status == 201:
            sent[body["id"]] = doc.name
        else:
            assert status in (400, 422), (doc.name, status, body)
            ran.refused[doc.name], ran.ended[doc.name] = body["detail"], time.monotonic() - began
    while sent:
        left = {sent[id]: id for id in sent}
        assert time.monotonic() - began < within_s, f"nothing became of {left} within {within_s} s"
        time.sleep(0.2)
        for view in _step(office, sent):
            name = sent.pop(view["id"])
            ran.views[name], ran.ended[name] = view, time.monotonic() - began
    return ran


def _step(office: Office, sent: dict[str, str]) -> list[dict[str, Any]]:
    """Release what waits for that, and give those that have come to their end."""
    on_the_way = {view["id"]: view for view in office.served.jobs("alice", *ON_THE_WAY) if view["id"] in sent}
    over = [office.served.job(id) for id in sent if id not in on_the_way]
    waiting = []
    for id, view in on_the_way.items():
        if view["state"] != "held":
            continue
        if view["why"] in ("locked", "forbidden"):
            over.append(view)
        elif view["counted"] != "due":
            waiting.append(id)
    if waiting:
        wish = {"person": "alice", "device": "tls", "as_it_can": True}  # whatever paper it is for
        for said in office.served.ask("job.release", jobs=waiting, **wish)["jobs"]:
            view = office.served.job(said["id"])
            if not said["released"] and view["state"] == "held" and view["why"] not in ("locked", "forbidden"):
                over.append({**view, "why": f"not released: {said['text']}"})
    return [view for view in over if view["state"] in ("erased", "held", "uncertain", "quarantined")]


ON_THE_WAY = "received admitted prepared held released sending delivered ended".split()


# -- the short form --------------------------------------------------------------------------------


def image(kind: str, **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, kind, **more)
    return out.getvalue()


def protected(user: str = "", **allowed: bool) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(2))) as document:
        allow = pikepdf.Permissions(**allowed)
        document.save(out, encryption=pikepdf.Encryption(user=user, owner="author", allow=allow))
    return out.getvalue()


def bomb() -> bytes:
    entries = {"word/document.xml": b"a" * (70 << 20), "[Content_Types].xml": b"<Types/>"}
    return samples.archive(entries, how=zipfile.ZIP_DEFLATED)  # type: ignore[arg-type]


def good() -> list[Doc]:
    pages = [Image.new("L", (40, 60), shade) for shade in (0, 99, 255)]
    tiff = io.BytesIO()
    pages[0].save(tiff, "TIFF", save_all=True, append_images=pages[1:])
    return [
        Doc("letter.docx", (FOLDER / "letter.docx").read_bytes(), "", 1),
        Doc("table.xlsx", (FOLDER / "table.xlsx").read_bytes(), "", 1),
        Doc("slide.pptx", (FOLDER / "slide.pptx").read_bytes(), "", 1),
        Doc("plain.txt", "Grüße, 5 €\nund mehr davon\n".encode("utf-16"), "", 1),
        Doc("photo.png", samples.picture(), "", 1),
        Doc("photo.jpg", image("JPEG"), "", 1),
        Doc("photo.gif", image("GIF"), "", 1),
        Doc("photo.webp", image("WEBP"), "", 1),
        Doc("photo.bmp", image("BMP"), "", 1),
        Doc("fax.tif", tiff.getvalue(), "", 3),
        Doc("drawing.ps", b"%!PS-Adobe-3.0\n%%Pages: 1\n%%Page: 1 1\n0 0 99 99 rectfill showpage\n%%EOF\n", "", 1),
        Doc("plain.pdf", pdf(2), "", 2),
        Doc("colour.pdf", pdf(3, colour=[2]), "", 3),
        Doc("long.pdf", pdf(300), "", 300),
        Doc("large.pdf", pdf(1, octets=8 << 20), "", 1),
        Doc("junk-before.pdf", b"junk\n" * 100 + pdf(1), "", 1),
        Doc("protected.pdf", protected(modify_other=False, extract=False), "", 2),
        *[Doc(f"more-{number}.pdf", pdf(number), "", number) for number in range(1, 14)],
    ]


def bad() -> list[Doc]:
    return [
        Doc("cut.docx", samples.docx("cut")[:-150], "unreadable"),
        Doc("bomb.docx", bomb(), "too-much"),
        Doc("locked.odt", samples.locked_odt("open sesame", "Treasure"), "locked"),
        Doc("dots.png", samples.picture(9, 2, says=(70_000, 70_000)), "too-much"),
        Doc("half.png", samples.picture(30, 20)[:-40], "unreadable"),
        Doc("nonsense.gif", b"GIF89a nonsense", "unreadable"),
        Doc("nonsense.tif", b"II*\0" + bytes(range(256)), "unreadable"),
        Doc("nonsense.jpg", b"\xff\xd8\xff" + bytes(100), None),
        Doc("blank.txt", b"\n\n", "unreadable"),
        Doc("locked.pdf", protected(user="open sesame"), "locked"),
        Doc("forbidden.pdf", protected(print_lowres=False, print_highres=False), "forbidden"),
        Doc("nothing.pdf", b"%PDF-1.7\nnothing of what it says\n%%EOF\n", "unreadable"),
        Doc("no-pages.pdf", _no_pages(), "unreadable"),
        Doc("program.exe", b"MZ" + bytes(200), None),
        Doc("octets.bin", bytes(range(256)) * 4, None),
        Doc("empty.pdf", b"", None),
        *[Doc(f"cut-{number}.pdf", pdf(number)[: 300 * number], None) for number in range(1, 15)],
    ]


def _no_pages() -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as document:
        document.save(out)
    return out.getvalue()


@pytest.mark.peer("ghostscript")
@pytest.mark.timeout(900)
def test_sixty_of_all_kinds_are_printed_or_refused_and_each_is_told_why(office: Office) -> None:
    docs = [doc for pair in zip(good(), bad(), strict=True) for doc in pair]
    before = len(office.arrived("tls"))
    ran = run(office, docs, 600)
    told = {doc.name: ran.why(doc.name) for doc in docs}
    print(json.dumps(told, indent=1))
    assert told == {doc.name: told[doc.name] if doc.why is None else doc.why for doc in docs}
    assert {told[doc.name] for doc in docs if not told[doc.name].startswith("door: ")} <= {"", *WHY_NOT}
    pages = {doc.name: ran.views[doc.name]["pages"] for doc in docs if doc.pages is not None}
    assert pages == {doc.name: doc.pages for doc in docs if doc.pages is not None}
    arrived = office.arrived("tls")[before:]
    assert len(arrived) == len(ran.printed) and all(arrived)


# -- the long form ---------------------------------------------------------------------------------


def collected(most: int) -> list[Path]:
    root = Path(os.environ.get("FRISKET_CORPORA", "/nowhere"))
    folders = [root / "office", root / "pdf", root / "jobs", root / "email"]
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.suffix.lower()[1:] in KINDS)
    files = [file for file in files if file.is_file() and 0 < file.stat().st_size < 64 << 20]
    random.Random(4711).shuffle(files)
    return files[:most]


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not collected(1), reason="FRISKET_CORPORA names no documents")
def test_a_thousand_real_documents_leave_the_good_ones_four_fifths_of_their_rate(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """Block by block; of some, right afterwards, the good ones alone: whatever the machine does besides meets both."""
    root = Path(os.environ["FRISKET_CORPORA"])
    own = [Doc(f"own/{doc.name}", doc.octets) for doc in bad()[:16]]
    files = collected(1000 - len(own))
    docs = [Doc(str(file.relative_to(root)), file.read_bytes()) for file in files] + own
    random.Random(4712).shuffle(docs)
    assert len(docs) == 1000
    told: Counter[str] = Counter()
    reasons: dict[str, list[str]] = {}
    wrong: list[tuple[str, str]] = []
    slowest: list[tuple[float, str]] = []
    mixed_s = alone_s = 0.0
    for start in range(0, len(docs), BLOCK):
        block = docs[start : start + BLOCK]
        ran = run(office, block, 1800)
        for doc in block:
            why = ran.why(doc.name)
            told[why or "printed"] += 1
            reasons.setdefault(why, []).append(doc.name)
            if why not in ("", *WHY_NOT) and not why.startswith("door: "):
                wrong.append((doc.name, why))
        slowest += [(ran.ended[name], name) for name in ran.ended]
        if start // BLOCK in COMPARED:
            again = run(office, [doc for doc in block if doc.name in ran.printed], 1800)
            wrong += [(name, f"not again: {again.why(name)}") for name in ran.printed - again.printed]
            mixed_s += max(ran.ended[name] for name in ran.printed)
            alone_s += max(again.ended.values())
        with capsys.disabled():
            print(f"\n{start + len(block)}: mixed {mixed_s:.0f} s, alone {alone_s:.0f} s, {dict(told)}", flush=True)
    with capsys.disabled():
        print(json.dumps({why: sorted(names) for why, names in reasons.items() if why}, indent=1))
        print(f"the last of a block: {sorted(slowest)[-8:]}\nrate of the good ones: {alone_s / mixed_s:.2f}")
    assert not wrong
    assert all(office.arrived("tls"))
    assert alone_s / mixed_s > 0.8
