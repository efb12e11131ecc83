"""What a run found: rows of goal and measurement, and the folder they are written to."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Goal", "Row", "Run", "at_least", "at_most", "write"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on the row's ``judged`` number."""

    text: str
    least: float | None = None
    most: float | None = None

    def reached(self, value: float | None) -> bool | None:
        """None where nothing was measured."""
        if value is None or value != value:
            return None
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


def at_least(value: float, text: str) -> Goal:
    return Goal(text, least=value)


def at_most(value: float, text: str) -> Goal:
    return Goal(text, most=value)


@dataclass(slots=True)
class Row:
    """One line of the table.

    ours, peers: in ``unit``, medians; judged: the number the goal is about, a ratio or ours itself.
    """

    part: str
    what: str
    unit: str
    ours: float | None
    peers: Mapping[str, float | None] = field(default_factory=dict)
    judged: float | None = None
    goal: Goal | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""  # why it is as it is

    @property
    def reached(self) -> bool | None:
        return self.goal.reached(self.judged) if self.goal is not None else None

    def plain(self) -> dict[str, Any]:
        told = asdict(self)
        told["goal"] = self.goal.text if self.goal is not None else None
        return {key: _numbers(each) for key, each in {**told, "reached": self.reached}.items()}


def _numbers(value: Any) -> Any:
    """JSON has no not-a-number and no infinity; floats keep four figures that mean something."""
    if isinstance(value, float):
        return None if value != value or value in (float("inf"), float("-inf")) else float(f"{value:.5g}")
    if isinstance(value, Mapping):
        return {key: _numbers(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(each) for each in value]
    return value


@dataclass(slots=True)
class Run:
    began: str  # date and time, UTC
    form: str  # quick, usual, full
    machine: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # part: why it could not be measured
    took_s: dict[str, float] = field(default_factory=dict)


def write(run: Run, folder: Path) -> Path:
    """<folder>/<date>.json."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{run.began}.json"
    told = {
        "began": run.began,
        "form": run.form,
        "machine": dict(run.machine),
        "rows": [row.plain() for row in run.rows],
        "failed": run.failed,
        "took_s": _numbers(run.took_s),
    }
    file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return file
