"""What goes in and out of the API. What comes in has listed fields and nothing beside them (R24)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from frisket import device, identity, job, spool

__all__ = [
    "CredentialIn",
    "CredentialOut",
    "DecideIn",
    "DeviceChangeIn",
    "DeviceIn",
    "DeviceOut",
    "EntryOut",
    "ExplainOut",
    "HealthOut",
    "In",
    "JobOut",
    "PersonChangeIn",
    "PersonIn",
    "PersonOut",
    "ProbeIn",
    "ProbeOut",
    "QueueChangeIn",
    "QueueIn",
    "QueueOut",
    "ReceiptOut",
    "ReleaseIn",
    "ReleaseOut",
    "ShownOut",
    "UnlockIn",
    "VerdictOut",
]

State = Literal[
    "receiving", "received", "admitted", "prepared", "held", "released",
    "sending", "uncertain", "delivered", "ended", "erased", "quarantined",
]  # fmt: skip
Sides = Literal["one-sided", "two-sided-long-edge", "two-sided-short-edge"]
ColorMode = Literal["auto", "color", "monochrome"]
RoleWord = Literal["person", "operator", "administrator"]
Octets32 = Field(None, pattern="^[0-9a-f]{64}$")


class In(Schema):
    """Listed fields, and nothing beside them (R24)."""

    model_config = ConfigDict(extra="forbid")


class JobOut(Schema):
    id: UUID
    number: int
    state: State
    reason: str
    note: str
    outcome: str
    title: str | None
    person: UUID
    queue: UUID
    device: UUID | None
    format: str
    conversion: str = Field(description='"" nothing to do, due, done, or locked: a password is wanted first')
    octets: int
    documents: int
    pages: int | None
    colour: bool | None
    copies: int
    sides: str
    color_mode: str
    has_pin: bool
    hold: str = Field(description="What its sender asked that it wait for")
    hold_until: datetime | None
    release_action: str = Field(description="job-release-action of PWG 5100.11, empty where none was asked for")
    stored: bool = Field(description="Kept to be printed again until it is deleted")
    created_at: datetime
    state_at: datetime
    completed_at: datetime | None
    due_at: datetime | None

    @classmethod
    def of(cls, view: job.JobView) -> "JobOut":
        return cls(
            id=view.id,
            number=view.number,
            state=view.state.value,
            reason=view.why.value,
            note=view.note,
            outcome=view.outcome.value,
            title=view.title,
            person=view.person,
            queue=view.queue,
            device=view.device,
            format=view.format,
            conversion=view.conversion,
            octets=view.octets,
            documents=view.documents,
            pages=view.pages,
            colour=view.colour,
            copies=view.copies,
            sides=view.options.sides,
            color_mode=view.options.color_mode,
            has_pin=view.has_password,
            hold=view.hold,
            hold_until=view.hold_until,
            release_action=view.terms.release,
            stored=bool(view.stored),
            created_at=view.created_at,
            state_at=view.state_at,
            completed_at=view.completed_at,
            due_at=view.due_at,
        )


class UnlockIn(In):
    password: str = Field(min_length=1, max_length=256)


class JobsOut(Schema):
    jobs: list[JobOut]
    after: str | None


class StepOut(Schema):
    at: datetime
    text: str
    station: str


class ExplainOut(Schema):
    number: int
    station: str
    now: str
    next: str
    steps: list[StepOut]


class ReleaseIn(In):
    device: str = Field(description="Name or id")
    copies: int | None = Field(None, ge=1, le=999)
    sides: Sides | None = None
    color_mode: ColorMode | None = None
    pin: str | None = Field(None, max_length=64, description="The job's own PIN")
    as_it_can: bool = Field(False, description="Also in black and white, one-sided or on other paper than was meant")


class ReleaseOut(Schema):
    ok: bool
    text: str
    why: list[str] = Field(description="off, broken, format, colour, sides, media, paper; why the device does not suit")
    instead: list[str] = Field(description="Devices that would do, the nearest first")
    job: JobOut


class DecideIn(In):
    printed: bool


class ReceiptOut(Schema):
    job: UUID
    epoch: int
    pieces: int
    octets: int
    e1_at: datetime | None
    overwritten_at: datetime | None
    e2_at: datetime | None
    e3_at: datetime | None
    note: str
    signed: str
    signature: str
    public_key: str

    @classmethod
    def of(cls, found: spool.Receipt) -> "ReceiptOut":
        return cls(
            job=found.job,
            epoch=found.epoch,
            pieces=found.pieces,
            octets=found.octets,
            e1_at=found.e1_at,
            overwritten_at=found.overwritten_at,
            e2_at=found.e2_at,
            e3_at=found.e3_at,
            note=found.note,
            signed=found.body.decode(),
            signature=found.signature.hex(),
            public_key=found.public_key.hex(),
        )


class QueueOut(Schema):
    id: UUID
    name: str
    info: str
    location: str
    hold: bool
    is_default: bool
    accepting: bool
    stopped: str
    hold_new: bool
    message: str
    trusted_networks: list[str]
    devices: list[UUID]
    held_s: int
    printed_s: int
    history_s: int
    raw_port: int | None

    @classmethod
    def of(cls, found: device.QueueView) -> "QueueOut":
        return cls(
            id=found.id,
            name=found.name,
            info=found.info,
            location=found.location,
            hold=found.hold,
            is_default=found.is_default,
            accepting=found.accepting,
            stopped=found.halt,
            hold_new=found.hold_new,
            message=found.message,
            trusted_networks=list(found.trusted_networks),
            devices=list(found.devices),
            held_s=found.held_s,
            printed_s=found.printed_s,
            history_s=found.history_s,
            raw_port=found.raw_port,
        )


class QueueIn(In):
    name: str = Field(max_length=60)
    hold: bool = True
    info: str = Field("", max_length=120)
    location: str = Field("", max_length=120)
    trusted_networks: list[str] = Field([], max_length=200)
    devices: list[UUID] = Field([], max_length=1000)


class QueueChangeIn(In):
    name: str | None = Field(None, max_length=60)
    hold: bool | None = None
    info: str | None = Field(None, max_length=120)
    location: str | None = Field(None, max_length=120)
    is_default: bool | None = None
    accepting: bool | None = None
    paused: bool | None = None
    hold_new: bool | None = None
    message: str | None = Field(None, max_length=127)
    trusted_networks: list[str] | None = Field(None, max_length=200)
    devices: list[UUID] | None = Field(None, max_length=1000)
    held_s: int | None = Field(None, ge=1, le=10**9)
    printed_s: int | None = Field(None, ge=0, le=10**9)
    history_s: int | None = Field(None, ge=60, le=10**9)
    raw_port: int | None = Field(None, ge=0, le=65535, description="0: none")
    default_person: UUID | None = None
    no_default_person: bool = False


class DeviceOut(Schema):
    id: UUID
    name: str
    uri: str
    location: str
    active: bool
    state: str
    state_reasons: list[str]
    state_message: str
    state_at: datetime | None
    certificate_sha256: str | None
    capabilities: dict[str, object]
    tags: list[str]
    ways: list[str] = Field(description="Further connections, tried in this order while not one octet has left")
    snmp: str | None = Field(description="Version its SNMP agent is asked by; null: not at all")

    @classmethod
    def of(cls, found: device.DeviceView) -> "DeviceOut":
        return cls(
            id=found.id,
            name=found.name,
            uri=found.uri,
            location=found.location,
            active=found.active,
            state=found.state,
            state_reasons=list(found.state_reasons),
            state_message=found.state_message,
            state_at=found.state_at,
            certificate_sha256=found.pinned_sha256.hex() if found.pinned_sha256 is not None else None,
            capabilities=found.capabilities.to_plain(),
            tags=list(found.tags),
            ways=[each.uri for each in found.ways],
            snmp=found.snmp.version if found.snmp is not None else None,
        )


class LevelOut(Schema):
    word: str = Field(description="known, some, unknown, unlimited or missing")
    percent: int | None
    amount: int | None
    unit: str


class TrayOut(Schema):
    name: str
    media: str
    type: str
    manual: bool
    level: LevelOut
    capacity: int | None


class SupplyOut(Schema):
    name: str
    kind: str
    colour: str
    receptacle: bool
    level: LevelOut


class CoverOut(Schema):
    name: str
    open: bool | None


class BinOut(Schema):
    name: str
    capacity: int | None
    level: LevelOut


class AlertOut(Schema):
    severity: str
    reason: str
    code: int
    description: str


class SourceOut(Schema):
    source: str = Field(description="ipp, pjl, snmp or job")
    at: datetime
    state: str
    problem: str


class StatusOut(Schema):
    """How a device is, of all sources. said_by: whose word each part is."""

    state: str
    reasons: list[str]
    message: str
    at: datetime | None
    trays: list[TrayOut]
    supplies: list[SupplyOut]
    covers: list[CoverOut]
    bins: list[BinOut]
    alerts: list[AlertOut]
    display: list[str]
    model: str
    serial: str
    marked: int | None
    marked_unit: str
    colour: bool | None
    duplex: bool | None
    finishing: list[str]
    said_by: dict[str, str]
    sources: list[SourceOut]

    @classmethod
    def of(cls, found: device.Status) -> "StatusOut":
        return cls.model_validate(found.to_plain())


class SnmpIn(In):
    version: Literal["1", "2c", "3"]
    port: int = Field(161, ge=1, le=65535)
    community: str = Field("", max_length=255)
    user: str = Field("", max_length=32)
    auth: Literal["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"] = ""
    auth_password: str = Field("", max_length=255)
    priv: Literal["", "des", "aes128", "aes192", "aes256"] = ""
    priv_password: str = Field("", max_length=255)
    expansion: Literal["blumenthal", "cisco"] = "blumenthal"


class ProbeIn(In):
    uri: str = Field(max_length=300)


class ProbeOut(Schema):
    certificate_sha256: str | None
    make_and_model: str
    state: str
    state_reasons: list[str]
    capabilities: dict[str, object]


class DeviceIn(In):
    name: str = Field(max_length=60)
    uri: str = Field(max_length=300)
    location: str = Field("", max_length=120)
    silence_is_done: bool | None = None
    shows_owner: bool = False
    probe: bool = Field(True, description="Ask the device and adopt what it says")
    certificate_sha256: str | None = Octets32  # what the caller has compared; needed for ipps
    tags: list[str] = Field([], max_length=20)
    ways: list[str] = Field([], max_length=4)


class DeviceChangeIn(In):
    name: str | None = Field(None, max_length=60)
    uri: str | None = Field(None, max_length=300)
    location: str | None = Field(None, max_length=120)
    silence_is_done: bool | None = None
    shows_owner: bool | None = None
    active: bool | None = None
    tags: list[str] | None = Field(None, max_length=20)
    ways: list[str] | None = Field(None, max_length=4, description="Further connections, in order")


class PersonOut(Schema):
    id: UUID
    name: str
    full_name: str
    mail: str
    role: RoleWord
    active: bool
    language: str
    created_at: datetime

    @classmethod
    def of(cls, found: identity.PersonView) -> "PersonOut":
        return cls(
            id=found.id,
            name=found.name,
            full_name=found.full_name,
            mail=found.mail,
            role=found.role.value,
            active=found.active,
            language=found.language,
            created_at=found.created_at,
        )


class PersonsOut(Schema):
    persons: list[PersonOut]
    after: str | None


class PersonIn(In):
    name: str = Field(max_length=1024)
    full_name: str = Field("", max_length=200)
    mail: str = Field("", max_length=254)
    role: RoleWord = "person"


class PersonChangeIn(In):
    name: str | None = Field(None, max_length=1024)
    full_name: str | None = Field(None, max_length=200)
    mail: str | None = Field(None, max_length=254)
    role: RoleWord | None = None
    active: bool | None = None


class ShownOut(Schema):
    """Secrets made just now; no later answer has them."""

    person: PersonOut | None = None
    credential: UUID | None = None
    password: str | None = None
    pin: str | None = None
    queue_secret: str | None = None
    token: str | None = None

    @classmethod
    def of(cls, shown: identity.Shown, person: identity.PersonView | None = None) -> "ShownOut":
        return cls(
            person=PersonOut.of(person) if person is not None else None,
            credential=shown.credential,
            password=shown.password,
            pin=shown.pin,
            queue_secret=shown.queue_secret,
            token=shown.token,
        )


class CredentialIn(In):
    kind: Literal["card", "pin", "queue-secret", "token"]
    number: str | None = Field(None, max_length=1024, description="Of a card")
    label: str = Field("", max_length=60)


class CredentialOut(Schema):
    id: UUID
    kind: str
    label: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class EntryOut(Schema):
    id: int
    position: int | None
    at: datetime
    act: str
    subject: UUID | None
    actor: UUID | None
    actor_kind: str
    role: str
    facts: dict[str, str | int | bool | None]


class EntriesOut(Schema):
    entries: list[EntryOut]
    after: int | None


class ProblemOut(Schema):
    kind: str
    place: str
    text: str


class VerdictOut(Schema):
    ok: bool
    size: int
    checkpoints: int
    waiting: int
    problems: list[ProblemOut]


class WorkOut(Schema):
    kind: str
    waiting: int
    later: int
    running: int
    dead: int
    oldest_s: float


class HealthOut(Schema):
    version: str
    space: Literal["ok", "warn", "refuse"]
    space_free: int
    space_total: int
    jobs_held: int
    octets_held: int
    work: list[WorkOut]
    devices_in_trouble: int
    clock_jumped: bool
    log_size: int
    log_waiting: int
