"""What the command line can do to a house: the same functions whether it runs or not.

Each takes plain values and gives plain values, because they may travel over the control socket. Whoever calls
sits at this machine as the house's own account, and acts as the house.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from frisket import audit, delivery, device, flow, identity, intake, ledger, spool
from frisket.plumbing import db, keys, parts, work
from frisket.programs import commands_access, commands_mail, commands_sources, doctor, whitepaper
from frisket.programs.commanding import COMMANDS, URLS, Command, Values, command, person_named, plain
from frisket.programs.commands_jobs import submit, submit_alone
from frisket.programs.errors import WrongUse
from frisket.programs.house import AT_CONTROL, House

__all__ = ["COMMANDS", "URLS", "run_here", "runner"]

REGISTERED = (
    commands_access,
    commands_mail,
    commands_sources,
)  # their commands stand in the register once they are imported


def runner(house: House, doors: intake.Intake) -> Callable[[str, Values, AsyncIterator[bytes]], Awaitable[Any]]:
    """What the control socket of a running house calls."""

    async def run(name: str, values: Values, document: AsyncIterator[bytes]) -> Any:
        if name == "job.submit":
            return await submit(house, doors, values, document)
        act = COMMANDS.get(name)
        if act is None:
            raise WrongUse(f"there is no command {name}")
        return await asyncio.to_thread(_closing, act, house, values)

    return run


def _closing(act: Command, house: House, values: Values) -> Any:
    try:
        return db.again_when_full(lambda: act(house, values))
    finally:
        db.close_connections()


def run_here(
    house: House, name: str, values: Values, document: AsyncIterator[bytes] | None, walk: intake.Walker
) -> Any:
    """The same in a house that does not run."""
    if name != "job.submit":
        return COMMANDS[name](house, values)
    if document is None:
        raise WrongUse("job submit needs a document")
    spool.sweep()
    spool.load_counters()
    return asyncio.run(submit_alone(house, values, document, walk))


# -- persons


@command("person.add")
def person_add(house: House, values: Values) -> Any:
    new = identity.NewPerson(
        name=str(values["name"]),
        full_name=str(values.get("full_name") or ""),
        mail=str(values.get("mail") or ""),
        role=identity.Role(values.get("role") or "person"),
        password=values.get("password") or None,
    )
    with db.transaction() as tx:
        person, shown = identity.add(house.scope, new, by=AT_CONTROL, tx=tx)
        if values.get("card"):
            identity.enrol(person.id, identity.NewCard(str(values["card"])), by=AT_CONTROL, tx=tx, scope=house.scope)
    return {**_shown_person(person), **_secrets(house, shown)}


def _shown_person(person: identity.PersonView) -> dict[str, Any]:
    return {
        "id": str(person.id),
        "name": person.name,
        "full_name": person.full_name,
        "mail": person.mail,
        "role": person.role.value,
        "active": person.active,
    }


def _secrets(house: House, shown: identity.Shown) -> dict[str, Any]:
    secret = shown.queue_secret
    return {
        "password": shown.password,
        "pin": shown.pin,
        "queue_uri": queue_uri(house, secret) if secret else None,
        "token": shown.token,
        **({"mail_address": address} if secret and (address := _mail_address(house, secret)) else {}),
    }


def _mail_address(house: House, secret: str) -> str | None:
    """The personal address for mail; None where the mail door is closed or there is no queue."""
    queue = device.default_queue()
    domain = next(iter([*house.settings.mail.domains, *house.settings.house.host_names]), "localhost")
    return f"{queue.name}+{secret}@{domain}" if queue is not None and house.settings.doors.mail.on else None


def queue_uri(house: House, secret: str) -> str | None:
    """The address of a person's own queue; None while there is no queue or nobody listens."""
    queue = device.default_queue()
    base = URLS.get("ipps") or _configured(house)
    return f"{base}/{queue.name}/{secret}" if queue is not None and base else None


def _configured(house: House) -> str | None:
    door = house.settings.doors.ipps
    if not door.on or door.port == 0:
        return None
    host = house.settings.house.host_names[0] if house.settings.house.host_names else "localhost"
    return f"ipps://{host}:{door.port}/ipp/print"


@command("person.list")
def person_list(house: House, values: Values) -> Any:
    found = identity.find(
        house.scope,
        after=values.get("after"),
        limit=int(values.get("limit") or 1000),
        search=str(values.get("search") or ""),
    )
    return {"persons": [_shown_person(each) for each in found.rows], "after": found.after}


