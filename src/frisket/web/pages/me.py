"""A person's own page: password, PIN, print address, cards, tokens."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import device, identity
from frisket.errors import FrisketError
from frisket.identity import Permission
from frisket.plumbing.db import transaction
from frisket.web import problems, sessions
from frisket.web.forms import LabelForm, OwnPasswordForm
from frisket.web.pages.credentials import change_credentials, live_credentials
from frisket.web.routes import page
from frisket.web.visits import place, visit

__all__ = ["me"]


@page("/me", needs=Permission.CREDENTIALS_OWN)
def me(request: HttpRequest) -> HttpResponse:
    return _me(request, OwnPasswordForm())


def _me(request: HttpRequest, form: OwnPasswordForm, status: int = 200) -> HttpResponse:
    who = visit(request)
    values = {
        "form": form,
        "label": LabelForm(),
        "credentials": live_credentials(who.own, who.known.id),
        "queue": device.default_queue(),
    }
    return render(request, "web/me.html", values, status=status)


@page("/me/credentials", needs=Permission.CREDENTIALS_OWN, methods=("POST",))
def me_credentials(request: HttpRequest) -> HttpResponse:
    """A PIN, an address or a token of one's own; the password has its own form, which asks for the old one."""
    who = visit(request)
    if request.POST.get("act") not in ("pin", "address", "token", "revoke"):
        return redirect("/me")
    return change_credentials(request, who.own, who.known.id, back="/me")


@page("/me/password", needs=Permission.CREDENTIALS_OWN, methods=("POST",))
def me_password(request: HttpRequest) -> HttpResponse:
    who, form = visit(request), OwnPasswordForm(request.POST)
    if not form.is_valid():
        return _me(request, form, 400)
    person = who.known
    try:
        identity.check(identity.PasswordOffered(person.name, form.cleaned_data["old"]), at=place(request))
        with transaction() as tx:
            identity.set_password(who.own, person.id, form.cleaned_data["new"], by=who.actor, tx=tx)
    except FrisketError as error:
        words = problems.of(error)
        form.add_error("old" if isinstance(error, identity.Refused) else "new", f"{words.text} {words.remedy}")
        return _me(request, form, words.status)
    # Every session ended with the old password; this one begins anew.
    sessions.begin(request, identity.get(who.own, person.id))
    messages.success(request, _("The password is changed. Other sessions of yours have ended."), extra_tags="good")
    response = redirect("/me")
    sessions.give_cookie(request, response)
    return response
