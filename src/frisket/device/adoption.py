"""Devices: adopted by a person, changed, watched."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from frisket import audit, identity
from frisket.device import registry
from frisket.device.address import Address
from frisket.device.capabilities import RAW, UNKNOWN, Capabilities
from frisket.device.errors import BadValue, InUse, NameTaken, NoSuchDevice
from frisket.device.models import Device, QueueDevice, Said
from frisket.device.names import canonical, clean
from frisket.device.views import Adoption, DeviceChange, DeviceView, NewDevice, QueueView, device_view
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor, Scope

__all__ = [
    "add_device",
    "adopt",
    "behind",
    "change_device",
    "device",
    "device_by_name",
    "device_by_token",
    "devices",
    "enrol_terminal",
    "remove_device",
]

MOST_TAGS, MOST_WAYS = 20, 4
STATES = frozenset({"idle", "processing", "stopped", "unreachable", "unknown"})
_CANNOT_CONFIRM = frozenset({"socket", "lpd"})  # exits that have no word for "printed"


def devices(scope: Scope) -> list[DeviceView]:
    """All of the tenant, by name."""
    return [device_view(row) for row in Device.objects.filter(tenant=scope.tenant).order_by("name")]


def device(scope: Scope, id: UUID) -> DeviceView:
    """Raises NoSuchDevice, also for a device of another tenant."""
    return device_view(_row(scope, id))


def device_by_name(scope: Scope, name: str) -> DeviceView:
    """Raises NoSuchDevice, BadName."""
    row = Device.objects.filter(tenant=scope.tenant, name=canonical(name)).first()
    if row is None:
        raise NoSuchDevice("no device has this name")
    return device_view(row)


def behind(queue: QueueView) -> list[DeviceView]:
    """The active devices a job of this queue can be printed on, by name (from the registry)."""
    found = registry.current().devices.values()
    return [each for each in found if each.active and (not queue.devices or each.id in queue.devices)]


def add_device(scope: Scope, new: NewDevice, *, by: Actor, tx: Tx) -> DeviceView:
    """Raises BadName, BadAddress, NameTaken."""
    identity.require(by, identity.Permission.DEVICES_MANAGE)
    address = Address.read(new.uri)
    name = canonical(new.name)
    _free(scope, name)
    row = Device(
        tenant=scope.tenant,
        site=parts.site(),
        name=name,
        uri=address.uri,
        location=clean(new.location, 120),
        capabilities=_assumed(address).to_plain(),
        silence_is_done=bool(new.silence_is_done),
        shows_owner=new.shows_owner,
        adopted_at=parts.clock().now(),
        tags=_tags(new.tags),
        ways=_ways(new.ways, address, ()),
    )
    if new.adoption is not None:
        _take(row, new.adoption)
    if new.silence_is_done is None:
        # A RAW port that speaks no PJL can say nothing, an LPD queue only that it took the job: to ask a person
        # after every job would be no service.
        row.silence_is_done = address.scheme in _CANNOT_CONFIRM and not row.capabilities.get("pjl")
    _save(row, insert=True)
    audit.record(
        "device.add",
        row.id,
        by=by,
        tx=tx,
        facts={
            "scheme": address.scheme,
            "probed": new.adoption is not None,
            "pinned": bool(row.pinned_sha256),
        },
    )
    registry.changed(tx)
    return device_view(row)


def adopt(scope: Scope, id: UUID, adoption: Adoption, *, by: Actor, tx: Tx) -> DeviceView:
    """Take over what was found at the device: a person's word that this is the one (R13).

    The only way to change a pin.
    """
    identity.require(by, identity.Permission.DEVICES_MANAGE)
    row = _row(scope, id)
    before = bytes(row.pinned_sha256) if row.pinned_sha256 is not None else None
    if adoption.capabilities.pjl and not row.capabilities.get("pjl"):
        row.silence_is_done = False  # it can confirm from now on
    _take(row, adoption)
    row.adopted_at = parts.clock().now()
    row.save()
    audit.record("device.adopt", row.id, by=by, tx=tx, facts={"pinned": bool(row.pinned_sha256)})
    if before is not None and before != adoption.certificate_sha256:
        audit.record("device.pin-changed", row.id, by=by, tx=tx, facts={"removed": row.pinned_sha256 is None})
    registry.changed(tx)
    return device_view(row)


def change_device(scope: Scope, id: UUID, change: DeviceChange, *, by: Actor, tx: Tx) -> DeviceView:
    """Raises BadName, BadAddress, NameTaken, NoSuchDevice.

    Another host, port, path or scheme is another device until somebody adopts it: pin, printer-uuid, what
    it was found to do and its terminal's token are erased (R20).
    """
    identity.require(by, identity.Permission.DEVICES_MANAGE)
    row = _row(scope, id)
    facts: dict[str, str | int | bool | None] = {}
    if change.name is not None and canonical(change.name) != row.name:
        _free(scope, canonical(change.name))
        row.name = canonical(change.name)
        facts["name"] = True
    if change.uri is not None:
        address = Address.read(change.uri)
        if address.uri != row.uri:
            _move(row, address)
            facts["address"] = True
    if change.ways is not None:
        row.ways = _ways(change.ways, Address.read(row.uri), row.ways)
        facts["ways"] = len(row.ways)
    if change.tags is not None:
        row.tags = _tags(change.tags)
        facts["tags"] = len(row.tags)
    if change.location is not None:
        row.location = clean(change.location, 120)
        facts["location"] = True
    for flag in ("silence_is_done", "shows_owner", "active"):
        wanted = getattr(change, flag)
        if wanted is not None and wanted != getattr(row, flag):
            setattr(row, flag, wanted)
            facts[flag] = wanted
    _save(row)
    audit.record("device.change", row.id, by=by, tx=tx, facts=facts)
    registry.changed(tx)
    return device_view(row)


def remove_device(scope: Scope, id: UUID, *, by: Actor, tx: Tx) -> None:
    """Raises InUse when it is the last named device of a queue: without any named device that queue would
    silently print on every device of the house."""
    identity.require(by, identity.Permission.DEVICES_MANAGE)
    row = _row(scope, id)
    for queue in QueueDevice.objects.filter(device=row).values_list("queue_id", flat=True):
        if not QueueDevice.objects.filter(queue=queue).exclude(device=row).exists():
            raise InUse("a queue has only this device behind it; give it another one or remove it first")
    row.delete()
    audit.record("device.remove", id, by=by, tx=tx)
    registry.changed(tx)


def enrol_terminal(scope: Scope, id: UUID, *, by: Actor, tx: Tx) -> str:
    """A fresh token for the terminal at this device, shown once; an older one stops working."""
    identity.require(by, identity.Permission.DEVICES_MANAGE)
    row = _row(scope, id)
    token = keys.new_token()
    row.secret_index = parts.keys().index(scope.tenant, "token", token)
    row.save(update_fields=["secret_index"])
    audit.record("device.terminal-enrolled", row.id, by=by, tx=tx)
    return token


def device_by_token(token: str) -> DeviceView | None:
    """The active device whose terminal holds this token."""
    index = parts.keys().index(parts.tenant(), "token", token)
    row = Device.objects.filter(tenant=parts.tenant(), active=True, secret_index=index).first()
    return device_view(row) if row is not None else None


def _row(scope: Scope, id: UUID) -> Device:
    row = Device.objects.filter(tenant=scope.tenant, id=id).first()
    if row is None:
        raise NoSuchDevice("there is no such device")
    return row


def _free(scope: Scope, name: str) -> None:
    if Device.objects.filter(tenant=scope.tenant, name=name).exists():
        raise NameTaken("another device has this name")


def _save(row: Device, *, insert: bool = False) -> None:
    try:
        row.save(force_insert=insert)
    except IntegrityError as error:  # two operators in the same moment
        raise NameTaken("another device has this name") from error


def _assumed(address: Address) -> Capabilities:
    return RAW if address.scheme in _CANNOT_CONFIRM else UNKNOWN


def _tags(words: Sequence[str]) -> list[str]:
    """Words that devices share, in one form; the order says nothing."""
    return sorted({clean(word, 40).casefold() for word in words} - {""})[:MOST_TAGS]


def _ways(uris: Sequence[str], first: Address, known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Further connections in order; one that was known keeps its certificate. Raises BadAddress, BadValue."""
    if len(uris) > MOST_WAYS:
        raise BadValue(f"a device has at most {MOST_WAYS} further connections")
    pins = {each["uri"]: each.get("pin") for each in known}
    wanted = dict.fromkeys(Address.read(uri).uri for uri in uris)
    wanted.pop(first.uri, None)
    return [{"uri": uri, "pin": pins.get(uri)} for uri in wanted]


def _take(row: Device, adoption: Adoption) -> None:
    pins = {uri: pin.hex() for uri, pin in adoption.ways.items() if pin is not None}
    row.ways = [{"uri": each["uri"], "pin": pins.get(each["uri"], each.get("pin"))} for each in row.ways]
    row.capabilities = adoption.capabilities.to_plain()
    row.pinned_sha256 = adoption.certificate_sha256
    row.uuid_seen = clean(adoption.printer_uuid, 60)


def _move(row: Device, address: Address) -> None:
    row.uri = address.uri
    row.pinned_sha256 = None
    row.secret_index = None
    row.uuid_seen = ""
    row.capabilities = _assumed(address).to_plain()
    row.state, row.state_reasons, row.state_message, row.state_at = "unknown", [], "", None
    row.ways, row.snmp, row.snmp_secret = [], {}, None
    Said.objects.filter(device=row).delete()
