"""The samples are what their maker makes, and what other people's programs take them for."""

import shutil
import subprocess

import pytest
from reportlab.lib.pagesizes import A4
from tests.samples.make import FOLDER, SAMPLES, pdf


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_what_its_maker_makes(name):
    assert (FOLDER / name).read_bytes() == SAMPLES[name](), "run: make samples"


def test_every_sample_is_accounted_for():
    provenance = (FOLDER / "PROVENANCE.md").read_text()
    others = {".py", ".md", ".pyc", ".test"}  # what ipptool asks is no document
    kept = {file.name for file in FOLDER.iterdir() if file.suffix not in others and file.is_file()}
    assert kept == SAMPLES.keys()
    assert all(f"`{name}`" in provenance for name in SAMPLES)


def test_a_document_can_be_made_at_least_so_long_and_carries_its_marker():
    document = pdf(1, octets=20_000, marker="wren-4711")
    assert len(document) == 20_000
    assert b"wren-4711" in document


@pytest.mark.peer("pdfinfo")
@pytest.mark.skipif(shutil.which("pdfinfo") is None, reason="pdfinfo is not installed")
def test_poppler_counts_the_pages_that_were_made(tmp_path):
    (tmp_path / "made.pdf").write_bytes(pdf(17, sizes=[A4]))
    said = subprocess.run(["pdfinfo", tmp_path / "made.pdf"], capture_output=True, text=True, check=True).stdout
    assert "Pages:           17" in said
    assert "595.276 x 841.89 pts (A4)" in said


@pytest.mark.peer("ghostscript")
@pytest.mark.skipif(shutil.which("gs") is None, reason="ghostscript is not installed")
def test_ghostscript_finds_colour_where_it_was_put():
    said = subprocess.run(
        ["gs", "-q", "-o", "-", "-sDEVICE=inkcov", FOLDER / "three-pages-colour.pdf"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    cyan = [float(line.split()[0]) for line in said.splitlines() if "CMYK OK" in line]
    assert [each > 0 for each in cyan] == [False, True, False]
