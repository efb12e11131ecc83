"""Who is at the other end of a request: the person of its session, once per request."""

from dataclasses import dataclass

from django.http import HttpRequest

from frisket import identity
from frisket.plumbing import parts
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope

__all__ = ["Visit", "place", "put", "visit"]

_KEY = "frisket.visit"


@dataclass(frozen=True, slots=True)
class Visit:
    """person: None for whoever has not signed in."""

    person: identity.PersonView | None = None
    at: str = "console"

    @property
    def known(self) -> identity.PersonView:
        """The person, on pages that nobody reaches without one."""
        assert self.person is not None
        return self.person

    @property
    def actor(self) -> Actor:
        return identity.actor_for(self.person, self.at) if self.person is not None else HOUSE

    def may(self, permission: identity.Permission) -> bool:
        return self.person is not None and identity.may(self.actor, permission)

    @property
    def own(self) -> Scope:
        """What is the person's own."""
        return Scope(identity.actor_for(self.known, self.at), parts.tenant(), Purpose.OWN)

    @property
    def scope(self) -> Scope:
        """What the person's role runs."""
        return Scope(identity.actor_for(self.known, self.at), parts.tenant(), Purpose.OPERATE)

    @property
    def jobs(self) -> Scope:
        """The jobs the person may see: all of them, or their own."""
        return self.scope if self.may(identity.Permission.JOBS_ALL) else self.own


def put(request: HttpRequest, found: Visit) -> None:
    request.META[_KEY] = found


def visit(request: HttpRequest) -> Visit:
    found = request.META.get(_KEY)
    return found if isinstance(found, Visit) else Visit()


def place(request: HttpRequest, door: str = "console") -> identity.Place:
    """Where something is offered, for the throttles."""
    return identity.Place(door, network=str(request.META.get("REMOTE_ADDR", "")))
