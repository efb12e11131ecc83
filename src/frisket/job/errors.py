from frisket.errors import Blame, FrisketError

__all__ = ["AlreadyLeased", "NotFound", "StaleLease", "WrongState"]


class NotFound(FrisketError):
    """No such job, or none that the scope may see; the two look alike on purpose."""

    blame = Blame.PERSON
    remedy = "Check the number of the job; it may have been printed or deleted already."


class WrongState(FrisketError):
    """The job is not in the state the caller expected; somebody moved it first."""

    blame = Blame.PERSON
    remedy = "Look at the job again; its state has changed."


class AlreadyLeased(FrisketError):
    blame, retry = Blame.HOUSE, True


class StaleLease(FrisketError):
    """Another worker holds a newer lease: whatever this one still does is refused."""
