"""The doors: every way a job comes in ends in ``Intake.accept()``.

Promise: what is acknowledged is sealed, on stable storage and in the database; what is refused leaves
nothing behind, and the sender reads why in words a person understands. No door holds a whole document in
memory, none writes it anywhere in clear.
"""

from frisket.intake.accept import Intake
from frisket.intake.errors import CutOff, NotWelcome, RefusedByRule
from frisket.intake.ipp import Commands, IppDoor
from frisket.intake.mail import (
    BadMailbox,
    Lookout,
    MailboxClosed,
    MailboxTrouble,
    MailboxView,
    MailDoor,
    MailView,
    NewMailbox,
    NoSuchMailbox,
    Secret,
    add_mailbox,
    mailboxes,
    remove_mailbox,
    set_active,
    set_secret,
    try_out,
)
from frisket.intake.mail import latest as latest_mails
from frisket.intake.mail import ready as ready_for_mail
from frisket.intake.offers import Accepted, Offer, Part, Walk, Walker, WalkIn
from frisket.intake.upload import UploadDoor, offer_for

__all__ = [
    "Accepted",
    "BadMailbox",
    "Commands",
    "CutOff",
    "Intake",
    "IppDoor",
    "Lookout",
    "MailDoor",
    "MailView",
    "MailboxClosed",
    "MailboxTrouble",
    "MailboxView",
    "NewMailbox",
    "NoSuchMailbox",
    "NotWelcome",
    "Offer",
    "Part",
    "RefusedByRule",
    "Secret",
    "UploadDoor",
    "Walk",
    "WalkIn",
    "Walker",
    "add_mailbox",
    "latest_mails",
    "mailboxes",
    "offer_for",
    "ready_for_mail",
    "remove_mailbox",
    "set_active",
    "set_secret",
    "try_out",
]
