"""Which clients people print with, as whom, and that the document arrived whole: written from what tests saw.

A test that drives a real client says what it saw with ``client_seen``; `make test` gathers it, and writes
docs/guide/clients.md when every client of the page was driven.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pikepdf
import pytest

__all__ = ["PAGE", "Seen", "client_seen", "page", "write"]

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "clients.md"
_HEAD = """\
# Clients that print here

Written by `make test` from what it saw; do not edit. Each row was printed by the real program, and the octets that
arrived were compared with those it sent; where the house made PDF of it, its pages were counted. How to set them up:
[first-printer.md](first-printer.md).

| Client | Way in | What was printed | As whom | Arrived |
|---|---|---|---|---|
"""


class Seen(NamedTuple):
    """One row. owner: as whom the house took it, and how it knew."""

    client: str
    door: str
    printed: str
    owner: str
    arrived: str


@pytest.fixture
def client_seen(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """``client_seen(client, door, printed, owner, sent=…, arrived=…)``: compares, and tells the run.

    pages: for what the house makes PDF of; then a PDF of so many pages must have arrived.
    """

    def saw(client: str, door: str, printed: str, owner: str, *, sent: bytes, arrived: bytes, pages: int = 0) -> None:
        if pages:
            with pikepdf.open(io.BytesIO(arrived)) as made:
                assert len(made.pages) == pages, f"{client}: {len(made.pages)} pages arrived, not {pages}"
            how = f"converted to PDF, {pages} page{'s' * (pages > 1)}"
        else:
            assert arrived == sent, f"{client}: {len(sent)} octets were sent, {len(arrived)} others arrived"
            how = "whole, octet by octet"
        record_property("client", [client, door, printed, owner, how])

    return saw


def page(rows: Iterable[Seen]) -> str:
    return _HEAD + "".join("| " + " | ".join(row) + " |\n" for row in sorted(set(rows)))


def _clients(text: str) -> set[tuple[str, str]]:
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {(row[0].removeprefix("| "), row[1]) for row in rows[1:]}


def write(rows: Sequence[Seen], file: Path = PAGE) -> str:
    """Bring the page up to date; what was done about it, in words."""
    before = file.read_text() if file.exists() else ""
    missing = _clients(before) - {(row.client, row.door) for row in rows}
    if missing:
        return f"{file.name} stays as it is: {len(missing)} of its clients were not driven in this run"
    if page(rows) == before:
        return f"{file.name} is up to date: {len(set(rows))} rows"
    file.write_text(page(rows))
    return f"{file.name} is written anew: {len(set(rows))} rows"
