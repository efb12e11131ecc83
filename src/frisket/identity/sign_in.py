"""Signing in with what a person offers: card, name and PIN, name and password.

Every refusal is the same error at the same price: unknown name, wrong secret, revoked, expired and
disabled cannot be told apart, not even by how long the answer takes.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from frisket import audit
from frisket.identity import throttle
from frisket.identity.credentials import card_index, live
from frisket.identity.errors import BadCredential, BadName, Refused
from frisket.identity.models import Credential, Person
from frisket.identity.names import canonical, canonical_card
from frisket.identity.persons import PersonView, actor_for, row_by_name, view
from frisket.identity.rights import Role
from frisket.identity.throttle import Attempt, Method, Place
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import Actor, ActorKind

__all__ = [
    "CardOffered",
    "Offered",
    "PasswordOffered",
    "PinOffered",
    "card_needs_pin",
    "check_job_password",
    "check_shared_password",
    "sign_in",
]

_AT_ONCE = threading.BoundedSemaphore(4)  # slow hashes under way: 64 MiB each at most
_LONGEST_PIN = 64  # octets looked at
_LONGEST_PASSWORD = 256  # characters


@dataclass(frozen=True, slots=True)
class CardOffered:
    """pin: where a card alone is not enough; see card_needs_pin."""

    number: str = field(repr=False)
    pin: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PinOffered:
    """A PIN goes with a name: alone it signs nobody in (R25)."""

    name: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordOffered:
    name: str = field(repr=False)
    password: str = field(repr=False)


Offered: TypeAlias = CardOffered | PinOffered | PasswordOffered


@dataclass(frozen=True, slots=True)
class _Proof:
    """What fitted, to be looked at once more in the transaction that signs in."""

    credentials: tuple[UUID, ...] = ()
    password: str | None = None  # the verifier


def card_needs_pin(at: Place) -> bool:
    """Ask for the PIN after every card, known or not: a card number can be copied."""
    return at.second_factor or parts.settings().house.level == "high"


def sign_in(offered: Offered, *, at: Place) -> PersonView:
    """Who this is. Raises Refused, Throttled (nothing was looked at), InsideTransaction.

    Leaves "sign-in" or "sign-in.failed" in the log.
    """
    match offered:
        case PasswordOffered():
            return _by_password(offered, at)
        case PinOffered():
            return _by_pin(offered, at)
        case CardOffered():
            return _by_card(offered, at)


def check_job_password(job: UUID, fits: Callable[[], bool], *, at: Place, by: Actor) -> None:
    """A guess at a job's own PIN, throttled like a person's; ``fits`` does the slow check.

    Raises Refused, Throttled (then ``fits`` was not called), InsideTransaction.
    """
    _guess("job-password", throttle.identifier("job", job.bytes), job, fits, at, by)


def check_shared_password(person: UUID, fits: Callable[[], bool], *, at: Place, by: Actor) -> None:
    """A guess of a person who is known already at a password that many share; counted for each of them apart.

    Raises as check_job_password.
    """
    _guess("shared-password", throttle.identifier("person", person.bytes), person, fits, at, by)


def _guess(method: Method, who: bytes, subject: UUID, fits: Callable[[], bool], at: Place, by: Actor) -> None:
    attempt = throttle.begin(method, who, at)
    with _AT_ONCE:
        fitted = fits()
    with transaction() as tx:
        if fitted:
            throttle.succeeded(attempt, tx=tx)
        else:
            throttle.failed(attempt, subject, by, tx=tx)
            _record(f"{method}.failed", subject, method, by, at, tx)
    if not fitted:
        raise Refused("this password does not fit")


def _by_password(offered: PasswordOffered, at: Place) -> PersonView:
    row = row_by_name(offered.name)
    attempt = throttle.begin("password", _identifier(row, offered.name), at)
    verifier = row.password if row is not None else ""
    if not _password_fits(offered.password, verifier):
        raise _refuse(attempt, row, at)
    assert row is not None
    return _welcome(attempt, row, _Proof(password=verifier), at, _rehashed(row, offered.password))


def _by_pin(offered: PinOffered, at: Place) -> PersonView:
    row = row_by_name(offered.name)
    attempt = throttle.begin("pin", _identifier(row, offered.name), at)
    credential = _pin_of(row)
    if not _pin_fits(row, credential, offered.pin):
        raise _refuse(attempt, row, at)
    assert row is not None and credential is not None
    return _welcome(attempt, row, _Proof((credential.id,)), at)


def _by_card(offered: CardOffered, at: Place) -> PersonView:
    card = _card(offered.number)
    row = card.person if card is not None else None
    if offered.pin is None:
        # Guesses at cards are at nobody in particular: terminal, network and site hold them back.
        attempt = throttle.begin("card", None, at)
        if card is None or row is None or card_needs_pin(at):
            raise _refuse(attempt, row, at)
        return _welcome(attempt, row, _Proof((card.id,)), at)
    attempt = throttle.begin("pin", _identifier(row, "card " + offered.number), at)
    pin = _pin_of(row)
    if not _pin_fits(row, pin, offered.pin):
        raise _refuse(attempt, row, at)
    assert row is not None and card is not None and pin is not None
    return _welcome(attempt, row, _Proof((card.id, pin.id)), at)


def _identifier(row: Person | None, offered: str) -> bytes:
    if row is not None:
        return throttle.identifier("person", row.id.bytes)
    try:
        return throttle.identifier("unknown", canonical(offered))
    except BadName:
        return throttle.identifier("unknown", offered[:1024])


def _card(number: str) -> Credential | None:
    try:
        index = card_index(canonical_card(number))
    except BadCredential:
        return None
    found = Credential.objects.select_related("person").filter(
        live(parts.clock().now()), tenant=parts.tenant(), kind="card", index=index
    )
    return found.first()


def _pin_of(row: Person | None) -> Credential | None:
    if row is None:
        return None
    return Credential.objects.filter(live(parts.clock().now()), tenant=parts.tenant(), kind="pin", person=row).first()


def _password_fits(password: str, verifier: str) -> bool:
    """A wrong one costs one check of each strength, whoever it was meant for: otherwise the time would
    tell administrators from others, and others from nobody."""
    with _AT_ONCE:
        if keys.check_password(password, verifier):
            return True
        # Beyond its longest a password was not even hashed.
        spent = verifier.partition("$")[0] if len(password) <= _LONGEST_PASSWORD else ""
        for strong, cost in ((False, keys.PERSON), (True, keys.STRONG)):
            if spent != cost.algorithm:
                keys.dummy_check(password, strong=strong)
    return False


def _pin_fits(row: Person | None, credential: Credential | None, pin: str) -> bool:
    person = row.id if row is not None else parts.site()
    verifier = credential.verifier if credential is not None else None
    # Nobody's PIN is empty, so what cannot be a PIN is checked as that, at the same price.
    offered = pin if pin.isascii() and len(pin) <= _LONGEST_PIN else ""
    with _AT_ONCE:
        return parts.keys().check_pin(parts.tenant(), person, offered, None if verifier is None else bytes(verifier))


def _rehashed(row: Person, password: str) -> str | None:
    """A verifier of today's strength, where the one that fitted is of another."""
    strong = row.role == Role.ADMINISTRATOR
    return keys.make_password(password, strong=strong) if keys.needs_rehash(row.password, strong=strong) else None


