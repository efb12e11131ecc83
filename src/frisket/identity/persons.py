"""People as other rooms see them, and reading them.

Names are sealed in the tables. What was opened once is kept in memory, bounded, until any person changes.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from frisket.identity.errors import BadName, NotFound
from frisket.identity.models import Person
from frisket.identity.names import canonical, canonical_mail
from frisket.identity.rights import Permission, Role, require
from frisket.plumbing import parts
from frisket.plumbing.db import Tx
from frisket.plumbing.paging import Slice
from frisket.plumbing.scope import Actor, ActorKind, Purpose, Scope

__all__ = [
    "FIELD_FULL_NAME",
    "FIELD_MAIL",
    "FIELD_NAME",
    "PersonView",
    "actor_for",
    "by_name",
    "changed",
    "find",
    "generation",
    "get",
    "names_of",
    "recent",
    "remembered",
    "row_by_mail",
    "row_by_name",
    "standing",
    "view",
]

FIELD_NAME, FIELD_FULL_NAME, FIELD_MAIL = 0, 1, 2  # told apart in the sealed header
STANDING_S = 1.0  # a session of a disabled person is dead after this many seconds at the latest
_MOST_OPENED = 60_000  # texts kept in memory


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person with names in clear: for pages and decisions, never for logs."""

    id: UUID
    name: str
    full_name: str
    mail: str
    role: Role
    active: bool
    language: str  # "" until chosen
    created_at: datetime
    stamp: int  # a session begun under another stamp is over

    def __repr__(self) -> str:
        return f"PersonView({self.id})"


@dataclass(slots=True)
class _Memory:
    """What this process remembers of persons; thrown away as a whole at every change."""

    opened: dict[tuple[UUID, int, bytes], str]
    standing: dict[UUID, tuple[float, PersonView]]  # when read, house seconds


_lock = threading.Lock()
_generation = 0
_memory = _Memory({}, {})


def generation() -> int:
    """Rises with every committed change of a person or credential in this process."""
    return _generation


def changed(tx: Tx) -> None:
    """Have every cache of persons emptied when this transaction is durable."""
    tx.on_commit(_forget)


def _forget() -> None:
    global _generation, _memory
    with _lock:
        _generation += 1
        _memory = _Memory({}, {})


def actor_for(person: PersonView, at: str) -> Actor:
    """at: "console", "terminal:<device id>", "ipp", …; never an address."""
    return Actor(ActorKind.PERSON, person.id, role=person.role.value, at=at)


def view(row: Person) -> PersonView:
    return PersonView(
        id=row.id,
        name=_open(row.id, FIELD_NAME, row.name_sealed),
        full_name=_open(row.id, FIELD_FULL_NAME, row.full_name_sealed),
        mail=_open(row.id, FIELD_MAIL, row.mail_sealed),
        role=Role(row.role),
        active=row.active,
        language=row.language,
        created_at=row.created_at,
        stamp=row.stamp,
    )


def _open(person: UUID, field: int, sealed: bytes | memoryview | None) -> str:
    if sealed is None:
        return ""
    octets, memory, keys = bytes(sealed), _memory, parts.keys()
    # The key holds person and field too: a column copied to another row must fail, not be remembered.
    key = (person, field, octets)
    text = None if keys.is_sealed else memory.opened.get(key)
    if text is None:
        text = keys.open_personal(parts.tenant(), person, octets, field=field)
        if len(memory.opened) >= _MOST_OPENED:
            memory.opened.clear()
        memory.opened[key] = text
    return text


def get(scope: Scope, person: UUID) -> PersonView:
    """Raises NotFound, also for whom an own-only scope may not see; NotAllowed for an actor without
    the right to read persons."""
    _may_read(scope, person)
    row = Person.objects.filter(tenant=scope.tenant, id=person).first()
    if row is None:
        raise NotFound("no such person")
    return view(row)


def _may_read(scope: Scope, person: UUID | None) -> None:
    if scope.own_only:
        if person is None or scope.actor.id != person:
            raise NotFound("no such person")
    elif scope.purpose is Purpose.OPERATE:
        require(scope.actor, Permission.PERSONS_READ)


