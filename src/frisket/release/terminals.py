"""Standing at a device: one person, one session, gone after a minute without a touch (R26)."""

from dataclasses import dataclass
from uuid import UUID

from frisket import audit, identity
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import Actor, ActorKind, Scope
from frisket.release.errors import NotSignedIn
from frisket.release.models import TerminalSession

__all__ = ["Standing", "session", "sign_in", "sign_out"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody signed in at a terminal. ``token`` is shown once, to the terminal's cookie."""

    person: identity.PersonView
    device: UUID
    token: str = ""


def sign_in(device_id: UUID, offered: identity.Offered, *, network: str = "") -> Standing:
    """Sign in at a device; whoever stood there before is signed out.

    Raises identity.Refused, which says nothing of why, and identity.Throttled.
    """
    person = identity.check(offered, at=identity.Place("terminal", network, device_id))
    token = keys.new_token()
    clock = parts.clock()
    with transaction() as tx:
        _end(device_id, "replaced", tx)
        TerminalSession.objects.create(
            tenant=parts.tenant(),
            site=parts.site(),
            device_id=device_id,
            person_id=person.id,
            factor=type(offered).__name__.removesuffix("Offered").lower(),
            token_index=_index(token),
            created_at=clock.now(),
            seen_at=clock.elapsed(),
        )
    return Standing(person, device_id, token)


def session(scope: Scope, device_id: UUID, token: str) -> Standing:
    """Who stands there; a touch that keeps the session alive. Raises NotSignedIn."""
    row = (
        TerminalSession.objects.filter(
            tenant=scope.tenant, device_id=device_id, token_index=_index(token), ended_at__isnull=True
        ).first()
        if token
        else None
    )
    if row is None:
        raise NotSignedIn("Nobody is signed in here.")
    now = parts.clock().elapsed()
    if now - row.seen_at > parts.settings().sessions.terminal_idle_s:
        with transaction() as tx:
            _end(device_id, "idle", tx)
        raise NotSignedIn("You were signed out because nobody touched the screen.")
    person = identity.get(scope, row.person_id)
    if not person.active:
        with transaction() as tx:
            _end(device_id, "disabled", tx)
        raise NotSignedIn("Nobody is signed in here.")
    TerminalSession.objects.filter(pk=row.pk).update(seen_at=now)
    return Standing(person, device_id)


def sign_out(device_id: UUID, token: str) -> None:
    """End the session that has this token; silently nothing when there is none."""
    if TerminalSession.objects.filter(device_id=device_id, token_index=_index(token), ended_at__isnull=True).exists():
        with transaction() as tx:
            _end(device_id, "asked", tx)


def _end(device_id: UUID, why: str, tx: Tx) -> None:
    rows = TerminalSession.objects.filter(device_id=device_id, ended_at__isnull=True)
    for row in rows:
        by = Actor(ActorKind.PERSON, row.person_id, at=f"terminal:{device_id}")
        audit.record("sign-out", row.person_id, by=by, tx=tx, facts={"device": device_id.hex, "why": why})
    rows.update(ended_at=parts.clock().now())


def _index(token: str) -> bytes:
    return parts.keys().index(parts.tenant(), "token", b"terminal\0" + token.encode())
