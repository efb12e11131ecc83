"""What devices said of themselves, kept by source and merged; and how their SNMP agents are asked."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from frisket import audit, identity
from frisket.device import registry
from frisket.device.errors import BadSnmp, NoSuchDevice
from frisket.device.models import Device, Said
from frisket.device.names import clean
from frisket.device.status import FRESH, Facts, Status, cut, merge
from frisket.device.views import DeviceView, NewSnmp, SnmpView, device_view
from frisket.plumbing import parts, snmp
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor, Scope

__all__ = ["is_broken", "keep_facts", "set_snmp", "set_state", "snmp_access", "status", "statuses"]

STATES = frozenset({"idle", "processing", "stopped", "unreachable", "unknown"})
GUARDED = frozenset({"medium-high", "high"})  # security levels at which nothing goes out in the clear


def set_state(
    id: UUID, state: str, reasons: Sequence[str] = (), message: str = "", *, tx: Tx, source: str = "job"
) -> None:
    """Keep a state that somebody met; a device that is gone meanwhile is no error.

    state: idle, processing, stopped, unreachable or unknown. reasons: printer-state-reasons keywords.
    source: ipp, pjl, or job for what was met while sending one.
    """
    keep_facts(id, [Facts(source, parts.clock().now(), state, tuple(reasons), message)], tx=tx)


def keep_facts(id: UUID, said: Iterable[Facts], *, tx: Tx) -> None:
    """Keep what sources said of a device, and the state that follows from all of them.

    A source that could not be asked keeps what it said before of trays and supplies, with the age of that. A
    device that is gone meanwhile is no error.
    """
    row = Device.objects.filter(tenant=parts.tenant(), id=id).first()
    if row is None:
        return
    known = {each.source: Facts.from_plain(each.facts) for each in Said.objects.filter(device=row)}
    for facts in said:
        fresh = _carried(_cleaned(cut(facts)), known.get(facts.source))
        known[fresh.source] = fresh
        Said.objects.update_or_create(
            device=row, source=fresh.source, defaults={"at": fresh.at, "facts": fresh.to_plain()}
        )
    now = parts.clock().now()
    merged = merge(known.values(), now)
    kept = list(merged.reasons)
    same = (row.state, row.state_reasons, row.state_message) == (merged.state, kept, merged.message)
    Device.objects.filter(id=id).update(
        state=merged.state, state_reasons=kept, state_message=merged.message, state_at=merged.at
    )
    if not same:
        registry.changed(tx)


def _carried(fresh: Facts, before: Facts | None) -> Facts:
    """A source that could not be asked leaves all it said before standing, at the age of that: one lost answer is
    no news, and old news fade by themselves. One that answers without them keeps its trays and supplies."""
    if before is None or fresh.trays or fresh.supplies:
        return fresh
    if fresh.problem:
        return replace(before, problem=fresh.problem)
    return replace(fresh, **{name: getattr(before, name) for name in ("trays", "supplies", "bins", "model", "serial")})


def _cleaned(facts: Facts) -> Facts:
    said = [clean(reason, 60) for reason in facts.reasons]
    return replace(
        facts,
        state=facts.state if facts.state in STATES else "unknown",
        reasons=tuple(dict.fromkeys(each for each in said if each and each != "none")),
        message=clean(facts.message, 200),
    )


def status(scope: Scope, id: UUID) -> Status:
    """How a device is, of all sources. Raises NoSuchDevice, also for a device of another tenant."""
    if not Device.objects.filter(tenant=scope.tenant, id=id).exists():
        raise NoSuchDevice("there is no such device")
    return _merged(Said.objects.filter(device_id=id))


def statuses(scope: Scope, ids: Iterable[UUID]) -> dict[UUID, Status]:
    """The same of several at once; devices nobody said anything of are there too."""
    by_device: dict[UUID, list[Said]] = {id: [] for id in ids}
    for row in Said.objects.filter(device__tenant=scope.tenant, device_id__in=list(by_device)):
        by_device[row.device_id].append(row)
    return {id: _merged(rows) for id, rows in by_device.items()}


def _merged(rows: Iterable[Said]) -> Status:
    return merge([Facts.from_plain(row.facts) for row in rows], parts.clock().now())


def is_broken(there: DeviceView, now: datetime) -> bool:
    """Whether a device would not print now, as far as fresh news say.

    Old news say nothing. Neither does what a job met at a port that nobody may ask without printing: there the
    next job is the only way to find out.
    """
    asked = there.address.scheme in ("ipp", "ipps") or there.capabilities.pjl or there.snmp is not None
    stands = there.state in ("stopped", "unreachable") and asked
    return stands and there.state_at is not None and now - there.state_at <= FRESH


def set_snmp(scope: Scope, id: UUID, new: NewSnmp | None, *, by: Actor, tx: Tx) -> DeviceView:
    """Have a device's SNMP agent asked, or not any more. Raises NoSuchDevice, BadSnmp, snmp.WeakPassword."""
    identity.require(by, identity.Permission.DEVICES_MANAGE)
    row = Device.objects.filter(tenant=scope.tenant, id=id).first()
    if row is None:
        raise NoSuchDevice("there is no such device")
    if new is None:
        row.snmp, row.snmp_secret = {}, None
    else:
        row.snmp, secret = _sealed(new)
        row.snmp_secret = parts.keys().seal_secret(_secret_name(id), json.dumps(secret).encode())
    row.save(update_fields=["snmp", "snmp_secret"])
    Said.objects.filter(device=row, source="snmp").delete()
    keep_facts(id, (), tx=tx)  # what was said to another way of asking counts no more
    row.refresh_from_db()
    version, encrypted = (new.version, bool(new.priv)) if new is not None else ("off", False)
    audit.record("device.snmp", row.id, by=by, tx=tx, facts={"version": version, "encrypted": encrypted})
    registry.changed(tx)
    return device_view(row)


