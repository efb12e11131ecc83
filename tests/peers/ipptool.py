"""ipptool with the suites that come with it, and the documents those ask for, which no package ships."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.programs import program

__all__ = ["Run", "Suite", "make_samples", "run_all"]

STOCK = Path("/usr/share/cups/ipptool")
_COLOURS = {"black-1": (3, 1), "sgray-8": (18, 8), "srgb-8": (19, 8), "cmyk-8": (6, 8), "srgb-16": (19, 16)}
_SIZES = {"a4": (595, 842), "letter": (612, 792)}
_FILE = re.compile(r"^\s*FILE\s+([^$\s]\S*)", re.MULTILINE)


def _postscript(width: int, height: int, pages: int, title: str) -> str:
    """A page with text, red and blue, as often as wanted."""
    lines = [
        "%!PS-Adobe-3.0",
        f"%%BoundingBox: 0 0 {width} {height}",
        f"%%Pages: {pages}",
        f"<< /PageSize [{width} {height}] >> setpagedevice /Helvetica findfont 11 scalefont setfont",
    ]
    for page in range(1, pages + 1):
        lines.append(f"%%Page: {page} {page}")
        lines += [f"50 {y} moveto ({title}, page {page}) show" for y in range(height - 60, 120, -24)]
        lines.append("0.9 0.2 0.1 setrgbcolor 60 70 40 40 rectfill 0.1 0.3 0.9 setrgbcolor 120 70 40 40 rectfill")
        lines.append("0 setgray showpage")
    return "\n".join([*lines, "%%EOF", ""])


def _ghostscript(source: Path, out: Path, device: str, *options: str) -> None:
    command = [program("gs"), "-q", "-dNOPAUSE", "-dBATCH", f"-sDEVICE={device}", *options]
    subprocess.run([*command, f"-sOutputFile={out}", str(source)], check=True, capture_output=True)


def make_samples(place: Path, dots: Sequence[int] = (), colours: Iterable[str] = ()) -> Path:
    """The stock suites in a folder with sample documents; rasters in these resolutions and colours.

    ipptool 2.4 gives up a whole suite at the first FILE that it cannot read, even where the test would be
    skipped, so every other name gets a few octets: such a test is skipped, because the queue does not claim
    that resolution or colour, or it fails, because it does.
    """
    program("ipptool")
    folder = place / "suites"
    folder.mkdir(parents=True)
    for file in STOCK.glob("*.test"):
        (folder / file.name).write_text(_put_right(file.name, file.read_text()))
    for size, (width, height) in _SIZES.items():
        for name, pages in ((f"document-{size}", 3), (f"onepage-{size}", 1)):
            (folder / f"{name}.ps").write_text(_postscript(width, height, pages, name))
            _ghostscript(folder / f"{name}.ps", folder / f"{name}.pdf", "pdfwrite")
    (folder / "photo.ps").write_text(_postscript(288, 432, 1, "photo"))
    _ghostscript(folder / "photo.ps", folder / "color.jpg", "jpeg", "-r150")
    _ghostscript(folder / "photo.ps", folder / "gray.jpg", "jpeggray", "-r150")
    (place / "data").mkdir()
    shutil.copy(folder / "document-a4.ps", place / "data" / "testprint.ps")
    _make_rasters(folder, dots, colours)
    for name in {name for file in folder.glob("*.test") for name in _FILE.findall(file.read_text())}:
        missing = folder / name
        if not missing.exists():
            missing.parent.mkdir(parents=True, exist_ok=True)
            missing.write_text("no sample in this resolution or colour\n")
    return folder


def _put_right(name: str, text: str) -> str:
    """One test of the attribute suite asks for 'all' and wants what another one, asking the same, forbids; its
    name says what it means to ask for."""
    if name != "get-printer-attributes-suite.test":
        return text
    begin = text.index("Get-Printer-Attributes (requested-attributes='media-col-database')")
    return text[:begin] + text[begin:].replace(
        "requested-attributes 'all'", "requested-attributes media-col-database", 1
    )


def _make_rasters(folder: Path, dots: Sequence[int], colours: Iterable[str]) -> None:
    wanted = []
    for dpi in dots:
        for colour in colours:
            place = folder / f"pwg-raster-samples-{dpi}dpi" / colour
            place.mkdir(parents=True, exist_ok=True)
            names = [(f"{kind}-{size}", f"{kind}-{size}") for kind in ("document", "onepage") for size in _SIZES]
            photos = [("photo", f"{shade}.jpg-4x6") for shade in ("color", "gray")]
            names = photos if colour == "srgb-16" else [*names, *photos]
            for source, name in names:
                wanted.append((folder / f"{source}.ps", place / f"{name}-{colour}-{dpi}dpi.pwg", dpi, colour))

    def make(source: Path, out: Path, dpi: int, colour: str) -> None:
        space, bits = _COLOURS[colour]
        _ghostscript(source, out, "pwgraster", f"-r{dpi}", f"-dcupsColorSpace={space}", f"-dcupsBitsPerColor={bits}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: make(*each), wanted))


@dataclass(frozen=True)
class Suite:
    """One run of ipptool: which file, against which address."""

    name: str
    uri: str
    version: str = "2.0"
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = "alice"

    def run(self, folder: Path) -> "Run":
        set_to = [word for name, value in self.variables.items() for word in ("-d", f"{name}={value}")]
        document = ["-f", str(folder / "document-a4.pdf")]
        done = subprocess.run(
            [
                "ipptool",
                "-V",
                self.version,
                *self.options,
                *set_to,
                "-I",
                "-t",
                *document,
                self.uri,
                f"{self.name}.test",
            ],
            capture_output=True,
            text=True,
            timeout=900,
            cwd=folder,
            env={**os.environ, "USER": self.user, "CUPS_USER": self.user},
        )
        return Run(self, done.stdout + done.stderr)


@dataclass(frozen=True)
class Run:
    suite: Suite
    said: str

    @property
    def counts(self) -> Counter[str]:
        """How many tests passed, failed and were skipped."""
        return Counter(re.findall(r"\[(PASS|FAIL|SKIP)\]\s*$", self.said, re.MULTILINE))

    @property
    def failed(self) -> list[str]:
        """What every failed test says of itself."""
        found, last = [], ""
        for line in self.said.splitlines():
            if line.rstrip().endswith("[FAIL]"):
                last = line.strip()
                found.append(last)
            elif last and line.startswith("        "):
                found.append(line.strip())
            else:
                last = ""
        return found

    def line(self) -> str:
        return f"{self.suite.name} {self.suite.version} {self.suite.uri.split(':')[0]}: {dict(self.counts)}"


def run_all(suites: Iterable[Suite], folder: Path) -> dict[str, Run]:
    """Side by side: ipptool sleeps most of its time, five seconds before it asks again how a job is."""
    listed = list(suites)
    with ThreadPoolExecutor(max(1, len(listed))) as pool:
        return {
            f"{run.suite.name}@{run.suite.uri.split(':')[0]}": run
            for run in pool.map(lambda each: each.run(folder), listed)
        }
