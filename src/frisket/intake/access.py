"""Who may come to the doors at all, and who may use the upload page: rules that are changed while the house runs.

Every listener asks ``welcome`` before it reads an octet. It answers from memory: a change made by this process
counts from its commit on, one made by another process within a second (``follow``).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from frisket import audit, identity
from frisket.errors import Blame, FrisketError
from frisket.intake.models import Access
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.networks import Network, within
from frisket.plumbing.networks import read as read_networks
from frisket.plumbing.places import places
from frisket.plumbing.scope import Actor, Scope

__all__ = [
    "AccessChange",
    "AccessView",
    "BadNetwork",
    "LocksYouOut",
    "UploadBy",
    "UploadClosed",
    "access",
    "change_access",
    "check_upload_password",
    "follow_access",
    "welcome",
]

log = logging.getLogger("frisket.access")
STALE_S = 1.0
MOST_NETWORKS = 1000


class BadNetwork(FrisketError):
    blame = Blame.PERSON
    remedy = "Write each network as 192.0.2.0/24 or 2001:db8::/32, a single address as 192.0.2.7."


class LocksYouOut(FrisketError):
    """The administrator who asks for it would be the first whom the list keeps out."""

    blame = Blame.PERSON
    remedy = "Put the address you come from on the list too."


class UploadClosed(identity.NotAllowed):
    remedy = "Print by another way, or ask an administrator who may use the upload page."


class UploadBy(StrEnum):
    EVERYBODY = "everybody"  # who has an account
    OPERATORS = "operators"  # operators and administrators
    NOBODY = "nobody"  # there is no upload page


@dataclass(frozen=True, slots=True)
class AccessView:
    networks: tuple[str, ...] = ()  # from where somebody may come; empty: from everywhere
    upload_by: UploadBy = UploadBy.EVERYBODY
    stamp: int = 0  # of the upload page's own password; 0: it has none
    parsed: tuple[Network, ...] = field(default=(), compare=False, repr=False)

    def welcomes(self, address: str) -> bool:
        return not self.parsed or within(address, self.parsed)

    def lets_upload(self, person: identity.PersonView) -> bool:
        if self.upload_by is UploadBy.OPERATORS:
            return person.role is not identity.Role.PERSON
        return self.upload_by is UploadBy.EVERYBODY


@dataclass(frozen=True, slots=True)
class AccessChange:
    """None leaves it as it is; an empty password takes it away."""

    networks: tuple[str, ...] | None = None
    upload_by: UploadBy | None = None
    upload_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Held:
    house: parts.Parts
    at: float  # monotonic
    view: AccessView


_held: _Held | None = None


def access() -> AccessView:
    """The rules as they are, at most a second old. Looks at the database: not for an event loop."""
    held, house = _held, parts.installed()
    if held is None or held.house is not house or time.monotonic() - held.at > STALE_S:
        return _read()
    return held.view


def welcome(address: str) -> bool:
    """Whether a peer at this address may speak to any door; from memory, read before the first door opens."""
    return _held is None or _held.view.welcomes(address)


async def follow_access(ask: Callable[..., Awaitable[AccessView]]) -> None:
    """Notice what other processes change, until cancelled. ask: runs a database question in a thread."""
    while True:
        await asyncio.sleep(STALE_S)
        try:
            await ask(_read)
        except Exception as error:  # the top of a unit of work: the next look tries again
            log.error("who may come to the doors could not be read; it stays as it was: %s", places(error))


def _read() -> AccessView:
    global _held
    house = parts.installed()
    row = Access.objects.filter(tenant=house.tenant).first()
    view = AccessView() if row is None else _view(row)
    _held = _Held(house, time.monotonic(), view)
    return view


def _view(row: Access) -> AccessView:
    stamp = row.upload_stamp if row.upload_verifier else 0
    return AccessView(tuple(row.networks), UploadBy(row.upload_by), stamp, read_networks(row.networks))


def change_access(scope: Scope, change: AccessChange, *, peer: str, by: Actor, tx: Tx) -> AccessView:
    """peer: the address of who asks; "" for a command given on this machine, which no list keeps out.

    Raises NotAllowed, BadNetwork, LocksYouOut, keys.WeakPassword.
    """
    identity.require(by, identity.Permission.SETTINGS_MANAGE)
    row = Access.objects.select_for_update().filter(tenant=scope.tenant).first() or Access(tenant=scope.tenant)
    facts: dict[str, str | int | bool | None] = {}
    if change.networks is not None:
        row.networks = _networks(change.networks, peer)
        facts["networks"] = len(row.networks)
    if change.upload_by is not None:
        row.upload_by = facts["upload_by"] = change.upload_by.value
    if change.upload_password is not None:
        if change.upload_password:
            keys.check_policy(change.upload_password)
        row.upload_verifier = keys.make_password(change.upload_password) if change.upload_password else ""
        row.upload_stamp += 1
        facts["upload_password"] = bool(change.upload_password)
    row.save()
    audit.record("access.change", scope.tenant, by=by, tx=tx, facts=facts)
    tx.on_commit(_after_commit)
    return _view(row)


def _after_commit() -> None:
    _read()


def _networks(told: tuple[str, ...], peer: str) -> list[str]:
    try:
        found = read_networks(told)
    except ValueError as error:
        raise BadNetwork("one of them is no network and no address") from error
    if len(found) > MOST_NETWORKS:
        raise BadNetwork(f"the list has room for {MOST_NETWORKS} networks")
    if found and peer and not within(peer, found):
        raise LocksYouOut(f"you come from {peer}, and the list does not let that address in")
    return sorted({str(each) for each in found})


def check_upload_password(person: identity.PersonView, password: str, *, at: identity.Place) -> int:
    """The stamp of the upload page's own password, when it fits. Raises identity.Refused, identity.Throttled."""
    row = Access.objects.filter(tenant=parts.tenant()).first()
    if row is None or not row.upload_verifier:
        return 0
    verifier = row.upload_verifier
    identity.check_shared_password(
        person.id, lambda: keys.check_password(password, verifier), at=at, by=identity.actor_for(person, at.at)
    )
    return row.upload_stamp
