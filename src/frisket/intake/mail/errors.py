"""Why a mail is not taken."""

from frisket.errors import Blame, FrisketError

__all__ = ["BadMailbox", "MailRefused", "MailboxClosed", "MailboxTrouble", "NoQueue", "NoSuchMailbox"]


class MailRefused(FrisketError):
    """The whole mail is refused. ``why`` is a keyword."""

    blame = Blame.PERSON
    remedy = "Send it to your personal print address, or ask the operator which way is believed."

    def __init__(self, why: str, words: str) -> None:
        super().__init__(words)
        self.why = why


class NoQueue(FrisketError):
    """The mail cannot be printed now: its queue takes no jobs, or there is none."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Open the queue again; mails that wait come in by themselves."


class BadMailbox(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Correct what the message names; `frisket mail add --help` says what each option takes."


class NoSuchMailbox(FrisketError):
    blame = Blame.OPERATOR
    remedy = "`frisket mail list` shows the mailboxes there are."


class MailboxTrouble(FrisketError):
    """The mailbox's server cannot be reached, or says something that cannot be gone on with."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check that the mail server runs and can be reached; the mailbox is looked into again by itself."


class MailboxClosed(FrisketError):
    """The server refuses the credentials, or shows a certificate nobody vouches for."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check name, secret and certificate of the mailbox with `frisket mail test`."
