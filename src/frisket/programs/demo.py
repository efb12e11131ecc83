"""`frisket demo`: a house in a temporary folder, a virtual printer, and one document from print to destruction."""

import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from frisket import lab
from frisket.plumbing import keys
from frisket.programs import control, house
from frisket.programs.errors import InUse
from frisket.wire import ipp

__all__ = ["demo"]

CARD = "04A1B2C3D4E5F6"
MARK = b"Salary slip of Alice Example"
out = Console(highlight=False, soft_wrap=True)


@dataclass
class _Demo:
    data: Path
    urls: dict[str, str]
    setup_token: str
    step: int = 0

    def ask(self, command: str, **values: Any) -> Any:
        answered, result = control.ask(self.data, command, values)
        if not answered:
            raise InUse("the demonstration's house stopped")
        return result

    def say(self, text: str) -> None:
        self.step += 1
        out.print(f"[bold green]{self.step:2}[/] {text}")

    def note(self, text: str) -> None:
        out.print(f"   {text}", style="dim", markup=False)


def demo(*, once: bool) -> None:
    """Show the main job. With ``once`` end then, else stay up and say which page to open."""
    folder = Path(tempfile.mkdtemp(prefix="frisket-demo-"))
    try:
        made = house.make(folder / "house", config=None, ephemeral_ports=True)
        with _serving(made.data) as ready, lab.running(folder / "printer", _plan()) as devices:
            show = _Demo(made.data, ready["urls"], ready["setup_token"])
            show.say("A house is made and serving: own keys, own certificate authority, own database.")
            show.note(" · ".join(show.urls.values()))
            _main_job(show, devices)
            if not once:
                _stay(show)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plan() -> lab.DevicePlan:
    return lab.DevicePlan("copy-1", lab.Door.IPPS, pages_per_minute=0)


