"""What was printed: counted once, kept apart from the job, summed up.

What this room promises:

- `write` travels in the transaction that settles the job, so an entry and its outcome come together.
- An entry stands alone: it outlives the job and holds ids and numbers, no title and no name.
- Every entry says where its numbers come from and how sure they are; what nobody counted is shown as that,
  never as nought.
- A person sees their own entries only. An exported cell is never a formula.
"""

from frisket.ledger.book import By, CountedFrom, EntryView, NewEntry, Total, entries, totals, write
from frisket.ledger.errors import BadCursor, BadEntry
from frisket.ledger.spreadsheet import export
from frisket.ledger.truth import Confidence, Counts, Truth, decide

__all__ = [
    "BadCursor",
    "BadEntry",
    "By",
    "Confidence",
    "CountedFrom",
    "Counts",
    "EntryView",
    "NewEntry",
    "Total",
    "Truth",
    "decide",
    "entries",
    "export",
    "totals",
    "write",
]
