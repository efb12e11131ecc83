from frisket.errors import Blame, FrisketError

__all__ = ["AlreadyMade", "InUse", "NoHouse", "NotForParts", "WrongUse"]


class NoHouse(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Make one with `frisket --data FOLDER init`."


class AlreadyMade(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Choose an empty folder, or serve the house that is there."


class InUse(FrisketError):
    """Another process works with this data folder and does not answer on its control socket."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Wait until it has started or stopped, then try again."


class NotForParts(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Set database.url to a PostgreSQL database, or serve without --only."


class WrongUse(FrisketError):
    """A command was called with something that makes no sense."""

    blame = Blame.PERSON
