"""The append-only record of who did what; every room above writes to it.

What this room promises:

- `record` writes in the caller's transaction: an act and its leaf are durable together or not at all.
- A leaf holds ids, states, numbers and keywords; free text is refused, because nothing is ever taken out.
"""

from frisket.audit.errors import LogDamaged, NoSuchLeaf, NotAFact, NotSequencedYet
from frisket.audit.leaves import Entry, Facts, NewLeaf
from frisket.audit.reading import Search, history, recent
from frisket.audit.recording import record, record_many

__all__ = [
    "Entry",
    "Facts",
    "LogDamaged",
    "NewLeaf",
    "NoSuchLeaf",
    "NotAFact",
    "NotSequencedYet",
    "Search",
    "history",
    "recent",
    "record",
    "record_many",
]
