"""What the command line can do to hot folders and stores."""

from collections import Counter
from typing import Any
from uuid import UUID

from frisket import device, identity, job
from frisket.intake import capabilities_of, sources
from frisket.plumbing import db
from frisket.programs.commanding import Values, command, person_named
from frisket.programs.errors import WrongUse
from frisket.programs.house import AT_CONTROL, House

__all__ = ["shown"]


def _queue(name: str) -> device.QueueView:
    found = device.queue_by_name(name) if name else device.default_queue()
    if found is None:
        raise device.NoSuchQueue(f"there is no queue {name}" if name else "there is no queue yet")
    return found


def _options(values: Values, queue: device.QueueView) -> job.Options:
    """Raises WrongUse."""
    can = capabilities_of(queue)
    known = {
        "sides": ("", "one-sided", *can.sides),
        "color_mode": ("", "auto", "color", "monochrome"),
        "media": ("", *can.media),
    }
    chosen = {name: str(values.get(name) or "") for name in known}
    for name, value in chosen.items():
        if value not in known[name]:
            raise WrongUse(f"{name} must be one of: " + ", ".join(each for each in known[name] if each))
    return job.Options(sides=chosen["sides"], color_mode=chosen["color_mode"], media=chosen["media"])


def _pin(values: Values) -> bytes | None:
    text = str(values.get("certificate") or "").replace(":", "").strip().lower()
    if not text:
        return None
    try:
        pin = bytes.fromhex(text)
    except ValueError:
        pin = b""
    if len(pin) != 32:
        raise WrongUse("a fingerprint is SHA-256: 64 hexadecimal digits")
    return pin


def _owner(house: House, values: Values) -> tuple[sources.Owner | None, UUID | None]:
    person = person_named(house, str(values["person"])).id if values.get("person") else None
    rule = values.get("owner") or ("person" if person else None)
    return sources.Owner(str(rule)) if rule else None, person


@command("source.add")
def source_add(house: House, values: Values) -> Any:
    address = sources.Address.read(str(values["address"]))
    queue = _queue(str(values.get("queue") or ""))
    rule, person = _owner(house, values)
    pin, authority = _pin(values), str(values.get("authority") or "")
    _say_certificate(address, pin, authority)
    new = sources.NewSource(
        name=str(values["name"]),
        address=address.text,
        queue=queue.id,
        owner_rule=rule or sources.Owner.PERSON,
        person=person,
        copies=int(values.get("copies") or 1),
        options=_options(values, queue),
        hold=bool(values.get("hold")),
        afterwards=sources.After(values.get("afterwards") or "delete"),
        destination=str(values.get("destination") or ""),
        picks_up=bool(values.get("picks_up", True)),
        browsable=bool(values.get("browsable")),
        settle_s=_number(values.get("settle_s")),
        every_s=_number(values.get("every_s")) or (5.0 if address.kind is sources.Kind.FOLDER else 30.0),
        user=str(values.get("user") or ""),
        password=str(values.get("password") or ""),
        pinned_sha256=pin,
        authority=authority,
    )
    with db.transaction() as tx:
        added = sources.add(house.scope, new, by=AT_CONTROL, tx=tx)
    return _with_notice(added)


def _number(value: Any) -> float | None:
    return float(value) if value is not None else None


def _say_certificate(address: sources.Address, pin: bytes | None, authority: str) -> None:
    """Raises LooseTrust with the fingerprint to be compared, where nobody said by what the server is known."""
    if pin is not None or authority:
        return
    fingerprint = sources.certificate_shown(address)
    if fingerprint is not None:
        raise sources.LooseTrust(f"the server shows a certificate with the SHA-256 fingerprint {fingerprint}")


def _with_notice(source: sources.SourceView) -> dict[str, Any]:
    problem = sources.check(source) if source.active else None
    notice = f"It cannot be used yet: {problem}. {problem.remedy}" if problem is not None else None
    return {**shown(source), "notice": notice}


