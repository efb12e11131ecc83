"""Queues and devices over the API."""

from uuid import UUID

from django.http import HttpRequest
from ninja import Status

from frisket import delivery, device, flow
from frisket.identity import Permission
from frisket.plumbing import keys
from frisket.plumbing.db import transaction
from frisket.web.api import shapes
from frisket.web.api.entry import operation
from frisket.web.api.jobs import find_device
from frisket.web.api.shapes import DeviceOut, QueueOut
from frisket.web.visits import visit

__all__ = ["devices", "queues"]


@operation("GET", "/queues", needs=Permission.JOBS_OWN, tag="queues", response=list[QueueOut])
def queues(request: HttpRequest) -> list[QueueOut]:
    """Where jobs can be sent."""
    return [QueueOut.of(each) for each in device.queues(visit(request).scope)]


@operation("POST", "/queues", needs=Permission.QUEUES_MANAGE, tag="queues", response={201: QueueOut})
def queue_add(request: HttpRequest, told: shapes.QueueIn) -> Status[QueueOut]:
    who = visit(request)
    new = device.NewQueue(
        told.name, told.hold, told.info, told.location, tuple(told.trusted_networks), tuple(told.devices)
    )
    with transaction() as tx:
        return Status(201, QueueOut.of(device.add_queue(who.scope, new, by=who.actor, tx=tx)))


@operation("PATCH", "/queues/{name}", needs=Permission.QUEUES_MANAGE, tag="queues", response=QueueOut)
def queue_change(request: HttpRequest, name: str, told: shapes.QueueChangeIn) -> QueueOut:
    """Fields that are left out stay as they are."""
    who = visit(request)
    change = device.QueueChange(
        name=told.name,
        hold=told.hold,
        info=told.info,
        location=told.location,
        is_default=told.is_default,
        accepting=told.accepting,
        halt=None if told.paused is None else "paused" if told.paused else "",
        hold_new=told.hold_new,
        message=told.message,
        trusted_networks=tuple(told.trusted_networks) if told.trusted_networks is not None else None,
        devices=tuple(told.devices) if told.devices is not None else None,
        held_s=told.held_s,
        printed_s=told.printed_s,
        history_s=told.history_s,
        raw_port=told.raw_port,
        default_person=told.default_person,
        no_default_person=told.no_default_person,
    )
    with transaction() as tx:
        return QueueOut.of(flow.change_queue(who.scope, _queue(name), change, by=who.actor, tx=tx))


@operation("DELETE", "/queues/{name}", needs=Permission.QUEUES_MANAGE, tag="queues", response={204: None})
def queue_remove(request: HttpRequest, name: str) -> Status[None]:
    who = visit(request)
    with transaction() as tx:
        device.remove_queue(who.scope, _queue(name), by=who.actor, tx=tx)
    return Status(204, None)


def _queue(word: str) -> UUID:
    found = device.queue_by_name(word)
    if found is not None:
        return found.id
    try:
        return device.queue(UUID(word)).id
    except ValueError as error:
        raise device.NoSuchQueue("there is no such queue") from error


@operation("GET", "/devices", needs=Permission.JOBS_OWN, tag="devices", response=list[DeviceOut])
def devices(request: HttpRequest) -> list[DeviceOut]:
    """Where jobs can be printed; addresses are for whoever manages them."""
    who = visit(request)
    found = [DeviceOut.of(each) for each in device.devices(who.scope)]
    if not who.may(Permission.DEVICES_MANAGE):
        for each in found:
            each.uri, each.certificate_sha256, each.ways, each.snmp = "", None, [], None
    return found


@operation("GET", "/devices/{word}/status", needs=Permission.JOBS_OWN, tag="devices", response=shapes.StatusOut)
def device_status(request: HttpRequest, word: str) -> shapes.StatusOut:
    """How a device is: state, paper, toner, by every source that can say, with its age."""
    who = visit(request)
    return shapes.StatusOut.of(device.status(who.scope, find_device(who, word).id))


@operation("POST", "/devices/{word}/look", needs=Permission.DEVICES_MANAGE, tag="devices", response=shapes.StatusOut)
def device_look(request: HttpRequest, word: str) -> shapes.StatusOut:
    """Ask it now instead of in the next round."""
    who = visit(request)
    return shapes.StatusOut.of(delivery.condition(who.scope, find_device(who, word).id, patience_s=10))


