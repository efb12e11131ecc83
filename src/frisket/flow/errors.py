from frisket.errors import Blame, FrisketError

__all__ = ["DocumentLocked", "NothingToUnlock", "TooMuchAtOnce"]


class DocumentLocked(FrisketError):
    """The password that was typed does not open the document, or does not allow printing it."""

    blame = Blame.PERSON
    remedy = "Type it again, or send the document again without a password."


class NothingToUnlock(FrisketError):
    """The job does not wait for a password of its document."""

    blame = Blame.PERSON
    remedy = "Open the job's page again: it has moved on."


class TooMuchAtOnce(FrisketError):
    """Somebody else's document is being opened."""

    blame, retry = Blame.PERSON, True
    remedy = "Wait a moment and send the password again."