def shown(source: sources.SourceView) -> dict[str, Any]:
    return {
        "id": str(source.id),
        "name": source.name,
        "kind": source.kind.value,
        "address": source.address,
        "user": source.user,
        "password": "kept" if source.has_password else None,
        "certificate_sha256": source.pinned_sha256.hex() if source.pinned_sha256 else None,
        "queue": device.queue(source.queue).name,
        "owner": source.owner_rule.value,
        "person": str(source.person) if source.person else None,
        "copies": source.copies,
        "options": source.options.to_plain(),
        "hold": source.hold,
        "afterwards": source.afterwards.value,
        "destination": source.destination,
        "picks_up": source.picks_up,
        "browsable": source.browsable,
        "settle_s": source.settle_s,
        "every_s": source.every_s,
        "active": source.active,
        "state": source.state,
        "note": source.note,
    }


@command("source.list")
def source_list(house: House, values: Values) -> Any:
    """kind: "folder", "store" or nothing for both."""
    told = sources.counts(house.scope)
    rows = []
    for each in sources.sources(house.scope):
        is_folder = each.kind is sources.Kind.FOLDER
        if values.get("kind") in (None, "", "folder" if is_folder else "store"):
            rows.append({**shown(each), "picked_up": told[each.id]["in"], "refused": told[each.id]["refused"]})
    names = identity.names_of(house.scope, [UUID(row["person"]) for row in rows if row["person"]])
    for row in rows:
        row["person"] = names.get(UUID(row["person"])) if row["person"] else None
    return {"sources": rows}


@command("source.set")
def source_set(house: House, values: Values) -> Any:
    found = sources.by_name(house.scope, str(values["name"]))
    rule, person = _owner(house, values)
    queue = _queue(str(values["queue"])) if values.get("queue") else device.queue(found.queue)
    pin, authority = _pin(values), values.get("authority")
    wants_options = any(values.get(name) is not None for name in ("sides", "color_mode", "media"))
    now = {**found.options.to_plain(), **{name: value for name, value in values.items() if value is not None}}
    change = sources.SourceChange(
        address=values.get("address"),
        queue=queue.id if values.get("queue") else None,
        owner_rule=rule,
        person=person,
        copies=values.get("copies"),
        options=_options(now, queue) if wants_options else None,
        hold=values.get("hold"),
        afterwards=sources.After(values["afterwards"]) if values.get("afterwards") else None,
        destination=values.get("destination"),
        picks_up=values.get("picks_up"),
        browsable=values.get("browsable"),
        settle_s=_number(values.get("settle_s")),
        every_s=_number(values.get("every_s")),
        user=values.get("user"),
        password=values.get("password"),
        pinned_sha256=pin,
        authority=authority,
        active=values.get("active"),
    )
    with db.transaction() as tx:
        changed = sources.change(house.scope, found.id, change, by=AT_CONTROL, tx=tx)
    return _with_notice(changed)


@command("source.remove")
def source_remove(house: House, values: Values) -> Any:
    found = sources.by_name(house.scope, str(values["name"]))
    with db.transaction() as tx:
        sources.remove(house.scope, found.id, anyway=bool(values.get("anyway")), by=AT_CONTROL, tx=tx)
    return {"removed": found.name}


@command("source.check")
def source_check(house: House, values: Values) -> Any:
    return _with_notice(sources.by_name(house.scope, str(values["name"])))


@command("source.log")
def source_log(house: House, values: Values) -> Any:
    found = sources.by_name(house.scope, str(values["name"]))
    cut = sources.history(
        house.scope,
        found.id,
        refused=bool(values.get("refused")),
        after=values.get("after"),
        limit=min(int(values.get("limit") or 50), 1000),
    )
    rows = [
        {
            "at": each.at.isoformat(),
            "state": each.state,
            "file": each.path.encode("utf-8", "replace").decode(),
            "octets": each.octets,
            "job": each.number,
            "reason": each.reason,
        }
        for each in cut.rows
    ]
    return {"rows": rows, "after": cut.after, "states": dict(Counter(row["state"] for row in rows))}
