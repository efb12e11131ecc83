"""Real office files that nobody here wrote, through FRISKET_CORPORA: what LibreOffice alone converts, we convert."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from frisket import prepress
from frisket.intake.upload import format_of

BOUNDS = prepress.Bounds(ahead=2, ahead_s=20)


def corpus() -> list[dict[str, Any]]:
    file = Path(os.environ.get("FRISKET_CORPORA", "/nowhere")) / "office" / "FACTS.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.peer("libreoffice")
@pytest.mark.skipif(not corpus(), reason="FRISKET_CORPORA names no folder with office/FACTS.jsonl")
@pytest.mark.usefixtures("walls")
def test_what_libreoffice_converts_we_convert_and_the_rest_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(os.environ["FRISKET_CORPORA"]) / "office"
    lost, other_pages, took = [], [], []
    for row in corpus():
        file = root / str(row["path"])
        format = format_of(file.name, "")
        if not file.exists() or format not in prepress.convertible():
            continue
        began = time.monotonic()
        found = prepress.convert(iter([file.read_bytes()]), format, bounds=BOUNDS)
        took.append(time.monotonic() - began)
        if isinstance(found, prepress.Converted):
            assert found.pdf is not None
            found.pdf.close()
            if row["converted"] and found.facts.pages != row["pages"]:
                other_pages.append((row["path"], row["pages"], found.facts.pages))
        elif row["converted"]:
            lost.append((row["path"], found))
    prepress.shrink()
    with capsys.disabled():
        print(f"\n{len(took)} office files, {sum(took):.0f} s, the slowest {max(took):.1f} s")
        print(f"lost: {lost}\nother page counts: {other_pages}")
    assert len(lost) <= len(took) * 0.03, lost
    assert max(took) < BOUNDS.wall_s + 10
