"""What somebody signs in with: making it, showing it once, ending it; one's own and others'."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import device, identity
from frisket.errors import FrisketError
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Scope
from frisket.web import problems
from frisket.web.forms import CardForm, LabelForm, NewPasswordForm
from frisket.web.visits import Visit, visit

__all__ = ["Secret", "change_credentials", "live_credentials", "print_address", "secrets_of", "show_once"]


@dataclass(frozen=True, slots=True)
class Secret:
    """Shown once, with what to do with it."""

    name: str
    value: str
    about: str = ""


def print_address(request: HttpRequest, secret: str, queue: device.QueueView | None = None) -> str:
    """A person's own queue, as programs want it; the page's own door serves it too."""
    chosen = queue or device.default_queue()
    if chosen is None:
        return ""
    return f"ipps://{request.get_host()}/ipp/print/{chosen.name}/{secret}"


def secrets_of(request: HttpRequest, shown: identity.Shown) -> list[Secret]:
    found = []
    if shown.password:
        found.append(Secret(_("Password"), shown.password, _("For these pages.")))
    if shown.pin:
        found.append(Secret(_("PIN"), shown.pin, _("For devices, with the name.")))
    if shown.queue_secret:
        address = print_address(request, shown.queue_secret)
        if address:
            about = _("Add it as a printer. Whoever has it prints in this name, and can do nothing else.")
            found.append(Secret(_("Personal print address"), address, about))
    if shown.token:
        found.append(Secret(_("Token"), shown.token, _("For programs, as “Authorization: Bearer …”.")))
    return found


def show_once(request: HttpRequest, shown: identity.Shown, *, back: str, heading: str) -> HttpResponse:
    """The only page that ever shows it. Not after a redirect: then it would have to be kept."""
    values = {"secrets": secrets_of(request, shown), "back": back, "heading": heading}
    return render(request, "web/shown.html", values)


def live_credentials(scope: Scope, person: UUID) -> list[identity.CredentialView]:
    return [each for each in identity.credentials(scope, person) if each.revoked_at is None]


Make = Callable[[forms.Form], identity.NewCredential]
_KINDS: dict[str, tuple[type[forms.Form], Make]] = {
    "pin": (forms.Form, lambda form: identity.NewPin()),
    "address": (LabelForm, lambda form: identity.NewQueueSecret(form.cleaned_data["label"])),
    "token": (LabelForm, lambda form: identity.NewToken(form.cleaned_data["label"])),
    "card": (CardForm, lambda form: identity.NewCard(form.cleaned_data["number"], form.cleaned_data["label"])),
}


def change_credentials(request: HttpRequest, scope: Scope, person: UUID, *, back: str) -> HttpResponse:
    """One act of a credentials form: pin, address, token, card, password or revoke."""
    who, act = visit(request), request.POST.get("act", "")
    try:
        if act == "revoke":
            return _revoke(request, who, scope, back)
        if act == "password":
            return _password(request, who, scope, person, back)
        if act in _KINDS:
            return _enrol(request, who, scope, person, act, back)
    except FrisketError as error:
        words = problems.of(error)
        messages.error(request, f"{words.text} {words.remedy}", extra_tags="stop")
    return redirect(back)


def _enrol(request: HttpRequest, who: Visit, scope: Scope, person: UUID, kind: str, back: str) -> HttpResponse:
    form_class, make = _KINDS[kind]
    form = form_class(request.POST)
    if not form.is_valid():
        messages.error(request, _("Fill in the form, then send it again."), extra_tags="stop")
        return redirect(back)
    with transaction() as tx:
        shown = identity.enrol(person, make(form), by=who.actor, tx=tx, scope=scope)
    if kind == "card":
        messages.success(request, _("The card is enrolled."), extra_tags="good")
        return redirect(back)
    return show_once(request, shown, back=back, heading=_("Shown once"))


def _password(request: HttpRequest, who: Visit, scope: Scope, person: UUID, back: str) -> HttpResponse:
    form = NewPasswordForm(request.POST)
    if not form.is_valid():
        return redirect(back)
    with transaction() as tx:
        shown = identity.set_password(scope, person, form.cleaned_data["new"] or None, by=who.actor, tx=tx)
    if shown.password:
        return show_once(request, shown, back=back, heading=_("Shown once"))
    messages.success(request, _("The password is changed."), extra_tags="good")
    return redirect(back)


def _revoke(request: HttpRequest, who: Visit, scope: Scope, back: str) -> HttpResponse:
    try:
        chosen = UUID(request.POST.get("credential", ""))
    except ValueError:
        return redirect(back)
    with transaction() as tx:
        identity.revoke(scope, chosen, by=who.actor, tx=tx)
    messages.success(request, _("It signs nobody in any more."), extra_tags="good")
    return redirect(back)
