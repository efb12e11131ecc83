"""Office files into PDF: in sandboxes, cold and started ahead, beside LibreOffice by itself."""

import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from tests.samples import office

from bench import machine
from bench.result import Row, at_most
from bench.setting import Setting
from frisket import prepress
from frisket.prepress import converting

__all__ = ["measure"]

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_READY_S = 4.0  # in which an office that was started ahead has come to wait
_PEER = "soffice"


def measure(setting: Setting) -> list[Row]:
    if shutil.which("soffice") is None or not prepress.available().possible:
        raise RuntimeError("there is no LibreOffice or no sandbox here")
    words = "The quick brown fox jumps over the lazy dog. " * 12
    document = office.docx(*[f"{number}. {words}" for number in range(60)])
    folder = setting.folder / "convert"
    folder.mkdir(exist_ok=True)
    (folder / "letter.docx").write_bytes(document)
    cold, warm = prepress.Bounds(ahead=0), prepress.Bounds(ahead=1, ahead_s=600)
    pages = _ours(document, warm)  # and one waits from now on
    _plain(folder, [folder / "letter.docx"])  # its profile is made
    ways: dict[str, Callable[[], object]] = {
        "cold": lambda: _ours(document, cold),
        "warm": lambda: _ours(document, warm),
        _PEER: lambda: _plain(folder, [folder / "letter.docx"]),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(3 if setting.quick else 7):
        for name, way in ways.items():
            setting.say(f"{name}, turn {turn + 1}")
            time.sleep(_READY_S)
            took[name].append(_timed(way))
    waiting = _memory(warm)
    many, theirs = _many(setting, folder, document)
    prepress.shrink()
    middle = {name: median(values) for name, values in took.items()}
    peer = {_PEER: middle[_PEER] * 1000}
    detail = {"pages": pages, "turns": took}
    what = f"A Word file of {pages} pages"
    ratio = {name: value / middle[_PEER] for name, value in middle.items()}
    return [
        Row("convert", f"{what}, office started ahead", "ms", middle["warm"] * 1000, peer, ratio["warm"],
            at_most(1.0, "≤ 1.0 ×"), detail),
        Row("convert", f"{what}, cold", "ms", middle["cold"] * 1000, peer, ratio["cold"],
            at_most(1.5, "≤ 1.5 ×"), detail),
        Row("convert", "An office that waits (PSS)", "MB", waiting),
        Row("convert", "Documents a minute: ours a sandbox each, two at once; soffice all in one process", "1/min",
            many, {_PEER: theirs}, note="soffice lets all documents share one process"),
    ]  # fmt: skip


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _ours(document: bytes, bounds: prepress.Bounds) -> int:
    made = prepress.convert(iter([document]), DOCX, bounds=bounds)
    if isinstance(made, prepress.Failed) or made.pdf is None:
        raise RuntimeError(f"not converted: {made}")
    made.pdf.close()
    return made.facts.pages or 0


def _plain(folder: Path, files: list[Path]) -> None:
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder / "made")]
    subprocess.run([*command, *map(str, files)], capture_output=True, timeout=600, check=True)
    if not (folder / "made" / f"{files[0].stem}.pdf").exists():
        raise RuntimeError("soffice made nothing")


def _memory(bounds: prepress.Bounds) -> float | None:
    time.sleep(_READY_S)
    waiting = converting._ahead(bounds.limits())._waiting
    return machine.use_of(waiting[0]._child.pid, proportional=True).pss / 1e6 if waiting else None


def _many(setting: Setting, folder: Path, document: bytes) -> tuple[float, float]:
    count = 8 if setting.quick else 30
    files = [folder / f"n{number}.docx" for number in range(count)]
    for file in files:
        file.write_bytes(document)
    bounds = prepress.Bounds(ahead=2, ahead_s=600)
    ours, theirs = [], []
    for turn in range(setting.turns):
        setting.say(f"{count} documents, turn {turn + 1}")
        with ThreadPoolExecutor(2) as hands:
            ours.append(_timed(lambda: list(hands.map(lambda _: _ours(document, bounds), files))))
        theirs.append(_timed(lambda: _plain(folder, files)))
    return count * 60 / median(ours), count * 60 / median(theirs)