@command("person.card")
def person_card(house: House, values: Values) -> Any:
    return _enrol(house, values, identity.NewCard(str(values["number"])))


@command("person.pin")
def person_pin(house: House, values: Values) -> Any:
    return _enrol(house, values, identity.NewPin())


@command("person.token")
def person_token(house: House, values: Values) -> Any:
    return _enrol(house, values, identity.NewToken())


@command("person.queue")
def person_queue(house: House, values: Values) -> Any:
    return _enrol(house, values, identity.NewQueueSecret())


@command("person.certificate")
def person_certificate(house: House, values: Values) -> Any:
    """A certificate of the house's own authority, made and enrolled; its key is nowhere kept."""
    person = person_named(house, str(values["name"]))
    made = house.certificates.issue_client(person.id)
    shown = _enrol(house, values, identity.NewCertificate(made.der))
    return {
        **shown,
        "certificate_sha256": made.fingerprint.hex(),
        "expires_at": made.not_after.isoformat(),
        "bundle": b64encode(made.pkcs12).decode(),
        "bundle_password": made.password,
    }


@command("person.password")
def person_password(house: House, values: Values) -> Any:
    person = person_named(house, str(values["name"]))
    with db.transaction() as tx:
        shown = identity.set_password(house.scope, person.id, values.get("password"), by=AT_CONTROL, tx=tx)
    return {**_shown_person(person), **_secrets(house, shown)}


def _enrol(house: House, values: Values, new: identity.NewCredential) -> Any:
    person = person_named(house, str(values["name"]))
    with db.transaction() as tx:
        shown = identity.enrol(person.id, new, by=AT_CONTROL, tx=tx, scope=house.scope)
    return {**_shown_person(person), **_secrets(house, shown)}


@command("person.role")
def person_role(house: House, values: Values) -> Any:
    person = person_named(house, str(values["name"]))
    with db.transaction() as tx:
        changed, shown = identity.set_role(house.scope, person.id, identity.Role(values["role"]), by=AT_CONTROL, tx=tx)
    return {**_shown_person(changed), **_secrets(house, shown)}


@command("person.unlock")
def person_unlock(house: House, values: Values) -> Any:
    person = person_named(house, str(values["name"]))
    with db.transaction() as tx:
        lifted = [
            method
            for method in ("password", "pin")
            if identity.lift_lock(house.scope, person.id, method, by=AT_CONTROL, tx=tx)
        ]
    return {"name": person.name, "lifted": lifted}


@command("person.remove")
def person_remove(house: House, values: Values) -> Any:
    person = person_named(house, str(values["name"]))
    with db.transaction() as tx:
        identity.remove(house.scope, person.id, by=AT_CONTROL, tx=tx)
    return {"removed": person.name}


# -- queues


@command("queue.add")
def queue_add(house: House, values: Values) -> Any:
    new = device.NewQueue(
        name=str(values["name"]),
        hold=bool(values.get("hold")),
        info=str(values.get("info") or ""),
        location=str(values.get("location") or ""),
        trusted_networks=tuple(values.get("trust_network") or ()),
        devices=_device_ids(house, values.get("device") or ()),
    )
    with db.transaction() as tx:
        queue = device.add_queue(house.scope, new, by=AT_CONTROL, tx=tx)
    return _queue(queue)


def _device_ids(house: House, names: Any) -> tuple[UUID, ...]:
    return tuple(device.device_by_name(house.scope, str(name)).id for name in names)


def _queue(queue: device.QueueView) -> dict[str, Any]:
    return {
        "id": str(queue.id),
        "name": queue.name,
        "hold": queue.hold,
        "default": queue.is_default,
        "accepting": queue.accepting,
        "stopped": queue.halt,
        "hold_new": queue.hold_new,
        "message": queue.message,
        "info": queue.info,
        "location": queue.location,
        "trusted_networks": list(queue.trusted_networks),
        "raw_port": queue.raw_port,
        "uris": _uris(queue),
    }


def _uris(queue: device.QueueView) -> dict[str, str]:
    """Where programs reach the queue over the doors that are open."""
    found = {name: f"{URLS[name]}/{queue.name}" for name in ("ipp", "ipps", "lpd") if name in URLS}
    own = URLS.get(f"raw:{queue.name}") or (URLS.get("raw") if queue.is_default else None)
    return found | ({"raw": own} if own else {})


