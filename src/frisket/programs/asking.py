"""How a command of the command line asks the house, and how it shows the answer."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.table import Table

from frisket import flow
from frisket.programs import commands, control
from frisket.programs.house import opened

__all__ = ["At", "Json", "fields", "out", "run", "say", "table"]

out = Console(highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


class At:
    """The house this command is about."""

    data = Path("/var/lib/frisket")
    config: Path | None = None


def run(command: str, values: dict[str, Any], document: BinaryIO | None = None) -> Any:
    answered, result = control.ask(At.data, command, values, document)
    if answered:
        return result
    with opened(At.data, config=At.config) as here:
        stream = pieces(document) if document is not None else None
        return commands.run_here(here, command, values, stream, flow.walk)


async def pieces(document: BinaryIO) -> AsyncIterator[bytes]:
    while piece := document.read(1 << 18):
        yield piece


def say(result: Any, as_json: bool, words: Callable[[Any], None]) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        words(result)


def table(columns: tuple[str, ...], rows: list[dict[str, Any]], empty: str) -> None:
    if not rows:
        out.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*["" if row.get(column) is None else str(row[column]) for column in columns])
    out.print(table)


def fields(result: dict[str, Any]) -> None:
    for key, value in result.items():
        if value not in (None, "", [], {}):
            out.print(f"{key.replace('_', ' ')}: {value}", markup=False)
