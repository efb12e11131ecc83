"""Queues: where jobs are sent, with their rules."""

import ipaddress
from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError
from django.db.models import ProtectedError

from frisket import audit, identity
from frisket.device import registry
from frisket.device.errors import BadName, BadValue, InUse, NameTaken, NoSuchDevice, NoSuchQueue
from frisket.device.models import Device, Queue, QueueDevice
from frisket.device.names import canonical, clean
from frisket.device.views import NewQueue, QueueChange, QueueView, queue_view
from frisket.plumbing import parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import Actor, Scope

__all__ = [
    "add_queue",
    "change_queue",
    "default_queue",
    "halted_now",
    "queue",
    "queue_by_name",
    "queue_by_raw_port",
    "queues",
    "raw_ports",
    "remove_queue",
]

HALTS = frozenset({"", "paused", "shutdown"})
SHORTEST = {"held_s": 1, "printed_s": 0, "history_s": 60}  # seconds


def queue_by_name(name: str) -> QueueView | None:
    """The committed queue of this name, in whatever case it is written; a dictionary look-up."""
    names = registry.current().queue_names
    found = names.get(name)
    if found is not None:
        return found
    try:
        return names.get(canonical(name))
    except BadName:
        return None


def queue(id: UUID) -> QueueView:
    """A queue of this house by id; a dictionary look-up once it is committed. Raises NoSuchQueue."""
    found = registry.current().queues.get(id)
    if found is not None:
        return found
    row = Queue.objects.filter(tenant=parts.tenant(), id=id).first()  # made in the open transaction
    if row is None:
        raise NoSuchQueue("there is no such queue")
    return queue_view(row, _named(row))


def raw_ports() -> dict[int, QueueView]:
    """The committed queues that have a RAW port of their own, by it; from memory."""
    return registry.current().raw_ports


def queue_by_raw_port(port: int) -> QueueView | None:
    return registry.current().raw_ports.get(port)


def halted_now(id: UUID) -> bool:
    """Whether nothing of this queue may go to a device, asked of the table: another process may have let it go."""
    return Queue.objects.filter(id=id).exclude(halt="").exists()


def default_queue() -> QueueView | None:
    """The first one made, until another is chosen; None while there is no queue."""
    return registry.current().default


def queues(scope: Scope) -> list[QueueView]:
    """All of the tenant, the oldest first."""
    rows = Queue.objects.filter(tenant=scope.tenant).order_by("created_at", "name")
    return [queue_view(row, _named(row)) for row in rows]


def add_queue(scope: Scope, new: NewQueue, *, by: Actor, tx: Tx) -> QueueView:
    """The first queue becomes the default. Raises BadName, BadValue, NameTaken, NoSuchDevice."""
    identity.require(by, identity.Permission.QUEUES_MANAGE)
    name = canonical(new.name)
    _free(scope, name)
    row = Queue(
        tenant=scope.tenant,
        site=parts.site(),
        name=name,
        info=clean(new.info, 120),
        location=clean(new.location, 120),
        hold=new.hold,
        is_default=not Queue.objects.filter(tenant=scope.tenant, is_default=True).exists(),
        trusted_networks=_networks(new.trusted_networks),
        created_at=parts.clock().now(),
    )
    _save(row, insert=True)
    _stand_behind(scope, row, new.devices)
    audit.record(
        "queue.add",
        row.id,
        by=by,
        tx=tx,
        facts={"hold": row.hold, "default": row.is_default, "trusted_networks": len(row.trusted_networks)},
    )
    registry.changed(tx)
    return queue_view(row, _named(row))


def change_queue(scope: Scope, id: UUID, change: QueueChange, *, by: Actor, tx: Tx) -> QueueView:
    """Raises BadName, BadValue, NameTaken, NoSuchQueue, NoSuchDevice, identity.NotFound."""
    identity.require(by, identity.Permission.QUEUES_MANAGE)
    row = _row(scope, id)
    facts: dict[str, str | int | bool | None] = {}
    if change.name is not None and canonical(change.name) != row.name:
        _free(scope, canonical(change.name))
        row.name = canonical(change.name)
        facts["name"] = True
    facts |= _change_words(row, change) | _change_rules(row, change)
    _change_streams(scope, row, change, facts)
    if change.trusted_networks is not None:
        row.trusted_networks = _networks(change.trusted_networks)
        facts["trusted_networks"] = len(row.trusted_networks)
    if change.is_default is not None and change.is_default != row.is_default:
        _choose_default(scope, row, change.is_default)
        facts["default"] = True
    row.changed_at = parts.clock().now()
    _save(row)
    if change.devices is not None:
        QueueDevice.objects.filter(queue=row).delete()
        _stand_behind(scope, row, change.devices)
        facts["devices"] = len(change.devices)
    audit.record("queue.change", row.id, by=by, tx=tx, facts=facts)
    registry.changed(tx)
    return queue_view(row, _named(row))


