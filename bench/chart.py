"""The run as one SVG: for every row a bar of how far its goal is reached, on one scale for all."""

import math
from collections.abc import Iterable
from html import escape
from pathlib import Path

from bench.result import Goal, Row, Run
from bench.table import figure

__all__ = ["draw", "headroom"]

LEFT, WIDTH, LINE, RIGHT = 400, 340, 26, 220
TOP = 86
REACHED, MISSED, INK, QUIET = "#1a7f4b", "#c2410c", "#1b1b1f", "#6b6b76"
SPAN = 10.0  # the scale goes from a tenth of the goal to ten times


def headroom(row: Row) -> float | None:
    """How many times better than its goal; below 1 it is missed. None where there is no goal or no number."""
    goal, value = row.goal, row.judged
    if goal is None or value is None or value != value or value <= 0:
        return None
    if math.isinf(value):
        return 0.0 if goal.most is not None else math.inf
    return _times(goal, value)


def _times(goal: Goal, value: float) -> float | None:
    if goal.least is not None:
        return value / goal.least
    return goal.most / value if goal.most is not None else None


def draw(run: Run, file: Path) -> None:
    rows = [(row, times) for row in run.rows if (times := headroom(row)) is not None]
    height = TOP + LINE * len(rows) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="100%" height="100%" fill="#ffffff"/><g fill="{INK}">',
        '<text x="16" y="30" font-size="18" font-weight="600">Frisket: how far each goal is reached</text>',
        f'<text x="16" y="52" fill="{QUIET}">{escape(_where(run))}</text>',
        *_scale(height),
        *(_bar(row, times, TOP + LINE * index) for index, (row, times) in enumerate(rows)),
        "</g></svg>\n",
    ]
    file.write_text("\n".join(parts))


def _where(run: Run) -> str:
    machine = run.machine
    return f"{run.began}, {run.form}; {machine['processor']}, {machine['cores']} cores, sync {machine['sync_ms']} ms"


def _x(times: float) -> float:
    bounded = min(max(times, 1 / SPAN), SPAN)
    return LEFT + WIDTH * (math.log10(bounded) + 1) / 2


def _scale(height: int) -> Iterable[str]:
    for times, words in ((0.1, "0.1 ×"), (1.0, "goal"), (10.0, "10 ×")):
        x = _x(times)
        width = 2 if times == 1 else 1
        yield f'<line x1="{x}" x2="{x}" y1="{TOP - 6}" y2="{height - 24}" stroke="#d4d4da" stroke-width="{width}"/>'
        yield f'<text x="{x}" y="{TOP - 12}" text-anchor="middle" fill="{QUIET}">{words}</text>'


def _bar(row: Row, times: float, y: int) -> str:
    colour = REACHED if row.reached else MISSED
    end, goal = _x(times), _x(1.0)
    left, width = min(end, goal), max(2.0, abs(end - goal))
    middle = y + LINE / 2 + 4
    told = f"{figure(row.ours)} {row.unit}"
    others = ", ".join(f"{name} {figure(value)}" for name, value in row.peers.items())
    return (
        f'<text x="{LEFT - 12}" y="{middle}" text-anchor="end">{escape(row.what)}</text>'
        f'<rect x="{left:.1f}" y="{y + 5}" width="{width:.1f}" height="{LINE - 10}" rx="2" fill="{colour}">'
        f"<title>{escape(others)}</title></rect>"
        f'<text x="{LEFT + WIDTH + 16}" y="{middle}">{escape(told)}'
        f'<tspan fill="{QUIET}">  {escape(row.goal.text if row.goal else "")}</tspan></text>'
    )
