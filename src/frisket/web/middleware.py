"""What stands before every page: the guard at the entrance, and whose session it is."""

from collections.abc import Callable

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _

from frisket.plumbing import parts
from frisket.web import hosts, problems, sessions, visits
from frisket.web.headers import HEADERS
from frisket.web.rates import Rates

__all__ = ["Guard", "PersonSession"]

Answer = Callable[[HttpRequest], HttpResponse]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_WITHOUT_SESSION = 4  # an address without a session gets this part of a session's rate


class Guard:
    """Host, origin, headers. The outermost one, so nothing leaves without the headers."""

    def __init__(self, get_response: Answer) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._refusal(request) or self._answer(request)
        for name, value in HEADERS:
            response[name] = value
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        host = request.headers.get("Host", "")
        if not hosts.is_ours(host, parts.settings().house.host_names):
            text = _("This server does not answer to that name.")
            remedy = _("Ask the administrator to add the name to house.host_names.")
            return _said(request, problems.Words(421, text, remedy))
        if request.method in SAFE:
            return None
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if not hosts.same_origin(host, origin, site):
            return _said(request, problems.OTHER_SITE)
        return None


class PersonSession:
    """Who it is, in which language, and not too often."""

    def __init__(self, get_response: Answer) -> None:
        self._answer = get_response
        self._rates = Rates()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = sessions.person_of(request.session)
        if person is None and "person" in request.session:
            request.session.flush()
        if not self._rates.take(*_caller(request, request.session if person else None)):
            return _said(request, problems.TOO_MANY)
        visits.put(request, visits.Visit(person))
        if person is None or not person.language:
            return self._answer(request)
        with translation.override(person.language):
            request.LANGUAGE_CODE = translation.get_language() or "en"
            response = self._answer(request)
            patch_vary_headers(response, ("Cookie",))
            response["Content-Language"] = person.language
            return response


def _caller(request: HttpRequest, session: SessionBase | None) -> tuple[str, float]:
    rate = parts.settings().limits.pages_per_second
    if session is not None:
        return f"session {session.session_key}", rate
    return f"address {request.META.get('REMOTE_ADDR', '')}", max(1.0, rate / _WITHOUT_SESSION)


def _said(request: HttpRequest, words: problems.Words) -> HttpResponse:
    with translation.override(translation.get_language_from_request(request)):
        return problems.answer(request, words)
