"""Pages keep what they promise: links lead somewhere, commands exist, nothing of a builder's own machine slips in."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from frisket.programs import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "changes/*.md", "tests/**/*.md")
    for page in ROOT.glob(pattern)
    if ".venv" not in page.parts
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    inside = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_every_target_a_page_names_is_in_the_makefile():
    known = set(re.findall(r"^([.a-z/-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"(?:`|^    (?:.*&& )?)make ([.a-z/-]+)", page.read_text(), re.M)
    }
    assert {each for each in named if each[1] not in known} == set()


def test_every_target_of_the_makefile_is_explained():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony
    explained = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.M))
    assert set(phony[1].split()) == explained


def test_every_command_the_guide_names_exists():
    house = typer.main.get_command(cli.app)
    missing = []
    for page in (ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs" / "guide").glob("*.md")):
        for words in re.findall(r"(?:`|^ {4,7})frisket((?: [a-z][a-z-]*)+)", page.read_text(), re.M):
            command: Any = house
            for word in words.split():
                if not hasattr(command, "commands"):
                    break  # from here on it is arguments
                if word not in command.commands:
                    missing.append(f"{page.name}: frisket{words}")
                    break
                command = command.commands[word]
    assert missing == []


def test_no_file_names_a_place_on_the_machine_it_was_written_on():
    """Everything a clone gets is looked at, this file's own pattern apart."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a checkout")
    foreign = re.compile(r"(?<![\w.])/(?:work|root|home)/[a-z]")
    found = []
    for name in listed.stdout.splitlines():
        file = ROOT / name
        if file.suffix in {".py", ".md", ".toml", ".sh", ".html", ".txt", ".js", ".css"} and file.exists():
            if foreign.search(file.read_text(errors="replace")):
                found.append(name)
    assert [name for name in found if name != "tests/house/test_pages.py"] == []