@command("queue.set")
def queue_set(house: House, values: Values) -> Any:
    queue = device.queue_by_name(str(values["name"]))
    if queue is None:
        raise device.NoSuchQueue(f"there is no queue {values['name']}")
    trusted = values.get("trust_network")
    devices = values.get("device")
    change = device.QueueChange(
        hold=values.get("hold"),
        info=values.get("info"),
        location=values.get("location"),
        is_default=True if values.get("default") else None,
        accepting=values.get("accepting"),
        halt=None if values.get("paused") is None else "paused" if values["paused"] else "",
        hold_new=values.get("hold_new"),
        message=values.get("message"),
        trusted_networks=tuple(trusted) if trusted is not None else None,
        devices=_device_ids(house, devices) if devices is not None else None,
        held_s=values.get("held_s"),
        printed_s=values.get("printed_s"),
        history_s=values.get("history_s"),
        raw_port=values.get("raw_port"),
        default_person=person_named(house, str(values["default_person"])).id if values.get("default_person") else None,
        no_default_person=bool(values.get("no_default_person")),
    )
    with db.transaction() as tx:
        changed = flow.change_queue(house.scope, queue.id, change, by=AT_CONTROL, tx=tx)
    return _queue(changed)


@command("queue.list")
def queue_list(house: House, values: Values) -> Any:
    return {"queues": [_queue(each) for each in device.queues(house.scope)]}


@command("queue.remove")
def queue_remove(house: House, values: Values) -> Any:
    queue = device.queue_by_name(str(values["name"]))
    if queue is None:
        raise device.NoSuchQueue(f"there is no queue {values['name']}")
    with db.transaction() as tx:
        device.remove_queue(house.scope, queue.id, by=AT_CONTROL, tx=tx)
    return {"removed": queue.name}


# -- devices


@command("device.add")
def device_add(house: House, values: Values) -> Any:
    """Asks the device who it is; where it does not answer, it is taken as it is and can be adopted later.

    A RAW port is not asked: to a device without PJL the question is a job.
    """
    uri = str(values["uri"])
    notice, adoption = "", None
    try:
        if uri.startswith("socket:"):
            notice = (
                "Whether it speaks PJL, and so confirms what it printed, is found out by: frisket device probe NAME"
            )
        else:
            adoption = delivery.adoption_of(delivery.probe(uri))
    except (
        delivery.DeviceUnreachable,
        delivery.DeviceAnswered,
        delivery.ConnectionLost,
        delivery.Stalled,
        keys.TlsRefused,
    ) as error:
        notice = f"The device did not answer ({error}); what it can do is assumed until it is probed."
    new = device.NewDevice(
        name=str(values["name"]),
        uri=uri,
        location=str(values.get("location") or ""),
        silence_is_done=values.get("silence_is_done"),
        adoption=adoption,
        tags=tuple(values.get("tag") or ()),
        ways=tuple(values.get("also") or ()),
    )
    with db.transaction() as tx:
        added = device.add_device(house.scope, new, by=AT_CONTROL, tx=tx)
    return {**_device(added), "notice": notice}


def _device(each: device.DeviceView) -> dict[str, Any]:
    return {
        "id": str(each.id),
        "name": each.name,
        "uri": each.uri,
        "location": each.location,
        "state": each.state,
        "state_reasons": list(each.state_reasons),
        "active": each.active,
        "silence_is_done": each.silence_is_done,
        "certificate_sha256": each.pinned_sha256.hex() if each.pinned_sha256 else None,
        "formats": list(each.capabilities.formats),
        "probed": each.capabilities.probed,
        "tags": list(each.tags),
        "ways": [way.uri for way in each.ways],
        "snmp": each.snmp.version if each.snmp is not None else None,
    }


@command("device.list")
def device_list(house: House, values: Values) -> Any:
    return {"devices": [_device(each) for each in device.devices(house.scope)]}


@command("device.firewall")
def device_firewall(house: House, values: Values) -> Any:
    """What a firewall of this machine has to let out."""
    return {"rules": device.firewall_rules(device.devices(house.scope))}


