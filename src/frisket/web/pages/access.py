"""From where somebody may come to the doors, and who may use the upload page."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from frisket import intake
from frisket.errors import FrisketError
from frisket.identity import Permission
from frisket.plumbing import keys
from frisket.plumbing.db import transaction
from frisket.web import problems
from frisket.web.pages.persons import blame_field
from frisket.web.routes import page
from frisket.web.visits import place, visit

__all__ = ["access"]

UPLOAD_BY = [
    (intake.UploadBy.EVERYBODY.value, gettext_lazy("Everybody with an account")),
    (intake.UploadBy.OPERATORS.value, gettext_lazy("Operators and administrators")),
    (intake.UploadBy.NOBODY.value, gettext_lazy("Nobody: there is no upload page")),
]


class AccessForm(forms.Form):
    networks = forms.CharField(
        label=gettext_lazy("Only from these networks and addresses"),
        help_text=gettext_lazy(
            "One on each line, such as 192.0.2.0/24 or 2001:db8::7. All others get no answer at any door, "
            "these pages included. Empty: from everywhere."
        ),
        required=False,
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )
    upload_by = forms.ChoiceField(label=gettext_lazy("Who may use the upload page"), choices=UPLOAD_BY)
    upload_password = forms.CharField(
        label=gettext_lazy("A password of the upload page's own"),
        help_text=gettext_lazy("Asked for once in each session, besides signing in. Empty: as it is."),
        required=False,
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    no_password = forms.BooleanField(label=gettext_lazy("Without a password of its own"), required=False)


@page("/access", needs=Permission.SETTINGS_MANAGE, methods=("GET", "POST"), fresh=True)
def access(request: HttpRequest) -> HttpResponse:
    found = intake.access()
    initial = {
        "networks": "\n".join(found.networks),
        "upload_by": found.upload_by.value,
        "no_password": not found.stamp,
    }
    form = AccessForm(request.POST if request.method == "POST" else None, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            _change(request, form)
        except FrisketError as error:
            blame_field(form, error, _field_of(error))
            status = problems.of(error).status
        else:
            messages.success(request, _("Changed."), extra_tags="good")
            return redirect("/access")
    values = {"form": form, "from_where": place(request).network, "has_password": bool(found.stamp)}
    return render(request, "web/access.html", values, status=status)


def _change(request: HttpRequest, form: AccessForm) -> None:
    who, told = visit(request), form.cleaned_data
    password = told["upload_password"] or None
    change = intake.AccessChange(
        networks=tuple(told["networks"].split()),
        upload_by=intake.UploadBy(told["upload_by"]),
        upload_password=password if password or not told["no_password"] else "",
    )
    with transaction() as tx:
        intake.change_access(who.scope, change, peer=place(request).network, by=who.actor, tx=tx)


def _field_of(error: FrisketError) -> str | None:
    if isinstance(error, keys.WeakPassword):
        return "upload_password"
    return "networks" if isinstance(error, intake.BadNetwork | intake.LocksYouOut) else None
