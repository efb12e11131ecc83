"""What can go wrong with the log, for callers that treat it differently."""

from frisket.errors import Blame, FrisketError

__all__ = ["InsideTransaction", "LogDamaged", "LogFull", "NoSuchLeaf", "NotAFact", "NotSequencedYet"]


class NotAFact(FrisketError):
    """An act or a fact that may not stand in the log: not a keyword, an id, a number or a state.

    A log that is never rewritten cannot forget a name, so free text is refused before it is written.
    """


class InsideTransaction(FrisketError):
    """Somebody sequences inside a transaction: what it would sign could still be rolled back."""


class LogFull(FrisketError):
    """No room for the log on its disk; nothing is lost, the leaves wait in the database."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Make room on the disk of this server."


class LogDamaged(FrisketError):
    """The log's files are not what was signed; nothing is added to them any more."""

    blame = Blame.OPERATOR
    remedy = "Run `frisket audit verify`, keep a copy of the audit folder, and restore it from a backup."


class NoSuchLeaf(FrisketError):
    """There is no leaf with this id, or none that this scope may see."""

    blame = Blame.PERSON


class NotSequencedYet(FrisketError):
    """The leaf is recorded but not yet under a signed checkpoint; it will be within seconds."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Ask again in ten seconds; if that does not help, look whether the house is running."
