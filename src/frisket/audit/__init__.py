"""The append-only record of who did what; every room above writes to it.

What this room promises:

- `record` writes in the caller's transaction: an act and its leaf are durable together or not at all.
- A leaf holds ids, states, numbers and keywords; free text is refused, because nothing is ever taken out.
- Within ten seconds a leaf stands in a Merkle log (RFC 6962) under a signed checkpoint. `verify` finds
  every later edit, deletion, reordering and truncation, in the table as in the log's own files.
- `prove` and `export` give what somebody without this house needs to check that for themselves.
"""

from frisket.audit.checking import Problem, ProblemKind, Verdict, verify
from frisket.audit.errors import LogDamaged, NoSuchLeaf, NotAFact, NotSequencedYet
from frisket.audit.leaves import Entry, Fact, Facts, NewLeaf
from frisket.audit.proofs import Growth, Proof, export, prove, prove_growth
from frisket.audit.reading import Search, history, last_id, recent, since
from frisket.audit.recording import record, record_many
from frisket.audit.sequencing import Overview, Sequencer, overview

__all__ = [
    "Entry",
    "Fact",
    "Facts",
    "Growth",
    "LogDamaged",
    "NewLeaf",
    "NoSuchLeaf",
    "NotAFact",
    "NotSequencedYet",
    "Overview",
    "Problem",
    "ProblemKind",
    "Proof",
    "Search",
    "Sequencer",
    "Verdict",
    "export",
    "history",
    "last_id",
    "overview",
    "prove",
    "prove_growth",
    "recent",
    "record",
    "record_many",
    "since",
    "verify",
]
