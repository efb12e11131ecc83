"""What was printed: counted once, kept apart from the job, summed up.

What this room promises:

- `write` travels in the transaction that settles the job, so an entry and its outcome come together.
- An entry stands alone: it outlives the job and holds ids and numbers, no title and no name.
- Every entry says where its numbers come from; what nobody counted is shown as that, never as nought.
- A person sees their own entries only. An exported cell is never a formula.
"""

from frisket.ledger.book import By, CountedFrom, EntryView, NewEntry, Total, entries, totals, write
from frisket.ledger.errors import BadCursor, BadEntry
from frisket.ledger.spreadsheet import export

__all__ = [
    "BadCursor",
    "BadEntry",
    "By",
    "CountedFrom",
    "EntryView",
    "NewEntry",
    "Total",
    "entries",
    "export",
    "totals",
    "write",
]
