"""What people sign in with: made here, shown once, kept as an index or a verifier only."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, TypeAlias
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db import transaction as savepoint
from django.db.models import Q

from frisket import audit
from frisket.identity import throttle
from frisket.identity.errors import BadCredential, CredentialTaken, NotFound
from frisket.identity.models import Credential, Person
from frisket.identity.names import canonical_card, plain_full_name
from frisket.identity.persons import changed
from frisket.identity.rights import Permission, Role, may, require
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor, Purpose, Scope

__all__ = [
    "CredentialView",
    "Kind",
    "NewCard",
    "NewCertificate",
    "NewCredential",
    "NewPin",
    "NewQueueSecret",
    "NewToken",
    "Shown",
    "card_index",
    "certificate_index",
    "credentials",
    "enrol",
    "lift_lock",
    "live",
    "queue_secret_index",
    "revoke",
    "set_password",
    "token_index",
]

Kind = Literal["card", "pin", "queue-secret", "certificate", "token"]
FEWEST_PIN_DIGITS, MOST_PIN_DIGITS = 6, 16
_QUEUE_SECRET_OCTETS = 24
_LONGEST_LABEL = 60


@dataclass(frozen=True, slots=True)
class NewCard:
    number: str = field(repr=False)  # as the reader gives it
    label: str = ""
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True)
class NewPin:
    """A PIN takes the place of the one before it. Without ``pin`` the house makes one."""

    pin: str | None = field(default=None, repr=False)
    digits: int = FEWEST_PIN_DIGITS
    lasting: timedelta | None = None  # a guest's ends by itself


@dataclass(frozen=True, slots=True)
class NewQueueSecret:
    """The last part of a personal queue's address: whoever has it prints as this person, no more."""

    label: str = ""
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True)
class NewCertificate:
    der: bytes = field(repr=False)
    label: str = ""
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A bearer token for the API."""

    label: str = ""
    lasting: timedelta | None = None


NewCredential: TypeAlias = NewCard | NewPin | NewQueueSecret | NewCertificate | NewToken


@dataclass(frozen=True, slots=True)
class Shown:
    """Secrets made just now: to be shown once to whom they belong. Nothing else can tell them again."""

    password: str | None = field(default=None, repr=False)
    pin: str | None = field(default=None, repr=False)
    queue_secret: str | None = field(default=None, repr=False)
    card: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    credential: UUID | None = None  # the id of what `enrol` made


@dataclass(frozen=True, slots=True)
class CredentialView:
    id: UUID
    person: UUID
    kind: str
    label: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    locked_s: int | None  # 0 not locked, None until somebody lifts it; PINs only


def enrol(person: UUID, new: NewCredential, *, by: Actor, tx: Tx, scope: Scope) -> Shown:
    """Give a person a credential. Raises NotFound, NotAllowed, CredentialTaken, BadCredential.

    People enrol their own secrets; a card or certificate, which proves only what somebody
    carries, and a PIN of one's own choosing are for whoever may enrol.
    """
    _may_change(scope, person, by, own=isinstance(new, NewPin | NewQueueSecret | NewToken))
    return enrol_row(person, new, by=by, tx=tx)


def enrol_row(person: UUID, new: NewCredential, *, by: Actor, tx: Tx) -> Shown:
    """As enrol, for callers that have asked for the right already."""
    now = parts.clock().now()
    row = Credential(
        id=uuid4(),
        tenant=parts.tenant(),
        site=parts.site(),
        person_id=person,
        created_at=now,
        expires_at=None if new.lasting is None else now + new.lasting,
        label="" if isinstance(new, NewPin) else plain_full_name(new.label)[:_LONGEST_LABEL],
    )
    shown = _fill(row, new, by, tx)
    try:
        with savepoint.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise CredentialTaken(f"this {row.kind} is enrolled already") from error
    facts: audit.Facts = {"kind": row.kind, "credential": row.id, "expires": row.expires_at is not None}
    audit.record("credential.add", person, by=by, tx=tx, facts=facts)
    changed(tx)
    return replace(shown, credential=row.id)


def _fill(row: Credential, new: NewCredential, by: Actor, tx: Tx) -> Shown:
    match new:
        case NewCard():
            # A card that ended by itself makes way for the next one with its number.
            number = canonical_card(new.number)
            row.kind, row.index = "card", card_index(number)
            _end_expired(row, by, tx)
            return Shown(card=number)
        case NewPin():
            pin = keys.new_pin(new.digits) if new.pin is None else _checked_pin(new.pin)
            row.kind = "pin"
            row.verifier = parts.keys().hash_pin(parts.tenant(), row.person_id, pin)
            for old in Credential.objects.filter(person_id=row.person_id, kind="pin", revoked_at=None):
                _end(old, by, tx)
            throttle.lift(throttle.identifier("person", row.person_id.bytes), "pin", tx=tx)
            return Shown(pin=pin)
        case NewQueueSecret():
            secret = keys.new_token(_QUEUE_SECRET_OCTETS)
            row.kind, row.index = "queue-secret", queue_secret_index(secret)
            return Shown(queue_secret=secret)
        case NewCertificate():
            row.kind, row.index = "certificate", certificate_index(new.der)
            _end_expired(row, by, tx)
            return Shown()
        case NewToken():
            token = keys.new_token()
            row.kind, row.index = "token", token_index(token)
            return Shown(token=token)


def _checked_pin(pin: str) -> str:
    if not (pin.isascii() and pin.isdigit() and FEWEST_PIN_DIGITS <= len(pin) <= MOST_PIN_DIGITS):
        raise BadCredential(f"a PIN has {FEWEST_PIN_DIGITS} to {MOST_PIN_DIGITS} digits")
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if len(steps) == 1 or len(set(pin)) < 3:
        raise BadCredential("this PIN is among those that are tried first")
    return pin


def _end_expired(row: Credential, by: Actor, tx: Tx) -> None:
    same = Credential.objects.filter(tenant=row.tenant, kind=row.kind, index=row.index, revoked_at=None)
    for old in same.filter(expires_at__lte=row.created_at):
        _end(old, by, tx)


def card_index(number: str) -> bytes:
    """number: from canonical_card."""
    return parts.keys().index(parts.tenant(), "card", number)


def queue_secret_index(secret: str) -> bytes:
    return parts.keys().index(parts.tenant(), "queue-secret", secret.encode("utf-8", "surrogatepass"))


def certificate_index(der: bytes) -> bytes:
    return parts.keys().index(parts.tenant(), "token", b"certificate\0" + keys.sha256(der))


def token_index(token: str) -> bytes:
    return parts.keys().index(parts.tenant(), "token", b"bearer\0" + token.encode("utf-8", "surrogatepass"))


def live(now: datetime) -> Q:
    """Neither revoked nor over."""
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))


def revoke(scope: Scope, credential_id: UUID, *, by: Actor, tx: Tx) -> None:
    """From the commit on it signs nobody in. Revoking twice is not an error. Raises NotFound."""
    row = Credential.objects.filter(tenant=scope.tenant, id=credential_id).first()
    if row is None:
        raise NotFound("no such credential")
    _may_change(scope, row.person_id, by, own=True)
    if row.revoked_at is None:
        _end(row, by, tx)


def _end(row: Credential, by: Actor, tx: Tx) -> None:
    row.revoked_at = parts.clock().now()
    row.verifier = None
    row.save(update_fields=["revoked_at", "verifier"])
    facts: audit.Facts = {"kind": row.kind, "credential": row.id}
    audit.record("credential.revoke", row.person_id, by=by, tx=tx, facts=facts)
    changed(tx)


def credentials(scope: Scope, person: UUID) -> list[CredentialView]:
    """Newest first, revoked ones too; no secret in it."""
    if scope.own_only:
        if scope.actor.id != person:
            raise NotFound("no such person")
    elif scope.purpose is Purpose.OPERATE:
        require(scope.actor, Permission.PERSONS_READ)
    rows = Credential.objects.filter(tenant=scope.tenant, person_id=person).order_by("-created_at", "id")
    locked = throttle.locked_s(throttle.identifier("person", person.bytes), "pin")
    return [
        CredentialView(
            row.id,
            row.person_id,
            row.kind,
            row.label,
            row.created_at,
            row.last_used_at,
            row.expires_at,
            row.revoked_at,
            locked if row.kind == "pin" and row.revoked_at is None else 0,
        )
        for row in rows
    ]


def set_password(scope: Scope, person: UUID, password: str | None, *, by: Actor, tx: Tx) -> Shown:
    """A new password; without one the house makes it. Ends every session and lock of the old one.

    Raises keys.WeakPassword, NotFound, NotAllowed. Who changes their own has shown the old one before:
    that is the page's to ask.
    """
    row = _may_change(scope, person, by, own=True)
    return set_password_row(row, password, by=by, tx=tx)


def set_password_row(row: Person, password: str | None, *, by: Actor, tx: Tx) -> Shown:
    strong = row.role == Role.ADMINISTRATOR
    made = password is None
    chosen = keys.new_password() if password is None else password
    keys.check_policy(chosen, strong=strong)
    row.password = keys.make_password(chosen, strong=strong)
    row.stamp += 1
    row.save(update_fields=["password", "stamp"])
    throttle.lift(throttle.identifier("person", row.id.bytes), "password", tx=tx)
    audit.record("credential.add", row.id, by=by, tx=tx, facts={"kind": "password", "made": made})
    changed(tx)
    return Shown(password=chosen if made else None)


def lift_lock(scope: Scope, person: UUID, method: throttle.Method, *, by: Actor, tx: Tx) -> bool:
    """End a person's lock on one method before its time, or at all if it was disabled."""
    _may_change(scope, person, by, own=False)
    lifted = throttle.lift(throttle.identifier("person", person.bytes), method, tx=tx)
    if lifted:
        audit.record("lock.lifted", person, by=by, tx=tx, facts={"method": method})
    return lifted


def _may_change(scope: Scope, person: UUID, by: Actor, *, own: bool) -> Person:
    """The row, locked, if ``by`` may change this person's credentials.

    Enrolling for others stops at plain persons, or an operator could become administrator by card.
    """
    if scope.own_only and scope.actor.id != person:
        raise NotFound("no such person")
    row = Person.objects.select_for_update().filter(tenant=scope.tenant, id=person).first()
    if row is None:
        raise NotFound("no such person")
    if own and by.id == person and may(by, Permission.CREDENTIALS_OWN):
        return row
    plain = row.role == Role.PERSON
    require(by, Permission.CREDENTIALS_ENROL if plain else Permission.PERSONS_MANAGE)
    return row
