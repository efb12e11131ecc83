"""Adding, changing and removing people. Every change is in the log in the same transaction."""

import re
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db import transaction as savepoint
from django.db.models import ProtectedError

from frisket import audit
from frisket.identity import throttle
from frisket.identity.credentials import NewPin, NewQueueSecret, Shown, enrol_row, set_password_row
from frisket.identity.errors import BadName, LastAdministrator, NameTaken, NotFound, PersonInUse
from frisket.identity.models import Person
from frisket.identity.names import canonical, canonical_mail, plain, plain_full_name
from frisket.identity.persons import (
    FIELD_FULL_NAME,
    FIELD_MAIL,
    FIELD_NAME,
    PersonView,
    changed,
    view,
)
from frisket.identity.rights import Permission, Role, require
from frisket.plumbing import parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor, Scope

__all__ = ["NewPerson", "PersonChange", "add", "change", "remove", "set_active", "set_language", "set_role"]

_LANGUAGE = re.compile(r"([a-z]{2,3}(-[A-Za-z]{2,4})?)?")


@dataclass(frozen=True, slots=True)
class NewPerson:
    """bare: without password, PIN and queue secret, for people who come from a directory or a trusted
    queue; else a password is made where none is given."""

    name: str = field(repr=False)
    full_name: str = field(default="", repr=False)
    mail: str = field(default="", repr=False)
    role: Role = Role.PERSON
    password: str | None = field(default=None, repr=False)
    language: str = ""
    bare: bool = False


@dataclass(frozen=True, slots=True)
class PersonChange:
    """None leaves a field as it is."""

    name: str | None = field(default=None, repr=False)
    full_name: str | None = field(default=None, repr=False)
    mail: str | None = field(default=None, repr=False)


def add(scope: Scope, new: NewPerson, *, by: Actor, tx: Tx) -> tuple[PersonView, Shown]:
    """Raises NotAllowed, NameTaken, BadName, keys.WeakPassword."""
    require(by, Permission.PERSONS_MANAGE)
    if not _LANGUAGE.fullmatch(new.language):
        raise BadName("this is not the tag of a language")
    row = Person(
        id=uuid4(),
        tenant=scope.tenant,
        site=parts.site(),
        role=new.role.value,
        language=new.language,
        created_at=parts.clock().now(),
        password="",
    )
    row.username = row.id.hex
    _write_names(row, PersonChange(new.name, new.full_name, new.mail))
    _save(row, insert=True)
    audit.record("person.add", row.id, by=by, tx=tx, facts={"role": row.role})
    changed(tx)
    shown = Shown()
    if not new.bare or new.password is not None:
        shown = set_password_row(row, new.password, by=by, tx=tx)
    if not new.bare:
        pin = enrol_row(row.id, NewPin(), by=by, tx=tx).pin
        secret = enrol_row(row.id, NewQueueSecret(), by=by, tx=tx).queue_secret
        shown = replace(shown, pin=pin, queue_secret=secret)
    return view(row), shown


def _write_names(row: Person, names: PersonChange) -> None:
    keys, tenant = parts.keys(), row.tenant
    if names.name is not None:
        row.name_index = keys.index(tenant, "name", canonical(names.name))
        row.name_sealed = keys.seal_personal(tenant, row.id, plain(names.name), field=FIELD_NAME)
    if names.full_name is not None:
        text = plain_full_name(names.full_name)
        row.full_name_sealed = keys.seal_personal(tenant, row.id, text, field=FIELD_FULL_NAME) if text else None
    if names.mail is not None:
        text = canonical_mail(names.mail)
        row.mail_index = keys.index(tenant, "mail", text) if text else None
        row.mail_sealed = keys.seal_personal(tenant, row.id, text, field=FIELD_MAIL) if text else None


def _save(row: Person, *, insert: bool) -> None:
    try:
        with savepoint.atomic():  # so that a collision does not spoil the caller's transaction
            row.save(force_insert=insert)
    except IntegrityError as error:
        raise NameTaken("somebody has this name or mail address already") from error


