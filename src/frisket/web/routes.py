"""The table of pages: each with its path, its methods and who may reach it (R3)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import URLPattern
from django.urls import path as url_path
from django.utils.translation import gettext as _

from frisket import identity
from frisket.errors import FrisketError
from frisket.web import problems, sessions
from frisket.web.visits import place, visit

__all__ = ["ROUTES", "Route", "Who", "page", "proof_wanted", "url_patterns"]

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class Who(Enum):
    PUBLIC = "public"  # anybody who reaches the server
    SIGNED_IN = "signed-in"
    TERMINAL = "terminal"  # whoever stands at a device; the session is the terminal's own


Needs = identity.Permission | Who


@dataclass(frozen=True, slots=True)
class Route:
    path: str  # as the framework writes it, without the first "/"
    name: str
    view: Callable[..., HttpResponseBase]
    needs: Needs
    methods: tuple[str, ...]


ROUTES: list[Route] = []
_PERSONS_OWN = identity.RIGHTS[identity.Role.PERSON]


def page(
    path: str, *, needs: Needs, methods: tuple[str, ...] = ("GET",), fresh: bool = False
) -> Callable[[View[P]], View[P]]:
    """Put a view at a path. ``needs`` has no default: a page says who may see it, or it is none.

    fresh: a change wants the password typed within the last five minutes.
    """
    if not isinstance(needs, identity.Permission | Who):
        raise TypeError("a page declares its permission")
    if not path.startswith("/"):
        raise ValueError("a path begins with /")

    def register(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *values: P.args, **named: P.kwargs) -> HttpResponseBase:
            stop = _stop(request, needs, methods)
            if stop is None and fresh and request.method == "POST":
                stop = proof_wanted(request)
            if stop is not None:
                return stop
            try:
                return view(request, *values, **named)
            except FrisketError as error:
                return problems.error_page(request, error)

        name = view.__name__.replace("_", "-")
        if any(route.name == name for route in ROUTES):
            raise ValueError(f"two pages are called {name}")
        ROUTES.append(Route(path.removeprefix("/"), name, guarded, needs, methods))
        return guarded

    return register


def url_patterns() -> list[URLPattern]:
    return [url_path(route.path, route.view, name=route.name) for route in ROUTES]


def _stop(request: HttpRequest, needs: Needs, methods: tuple[str, ...]) -> HttpResponseBase | None:
    method = "GET" if request.method == "HEAD" else request.method
    if method not in methods:
        return HttpResponseNotAllowed(methods)
    if needs in (Who.PUBLIC, Who.TERMINAL):
        return None
    who = visit(request)
    if who.person is None:
        return _to_sign_in(request)
    if isinstance(needs, identity.Permission):
        if not who.may(needs):
            return problems.answer(request, problems.NOT_ALLOWED)
        if needs not in _PERSONS_OWN and not sessions.from_here(request):
            return render(request, "web/from_elsewhere.html", {"to": request.path}, status=403)
    return None


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if identity.setup_needed():
        return redirect("/setup")
    if request.method != "GET" or request.path == "/":
        return redirect("/sign-in")
    return redirect("/sign-in?" + urlencode({"next": request.get_full_path()}))


def proof_wanted(request: HttpRequest) -> HttpResponse | None:
    """None when the password was typed lately, or came right with this very form; else the page that asks.

    That page carries what was typed, so nothing is lost.
    """
    if sessions.proved(request):
        return None
    problem: problems.Words | None = None
    password = request.POST.get("proof")
    if password is not None:
        person = visit(request).known
        try:
            found = identity.check(identity.PasswordOffered(person.name, password), at=place(request))
            if found.id == person.id:
                sessions.prove(request)
                return None
        except (identity.Refused, identity.Throttled) as error:
            problem = problems.of(error)
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("proof", "csrfmiddlewaretoken")
        for value in values
    ]
    page = {"kept": kept, "problem": problem, "heading": _("Your password, once more")}
    return render(request, "web/prove.html", page, status=403)