@operation(
    "PUT", "/devices/{word}/snmp", needs=Permission.DEVICES_MANAGE, fresh=True, tag="devices", response=DeviceOut
)
def device_snmp(request: HttpRequest, word: str, told: shapes.SnmpIn) -> DeviceOut:
    """Have its SNMP agent asked. Community and passwords are sealed at once; no answer ever has them."""
    who = visit(request)
    with transaction() as tx:
        new = device.NewSnmp(**told.model_dump())
        return DeviceOut.of(device.set_snmp(who.scope, find_device(who, word).id, new, by=who.actor, tx=tx))


@operation("DELETE", "/devices/{word}/snmp", needs=Permission.DEVICES_MANAGE, tag="devices", response={204: None})
def device_snmp_off(request: HttpRequest, word: str) -> Status[None]:
    who = visit(request)
    with transaction() as tx:
        device.set_snmp(who.scope, find_device(who, word).id, None, by=who.actor, tx=tx)
    return Status(204, None)


@operation("POST", "/devices/probe", needs=Permission.DEVICES_MANAGE, tag="devices", response=shapes.ProbeOut)
def device_probe(request: HttpRequest, told: shapes.ProbeIn) -> shapes.ProbeOut:
    """Ask what is at an address. Nothing is kept."""
    found = delivery.probe(told.uri)
    return shapes.ProbeOut(
        certificate_sha256=found.certificate_sha256.hex() if found.certificate_sha256 else None,
        make_and_model=found.capabilities.make_and_model,
        state=found.condition.state,
        state_reasons=list(found.condition.reasons),
        capabilities=found.capabilities.to_plain(),
    )


class WrongCertificate(device.BadValue):
    remedy = "Compare the certificate with the device's own panel, then send the fingerprint it shows."


@operation("POST", "/devices", needs=Permission.DEVICES_MANAGE, fresh=True, tag="devices", response={201: DeviceOut})
def device_add(request: HttpRequest, told: shapes.DeviceIn) -> Status[DeviceOut]:
    """For ipps send the fingerprint you compared: what answers must show exactly that certificate."""
    who = visit(request)
    address = device.Address.read(told.uri)
    adoption = None
    if told.probe:
        adoption = delivery.adoption_of(delivery.probe(address.uri))
        shown = adoption.certificate_sha256
        if shown is not None and not keys.same(shown.hex(), told.certificate_sha256 or ""):
            raise WrongCertificate("the device shows another certificate than the one that was sent")
    new = device.NewDevice(
        told.name,
        told.uri,
        told.location,
        told.silence_is_done,
        told.shows_owner,
        adoption,
        tuple(told.tags),
        tuple(told.ways),
    )
    with transaction() as tx:
        return Status(201, DeviceOut.of(device.add_device(who.scope, new, by=who.actor, tx=tx)))


@operation("PATCH", "/devices/{word}", needs=Permission.DEVICES_MANAGE, fresh=True, tag="devices", response=DeviceOut)
def device_change(request: HttpRequest, word: str, told: shapes.DeviceChangeIn) -> DeviceOut:
    """Fields that are left out stay as they are. Another address erases the pin and all that is known."""
    who = visit(request)
    change = device.DeviceChange(
        name=told.name,
        uri=told.uri,
        location=told.location,
        silence_is_done=told.silence_is_done,
        shows_owner=told.shows_owner,
        active=told.active,
        tags=tuple(told.tags) if told.tags is not None else None,
        ways=tuple(told.ways) if told.ways is not None else None,
    )
    with transaction() as tx:
        there = find_device(who, word)
        return DeviceOut.of(device.change_device(who.scope, there.id, change, by=who.actor, tx=tx))


@operation("DELETE", "/devices/{word}", needs=Permission.DEVICES_MANAGE, tag="devices", response={204: None})
def device_remove(request: HttpRequest, word: str) -> Status[None]:
    who = visit(request)
    with transaction() as tx:
        device.remove_device(who.scope, find_device(who, word).id, by=who.actor, tx=tx)
    return Status(204, None)
