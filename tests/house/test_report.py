"""The account of real programs counts what ran, and a missing program fails in CI."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.house import clients, report

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest

@pytest.mark.peer("make", "bash")
def test_with_two_programs(): ...

@pytest.mark.peer("bash")
@pytest.mark.parametrize("n", [1, 2])
def test_with_one(n): ...

@pytest.mark.peer("no-such-program")
def test_without_its_program():
    pytest.skip("no-such-program is not installed")

def test_without_any(): ...
"""


def run(folder: Path, **environment: str) -> tuple[int, dict[str, dict[str, object]]]:
    (folder / "test_sample.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = peer\n xdist_group\n")
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.house.report", folder],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "FRISKET_TEST_REPORT": str(folder / "run.json"), **environment},
        capture_output=True,
        timeout=60,
    )
    return ended.returncode, json.loads((folder / "run.json").read_text())


def test_tests_are_counted_by_program(tmp_path):
    status, counts = run(tmp_path)
    assert status == 0
    assert counts["tests"] == {"passed": 4, "skipped": 1}
    assert counts["peers"] == {"bash": {"passed": 3}, "make": {"passed": 1}, "no-such-program": {"skipped": 1}}


def test_in_ci_a_missing_program_is_a_failure(tmp_path):
    status, counts = run(tmp_path, CI="true")
    assert status == 1
    assert counts["peers"]["no-such-program"] == {"failed": 1}


def test_runs_are_added_up(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(clients, "write", lambda rows: "")
    (tmp_path / "SQLite.json").write_text('{"tests": {"passed": 3, "failed": 1}, "peers": {"bash": {"passed": 2}}}')
    (tmp_path / "PostgreSQL.json").write_text('{"tests": {"passed": 4}, "peers": {"bash": {"failed": 1}}}')
    report.main(tmp_path)
    said = capsys.readouterr().out
    assert "together      7 passed, 1 failed" in said
    assert "bash  2 passed, 1 failed" in said
    assert "GNU bash" in said


LP = clients.Seen("lp", "IPP", "a PDF", "alice", "whole")


def test_the_page_of_clients_is_written_when_all_of_them_were_driven(tmp_path):
    file = tmp_path / "clients.md"
    other = LP._replace(client="curl", door="upload")
    assert "written anew: 2 rows" in clients.write([LP, other, LP], file)
    assert file.read_text().count("| alice |") == 2
    assert "up to date" in clients.write([other, LP], file)
    assert "1 of its clients" in clients.write([LP], file)
    assert file.read_text() == clients.page([LP, other])


def test_a_document_that_arrived_otherwise_is_no_row(client_seen):
    with pytest.raises(AssertionError, match="5 octets were sent"):
        client_seen("lp", "IPP", "a PDF", "alice", sent=b"whole", arrived=b"who")


@pytest.mark.parametrize("name", ["no-such-program", ""])
def test_a_program_that_is_not_here_has_no_version(name):
    assert report.version(name) == ""
