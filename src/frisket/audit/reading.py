"""Looking into the record: of one subject, or the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Max, QuerySet

from frisket.audit.leaves import Entry, entry_of
from frisket.audit.models import Leaf
from frisket.plumbing.scope import Scope

__all__ = ["EVERYTHING", "Search", "history", "last_id", "recent", "since", "visible"]

_MOST = 1000
_MOST_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Search:
    """What a reader looks for; what is None does not matter. since is included, until is not."""

    actor: UUID | None = None
    subject: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Search()


def history(scope: Scope, subject: UUID) -> list[Entry]:
    """Everything that was done to one subject, oldest first.

    Whether the scope may see the subject at all is for the room that owns it to say first. A person
    who looks at what is theirs learns that somebody acted and in which role, not who.
    """
    rows = _of_tenant(scope).filter(subject=subject).order_by("id")
    entries = [entry_of(*row) for row in rows.values_list("id", "position", "body")]
    return [_discreet(entry, scope) for entry in entries] if scope.own_only else entries


def _discreet(entry: Entry, scope: Scope) -> Entry:
    if entry.actor.id in (None, scope.actor.id):
        return entry
    return replace(entry, actor=replace(entry.actor, id=None))


def recent(
    scope: Scope,
    after: int | None = None,
    limit: int = 100,
    act: str | None = None,
    where: Search = EVERYTHING,
) -> list[Entry]:
    """The newest acts first; the next page begins after the last entry's id.

    act: exactly this one, or with a dot at its end all that begin with it ("job.").
    A person who looks at what is theirs sees what they did themselves.
    """
    rows = visible(scope)
    if after is not None:
        rows = rows.filter(id__lt=after)
    if act:
        rows = rows.filter(act__startswith=act) if act.endswith(".") else rows.filter(act=act)
    if where.actor is not None:
        rows = rows.filter(actor=where.actor)
    if where.subject is not None:
        rows = rows.filter(subject=where.subject)
    if where.since is not None:
        rows = rows.filter(at__gte=where.since)
    if where.until is not None:
        rows = rows.filter(at__lt=where.until)
    page = rows.order_by("-id")[: max(1, min(limit, _MOST))]
    return [entry_of(*row) for row in page.values_list("id", "position", "body")]


def since(
    scope: Scope, after: int, *, acts: Sequence[str], subject: UUID | None = None, limit: int = 100
) -> list[Entry]:
    """Acts of these kinds that came after an entry, oldest first; of one subject where it is given.

    Whom the acts concern is not asked: that is for the room that tells somebody of them. On PostgreSQL an
    entry may become visible after one with a higher id.
    """
    rows = _of_tenant(scope).filter(id__gt=after, act__in=list(acts))
    if subject is not None:
        rows = rows.filter(subject=subject)
    page = rows.order_by("id")[: max(1, min(limit, _MOST_AT_ONCE))]
    return [entry_of(*row) for row in page.values_list("id", "position", "body")]


def last_id() -> int:
    """The id of the newest entry; 0 before the first."""
    return Leaf.objects.aggregate(last=Max("id"))["last"] or 0


def visible(scope: Scope) -> "QuerySet[Leaf]":
    """The leaves a scope may search in."""
    rows = _of_tenant(scope)
    if not scope.own_only:
        return rows
    # Nobody's own acts are those of the house, which have no actor.
    return rows.none() if scope.actor.id is None else rows.filter(actor=scope.actor.id)


def _of_tenant(scope: Scope) -> "QuerySet[Leaf]":
    return Leaf.objects.filter(tenant=scope.tenant)
