"""What other rooms see of devices and queues, and what they give to make or change one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from frisket.device.address import Address
from frisket.device.capabilities import Capabilities
from frisket.device.models import Device, Queue
from frisket.plumbing.networks import Network, read, within

__all__ = [
    "Adoption",
    "DeviceChange",
    "DeviceView",
    "NewDevice",
    "NewQueue",
    "NewSnmp",
    "QueueChange",
    "QueueView",
    "SnmpView",
    "Way",
    "trusts",
]


@dataclass(frozen=True, slots=True)
class Way:
    """A further connection to a device, tried while not one octet has left by those before it."""

    uri: str
    pinned_sha256: bytes | None = None

    @property
    def address(self) -> Address:
        return Address.read(self.uri)


@dataclass(frozen=True, slots=True)
class SnmpView:
    """How a device's SNMP agent is asked. version: 1, 2c, 3. auth, priv: words of plumbing.snmp, "" for none."""

    version: str
    port: int = 161
    user: str = ""
    auth: str = ""
    priv: str = ""
    expansion: str = "blumenthal"


@dataclass(frozen=True, slots=True)
class NewSnmp:
    """What an operator gives; community and passwords are sealed at once and never shown again."""

    version: str
    port: int = 161
    community: str = field(default="", repr=False)
    user: str = ""
    auth: str = ""
    auth_password: str = field(default="", repr=False)
    priv: str = ""
    priv_password: str = field(default="", repr=False)
    expansion: str = "blumenthal"


@dataclass(frozen=True, slots=True)
class DeviceView:
    id: UUID
    tenant: UUID
    name: str
    uri: str
    location: str
    pinned_sha256: bytes | None  # certificate of adoption; None: not adopted, or no TLS
    uuid_seen: str  # printer-uuid of adoption
    capabilities: Capabilities
    silence_is_done: bool  # no confirmation after the last octet means delivered
    shows_owner: bool  # the owner's name travels to the device
    active: bool
    state: str  # idle, processing, stopped, unreachable, unknown
    state_reasons: tuple[str, ...]
    state_message: str
    state_at: datetime | None
    adopted_at: datetime
    tags: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()  # further connections, in the order they are tried
    snmp: SnmpView | None = None  # None: its SNMP agent is not asked

    @property
    def address(self) -> Address:
        return Address.read(self.uri)


@dataclass(frozen=True, slots=True)
class QueueView:
    id: UUID
    tenant: UUID
    name: str
    info: str
    location: str
    hold: bool
    is_default: bool
    accepting: bool
    halt: str  # "", paused, shutdown: nothing more goes to a device
    hold_new: bool  # what comes in is held until an operator lets it go
    message: str  # an operator's words to whoever prints here
    trusted_networks: tuple[str, ...]
    held_s: int
    printed_s: int
    history_s: int
    uncertain_reprints: bool
    raw_port: int | None  # TCP port of its own for RAW
    default_person: UUID | None  # whose the jobs are that LPD and RAW bring without a believed name
    created_at: datetime
    changed_at: datetime
    devices: tuple[UUID, ...]  # named ones; empty: every active device of the tenant
    networks: tuple[Network, ...] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Adoption:
    """What was found at a device's address; a person said yes to it (R13)."""

    capabilities: Capabilities
    certificate_sha256: bytes | None = None  # of ipps only
    printer_uuid: str = ""
    ways: Mapping[str, bytes | None] = field(default_factory=dict)  # certificates of further connections, by uri


@dataclass(frozen=True, slots=True)
class NewDevice:
    name: str
    uri: str
    location: str = ""
    silence_is_done: bool | None = None  # None: where the device cannot confirm, RAW without PJL and LPD
    shows_owner: bool = False
    adoption: Adoption | None = None  # None: nobody could ask it; its capabilities are assumed
    tags: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()  # addresses of further connections


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """None: as it is. Another host, port or path erases the pin and every credential (R20)."""

    name: str | None = None
    uri: str | None = None
    location: str | None = None
    silence_is_done: bool | None = None
    shows_owner: bool | None = None
    active: bool | None = None
    tags: tuple[str, ...] | None = None
    ways: tuple[str, ...] | None = None  # addresses; one that was there keeps its certificate


@dataclass(frozen=True, slots=True)
class NewQueue:
    name: str
    hold: bool = True
    info: str = ""
    location: str = ""
    trusted_networks: tuple[str, ...] = ()  # CIDR; requesting-user-name is believed from there
    devices: tuple[UUID, ...] = ()  # empty: every active device


@dataclass(frozen=True, slots=True)
class QueueChange:
    """None: as it is. Times are seconds."""

    name: str | None = None
    hold: bool | None = None
    info: str | None = None
    location: str | None = None
    is_default: bool | None = None  # True makes it the default; the default cannot be merely dropped
    accepting: bool | None = None
    halt: str | None = None
    hold_new: bool | None = None
    message: str | None = None
    trusted_networks: tuple[str, ...] | None = None
    devices: tuple[UUID, ...] | None = None
    held_s: int | None = None
    printed_s: int | None = None
    history_s: int | None = None
    uncertain_reprints: bool | None = None
    raw_port: int | None = None  # 0: none
    default_person: UUID | None = None
    no_default_person: bool = False


def device_view(row: Device) -> DeviceView:
    return DeviceView(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        uri=row.uri,
        location=row.location,
        pinned_sha256=bytes(row.pinned_sha256) if row.pinned_sha256 is not None else None,
        uuid_seen=row.uuid_seen,
        capabilities=Capabilities.from_plain(row.capabilities),
        silence_is_done=row.silence_is_done,
        shows_owner=row.shows_owner,
        active=row.active,
        state=row.state,
        state_reasons=tuple(row.state_reasons),
        state_message=row.state_message,
        state_at=row.state_at,
        adopted_at=row.adopted_at,
        tags=tuple(row.tags),
        ways=tuple(Way(each["uri"], bytes.fromhex(each["pin"]) if each.get("pin") else None) for each in row.ways),
        snmp=SnmpView(**row.snmp) if row.snmp else None,
    )


def queue_view(row: Queue, devices: tuple[UUID, ...]) -> QueueView:
    return QueueView(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        info=row.info,
        location=row.location,
        hold=row.hold,
        is_default=row.is_default,
        accepting=row.accepting,
        halt=row.halt,
        hold_new=row.hold_new,
        message=row.message,
        trusted_networks=tuple(row.trusted_networks),
        held_s=row.held_s,
        printed_s=row.printed_s,
        history_s=row.history_s,
        uncertain_reprints=row.uncertain_reprints,
        raw_port=row.raw_port,
        default_person=row.default_person,
        created_at=row.created_at,
        changed_at=row.changed_at or row.created_at,
        devices=devices,
        networks=read(row.trusted_networks),
    )


def trusts(queue: QueueView, address: str) -> bool:
    """Whether a user name that a peer at ``address`` merely states is believed on this queue."""
    return bool(queue.networks) and within(address, queue.networks)
