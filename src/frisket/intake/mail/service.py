"""The durable work of mail: answers that wait for the mail server, and mails that are old enough to be forgotten."""

from frisket.intake.mail import answer, ledger
from frisket.plumbing import work

__all__ = ["ready"]

_FORGET_S = 6 * 3600.0


def _forget(item: work.Item) -> None:
    ledger.forget_old()


def ready() -> None:
    """Register the work. Once the parts are installed, before the work engine starts."""
    work.handles(ledger.ANSWER, at_once=4, most_attempts=answer.MOST_ATTEMPTS + 1, backoff_s=5.0)(answer.send_answer)
    work.handles(ledger.FORGET)(_forget)
    work.every(ledger.FORGET, _FORGET_S)
