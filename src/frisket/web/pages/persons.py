"""Persons: who there is, in which role, with what they sign in."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import identity
from frisket.errors import FrisketError
from frisket.identity import Permission, Role
from frisket.plumbing.db import transaction
from frisket.web import problems
from frisket.web.forms import CardForm, LabelForm, NewPasswordForm, PersonForm
from frisket.web.pages.credentials import change_credentials, live_credentials, show_once
from frisket.web.removing import removal
from frisket.web.routes import page, proof_wanted
from frisket.web.visits import Visit, visit

__all__ = ["blame_field", "person_named", "persons"]

PAGE = 100


@page("/persons", needs=Permission.PERSONS_READ, methods=("GET", "POST"))
def persons(request: HttpRequest) -> HttpResponse:
    """The list. A search is sent as a form, so that names stay out of addresses."""
    who, search = visit(request), request.POST.get("search", "")[:200]
    found = identity.find(who.scope, after=request.GET.get("after") or None, limit=PAGE, search=search)
    values = {"rows": found.rows, "after": found.after, "search": search, "may": who.may(Permission.PERSONS_MANAGE)}
    return render(request, "web/persons.html", values)


@page("/persons/add", needs=Permission.PERSONS_MANAGE, methods=("GET", "POST"))
def person_add(request: HttpRequest) -> HttpResponse:
    form = PersonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told, who = form.cleaned_data, visit(request)
        if told["role"] != Role.PERSON and (stop := proof_wanted(request)):
            return stop
        new = identity.NewPerson(told["name"], told["full_name"], told["mail"], Role(told["role"]))
        try:
            with transaction() as tx:
                person, shown = identity.add(who.scope, new, by=who.actor, tx=tx)
        except FrisketError as error:
            blame_field(form, error, "name")
        else:
            heading = _("%(name)s can begin") % {"name": person.name}
            return show_once(request, shown, back=f"/persons/{person.id}", heading=heading)
    return render(request, "web/person_add.html", {"form": form})


def person_named(name: str) -> UUID | None:
    """Whom a field of a form names; None for an empty one. Raises identity.NotFound."""
    if not name.strip():
        return None
    found = identity.by_name(name)
    if found is None:
        raise identity.NotFound("there is no such person")
    return found.id


def blame_field(form: forms.Form, error: FrisketError, field: str | None) -> None:
    """Put an error beside the field it is about, with what to do."""
    words = problems.of(error)
    form.add_error(field, f"{words.text} {words.remedy}")


@page("/persons/<uuid:person_id>", needs=Permission.PERSONS_READ)
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    found = identity.get(visit(request).scope, person_id)
    form = PersonForm(
        initial={"name": found.name, "full_name": found.full_name, "mail": found.mail, "role": found.role.value}
    )
    return _person(request, found, form)


def _person(request: HttpRequest, found: identity.PersonView, form: PersonForm, status: int = 200) -> HttpResponse:
    who = visit(request)
    manages = who.may(Permission.PERSONS_MANAGE)
    values = {
        "person": found,
        "form": form,
        "credentials": live_credentials(who.scope, found.id),
        "manages": manages,
        "enrols": manages or found.role is Role.PERSON,
        "self": found.id == who.known.id,
        "card": CardForm(),
        "label": LabelForm(),
        "new_password": NewPasswordForm(),
    }
    return render(request, "web/person.html", values, status=status)


@page("/persons/<uuid:person_id>/change", needs=Permission.PERSONS_MANAGE, methods=("POST",))
def person_change(request: HttpRequest, person_id: UUID) -> HttpResponse:
    who = visit(request)
    found, form = identity.get(who.scope, person_id), PersonForm(request.POST)
    if not form.is_valid():
        return _person(request, found, form, 400)
    role = Role(form.cleaned_data["role"])
    if role is not found.role and (stop := proof_wanted(request)):
        return stop
    try:
        shown = _change(who, found, form, role)
    except FrisketError as error:
        blame_field(form, error, None)
        return _person(request, found, form, problems.of(error).status)
    if shown.password:
        return show_once(request, shown, back=f"/persons/{person_id}", heading=_("A new password for the new role"))
    messages.success(request, _("Changed."), extra_tags="good")
    return redirect(f"/persons/{person_id}")


def _change(who: Visit, found: identity.PersonView, form: PersonForm, role: Role) -> identity.Shown:
    told = form.cleaned_data
    names = identity.PersonChange(
        *(told[field] if told[field] != getattr(found, field) else None for field in ("name", "full_name", "mail"))
    )
    with transaction() as tx:
        if names != identity.PersonChange():
            identity.change(who.scope, found.id, names, by=who.actor, tx=tx)
        if role is found.role:
            return identity.Shown()
        return identity.set_role(who.scope, found.id, role, by=who.actor, tx=tx)[1]


@page("/persons/<uuid:person_id>/active", needs=Permission.PERSONS_MANAGE, methods=("POST",))
def person_active(request: HttpRequest, person_id: UUID) -> HttpResponse:
    who, active = visit(request), request.POST.get("active") == "yes"
    with transaction() as tx:
        identity.set_active(who.scope, person_id, active, by=who.actor, tx=tx)
    text = _("Can sign in again.") if active else _("Disabled: every session has ended, nothing signs in any more.")
    messages.success(request, text, extra_tags="good")
    return redirect(f"/persons/{person_id}")


@page("/persons/<uuid:person_id>/credentials", needs=Permission.CREDENTIALS_ENROL, methods=("POST",), fresh=True)
def person_credentials(request: HttpRequest, person_id: UUID) -> HttpResponse:
    return change_credentials(request, visit(request).scope, person_id, back=f"/persons/{person_id}")


@page("/persons/<uuid:person_id>/unlock", needs=Permission.CREDENTIALS_ENROL, methods=("POST",))
def person_unlock(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """End the locks that wrong attempts left."""
    who = visit(request)
    with transaction() as tx:
        lifted = [
            identity.lift_lock(who.scope, person_id, "password", by=who.actor, tx=tx),
            identity.lift_lock(who.scope, person_id, "pin", by=who.actor, tx=tx),
        ]
    messages.success(request, _("The lock is lifted.") if any(lifted) else _("There was no lock."), extra_tags="good")
    return redirect(f"/persons/{person_id}")


@page("/persons/<uuid:person_id>/remove", needs=Permission.PERSONS_MANAGE, methods=("GET", "POST"), fresh=True)
def person_remove(request: HttpRequest, person_id: UUID) -> HttpResponse:
    found = identity.get(visit(request).scope, person_id)
    text = _("The record and everything that signs in with it go. What is in the log stays, without the name.")
    return removal(request, found, identity.remove, "/persons", text, at=str(person_id))
