"""Who sends an upload: for the raw door, which takes documents past the framework (boundary B4)."""

from collections.abc import Mapping
from io import BytesIO

from django.conf import settings as framework
from django.core.handlers.wsgi import WSGIRequest

from frisket import identity
from frisket.plumbing import parts
from frisket.web import gate, hosts, proofs, sessions

__all__ = ["authenticate"]


class NotFromHere(identity.Refused):
    """The form did not come from one of our own pages, or its session is over."""

    remedy = "Open the page again, sign in if it asks, and send the form from there."


def authenticate(headers: Mapping[bytes, bytes], csrf: str | None, network: str = "") -> identity.PersonView:
    """The person behind an upload. ``csrf``: the form's token field; without one the header X-CSRFToken counts.
    ``network``: the peer's address, for the throttles.

    Raises identity.Refused, identity.Throttled, and what gate.check does. Looks at the database: not for an event loop.
    """
    told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers.items()}
    if "authorization" in told:
        return proofs.person_by_header(told["authorization"], network)
    host = told.get("host", "")
    if not hosts.is_ours(host, parts.settings().house.host_names):
        raise NotFromHere("this server does not answer to that name")
    if not hosts.same_origin(host, told.get("origin"), told.get("sec-fetch-site")):
        raise NotFromHere("the form did not come from one of our own pages")
    request = _request(told, csrf)
    session = proofs.session_of(request, request.COOKIES.get(framework.SESSION_COOKIE_NAME, ""))
    person = sessions.person_of(session)
    if person is None or not proofs.csrf_fits(request):
        raise NotFromHere("not signed in")
    gate.check(session, person)
    if session.modified:
        session.save()
    return person


def _request(told: Mapping[str, str], csrf: str | None) -> WSGIRequest:
    """What the framework's own check of the token wants to see: the headers, and no body."""
    environ: dict[str, object] = {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in told.items()
        if name not in ("content-type", "content-length", "transfer-encoding")
    }
    environ |= {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/jobs",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(),
    }
    if csrf is not None:
        environ["HTTP_X_CSRFTOKEN"] = csrf
    return WSGIRequest(environ)
