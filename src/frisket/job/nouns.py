"""What a job is, as values: frozen, without the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from frisket.job.states import Outcome, Reason, State
from frisket.job.terms import NO_TERMS, OWNER, PRESS, Terms

__all__ = ["Changes", "DocumentView", "Filter", "JobView", "Lease", "NewDocument", "NewJob", "Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """How to print: IPP job template values, empty where nobody asked for anything.

    sides: "", one-sided, two-sided-long-edge, two-sided-short-edge. color_mode: "", auto, color, monochrome.
    quality: 0 or 3, 4, 5. page_ranges: pairs from 1. resolution: dpi. orientation: 0 or 3 to 7.
    as_sent: further job template attributes for the device, each by its name as its sender wrote it (the
    octets of RFC 8010, in base64). must: names of attributes without which the sender wants no print at all.
    """

    sides: str = ""
    color_mode: str = ""
    media: str = ""
    quality: int = 0
    page_ranges: tuple[tuple[int, int], ...] = ()
    resolution: tuple[int, int] | None = None
    orientation: int = 0
    finishings: tuple[int, ...] = ()
    number_up: int = 0
    output_bin: str = ""
    as_sent: tuple[tuple[str, str], ...] = ()
    must: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        if self == _NO_OPTIONS:
            return {}
        return {name: value for name in _OPTION_NAMES if (value := getattr(self, name))}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Options":
        if not plain:
            return _NO_OPTIONS
        known = {name: plain[name] for name in _OPTION_NAMES if name in plain}
        if "page_ranges" in known:
            known["page_ranges"] = tuple((int(low), int(high)) for low, high in known["page_ranges"])
        if "resolution" in known:
            known["resolution"] = (int(known["resolution"][0]), int(known["resolution"][1]))
        if "finishings" in known:
            known["finishings"] = tuple(int(value) for value in known["finishings"])
        if "as_sent" in known:
            known["as_sent"] = tuple((str(name), str(octets)) for name, octets in known["as_sent"])
        if "must" in known:
            known["must"] = tuple(str(name) for name in known["must"])
        return cls(**known)


_OPTION_NAMES = tuple(f.name for f in fields(Options))
_NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True)
class NewDocument:
    number: int  # from 1
    format: str
    octets: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job about to be written. ``id`` is made before sealing, because it is in every object's header."""

    id: UUID
    queue: UUID
    person: UUID
    door: str
    title: str
    owner: str  # the person's name as shown to clients; sealed in the history
    state: State
    why: Reason
    passed: tuple[State, ...] = ()
    documents: tuple[NewDocument, ...] = ()
    format: str = "application/octet-stream"
    copies: int = 1
    options: Options = _NO_OPTIONS
    hold: str = ""  # "" or a key of HOLDS
    hold_until: datetime | None = None
    password_verifier: bytes | None = None
    terms: Terms = NO_TERMS
    client_key: str | None = None
    printer_uri: str = ""  # as the client wrote it: IPP answers repeat it octet for octet
    device: UUID | None = None  # where a job goes that nothing holds
    conversion: str = ""  # "" or "due"


@dataclass(frozen=True, slots=True)
class DocumentView:
    number: int
    format: str
    octets: int
    pages: int | None
    name: str
    came_as: str = ""  # its format before PDF was made of it
    cancelled: bool = False  # taken out of its job before it printed


@dataclass(frozen=True, slots=True)
class JobView:
    id: UUID
    number: int
    tenant: UUID
    queue: UUID
    person: UUID
    device: UUID | None
    state: State
    why: Reason
    note: str
    outcome: Outcome
    door: str
    format: str
    octets: int
    documents: int
    pages: int | None
    colour: bool | None
    media: str
    counted: str
    copies: int
    options: Options
    hold: str
    hold_until: datetime | None
    has_password: bool
    title: str | None  # None where the scope may not see it, or the history is gone
    owner: str | None
    printer_uri: str
    fence: int
    created_at: datetime
    state_at: datetime
    processing_at: datetime | None
    completed_at: datetime | None
    due_at: datetime | None
    conversion: str = ""  # "" nothing to do, due, done, locked
    terms: Terms = NO_TERMS
    stored: int = 0  # 1: stored for its owner, 2: for everybody

    @property
    def residual_hold(self) -> str:
        """What still keeps it back once the hold its sender asked for is over: a key of HOLDS, or nothing."""
        if self.has_password:
            return "password"
        return {PRESS: "button-press", OWNER: "owner"}.get(self.terms.release, "")


@dataclass(frozen=True, slots=True)
class Changes:
    """What a move changes beside the state; None leaves a value as it is."""

    device: UUID | None = None
    note: str | None = None
    outcome: Outcome | None = None
    copies: int | None = None
    options: Options | None = None
    terms: Terms | None = None
    forget_device: bool = False
    forget_hold: bool = False
    conversion: str | None = None
    facts: Mapping[str, str | int | bool | None] = field(default_factory=dict)  # into the audit leaf


@dataclass(frozen=True, slots=True)
class Filter:
    person: UUID | None = None
    queue: UUID | None = None
    device: UUID | None = None
    states: tuple[State, ...] = ()
    oldest_first: bool = False
    stored: bool = False  # those that are stored, beside the states where some are named
    public: bool = False  # only those stored for everybody, whoever asks


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send one job; ``fence`` rises with each, and everything later carries it."""

    job: UUID
    fence: int
