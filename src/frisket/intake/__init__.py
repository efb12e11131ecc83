"""The doors: every way a job comes in ends in ``Intake.accept()``.

Promise: what is acknowledged is sealed, on stable storage and in the database; what is refused leaves
nothing behind, and the sender reads why in words a person understands. No door holds a whole document in
memory, none writes it anywhere in clear.
"""

from frisket.intake import sources
from frisket.intake.accept import Intake
from frisket.intake.access import (
    AccessChange,
    AccessView,
    BadNetwork,
    LocksYouOut,
    UploadBy,
    UploadClosed,
    access,
    change_access,
    check_upload_password,
    follow_access,
    welcome,
)
from frisket.intake.advertiser import Advertiser, CannotAdvertise, addresses_of
from frisket.intake.advertising import Reach
from frisket.intake.capabilities import capabilities_of
from frisket.intake.errors import CutOff, NotWelcome, RefusedByRule, Unfit
from frisket.intake.ftp import FtpDoor
from frisket.intake.ipp import Commands, IppDoor
from frisket.intake.lpd import LpdDoor
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
from frisket.intake.raw import RawDoor
from frisket.intake.upload import UploadDoor, offer_for

__all__ = [
    "Accepted",
    "AccessChange",
    "AccessView",
    "Advertiser",
    "BadMailbox",
    "BadNetwork",
    "CannotAdvertise",
    "Commands",
    "CutOff",
    "FtpDoor",
    "Intake",
    "IppDoor",
    "LocksYouOut",
    "Lookout",
    "LpdDoor",
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
    "RawDoor",
    "Reach",
    "RefusedByRule",
    "Secret",
    "Unfit",
    "UploadBy",
    "UploadClosed",
    "UploadDoor",
    "Walk",
    "WalkIn",
    "Walker",
    "access",
    "add_mailbox",
    "addresses_of",
    "capabilities_of",
    "change_access",
    "check_upload_password",
    "follow_access",
    "latest_mails",
    "mailboxes",
    "offer_for",
    "ready_for_mail",
    "remove_mailbox",
    "set_active",
    "set_secret",
    "sources",
    "try_out",
    "welcome",
]
