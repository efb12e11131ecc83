"""What can go wrong with the ledger, for callers that treat it differently."""

from frisket.errors import Blame, FrisketError

__all__ = ["BadCursor", "BadEntry"]


class BadEntry(FrisketError):
    """An entry that contradicts itself; it would make every sum wrong that it stands in."""


class BadCursor(FrisketError):
    """Not a place in the ledger that `entries` gave out."""

    blame = Blame.PEER
    remedy = "Begin with the first page again."