def _welcome(attempt: Attempt, row: Person, proof: _Proof, at: Place, rehashed: str | None = None) -> PersonView:
    now = parts.clock().now()
    with transaction() as tx:
        current = Person.objects.select_for_update().filter(id=row.id, active=True).first()
        # Checking took its time: what was revoked meanwhile signs nobody in.
        if current is not None and _still_good(current, proof, now):
            throttle.succeeded(attempt, tx=tx)
            Credential.objects.filter(id__in=proof.credentials).update(last_used_at=now)
            if rehashed is not None:
                current.password = rehashed
                current.save(update_fields=["password"])
            person = view(current)
            _record("sign-in", person.id, attempt.method, actor_for(person, at.at), at, tx)
            return person
    raise _refuse(attempt, row, at)


def _still_good(person: Person, proof: _Proof, now: datetime) -> bool:
    if proof.password is not None and person.password != proof.password:
        return False
    good = Credential.objects.filter(live(now), id__in=proof.credentials, person=person).count()
    return good == len(proof.credentials)


def _refuse(attempt: Attempt, row: Person | None, at: Place) -> Refused:
    person = row.id if row is not None else None
    by = Actor(ActorKind.HOUSE, at=at.at) if at.device is None else Actor(ActorKind.DEVICE, at.device, at=at.at)
    with transaction() as tx:
        throttle.failed(attempt, person, by, tx=tx)
        _record("sign-in.failed", person, attempt.method, by, at, tx)
    return Refused("not signed in")


def _record(act: str, person: UUID | None, method: Method, by: Actor, at: Place, tx: Tx) -> None:
    facts = {"method": method, "door": at.door}
    audit.record(act, person, by=by, tx=tx, facts=facts)