def _change_streams(scope: Scope, row: Queue, change: QueueChange, facts: dict[str, str | int | bool | None]) -> None:
    """What concerns LPD and RAW, whose peers prove nothing: the port, and whose their jobs are."""
    if change.raw_port is not None and (change.raw_port or None) != row.raw_port:
        if not 0 <= change.raw_port <= 65535:
            raise BadValue("a port is a number from 1 to 65535; 0 takes it away")
        wanted = change.raw_port or None
        if wanted and Queue.objects.filter(tenant=row.tenant, raw_port=wanted).exists():
            raise BadValue("another queue has this port")
        row.raw_port = wanted
        facts["raw_port"] = change.raw_port
    wanted_person = None if change.no_default_person else change.default_person or row.default_person
    if wanted_person != row.default_person:
        if wanted_person is not None:
            identity.get(scope, wanted_person)
        row.default_person = wanted_person
        facts["default_person"] = wanted_person is not None


def _change_words(row: Queue, change: QueueChange) -> dict[str, str | int | bool | None]:
    facts: dict[str, str | int | bool | None] = {}
    for field in ("info", "location"):
        text = getattr(change, field)
        if text is not None:
            setattr(row, field, clean(text, 120))
            facts[field] = True
    if change.message is not None:
        row.message = clean(change.message, 127).encode()[:127].decode(errors="ignore")
        facts["message"] = True
    return facts


def _change_rules(row: Queue, change: QueueChange) -> dict[str, str | int | bool | None]:
    facts: dict[str, str | int | bool | None] = {}
    for field in ("hold", "accepting", "halt", "hold_new", "uncertain_reprints", *SHORTEST):
        wanted = getattr(change, field)
        if wanted is None or wanted == getattr(row, field):
            continue
        if field == "halt" and wanted not in HALTS:
            raise BadValue("a queue is halted as paused or shutdown")
        if field in SHORTEST and wanted < SHORTEST[field]:
            raise BadValue(f"{field} is at least {SHORTEST[field]} s")
        setattr(row, field, wanted)
        facts[field] = wanted
    return facts


def remove_queue(scope: Scope, id: UUID, *, by: Actor, tx: Tx) -> None:
    """Raises InUse while there is a job of it, its history included. The oldest other becomes the default."""
    identity.require(by, identity.Permission.QUEUES_MANAGE)
    row = _row(scope, id)
    was_default = row.is_default
    try:
        with transaction():
            row.delete()
    except (ProtectedError, IntegrityError) as error:
        raise InUse("jobs of this queue are still known; it can be closed with accepting=False") from error
    if was_default:
        heir = Queue.objects.filter(tenant=scope.tenant).order_by("created_at", "name").first()
        if heir is not None:
            Queue.objects.filter(id=heir.id).update(is_default=True)
    audit.record("queue.remove", id, by=by, tx=tx)
    registry.changed(tx)


def _row(scope: Scope, id: UUID) -> Queue:
    row = Queue.objects.filter(tenant=scope.tenant, id=id).first()
    if row is None:
        raise NoSuchQueue("there is no such queue")
    return row


def _named(row: Queue) -> tuple[UUID, ...]:
    return tuple(QueueDevice.objects.filter(queue=row).order_by("id").values_list("device_id", flat=True))


def _free(scope: Scope, name: str) -> None:
    if Queue.objects.filter(tenant=scope.tenant, name=name).exists():
        raise NameTaken("another queue has this name")


def _save(row: Queue, *, insert: bool = False) -> None:
    try:
        row.save(force_insert=insert)
    except IntegrityError as error:  # two operators in the same moment
        raise NameTaken("another queue has this name, or became the default just now") from error


def _choose_default(scope: Scope, row: Queue, wanted: bool) -> None:
    if not wanted:
        raise BadValue("one queue is always the default; choose another one instead")
    Queue.objects.filter(tenant=scope.tenant, is_default=True).update(is_default=False)
    row.is_default = True


def _networks(networks: Sequence[str]) -> list[str]:
    try:
        return sorted({str(ipaddress.ip_network(each.strip())) for each in networks})
    except ValueError as error:
        raise BadValue("a trusted network is written 192.0.2.0/24 or 2001:db8::/32") from error


def _stand_behind(scope: Scope, row: Queue, wanted: Sequence[UUID]) -> None:
    found = list(Device.objects.filter(tenant=scope.tenant, id__in=wanted))
    if len(found) != len(set(wanted)):
        raise NoSuchDevice("there is no such device")
    QueueDevice.objects.bulk_create(QueueDevice(queue=row, device=each) for each in found)
