"""Sessions of the pages: kept by the server, ended by idling, by age and with the person's standing.

All times are house seconds, so neither the wall clock nor a restart lengthens a session. The framework's
session row holds the person's random id and these times, no name.
"""

from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import rotate_token

from frisket import identity
from frisket.plumbing import keys, parts

__all__ = ["CONSOLE_COOKIE", "begin", "end", "from_here", "give_cookie", "person_of", "prove", "proved"]

CONSOLE_COOKIE = "__Host-console"
PROVED_S = 300.0  # how long a password typed again counts
_TOUCH_S = 15.0  # a session is written at most this often for being used


def begin(request: HttpRequest, person: identity.PersonView) -> None:
    """A new session under a new key; whatever was there before is gone."""
    now = parts.clock().elapsed()
    request.session.flush()
    request.session.update(
        {
            "person": person.id.hex,
            "stamp": person.stamp,
            "begun": now,
            "seen": now,
            "proved": now,
            "console": keys.new_token(),
        }
    )
    rotate_token(request)


def give_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """The second cookie: it does not come along from other sites, and console pages want it."""
    response.set_cookie(
        CONSOLE_COOKIE,
        request.session["console"],
        max_age=parts.settings().sessions.longest_s,  # as long as the session's own
        secure=True,
        httponly=True,
        samesite="Strict",
    )


def end(request: HttpRequest) -> None:
    request.session.flush()


def person_of(session: SessionBase) -> identity.PersonView | None:
    """Whose session this is, if it still stands; using it keeps it from idling."""
    who, stamp = session.get("person"), session.get("stamp")
    if not isinstance(who, str) or not isinstance(stamp, int):
        return None
    person = identity.standing(UUID(who), stamp)
    now, limits = parts.clock().elapsed(), parts.settings().sessions
    if person is None:
        return None
    idle = limits.person_idle_s if person.role is identity.Role.PERSON else limits.administrator_idle_s
    if now - session["seen"] > idle or now - session["begun"] > limits.longest_s:
        return None
    if now - session["seen"] > min(_TOUCH_S, idle / 4):
        session["seen"] = now
    return person


def from_here(request: HttpRequest) -> bool:
    """Whether the browser came from one of our own pages: the strict cookie is there and right."""
    held = request.session.get("console")
    return isinstance(held, str) and keys.same(held, request.COOKIES.get(CONSOLE_COOKIE, ""))


def proved(request: HttpRequest) -> bool:
    """Whether the password was typed within the last five minutes (R8)."""
    at = request.session.get("proved")
    return isinstance(at, float | int) and 0 <= parts.clock().elapsed() - at <= PROVED_S


def prove(request: HttpRequest) -> None:
    """The password was typed again; the session goes on under a new key."""
    request.session.cycle_key()
    request.session["proved"] = parts.clock().elapsed()
