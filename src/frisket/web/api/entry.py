"""The API's frame: who asks, what an operation needs, how errors are told (RFC 9457)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from frisket import identity
from frisket.errors import FrisketError
from frisket.web import problems, proofs, sessions, visits
from frisket.web.api.upload import UPLOAD
from frisket.web.routes import Needs, Who

__all__ = ["OPERATIONS", "Operation", "api", "operation"]

P = ParamSpec("P")
R = TypeVar("R")
_FRESH = "frisket.fresh"
_PERSONS_OWN = identity.RIGHTS[identity.Role.PERSON]


def who_asks(request: HttpRequest) -> identity.PersonView | None:
    """The one list of proofs; see proofs. None: nothing was offered."""
    header = request.headers.get("Authorization")
    if header is not None:
        person = proofs.person_by_header(header, str(request.META.get("REMOTE_ADDR", "")))
        visits.put(request, visits.Visit(person, "api"))
        # Basic brings the password itself; a token proves nothing about who holds it now.
        request.META[_FRESH] = header[:6].lower() == "basic "
        return person
    found = visits.visit(request).person
    if found is None:
        return None
    if request.method not in ("GET", "HEAD") and not proofs.csrf_fits(request):
        raise identity.Refused("the CSRF token is missing")
    request.META[_FRESH] = sessions.proved(request)
    return found


class Api(NinjaAPI):
    """Ninja's, with what it cannot know put into its description: the proofs and the raw door."""

    def get_openapi_schema(self, *values: Any, **named: Any) -> Any:
        told = super().get_openapi_schema(*values, **named)
        told["paths"].setdefault("/api/v1/jobs", {}).update(UPLOAD)
        told["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "password": {"type": "http", "scheme": "basic"},
            "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session"},
        }
        told["security"] = [{name: []} for name in told["components"]["securitySchemes"]]
        return told


api = Api(
    title="Frisket",
    version="1",
    description="Secure printing: jobs, queues, devices, persons and the record.",
    auth=who_asks,
    docs_url=None,
    openapi_url="/openapi.json",
)


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    needs: Needs


OPERATIONS: list[Operation] = []


class StepUpNeeded(FrisketError):
    blame = identity.NotAllowed.blame
    remedy = "Sign in again, or send name and password with the request."


def operation(
    method: str, path: str, *, needs: Needs, fresh: bool = False, tag: str, **told: Any
) -> Callable[[Callable[Concatenate[HttpRequest, P], R]], Callable[Concatenate[HttpRequest, P], R]]:
    """Put a function at a path of the API. ``needs`` has no default (R3); ``fresh`` wants the password of late."""
    if not isinstance(needs, identity.Permission | Who):
        raise TypeError("an operation declares its permission")

    def register(
        act: Callable[Concatenate[HttpRequest, P], R],
    ) -> Callable[Concatenate[HttpRequest, P], R]:
        @wraps(act)
        def guarded(request: HttpRequest, /, *values: P.args, **named: P.kwargs) -> R:
            _check(request, needs, fresh)
            return act(request, *values, **named)

        OPERATIONS.append(Operation(method, path, needs))
        api.api_operation([method], path, tags=[tag], **told)(guarded)
        return guarded

    return register


def _check(request: HttpRequest, needs: Needs, fresh: bool) -> None:
    who = visits.visit(request)
    if isinstance(needs, identity.Permission):
        identity.require(who.actor, needs)
        by_session = "Authorization" not in request.headers
        if by_session and needs not in _PERSONS_OWN and not sessions.from_here(request):
            raise identity.Refused("the request did not come from one of our own pages")
    if fresh and not request.META.get(_FRESH):
        raise StepUpNeeded("this needs the password, typed within the last five minutes")


@api.exception_handler(FrisketError)
def _frisket_error(request: HttpRequest, error: FrisketError) -> HttpResponse:
    if isinstance(error, StepUpNeeded):
        return problems.answer(request, problems.Words(403, str(error), error.remedy))
    response = problems.error_page(request, error)
    if isinstance(error, identity.Refused):
        response["WWW-Authenticate"] = 'Bearer realm="frisket"'
    return response


@api.exception_handler(AuthenticationError)
def _not_signed_in(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    words = problems.Words(
        401, _("You are not signed in."), _("Send a bearer token, or name and password, or sign in to the pages.")
    )
    response = problems.answer(request, words)
    response["WWW-Authenticate"] = 'Bearer realm="frisket"'
    return response


@api.exception_handler(ValidationError)
def _bad_input(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Which field, and what is wrong with it; never what was sent."""
    places = [{"field": ".".join(map(str, each["loc"][1:])), "problem": each["msg"]} for each in error.errors]
    told = {"type": "about:blank", "status": 422, "title": _("The request has wrong fields."), "errors": places}
    return JsonResponse(told, status=422, content_type="application/problem+json")