def _sealed(new: NewSnmp) -> tuple[dict[str, Any], dict[str, str]]:
    """The words that may be seen, and the secrets. Raises BadSnmp, snmp.WeakPassword."""
    if not 1 <= new.port <= 65535:
        raise BadSnmp("a port is a number from 1 to 65535")
    if parts.settings().house.level in GUARDED and not (new.version == "3" and new.auth and new.priv):
        raise BadSnmp("at this security level SNMP is version 3 with authentication and privacy")
    if new.version in ("1", "2c"):
        if not 1 <= len(new.community) <= 255:
            raise BadSnmp("a community has 1 to 255 characters")
        return {"version": new.version, "port": new.port}, {"community": new.community}
    known = new.version == "3" and new.auth in ("", *snmp.AUTH) and new.priv in ("", *snmp.PRIV)
    if not known or (new.priv and not new.auth) or new.expansion not in snmp.EXPANSIONS:
        raise BadSnmp("SNMP is version 1, 2c or 3; privacy of version 3 needs authentication")
    name = clean(new.user, 64)
    if not name or len(name.encode()) > 32:
        raise BadSnmp("a user name of SNMPv3 has 1 to 32 octets")
    made = snmp.user(name, new.auth, new.auth_password, new.priv, new.priv_password, new.expansion)
    words = {"version": "3", "port": new.port, "user": name, "auth": new.auth, "priv": new.priv}
    return words | {"expansion": new.expansion}, {"auth": made.auth_key.hex(), "priv": made.priv_key.hex()}


def snmp_access(id: UUID) -> tuple[SnmpView, snmp.Access] | None:
    """How to ask a device's agent, secrets included; None where it is not to be asked. For delivery only."""
    row = Device.objects.filter(tenant=parts.tenant(), id=id).only("snmp", "snmp_secret").first()
    if row is None or not row.snmp or row.snmp_secret is None:
        return None
    told = SnmpView(**row.snmp)
    if parts.settings().house.level in GUARDED and not (told.version == "3" and told.priv):
        return None  # set at a lower level; nothing goes out in the clear at this one
    secret = json.loads(parts.keys().open_secret(_secret_name(id), bytes(row.snmp_secret)))
    if told.version != "3":
        return told, snmp.Community(secret["community"], 1 if told.version == "1" else 2)
    auth, priv = bytes.fromhex(secret["auth"]), bytes.fromhex(secret["priv"])
    return told, snmp.Keyed(told.user, told.auth, told.priv, auth, priv, told.expansion)


def _secret_name(id: UUID) -> UUID:
    """Sealed under a name of its own: no other secret of the device opens in its place."""
    return uuid5(id, "snmp")
