"""From our errors to IPP status codes: the one table of this door."""

from frisket import device, identity, job, spool
from frisket.errors import Blame, FrisketError
from frisket.intake.errors import CutOff, NoSuchSubscription, RefusedByRule, Unfit
from frisket.policy import Why
from frisket.wire import ipp

__all__ = ["status_of", "words_of"]

_BY_RULE = {
    Why.NOT_ACCEPTING: ipp.Status.NOT_ACCEPTING_JOBS,
    Why.FORMAT: ipp.Status.DOCUMENT_FORMAT_NOT_SUPPORTED,
    Why.TOO_LARGE: ipp.Status.REQUEST_ENTITY_TOO_LARGE,
    Why.TOO_MANY_DOCUMENTS: ipp.Status.TOO_MANY_DOCUMENTS,
}
_BY_CLASS: tuple[tuple[type[FrisketError], int], ...] = (
    (job.NotFound, ipp.Status.NOT_FOUND),
    (job.WrongState, ipp.Status.NOT_POSSIBLE),
    (device.NoSuchQueue, ipp.Status.NOT_FOUND),
    (NoSuchSubscription, ipp.Status.NOT_FOUND),
    (identity.NotAllowed, ipp.Status.NOT_AUTHORIZED),
    (spool.OverQuota, ipp.Status.ACCOUNT_LIMIT_REACHED),
    (spool.TooLarge, ipp.Status.REQUEST_ENTITY_TOO_LARGE),
    (CutOff, ipp.Status.BAD_REQUEST),
    (Unfit, ipp.Status.DOCUMENT_FORMAT_ERROR),
    (spool.Incomplete, ipp.Status.BAD_REQUEST),
)
_BY_BLAME = {
    Blame.PEER: ipp.Status.BAD_REQUEST,
    Blame.PERSON: ipp.Status.NOT_POSSIBLE,
    Blame.OPERATOR: ipp.Status.SERVICE_UNAVAILABLE,
    Blame.HOUSE: ipp.Status.INTERNAL_ERROR,
}


def status_of(error: FrisketError) -> int:
    if isinstance(error, RefusedByRule):
        return int(_BY_RULE[error.why])
    for kind, status in _BY_CLASS:
        if isinstance(error, kind):
            return int(status)
    if error.retry:
        return int(ipp.Status.TEMPORARY_ERROR)
    return int(_BY_BLAME[error.blame])


def words_of(error: FrisketError) -> str:
    """For status-message: what happened and what to do; nothing of our inside."""
    if error.blame is Blame.HOUSE:
        return "The print server failed; its operator can read why in its log."
    return f"{error} {error.remedy}".strip()
