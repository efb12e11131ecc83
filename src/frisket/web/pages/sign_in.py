"""Signing in and out, and the language of the pages."""

from django.conf import settings as framework
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language

from frisket import audit, identity
from frisket.plumbing.db import transaction
from frisket.web import problems, sessions
from frisket.web.forms import SignInForm
from frisket.web.routes import Who, page
from frisket.web.visits import place, visit

__all__ = ["language", "safe_next", "sign_in", "sign_out"]


def safe_next(request: HttpRequest, value: str | None) -> str:
    """Where to go on: only a page of ours."""
    if value and value.startswith("/") and url_has_allowed_host_and_scheme(value, None):
        return value
    return "/"


@page("/sign-in", needs=Who.PUBLIC, methods=("GET", "POST"))
def sign_in(request: HttpRequest) -> HttpResponse:
    to = safe_next(request, request.POST.get("next") or request.GET.get("next"))
    if visit(request).person is not None and request.method == "GET":
        return redirect(to)
    form = SignInForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and form.is_valid():
        offered = identity.PasswordOffered(form.cleaned_data["name"], form.cleaned_data["password"])
        try:
            person = identity.check(offered, at=place(request))
        except (identity.Refused, identity.Throttled) as error:
            words = problems.of(error)
            form.add_error(None, f"{words.text} {words.remedy}")
            status = words.status
        else:
            sessions.begin(request, person)
            response = redirect(to)
            sessions.give_cookie(request, response)
            return response
    return render(
        request,
        "web/sign_in.html",
        {"form": form, "next": to, "no_administrator": identity.setup_needed()},
        status=status,
    )


@page("/sign-out", needs=Who.SIGNED_IN, methods=("POST",))
def sign_out(request: HttpRequest) -> HttpResponse:
    who = visit(request)
    with transaction() as tx:
        audit.record("sign-out", who.known.id, by=who.actor, tx=tx, facts={"why": "asked"})
    sessions.end(request)
    response = redirect("/sign-in")
    response.delete_cookie(sessions.CONSOLE_COOKIE)
    return response


@page("/language", needs=Who.PUBLIC, methods=("POST",))
def language(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("language", "")
    response = redirect(safe_next(request, request.POST.get("next")))
    if chosen not in dict(framework.LANGUAGES) or not check_for_language(chosen):
        return response
    response.set_cookie(
        framework.LANGUAGE_COOKIE_NAME, chosen, max_age=365 * 86400, secure=True, httponly=True, samesite="Lax"
    )
    who = visit(request)
    if who.person is not None:
        with transaction() as tx:
            identity.set_language(who.own, who.person.id, chosen, by=who.actor, tx=tx)
    return response