def change(scope: Scope, person: UUID, names: PersonChange, *, by: Actor, tx: Tx) -> PersonView:
    """Raises NotFound, NotAllowed, NameTaken, BadName."""
    row = _manage(scope, person, by)
    _write_names(row, names)
    if names.name is not None:
        row.stamp += 1  # who signed in under the old name does so again
    _save(row, insert=False)
    facts = {
        "name": names.name is not None,
        "full_name": names.full_name is not None,
        "mail": names.mail is not None,
    }
    audit.record("person.change", person, by=by, tx=tx, facts=facts)
    changed(tx)
    return view(row)


def set_role(scope: Scope, person: UUID, role: Role, *, by: Actor, tx: Tx) -> tuple[PersonView, Shown]:
    """Sessions end. Who becomes administrator gets a new password, because the one before was made and
    kept at less strength. Raises LastAdministrator, NotFound, NotAllowed."""
    row = _manage(scope, person, by)
    if row.role == role.value:
        return view(row), Shown()
    if row.role == Role.ADMINISTRATOR:
        _not_the_last(row)
    before, row.role = row.role, role.value
    row.stamp += 1
    row.save(update_fields=["role", "stamp"])
    audit.record("person.role", person, by=by, tx=tx, facts={"from": before, "to": row.role})
    changed(tx)
    shown = set_password_row(row, None, by=by, tx=tx) if role is Role.ADMINISTRATOR else Shown()
    return view(row), shown


def set_active(scope: Scope, person: UUID, active: bool, *, by: Actor, tx: Tx) -> PersonView:
    """Disabling ends every session at once; nothing of the person's signs in until enabled again."""
    row = _manage(scope, person, by)
    if row.active != active:
        if not active:
            _not_the_last(row)
        row.active = active
        row.stamp += 1
        row.save(update_fields=["active", "stamp"])
        audit.record("person.enable" if active else "person.disable", person, by=by, tx=tx)
        changed(tx)
    return view(row)


def set_language(scope: Scope, person: UUID, language: str, *, by: Actor, tx: Tx) -> PersonView:
    """A language tag such as "de" or "pt-BR", or "" for the house's; one's own needs no right."""
    if not _LANGUAGE.fullmatch(language):
        raise BadName("this is not the tag of a language")
    row = _row(scope, person)
    if by.id != person:
        require(by, Permission.PERSONS_MANAGE)
    row.language = language
    row.save(update_fields=["language"])
    audit.record("person.change", person, by=by, tx=tx, facts={"language": row.language})
    changed(tx)
    return view(row)


def remove(scope: Scope, person: UUID, *, by: Actor, tx: Tx) -> None:
    """The record, its credentials and its locks are gone. Raises PersonInUse while there are jobs."""
    row = _manage(scope, person, by)
    _not_the_last(row)
    try:
        with savepoint.atomic():
            row.delete()
    except ProtectedError as error:
        raise PersonInUse("the person still has jobs") from error
    for method in throttle.METHODS:
        throttle.lift(throttle.identifier("person", person.bytes), method, tx=tx)
    audit.record("person.remove", person, by=by, tx=tx)
    changed(tx)


def _row(scope: Scope, person: UUID) -> Person:
    if scope.own_only and scope.actor.id != person:
        raise NotFound("no such person")
    row = Person.objects.select_for_update().filter(tenant=scope.tenant, id=person).first()
    if row is None:
        raise NotFound("no such person")
    return row


def _manage(scope: Scope, person: UUID, by: Actor) -> Person:
    require(by, Permission.PERSONS_MANAGE)
    return _row(scope, person)


def _not_the_last(row: Person) -> None:
    if row.role != Role.ADMINISTRATOR or not row.active:
        return
    # All of them locked, not only counted: two administrators may be disabling each other just now.
    administrators = Person.objects.select_for_update().filter(
        tenant=row.tenant, role=Role.ADMINISTRATOR.value, active=True
    )
    if len(list(administrators.order_by("id").values_list("id", flat=True))) < 2:
        raise LastAdministrator("this is the last active administrator")
