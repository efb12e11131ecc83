"""What a door brings to accept(), and what it gets back."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from frisket import device, job
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor

__all__ = ["MOST_COPIES", "Accepted", "Beside", "Offer", "Part", "Walk", "WalkIn", "Walker"]

MOST_COPIES = 999  # that a frame around a document may ask for


@dataclass(frozen=True, slots=True)
class Part:
    """One document on its way in."""

    data: AsyncIterator[bytes]
    format: str = "application/octet-stream"
    name: str = ""
    expected: int | None = None  # octets, where the sender announced them
    bare: bool = False  # its frame was taken off by the door already


Beside = Callable[[job.JobView, Tx], None]


@dataclass(frozen=True, slots=True)
class Offer:
    """A job somebody asks us to take; who they are has been settled by the door."""

    queue: device.QueueView
    person: UUID
    owner: str  # the person's name, as clients are shown it
    by: Actor
    door: str
    title: str = ""
    format: str = "application/octet-stream"
    copies: int = 1
    options: job.Options = field(default_factory=job.Options)
    hold: str = ""  # "", a key of job.HOLDS, or stored: it is not to be printed now
    hold_until: datetime | None = None
    password_verifier: bytes | None = None
    client_key: str | None = None
    printer_uri: str = ""
    terms: job.Terms = job.NO_TERMS
    device: UUID | None = None  # somebody had it printed there: nothing holds it
    exports: bool = False  # its printed form is written to a folder before it goes on
    # What the door writes beside the job, in the same commit. It may run twice; what it raises refuses the job.
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class WalkIn:
    """What decides where a new job walks to inside the accept's own commit."""

    queue: device.QueueView
    hold: str
    format: str
    now: datetime
    hold_until: datetime | None
    device: UUID | None = None  # where somebody had it printed already
    formats: tuple[str, ...] = ()  # of all its documents; empty: they are all of ``format``
    protected: bool = False  # a PDF among them says that it is encrypted
    exports: bool = False  # its printed form is written to a folder before it goes on


@dataclass(frozen=True, slots=True)
class Walk:
    """Where it walks: the state it rests in, those it passed, and the device where nothing holds it."""

    state: job.State
    passed: tuple[job.State, ...]
    why: job.Reason
    device: UUID | None = None
    conversion: str = ""  # due: something has to be done to its documents first


Walker = Callable[[WalkIn], Walk]  # flow decides it, programs hands it in


@dataclass(frozen=True, slots=True)
class Accepted:
    """Acknowledged: sealed, on stable storage and in the database."""

    job: job.JobView
    again: bool = False  # the sender's own id was known: this is its first job, nothing was taken twice