@command("device.show")
def device_show(house: House, values: Values) -> Any:
    """Everything known of a device; asked first where that is wished for."""
    found = device.device_by_name(house.scope, str(values["name"]))
    if values.get("ask"):
        delivery.condition(house.scope, found.id)
        found = device.device(house.scope, found.id)
    how = device.status(house.scope, found.id).to_plain()
    certificates = [way.pinned_sha256.hex() if way.pinned_sha256 else None for way in found.ways]
    return plain({**_device(found), "certificates_of_ways": certificates, "status": how})


@command("device.snmp")
def device_snmp(house: House, values: Values) -> Any:
    """How its agent is asked; the secrets are sealed and never told again."""
    found = device.device_by_name(house.scope, str(values["name"]))
    wanted = {name: value for name, value in values.items() if name != "name" and value is not None}
    new = None if wanted.get("version") == "off" else device.NewSnmp(**wanted)
    with db.transaction() as tx:
        return _device(device.set_snmp(house.scope, found.id, new, by=AT_CONTROL, tx=tx))


@command("device.probe")
def device_probe(house: House, values: Values) -> Any:
    found = device.device_by_name(house.scope, str(values["name"]))
    return _device(delivery.adopt(house.scope, found.id, by=AT_CONTROL))


@command("device.set")
def device_set(house: House, values: Values) -> Any:
    found = device.device_by_name(house.scope, str(values["name"]))
    change = device.DeviceChange(
        uri=values.get("uri"),
        location=values.get("location"),
        silence_is_done=values.get("silence_is_done"),
        active=values.get("active"),
        tags=_tuple(values.get("tag")),
        ways=_tuple(values.get("also")),
    )
    with db.transaction() as tx:
        return _device(device.change_device(house.scope, found.id, change, by=AT_CONTROL, tx=tx))


def _tuple(words: Any) -> tuple[str, ...] | None:
    return tuple(map(str, words)) if words is not None else None


@command("device.remove")
def device_remove(house: House, values: Values) -> Any:
    found = device.device_by_name(house.scope, str(values["name"]))
    with db.transaction() as tx:
        device.remove_device(house.scope, found.id, by=AT_CONTROL, tx=tx)
    return {"removed": found.name}


# -- the house


@command("audit.verify")
def audit_verify(house: House, values: Values) -> Any:
    verdict = audit.verify()
    problems = [plain(asdict(problem)) for problem in verdict.problems]
    return {
        "ok": verdict.ok,
        "size": verdict.size,
        "checkpoints": verdict.checkpoints,
        "waiting": verdict.waiting,
        "problems": problems,
        "unlisted": verdict.unlisted,
    }


@command("audit.export")
def audit_export(house: House, values: Values) -> Any:
    until = datetime.fromisoformat(values["until"]) if values.get("until") else datetime.now(UTC)
    since = datetime.fromisoformat(values["since"]) if values.get("since") else until - timedelta(days=30)
    return {"lines": list(audit.export(house.scope, since, until))}


@command("ledger.list")
def ledger_list(house: House, values: Values) -> Any:
    until = parts.clock().now() + timedelta(seconds=1)
    since = until - timedelta(days=int(values.get("days") or 30))
    found = ledger.entries(house.scope, since, until, after=values.get("after"), limit=int(values.get("limit") or 100))
    return {"entries": [plain(asdict(each)) for each in found.rows], "after": found.after}


@command("clock.confirm")
def clock_confirm(house: House, values: Values) -> Any:
    parts.clock().confirm()
    with db.transaction() as tx:
        audit.record("clock.confirmed", None, by=AT_CONTROL, tx=tx)
    return {"now": parts.clock().now().isoformat()}


@command("setup.token")
def setup_token(house: House, values: Values) -> Any:
    with db.transaction() as tx:
        return {"setup_token": identity.new_setup_token(tx=tx)}


@command("ca")
def authority(house: House, values: Values) -> Any:
    return {"pem": house.certificates.authority_pem().decode()}


@command("doctor")
def examine(house: House, values: Values) -> Any:
    return doctor.examine(house)


@command("whitepaper")
def describe(house: House, values: Values) -> Any:
    return whitepaper.describe(house, URLS)


@command("health")
def health(house: House, values: Values) -> Any:
    space = spool.space()
    return {
        "urls": dict(URLS),
        "space": {"total": space.total, "free": space.free, "state": space.state},
        "work": [plain(asdict(each)) for each in work.overview()],
        "audit": plain(asdict(audit.overview())),
        "clock_jumped": parts.clock().jumped(),
    }
