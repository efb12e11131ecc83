"""Persons and what they sign in with, over the API."""

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Status

from frisket import identity
from frisket.identity import Permission, Role
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Scope
from frisket.web.api import shapes
from frisket.web.api.entry import operation
from frisket.web.api.shapes import CredentialOut, PersonOut, ShownOut
from frisket.web.visits import Visit, visit

__all__ = ["me", "persons"]

TAG = "persons"


@operation("GET", "/me", needs=Permission.CREDENTIALS_OWN, tag=TAG, response=PersonOut)
def me(request: HttpRequest) -> PersonOut:
    """Who asks."""
    return PersonOut.of(visit(request).known)


@operation("GET", "/persons", needs=Permission.PERSONS_READ, tag=TAG, response=shapes.PersonsOut)
def persons(
    request: HttpRequest,
    after: str | None = None,
    limit: int = Query(100, ge=1, le=1000),  # type: ignore[type-arg]
) -> shapes.PersonsOut:
    found = identity.find(visit(request).scope, after=after, limit=limit)
    return shapes.PersonsOut(persons=[PersonOut.of(each) for each in found.rows], after=found.after)


@operation("POST", "/persons", needs=Permission.PERSONS_MANAGE, fresh=True, tag=TAG, response={201: ShownOut})
def person_add(request: HttpRequest, told: shapes.PersonIn) -> Status[ShownOut]:
    """Password, PIN and queue secret are made by the house; no later answer has them."""
    who = visit(request)
    new = identity.NewPerson(told.name, told.full_name, told.mail, Role(told.role))
    with transaction() as tx:
        person, shown = identity.add(who.scope, new, by=who.actor, tx=tx)
    return Status(201, ShownOut.of(shown, person))


@operation("GET", "/persons/{person_id}", needs=Permission.PERSONS_READ, tag=TAG, response=PersonOut)
def person_get(request: HttpRequest, person_id: UUID) -> PersonOut:
    return PersonOut.of(identity.get(visit(request).scope, person_id))


@operation("PATCH", "/persons/{person_id}", needs=Permission.PERSONS_MANAGE, fresh=True, tag=TAG, response=ShownOut)
def person_change(request: HttpRequest, person_id: UUID, told: shapes.PersonChangeIn) -> ShownOut:
    """Fields that are left out stay as they are. Who becomes administrator gets a new password."""
    who, shown = visit(request), identity.Shown()
    names = identity.PersonChange(told.name, told.full_name, told.mail)
    with transaction() as tx:
        if names != identity.PersonChange():
            identity.change(who.scope, person_id, names, by=who.actor, tx=tx)
        if told.role is not None:
            _found, shown = identity.set_role(who.scope, person_id, Role(told.role), by=who.actor, tx=tx)
        if told.active is not None:
            identity.set_active(who.scope, person_id, told.active, by=who.actor, tx=tx)
        return ShownOut.of(shown, identity.get(who.scope, person_id))


@operation("DELETE", "/persons/{person_id}", needs=Permission.PERSONS_MANAGE, fresh=True, tag=TAG, response={204: None})
def person_remove(request: HttpRequest, person_id: UUID) -> Status[None]:
    who = visit(request)
    with transaction() as tx:
        identity.remove(who.scope, person_id, by=who.actor, tx=tx)
    return Status(204, None)


def _scope_for(who: Visit, person: UUID) -> Scope:
    """One's own are one's own; others' need the right."""
    return who.own if person == who.known.id else who.scope


@operation(
    "GET",
    "/persons/{person_id}/credentials",
    needs=Permission.CREDENTIALS_OWN,
    tag=TAG,
    response=list[CredentialOut],
)
def credentials(request: HttpRequest, person_id: UUID) -> list[CredentialOut]:
    """Kinds, labels and times; never a secret."""
    who = visit(request)
    return [
        CredentialOut(
            id=each.id,
            kind=each.kind,
            label=each.label,
            created_at=each.created_at,
            last_used_at=each.last_used_at,
            expires_at=each.expires_at,
            revoked_at=each.revoked_at,
        )
        for each in identity.credentials(_scope_for(who, person_id), person_id)
    ]


@operation(
    "POST",
    "/persons/{person_id}/credentials",
    needs=Permission.CREDENTIALS_OWN,
    fresh=True,
    tag=TAG,
    response={201: ShownOut},
)
def credential_add(request: HttpRequest, person_id: UUID, told: shapes.CredentialIn) -> Status[ShownOut]:
    who = visit(request)
    with transaction() as tx:
        shown = identity.enrol(person_id, _new_credential(told), by=who.actor, tx=tx, scope=_scope_for(who, person_id))
    return Status(201, ShownOut.of(shown))


def _new_credential(told: shapes.CredentialIn) -> identity.NewCredential:
    match told.kind:
        case "card":
            return identity.NewCard(told.number or "", told.label)
        case "pin":
            return identity.NewPin()
        case "queue-secret":
            return identity.NewQueueSecret(told.label)
        case "token":
            return identity.NewToken(told.label)


@operation(
    "DELETE",
    "/persons/{person_id}/credentials/{credential_id}",
    needs=Permission.CREDENTIALS_OWN,
    tag=TAG,
    response={204: None},
)
def credential_remove(request: HttpRequest, person_id: UUID, credential_id: UUID) -> Status[None]:
    """It signs nobody in any more."""
    who = visit(request)
    with transaction() as tx:
        identity.revoke(_scope_for(who, person_id), credential_id, by=who.actor, tx=tx)
    return Status(204, None)
