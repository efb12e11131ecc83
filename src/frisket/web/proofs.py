"""Who sends a request that is no page: one fixed list of proofs, for the API and the upload door (R4).

A header ``Authorization`` with a bearer token, or with name and password (HTTP Basic, RFC 7617); without that
header the session of the pages, whose changes need the CSRF token too. A wrong proof is never passed over for
another one, and any other scheme is refused before it is looked into.
"""

import base64
import binascii

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from frisket import identity
from frisket.web.keyed_sessions import SessionStore

__all__ = ["csrf_fits", "person_by_header", "session_of"]

DOOR = "api"  # where a right password is remembered for a minute, so that scripts do not pay each time


class OtherScheme(identity.Refused):
    remedy = "Use a bearer token, or name and password (Basic)."


def person_by_header(value: str, address: str) -> identity.PersonView:
    """Raises identity.Refused, identity.Throttled."""
    scheme, _space, rest = value.partition(" ")
    match scheme.lower():
        case "bearer":
            origin = identity.Origin(DOOR, address)
            person = identity.person_by_claim(identity.Token(rest.strip()), origin=origin)
            if person is None:
                raise identity.Refused("not signed in")
            return person
        case "basic":
            return identity.check(_basic(rest), at=identity.Place(DOOR, network=address))
    raise OtherScheme("this scheme is not taken here")


def _basic(text: str) -> identity.PasswordOffered:
    try:
        name, colon, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise identity.Refused("not signed in") from error
    if not colon:
        raise identity.Refused("not signed in")
    return identity.PasswordOffered(name, password)


def csrf_fits(request: HttpRequest) -> bool:
    """Whether a request with a session carries the token of our own pages."""
    check = CsrfViewMiddleware(_nothing)
    check.process_request(request)
    return check.process_view(request, _nothing, (), {}) is None


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def session_of(request: WSGIRequest, cookie: str) -> SessionStore:
    """The session a cookie names, for a request the framework did not receive."""
    session = SessionStore(session_key=cookie or None)
    request.session = session
    return session
