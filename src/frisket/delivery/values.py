"""What a driver is given and what it gives back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from frisket.device import Bin, Capabilities, DeviceView, Facts, Supply, Tray
from frisket.job import Options

__all__ = [
    "BROKE_OFF",
    "Condition",
    "Driver",
    "End",
    "Ending",
    "Evidence",
    "PrintTicket",
    "Probe",
    "Source",
    "TicketDocument",
    "Times",
    "Watch",
]

NEUTRAL_OWNER = "frisket"  # what a device learns of whose job it is, unless it is set to be told


class End(StrEnum):
    """How one attempt ended."""

    DELIVERED = "delivered"  # confirmed, or its policy takes silence for it
    CANCELLED = "cancelled"  # somebody asked for it, and the device stopped
    REFUSED = "refused"  # the device says it did not print
    RETRY = "retry"  # not one octet of a document left
    DAMAGED = "damaged"  # the document cannot be read, and not one octet of it left
    UNCERTAIN = "uncertain"  # octets left and nobody knows


@dataclass(frozen=True, slots=True)
class Ending:
    """evidence: keywords and numbers, kept with the attempt. words: one sentence for a person."""

    end: End
    evidence: str
    words: str = ""
    silent: bool = False  # DELIVERED only because the device's policy takes silence for it
    impressions: int | None = None
    sheets: int | None = None
    counter: int | None = None  # what the device's own counter rose by, read before and after
    counter_unit: str = ""  # impressions, sheets


# What is known of a job whose connection broke: octets left, the device was not asked yet.
BROKE_OFF = Ending(End.UNCERTAIN, "broke-off", "The connection to the device broke while the document was sent.")


@dataclass(frozen=True, slots=True)
class TicketDocument:
    number: int  # from 1
    format: str  # mime type
    octets: int


@dataclass(frozen=True, slots=True)
class PrintTicket:
    """All a driver learns of a job. There is no title in it: titles do not leave the house (R19)."""

    number: int  # of the job
    attempt: int
    owner: str  # NEUTRAL_OWNER, or the owner's name where the device is set to show it
    copies: int
    options: Options
    documents: tuple[TicketDocument, ...]

    @property
    def name(self) -> str:
        """What the device shows, and by which its answers are told apart."""
        return f"job {self.number}" if self.attempt == 1 else f"job {self.number}.{self.attempt}"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds; of the settings ``delivery.*``."""

    connect_s: float
    stall_s: float
    follow_s: float


class Source(Protocol):
    def __call__(self, document: int) -> AsyncIterator[bytes]:
        """The octets of one document, decrypted as they are taken; each call reads from the beginning."""


class Watch(Protocol):
    """The driver's line back to the attempt's row."""

    @property
    def octets(self) -> int:
        """Octets of documents that have been given to the network."""

    async def leaving(self, device_job: str = "") -> None:
        """The first octet of a document is about to leave: returns when that is durable.

        device_job: what the device calls this job, where it already has a name there.
        """

    def sent(self, octets: int) -> None: ...

    def cancelled(self) -> bool:
        """True once somebody asked for this job to be stopped."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a device says of a job after a restart. ``ending`` None: the device is still at it."""

    ending: Ending | None


@dataclass(frozen=True, slots=True)
class Condition:
    """state: idle, processing, stopped, unreachable, unknown. reasons: printer-state-reasons keywords."""

    state: str
    reasons: tuple[str, ...] = ()
    message: str = ""
    model: str = ""
    trays: tuple[Tray, ...] = ()
    supplies: tuple[Supply, ...] = ()
    bins: tuple[Bin, ...] = ()
    marked: int | None = None  # impressions of the device's whole life

    def facts(self, source: str, at: datetime) -> Facts:
        """The same as one source's word on a device."""
        return Facts(
            source,
            at,
            self.state,
            self.reasons,
            self.message,
            model=self.model,
            trays=self.trays,
            supplies=self.supplies,
            bins=self.bins,
            marked=self.marked,
            marked_unit="impressions" if self.marked is not None else "",
        )


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found at an address. Nothing is kept until a person adopts it (R13)."""

    capabilities: Capabilities
    condition: Condition
    certificate_sha256: bytes | None = None
    printer_uuid: str = ""
    make_and_model: str = field(default="")


class Driver(Protocol):
    """One way of talking to devices. Every driver keeps the same promises (tests/delivery)."""

    async def print(self, ticket: PrintTicket, source: Source, watch: Watch) -> Ending:
        """Send it and find out what became of it. Raises only for our own bugs."""

    async def ask(self, device_job: str) -> Evidence:
        """After a restart: what became of a job that the device knows by this name?"""

    async def condition(self) -> Condition: ...

    async def probe(self) -> Probe:
        """Raises DeviceUnreachable, ConnectionLost, DeviceAnswered."""


class DriverMaker(Protocol):
    def __call__(self, device: DeviceView, times: Times) -> Driver: ...
