"""Hot folders and stores: documents that somebody puts down, and we pick up (boundary B5).

Promise: each document becomes one job, however often the house dies on the way; nothing is touched before it is
complete, followed where a link leads, or deleted before its job is durable; what is refused is put aside with the
reason beside it.
"""

from frisket.intake.sources.address import Address
from frisket.intake.sources.errors import (
    BadSource,
    ClosedByLevel,
    LooseTrust,
    NoSuchSource,
    PlaceGone,
    PlaceRefuses,
    SourceBusy,
    SourceTaken,
    Vanished,
)
from frisket.intake.sources.exporting import Export, export_of
from frisket.intake.sources.fetching import browse, choose, ready, store_of
from frisket.intake.sources.names import within
from frisket.intake.sources.pickups import counts, history, of_person
from frisket.intake.sources.place import Entry
from frisket.intake.sources.places import certificate_shown, check
from frisket.intake.sources.register import add, browsable, by_name, change, remove, sources
from frisket.intake.sources.views import (
    REMOTE,
    WEB,
    After,
    Kind,
    NewSource,
    Owner,
    PickUpView,
    SourceChange,
    SourceView,
)
from frisket.intake.sources.watching import Watchers

__all__ = [
    "REMOTE",
    "WEB",
    "Address",
    "After",
    "BadSource",
    "ClosedByLevel",
    "Entry",
    "Export",
    "Kind",
    "LooseTrust",
    "NewSource",
    "NoSuchSource",
    "Owner",
    "PickUpView",
    "PlaceGone",
    "PlaceRefuses",
    "SourceBusy",
    "SourceChange",
    "SourceTaken",
    "SourceView",
    "Vanished",
    "Watchers",
    "add",
    "browsable",
    "browse",
    "by_name",
    "certificate_shown",
    "change",
    "check",
    "choose",
    "counts",
    "export_of",
    "history",
    "of_person",
    "ready",
    "remove",
    "sources",
    "store_of",
    "within",
]
