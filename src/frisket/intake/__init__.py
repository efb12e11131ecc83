"""The doors: every way a job comes in ends in ``Intake.accept()``.

Promise: what is acknowledged is sealed, on stable storage and in the database; what is refused leaves
nothing behind, and the sender reads why in words a person understands. No door holds a whole document in
memory, none writes it anywhere in clear.
"""

from frisket.intake import sources
from frisket.intake.accept import Intake
from frisket.intake.capabilities import capabilities_of
from frisket.intake.errors import CutOff, NotWelcome, RefusedByRule
from frisket.intake.ipp import Commands, IppDoor
from frisket.intake.offers import Accepted, Offer, Part, Walk, Walker, WalkIn
from frisket.intake.upload import UploadDoor, offer_for

__all__ = [
    "Accepted",
    "Commands",
    "CutOff",
    "Intake",
    "IppDoor",
    "NotWelcome",
    "Offer",
    "Part",
    "RefusedByRule",
    "UploadDoor",
    "Walk",
    "WalkIn",
    "Walker",
    "capabilities_of",
    "offer_for",
    "sources",
]