def by_name(name: str) -> PersonView | None:
    """Whoever has this name in any of its forms; None also for what cannot be a name.

    For the doors and the command line, which find out who somebody is: it asks for no scope, and its
    caller shows nothing of it to others.
    """
    row = row_by_name(name)
    return None if row is None else view(row)


def row_by_name(name: str) -> Person | None:
    try:
        index = parts.keys().index(parts.tenant(), "name", canonical(name))
    except BadName:
        return None
    return Person.objects.filter(tenant=parts.tenant(), name_index=index).first()


def row_by_mail(address: str) -> Person | None:
    try:
        canonical_address = canonical_mail(address)
    except BadName:
        return None
    if not canonical_address:
        return None
    index = parts.keys().index(parts.tenant(), "mail", canonical_address)
    return Person.objects.filter(tenant=parts.tenant(), mail_index=index).first()


def find(scope: Scope, after: str | None = None, limit: int = 100, search: str = "") -> Slice[PersonView]:
    """People in the order of their names; search looks into names and mail addresses.

    Names are sealed, so this opens all of them (once; memory keeps them): made for up to 10,000 people.
    after: from the slice before; an id, because a name in an address would end up in logs.
    """
    _may_read(scope, scope.actor.id)
    rows = Person.objects.filter(tenant=scope.tenant)
    if scope.own_only:
        rows = rows.filter(id__in=[scope.actor.id] if scope.actor.id else [])
    people = sorted((view(row) for row in rows), key=lambda person: (person.name.casefold(), person.id))
    start = 0
    if after is not None:
        start = next((at + 1 for at, person in enumerate(people) if person.id.hex == after), len(people))
    wanted = search.strip().casefold()
    found = [person for person in people[start:] if _matches(person, wanted)]
    more = len(found) > limit
    return Slice(found[:limit], found[limit - 1].id.hex if more and limit > 0 else None)


def _matches(person: PersonView, wanted: str) -> bool:
    return not wanted or any(wanted in text.casefold() for text in (person.name, person.full_name, person.mail))


def names_of(scope: Scope, persons: Iterable[UUID]) -> dict[UUID, str]:
    """Names for a list of ids, for pages; whoever is gone or not to be seen is left out."""
    wanted = set(persons)
    if scope.own_only:
        wanted &= {scope.actor.id} if scope.actor.id else set()
    elif scope.purpose is Purpose.OPERATE:
        require(scope.actor, Permission.PERSONS_READ)
    rows = Person.objects.filter(tenant=scope.tenant, id__in=wanted).only("id", "name_sealed")
    return {row.id: _open(row.id, FIELD_NAME, row.name_sealed) for row in rows}


def standing(person: UUID, stamp: int) -> PersonView | None:
    """The person of a session, if that session still stands: active, and not ended since.

    Asked on every request; at most STANDING_S old.
    """
    found = recent(person, STANDING_S)
    return found if found is not None and found.active and found.stamp == stamp else None


def remembered(person: UUID, oldest_s: float) -> PersonView | None:
    """As recent, but from memory only; None says nothing."""
    held = _memory.standing.get(person)
    if held is None or parts.keys().is_sealed or not 0 <= parts.clock().elapsed() - held[0] < oldest_s:
        return None
    return held[1]


def recent(person: UUID, oldest_s: float) -> PersonView | None:
    """The person as read at most oldest_s house seconds ago, here or just now."""
    found = remembered(person, oldest_s)
    if found is not None:
        return found
    memory, now = _memory, parts.clock().elapsed()
    row = Person.objects.filter(tenant=parts.tenant(), id=person).first()
    if row is None:
        return None
    found = view(row)
    # Inside a transaction this may be something nobody has committed yet. A change committed since the
    # reading began has put another memory in place of this one.
    if not connection.in_atomic_block:
        if len(memory.standing) >= _MOST_OPENED:
            memory.standing.clear()
        memory.standing[person] = (now, found)
    return found
