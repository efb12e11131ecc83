"""The run as a table for people."""

from rich.console import Console
from rich.table import Table

from bench.result import Row, Run

__all__ = ["show"]


def show(run: Run, console: Console) -> None:
    machine = run.machine
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, sync {machine['sync_ms']} ms, "
        f"AES-256-GCM {machine['aes_256_gcm_mb_per_s']} MB/s, load {machine['load']} at the beginning"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "Frisket", "", "others", "goal", "is", ""):
        table.add_column(column, justify="right" if column in ("Frisket", "is") else "left", overflow="fold")
    part = ""
    for row in run.rows:
        if row.part != part and part:
            table.add_row()
        part = row.part
        table.add_row(*_cells(row))
    console.print(table)
    for name, why in run.failed.items():
        console.print(f"[bold red]{name} could not be measured:[/] {why}", soft_wrap=True)


def _cells(row: Row) -> list[str]:
    others = "  ".join(f"{name} {figure(value)}" for name, value in row.peers.items())
    mark = {True: "[green]reached[/]", False: "[red]missed[/]", None: ""}[row.reached]
    goal = row.goal.text if row.goal is not None else ""
    return [row.what, figure(row.ours), row.unit, others, goal, figure(row.judged), mark]


def figure(value: float | None) -> str:
    """Three figures that mean something; a dash where there is no number."""
    if value is None or value != value:
        return "–"
    if value == float("inf"):
        return "∞"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
