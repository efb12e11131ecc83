"""Killed at every durable step of accept and shred: what was accepted is there, what was shredded is not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("crash_driver.py")
ROOT = DRIVER.parents[2]


def kills(folder: Path, plant: str) -> list[dict]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRISKET_")}
    ran = subprocess.run(
        [sys.executable, DRIVER, folder, plant],
        env={**environment, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_no_kill_loses_an_accepted_job_or_brings_a_shredded_one_back(tmp_path):
    found = kills(tmp_path, "honest")
    assert [kill for kill in found if kill["problems"]] == []
    # A point that no life ever passed would prove nothing.
    unhit = {kill["point"] for kill in found} - {kill["point"] for kill in found if kill["killed"]}
    assert unhit == set()


@pytest.mark.parametrize("plant", ["answer-before-commit", "rows-before-octets", "shred-forgets-key"])
def test_a_planted_bug_is_found(tmp_path, plant):
    assert any(kill["problems"] for kill in kills(tmp_path, plant))
