"""How often somebody may be wrong: durable, and in house seconds, so neither a restart nor the wall
clock shortens a lock.

An attempt is counted as a failure before anything slow looks at it, in a transaction of its own; being
right takes it back. So guesses made at the same time cannot exceed the bound, and a crash in between
leaves a failure, never a free guess. Unknown names are counted just like known ones.

A lock is for one method: whoever guesses PINs locks the PIN and leaves card and password alone.
"""

import math
from array import array
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from uuid import UUID

from django.db import connection
from django.db.models import Q

from frisket import audit
from frisket.identity.errors import InsideTransaction, Throttled
from frisket.identity.models import Throttle
from frisket.plumbing import parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import Actor

__all__ = [
    "METHODS",
    "Attempt",
    "Method",
    "Place",
    "begin",
    "failed",
    "identifier",
    "lift",
    "locked_s",
    "succeeded",
]

Method = Literal["pin", "password", "card", "job-password", "shared-password"]
METHODS: tuple[Method, ...] = ("pin", "password", "card", "job-password", "shared-password")

FREE_FAILURES = 5  # the last of them starts the first lock
FIRST_LOCK_S, LONGEST_LOCK_S = 30.0, 900.0
DISABLED_AT = 100  # failures in a row
_FORGOTTEN_AFTER_S = 30 * 86400.0
# Failures in any so many seconds; the site only raises an alarm.
METERS: dict[str, tuple[tuple[int, float], ...]] = {
    "terminal": ((10, 60.0), (50, 3600.0)),
    "network": ((30, 60.0), (300, 3600.0)),
    "tenant": ((1000, 3600.0),),
    "site": ((100, 86400.0),),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was offered.

    door: "console", "terminal", "ipp", …; network: the peer's address, "" for a local socket;
    device: the terminal's; second_factor: a card alone is not enough at this place.
    """

    door: str
    network: str = ""
    device: UUID | None = None
    second_factor: bool = False

    @property
    def at(self) -> str:
        """For an actor and the log: no address."""
        return self.door if self.device is None else f"{self.door}:{self.device}"


@dataclass(slots=True)
class Attempt:
    """A guess under way, counted as a failure so far."""

    method: Method
    at_s: float
    keys: list[tuple[str, bytes]]
    locks: dict[str, int] = field(default_factory=dict)  # scope: seconds locked if this one fails
    disabled: bool = False  # locked until a person lifts it, if this one fails
    alarm: bool = False


def identifier(kind: str, value: str | bytes) -> bytes:
    """The key under which guesses at one person, unknown name or job are counted."""
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return parts.keys().index(parts.tenant(), "token", b"throttle\0" + kind.encode() + b"\0" + octets)


def begin(method: Method, who: bytes | None, at: Place) -> Attempt:
    """Count an attempt. Raises Throttled, and then nothing may be checked.

    who: from `identifier`; None where a guess is not at somebody, as with cards.
    Raises InsideTransaction: the count must outlive whatever the caller rolls back.
    """
    if connection.in_atomic_block:
        raise InsideTransaction("a sign-in needs transactions of its own")
    attempt = Attempt(method, parts.clock().elapsed(), _keys(who, at))
    with transaction():
        rows = _rows(attempt, make=True)
        repaired = [row for row in rows if _repair(row, attempt.at_s)]
        until = max((_locked_until(row, attempt.at_s) for row in rows), default=0.0)
        if until <= attempt.at_s:
            for row in rows:
                _count(row, attempt)
        for row in rows if until <= attempt.at_s else repaired:
            row.save()
    if until > attempt.at_s:
        raise Throttled(until, max(1, math.ceil(until - attempt.at_s)))
    return attempt


def succeeded(attempt: Attempt, *, tx: Tx) -> None:
    """It was right: the identifier starts anew, and the meters forget this one attempt."""
    for row in _rows(attempt, make=False):
        if row.scope == "identifier":
            row.failures, row.locked_until, row.disabled = 0, 0.0, False
        else:
            times = _times(row)
            if attempt.at_s in times:
                times.remove(attempt.at_s)
            row.recent = times.tobytes()
        row.save()


def failed(attempt: Attempt, person: UUID | None, by: Actor, *, tx: Tx) -> None:
    """It was wrong, as counted; the log is told of locks and alarms that began with it."""
    for scope, seconds in attempt.locks.items():
        facts: audit.Facts = {
            "scope": scope,
            "method": attempt.method,
            "seconds": seconds,
            "disabled": attempt.disabled and scope == "identifier",
        }
        audit.record("lock", person if scope == "identifier" else None, by=by, tx=tx, facts=facts)
    if attempt.alarm:
        audit.record("alarm.sign-in", parts.site(), by=by, tx=tx, facts={"method": attempt.method})


def lift(who: bytes, method: Method, *, tx: Tx) -> bool:
    """Somebody entitled ends an identifier's lock. False when there was none."""
    rows = Throttle.objects.filter(tenant=parts.tenant(), scope="identifier", key=who, method=method)
    return bool(rows.delete()[0])


def locked_s(who: bytes, method: Method) -> int | None:
    """Seconds this identifier stays locked; 0 when it is not, None when only a person can lift it."""
    now = parts.clock().elapsed()
    row = Throttle.objects.filter(tenant=parts.tenant(), scope="identifier", key=who, method=method).first()
    if row is None:
        return 0
    if row.disabled:
        return None
    return max(0, math.ceil(min(row.locked_until, now + LONGEST_LOCK_S) - now))


def _keys(who: bytes | None, at: Place) -> list[tuple[str, bytes]]:
    keys = [("site", identifier("site", parts.site().bytes))]
    keys.append(("tenant", identifier("tenant", parts.tenant().bytes)))
    if who is not None:
        keys.append(("identifier", who))
    if at.device is not None:
        keys.append(("terminal", identifier("terminal", at.device.bytes)))
    if at.network:
        keys.append(("network", identifier("network", _network(at.network))))
    return sorted(keys)  # one order for all: two attempts never wait for each other crosswise


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: a host there has as many addresses as it likes."""
    try:
        found = ip_address(address.split("%", 1)[0])
    except ValueError:
        return address[:64]
    if found.version == 6:
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(int(found) >> 64)
    return str(found)


def _rows(attempt: Attempt, *, make: bool) -> list[Throttle]:
    tenant = parts.tenant()
    if make:
        fresh = [Throttle(tenant=tenant, scope=scope, key=key, method=attempt.method) for scope, key in attempt.keys]
        Throttle.objects.bulk_create(fresh, ignore_conflicts=True)
    wanted = Q()
    for scope, key in attempt.keys:
        wanted |= Q(scope=scope, key=key)
    found = Throttle.objects.select_for_update().filter(wanted, tenant=tenant, method=attempt.method)
    rows = list(found.order_by("scope", "key"))
    if any(row.scope == "identifier" and not row.touched and not row.failures for row in rows):
        # A name nobody tried before; those that nobody tried for a month make room.
        stale = attempt.at_s - _FORGOTTEN_AFTER_S
        Throttle.objects.filter(tenant=tenant, touched__lt=stale, disabled=False).delete()
    return rows


def _times(row: Throttle) -> "array[float]":
    times = array("d")
    times.frombytes(bytes(row.recent))
    return times


def _repair(row: Throttle, now: float) -> bool:
    """House seconds that lie ahead come from a lost or restored clock file: no lock may grow by that."""
    times, lock = _times(row), row.locked_until
    row.locked_until = min(lock, now + (LONGEST_LOCK_S if row.scope == "identifier" else METERS["site"][0][1]))
    row.recent = array("d", (min(at, now) for at in times)).tobytes()
    return row.locked_until != lock or any(at > now for at in times)


def _locked_until(row: Throttle, now: float) -> float:
    """Until when this row forbids attempts; in the past when it does not."""
    if row.scope == "identifier":
        return now + LONGEST_LOCK_S if row.disabled else row.locked_until
    if row.scope == "site":
        return 0.0
    times = _times(row)
    return max(times[-most] + span if len(times) >= most else 0.0 for most, span in METERS[row.scope])


def _count(row: Throttle, attempt: Attempt) -> None:
    row.touched = now = attempt.at_s
    if row.scope == "identifier":
        row.failures += 1
        row.disabled = attempt.disabled = row.failures >= DISABLED_AT
        if row.failures >= FREE_FAILURES:
            # The exponent is bounded first: 2.0 ** 1100 is an error.
            lock = min(FIRST_LOCK_S * 2.0 ** min(row.failures - FREE_FAILURES, 16), LONGEST_LOCK_S)
            row.locked_until = now + lock
            attempt.locks[row.scope] = int(lock)
        return
    limits = METERS[row.scope]
    longest = max(span for _, span in limits)
    times = array("d", (at for at in _times(row) if at > now - longest))
    times.append(now)
    if row.scope == "site":
        _watch_site(row, times, attempt)
    else:
        full = [span for most, span in limits if sum(at > now - span for at in times) >= most]
        if full:
            attempt.locks[row.scope] = int(max(full))
    row.recent = times.tobytes()


def _watch_site(row: Throttle, times: "array[float]", attempt: Attempt) -> None:
    """The alarm is raised once a day; what came before it need not be kept."""
    (most, span), now = METERS["site"][0], attempt.at_s
    if len(times) >= most:
        if row.locked_until <= now:
            attempt.alarm = True
            row.locked_until = now + span
        del times[: len(times) - most]
