"""Mails the house writes: handed to one mail server, always inside TLS, and kept nowhere.

A mail goes out under the null path (RFC 5321 section 4.5.5) where nobody should be told that it did not arrive:
an answer to an answer is how loops begin.
"""

import smtplib
from email.message import EmailMessage
from email.policy import SMTP as LINES
from pathlib import Path

from frisket.errors import Blame, FrisketError
from frisket.plumbing import keys, parts
from frisket.plumbing.settings import Mailer

__all__ = ["MailNotTaken", "MailerOff", "MailerUnreachable", "own_address", "send"]


class MailerOff(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Name a mail server in [mailer] of frisket.toml."


class MailerUnreachable(FrisketError):
    """The mail server cannot be reached, shows the wrong certificate, or asks to be tried again."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check [mailer] in frisket.toml and that its mail server runs; mails that wait are tried again."


class MailNotTaken(FrisketError):
    """The mail server will not take this mail, now or later."""

    blame = Blame.OPERATOR
    remedy = "Check the address of the person, and mailer.sender in frisket.toml."


def own_address() -> str:
    """The address our mails come from."""
    settings = parts.settings()
    return settings.mailer.sender or f"frisket@{next(iter(settings.house.host_names), 'localhost')}"


def send(message: EmailMessage, to: str, *, told_of_failure: bool = True) -> None:
    """Hand in one mail; blocks until the server has it. ``to`` is the only recipient, whatever the header says.

    Raises MailerOff, MailerUnreachable, MailNotTaken; none of them names an address.
    """
    chosen = parts.settings().mailer
    if not chosen.host:
        raise MailerOff("the house has no mail server to hand mails to")
    sender = own_address() if told_of_failure else ""
    try:
        with _connected(chosen) as server:
            server.sendmail(sender, [to], message.as_bytes(policy=LINES))
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0] if error.recipients else 450
        raise _refused(code) from None
    except smtplib.SMTPAuthenticationError as error:
        raise MailerUnreachable(f"the mail server refuses the house's password: {error.smtp_code}") from None
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code) from None
    except (OSError, smtplib.SMTPException, keys.TlsRefused) as error:
        raise MailerUnreachable(f"the mail server cannot be used: {type(error).__name__}") from error


def _refused(code: int) -> FrisketError:
    if 500 <= code < 600:
        return MailNotTaken(f"the mail server refuses the mail: {code}")
    return MailerUnreachable(f"the mail server asks to be tried again: {code}")


def _connected(chosen: Mailer) -> smtplib.SMTP:
    pin = bytes.fromhex(chosen.pinned_sha256) if chosen.pinned_sha256 else None
    ca = None if pin is not None else Path(chosen.authorities_file).read_bytes()
    context = keys.client_context(pinned_sha256=pin, ca=ca)
    server: smtplib.SMTP
    if chosen.tls == "tls":
        server = smtplib.SMTP_SSL(chosen.host, chosen.port, timeout=chosen.timeout_s, context=context)
    else:
        server = smtplib.SMTP(chosen.host, chosen.port, timeout=chosen.timeout_s)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    try:
        if chosen.user:
            server.login(chosen.user, Path(chosen.password_file).read_text().strip())
    except BaseException:
        server.close()
        raise
    return server
