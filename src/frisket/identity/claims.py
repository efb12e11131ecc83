"""Who a program at a door says it prints for, and how that is found thousands of times a second.

What was found is remembered for a few seconds. A change made by this process empties the memory at its
commit; one made by another process shows after STALE_S at the latest.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from django.db import connection

from frisket.identity.credentials import certificate_index, live, queue_secret_index, token_index
from frisket.identity.models import Credential
from frisket.identity.persons import PersonView, generation, recent, remembered, row_by_mail, row_by_name, view
from frisket.identity.sign_in import Offered, PasswordOffered, sign_in
from frisket.identity.throttle import Place
from frisket.plumbing import keys, parts

__all__ = [
    "Certificate",
    "Claim",
    "Origin",
    "QueueSecret",
    "Token",
    "TrustedMail",
    "TrustedName",
    "check",
    "person_by_claim",
    "recall",
]

STALE_S = 5.0  # house seconds
PASSWORD_S = 60.0  # house seconds a right password need not be hashed again
PER_REQUEST_DOORS = frozenset({"ipp", "ipps", "api"})  # HTTP Basic: the password comes with every request
_MOST = 20_000  # claims remembered
_NONCE = keys.new_token()  # what is remembered of passwords means nothing outside this process


@dataclass(frozen=True, slots=True)
class QueueSecret:
    """The last part of the address of a personal queue."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client certificate whose key the peer has proved in the TLS handshake."""

    der: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token of the API."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrustedName:
    """A name nobody proves: believed only from an origin the queue trusts."""

    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrustedMail:
    """A mail address its writer does not prove here: believed only where another server is trusted to have."""

    address: str = field(repr=False)


Claim: TypeAlias = QueueSecret | Certificate | Token | TrustedName | TrustedMail


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a claim comes from. trusted: the queue trusts this address with names (device.trusts)."""

    door: str
    address: str = field(default="", repr=False)
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class _Held:
    person: PersonView | None
    until: float  # house seconds


@dataclass(frozen=True, slots=True)
class _Right:
    """A password that fitted. The stamp of its person rises when the password or the name changes."""

    person: UUID
    stamp: int
    until: float  # house seconds


_Key: TypeAlias = tuple[UUID, str, str | bytes]
_held: dict[_Key, _Held] = {}
_held_at = -1  # the generation it is of
_right: dict[bytes, _Right] = {}
_lock = threading.Lock()
_turns = [threading.Lock() for _ in range(256)]


def person_by_claim(claim: Claim, *, origin: Origin) -> PersonView | None:
    """The active person a claim is about; None when there is none, without a reason."""
    if isinstance(claim, TrustedName | TrustedMail) and not origin.trusted:
        return None
    key = _key(claim)
    held = _look(key)
    if held is not None:
        return held.person
    before, now = generation(), parts.clock().elapsed()
    person = _find(claim, key)
    _keep(key, _Held(person, now + STALE_S), before)
    return person


def recall(claim: Claim | PasswordOffered, *, origin: Origin) -> PersonView | None:
    """What memory knows, without a single look at the database: for an event loop.

    None says nothing: ask person_by_claim, or check, in a thread then.
    """
    if isinstance(claim, PasswordOffered):
        return _remembered(_password_digest(claim), look=remembered)
    if isinstance(claim, TrustedName | TrustedMail) and not origin.trusted:
        return None
    held = _look(_key(claim))
    return held.person if held is not None else None


def check(offered: Offered, *, at: Place) -> PersonView:
    """Who this is; see sign_in.sign_in for what it raises.

    At the doors where HTTP Basic sends the password with every request, a right one is remembered, as
    a keyed digest in memory, for PASSWORD_S or until its person's stamp rises.
    """
    if not isinstance(offered, PasswordOffered) or at.door not in PER_REQUEST_DOORS:
        return sign_in(offered, at=at)
    digest = _password_digest(offered)
    person = _remembered(digest, look=recent)
    if person is not None:
        return person
    # A client opens several connections at once: one of them pays, the others wait for the answer.
    # The digest is keyed, so nobody can choose whom to share a turn with.
    with _turns[digest[0] % len(_turns)]:
        person = _remembered(digest, look=recent)
        if person is None:
            person = sign_in(offered, at=at)
            with _lock:
                if len(_right) >= _MOST:
                    _right.clear()
                _right[digest] = _Right(person.id, person.stamp, parts.clock().elapsed() + PASSWORD_S)
        return person


def _remembered(digest: bytes, *, look: Callable[[UUID, float], PersonView | None]) -> PersonView | None:
    """Whom this password is known to fit, if that person still stands as then."""
    right = _right.get(digest)
    if right is None or parts.clock().elapsed() >= right.until:
        return None
    person = look(right.person, STALE_S)
    return person if person is not None and person.active and person.stamp == right.stamp else None


def _look(key: _Key) -> _Held | None:
    if _held_at != generation() or parts.keys().is_sealed:
        return None
    held = _held.get(key)
    return held if held is not None and parts.clock().elapsed() < held.until else None


def _keep(key: _Key, held: _Held, before: int) -> None:
    """before: the generation when the reading began; what is older than the last change is not kept."""
    global _held, _held_at
    if connection.in_atomic_block:
        return  # perhaps read from a change that is never committed
    with _lock:
        now = generation()
        if _held_at != now or len(_held) >= _MOST:
            _held, _held_at = {}, now
        if before == now:
            _held[key] = held


def _key(claim: Claim) -> _Key:
    """Secrets are remembered as their index, so memory holds none."""
    tenant = parts.tenant()
    if isinstance(claim, TrustedName):
        return tenant, "name", claim.name
    if isinstance(claim, TrustedMail):
        return tenant, "mail", claim.address.casefold()
    if isinstance(claim, QueueSecret):
        return tenant, "queue-secret", queue_secret_index(claim.secret)
    if isinstance(claim, Certificate):
        return tenant, "certificate", certificate_index(claim.der)
    return tenant, "token", token_index(claim.token)


def _password_digest(offered: PasswordOffered) -> bytes:
    whole = "\0".join((_NONCE, str(len(offered.name)), offered.name, offered.password))
    octets = b"basic\0" + whole.encode("utf-8", "surrogatepass")
    return parts.keys().index(parts.tenant(), "token", octets)


def _find(claim: Claim, key: _Key) -> PersonView | None:
    if isinstance(claim, TrustedName):
        row = row_by_name(claim.name)
    elif isinstance(claim, TrustedMail):
        row = row_by_mail(claim.address)
    else:
        _, kind, index = key
        found = Credential.objects.select_related("person").filter(
            live(parts.clock().now()), tenant=parts.tenant(), kind=kind, index=index
        )
        credential = found.first()
        row = credential.person if credential is not None else None
    return view(row) if row is not None and row.active else None
