"""The ledger as CSV (RFC 4180), for programs that would run a cell that looks like a formula (R18)."""

import csv
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from frisket.ledger.book import EntryView, seen, view
from frisket.plumbing.scope import Scope

__all__ = ["HEADING", "cell", "export"]

HEADING = (
    "at",
    "job",
    "person",
    "queue",
    "device",
    "outcome",
    "pages",
    "copies",
    "impressions",
    "sheets",
    "colour",
    "counted from",
    "marks",
    "confidence",
)
_PAGE = 1000
_BEGINS_A_FORMULA = frozenset("=+-@")


class _Line:
    """What csv writes to: keeps one line."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text = text
        return len(text)


def cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula and no line end cuts.

    Wide forms count too: some programs fold U+FF1D to "=" before they look.
    """
    clean = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    start = unicodedata.normalize("NFKC", clean.lstrip()[:1])
    return f"'{clean}" if start[:1] in _BEGINS_A_FORMULA and start else clean


def export(scope: Scope, since: datetime, until: datetime, name: Callable[[UUID], str] = str) -> Iterator[str]:
    """Lines of CSV, a heading first, oldest entry first, each with its line end.

    name: how a person, queue or device is called; without it by its id. Times are UTC.
    """
    line = _Line()
    writer = csv.writer(line, lineterminator="\r\n")
    writer.writerow(HEADING)
    yield line.text
    rows = seen(scope, since, until).order_by("id")
    after = 0
    while page := list(rows.filter(id__gt=after)[:_PAGE]):
        for entry in page:
            writer.writerow([cell(text) for text in _cells(view(entry), name)])
            yield line.text
        after = page[-1].id


def _cells(entry: EntryView, name: Callable[[UUID], str]) -> Iterator[str]:
    yield entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield str(entry.number)
    yield name(entry.person)
    yield name(entry.queue)
    yield "" if entry.device is None else name(entry.device)
    yield entry.outcome
    for number in (entry.pages, entry.copies, entry.impressions, entry.sheets):
        yield "" if number is None else str(number)
    yield "" if entry.colour is None else ("yes" if entry.colour else "no")
    yield entry.counted_from.value
    yield " ".join(entry.marks)
    yield entry.confidence.value
