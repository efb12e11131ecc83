"""Printing by mail: a door of our own, mailboxes that are looked into, and one answer for each mail.

The door and the look-out both end in taking.take().
"""

from frisket.intake.mail.boxes import (
    MailboxView,
    NewMailbox,
    add_mailbox,
    mailboxes,
    remove_mailbox,
    set_active,
    set_secret,
    try_out,
)
from frisket.intake.mail.errors import BadMailbox, MailboxClosed, MailboxTrouble, NoSuchMailbox
from frisket.intake.mail.ledger import MailView, latest
from frisket.intake.mail.lookout import Lookout
from frisket.intake.mail.oauth import Secret
from frisket.intake.mail.service import ready
from frisket.intake.mail.smtp_door import MailDoor

__all__ = [
    "BadMailbox",
    "Lookout",
    "MailDoor",
    "MailView",
    "MailboxClosed",
    "MailboxTrouble",
    "MailboxView",
    "NewMailbox",
    "NoSuchMailbox",
    "Secret",
    "add_mailbox",
    "latest",
    "mailboxes",
    "ready",
    "remove_mailbox",
    "set_active",
    "set_secret",
    "try_out",
]