@contextmanager
def _serving(data: Path) -> Iterator[dict[str, Any]]:
    """The house in a process of its own, as it runs anywhere else."""
    ready = data.parent / "ready.json"
    command = [sys.executable, "-m", "frisket", "--data", str(data), "serve", "--ready-file", str(ready)]
    with (data.parent / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                out.print((data.parent / "serve.log").read_text()[-4000:], markup=False)
                raise InUse("the house did not start")
            time.sleep(0.02)
        yield json.loads(ready.read_text())
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _main_job(show: _Demo, devices: lab.Running) -> None:
    show.ask("queue.add", name="secure", hold=True, info="Secure queue")
    person = show.ask("person.add", name="alice", full_name="Alice Example", card=CARD)
    device = show.ask("device.add", name="copy-1", uri=devices.uri("copy-1"), location="Hall, 2nd floor")
    show.say("A queue that holds, a person with a card, and a printer, adopted with its certificate.")
    show.note(f"printer {device['uri']}  certificate {str(device['certificate_sha256'])[:16]}…")

    document = sample_pdf()
    number = _print(person["queue_uri"], document)
    show.say(f"Alice prints over IPP in TLS to her own queue address: job {number} is acknowledged.")
    view = _wait(show, number, lambda each: each["pages"] is not None)
    show.say(f"It waits sealed: state {view['state']}, {view['pages']} pages counted in a sandbox.")
    found = _search(show.data, MARK)
    show.say(f"Her document, searched for in every file of the house: found {found} times.")

    show.ask("job.release", jobs=[str(number)], person="alice", device="copy-1")
    show.say("Alice stands at copy-1 and releases it.")
    view = _wait(show, number, lambda each: each["state"] == "erased")
    arrived = devices.jobs("copy-1")[0].documents[0]
    same = "the very octets that were sent" if arrived.sha256 == keys.sha256(document).hex() else "DIFFERENT octets"
    show.say(f"The printer has it: {arrived.octets} octets, {same}.")
    entry = show.ask("ledger.list")["entries"][0]
    show.say(f"It is counted: {entry['impressions']} impressions, as the {entry['counted_from']} says.")
    _destroyed(show, number)
    verdict = show.ask("audit.verify")
    words = "every signature holds" if verdict["ok"] else "THE LOG IS DAMAGED"
    leaves = verdict["size"] + verdict["waiting"]
    show.say(f"The log of all this has {leaves} leaves; {words}, and signing goes on every ten seconds.")
    if found or arrived.sha256 != keys.sha256(document).hex() or not verdict["ok"]:
        raise InUse("the demonstration did not show what it should")


def _destroyed(show: _Demo, number: int) -> None:
    until = time.monotonic() + 60
    while True:
        said = show.ask("job.explain", job=str(number))
        receipt = said["receipt"]
        if (receipt and receipt["overwritten_at"]) or time.monotonic() > until:
            break
        time.sleep(0.1)
    show.say("Its key is destroyed and its sealed octets are overwritten. The certificate of destruction:")
    for name, value in (receipt or {}).items():
        if value not in (None, "") and name not in ("body", "public_key"):
            show.note(f"{name.replace('_', ' ')}: {value}")
    show.say("What the house says of the job, step by step:")
    for step in said["steps"]:
        show.note(f"{step['at'][11:19]}  {step['text']}")


def _wait(show: _Demo, number: int, good: Any) -> dict[str, Any]:
    until = time.monotonic() + 60
    while True:
        view: dict[str, Any] = show.ask("job.show", job=str(number))
        if good(view) or time.monotonic() > until:
            return view
        time.sleep(0.05)


def _print(uri: str, document: bytes) -> int:
    """Print-Job as any IPP client sends it; the job's number."""
    parts = urlsplit(uri)
    request = ipp.request(
        ipp.Operation.PRINT_JOB,
        1,
        ipp.attribute("printer-uri", ipp.uri(uri)),
        ipp.attribute("requesting-user-name", ipp.name("alice")),
        ipp.attribute("job-name", ipp.name("Salary slip")),
        ipp.attribute("document-format", ipp.mime("application/pdf")),
    )
    peer = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=keys.looking_context(), timeout=30)
    peer.request("POST", parts.path, ipp.encode(request) + document, {"Content-Type": "application/ipp"})
    answer, _ = ipp.decode(peer.getresponse().read())
    number = answer.job.integer("job-id")
    if number is None:
        raise InUse(f"the print was refused: {answer.operation.text('status-message')}")
    return number


def _search(folder: Path, mark: bytes) -> int:
    """How often the document's own words stand anywhere in the house's files."""
    return sum(file.read_bytes().count(mark) for file in folder.rglob("*") if file.is_file())


def _stay(show: _Demo) -> None:
    out.print()
    out.print(f"The house stays up. Open {show.urls['web']}/setup and type the token {show.setup_token}", markup=False)
    out.print(f"The screen of the printer: {show.urls['web']}/terminal/copy-1  (card {CARD})", markup=False)
    out.print(f"Command line: frisket --data {show.data} job list", markup=False)
    out.print("Stop with Ctrl-C; everything of it is deleted then.", markup=False)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        out.print()


def sample_pdf(pages: int = 3) -> bytes:
    """A small PDF of our own making, uncompressed so that its words can be searched for."""
    body = bytearray(b"%PDF-1.4\n")
    offsets = []

    def add(text: bytes) -> None:
        offsets.append(len(body))
        body.extend(b"%d 0 obj\n%s\nendobj\n" % (len(offsets), text))

    kids = b" ".join(b"%d 0 R" % (4 + 2 * page) for page in range(pages))
    add(b"<</Type/Catalog/Pages 2 0 R>>")
    add(b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages))
    add(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for page in range(pages):
        add(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R>>>>>>" % (5 + 2 * page)
        )
        text = b"BT /F1 18 Tf 72 760 Td (%s, page %d) Tj ET" % (MARK, page + 1)
        add(b"<</Length %d>>stream\n%s\nendstream" % (len(text), text))
    start = len(body)
    body.extend(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
    body.extend(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    body.extend(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, start))
    return bytes(body)
