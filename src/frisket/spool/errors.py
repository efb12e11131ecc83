"""What the spool refuses, and whose move it is."""

from frisket.errors import Blame, FrisketError

__all__ = ["Incomplete", "NotHere", "OverQuota", "SpoolFull", "TicketSpent", "TooLarge", "WrongSpool"]


class SpoolFull(FrisketError):
    """No room for new work: the disk or what the house may hold at once. What was accepted stays."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Make room on the spool's disk or raise the house's limits; the job can be sent again then."


class OverQuota(FrisketError):
    """The person holds as much as they may."""

    blame = Blame.PERSON
    remedy = "Print or delete some of your waiting jobs, then send this one again."


class TooLarge(FrisketError):
    """The document is larger than a job may be."""

    blame = Blame.PERSON
    remedy = "Send the document in parts, or ask for a larger limit."


class Incomplete(FrisketError):
    """Fewer or more octets came than were announced."""

    blame = Blame.PEER
    remedy = "Send the document again."


class NotHere(FrisketError):
    """The job has no such object, or no key any more: it was erased, or never had one."""

    blame = Blame.PERSON
    remedy = "Send the document again if it is still wanted."


class TicketSpent(FrisketError):
    """A ticket opens each object once, for one job, after its transaction is durable."""


class WrongSpool(FrisketError):
    """The spool folder belongs to another database. Nothing was touched."""

    blame = Blame.OPERATOR
    remedy = "Check database.url and the data folder; if the database is lost, move the spool folder away."
