"""Hot folders and stores, for administrators: what is picked up where, as whom, and what was refused and why."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import device, identity
from frisket.errors import FrisketError
from frisket.identity import Permission
from frisket.intake import sources as room
from frisket.job import Options
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.web import problems
from frisket.web.pages.persons import blame_field, person_named
from frisket.web.removing import removal
from frisket.web.routes import page
from frisket.web.source_forms import SourceForm
from frisket.web.visits import Visit, visit

__all__ = ["sources"]

PAGE = 50


@page("/sources", needs=Permission.SETTINGS_MANAGE)
def sources(request: HttpRequest) -> HttpResponse:
    who = visit(request)
    found, counts = room.sources(who.scope), room.counts(who.scope)
    names = identity.names_of(who.scope, [each.person for each in found if each.person is not None])
    rows = [
        {
            "source": each,
            "queue": device.queue(each.queue).name,
            "person": names.get(each.person, "") if each.person else "",
            "counts": counts[each.id],
        }
        for each in found
    ]
    return render(request, "web/sources.html", {"rows": rows, "roots": parts.settings().folders.roots})


@page("/sources/add", needs=Permission.SETTINGS_MANAGE, methods=("GET", "POST"), fresh=True)
def source_add(request: HttpRequest) -> HttpResponse:
    who = visit(request)
    form = SourceForm(request.POST if request.method == "POST" else None)
    form.offer(device.queues(who.scope))
    if request.method == "POST" and form.is_valid():
        try:
            made = _make(who, form)
        except FrisketError as error:
            blame_field(form, error, _field_of(error))
        else:
            _tell(request, made)
            return redirect(f"/sources/{made.name}")
    return render(request, "web/source.html", {"form": form, "roots": parts.settings().folders.roots})


def _make(who: Visit, form: SourceForm) -> room.SourceView:
    told = form.cleaned_data
    address = room.Address.read(told["address"])
    _known_by(address, form)
    new = room.NewSource(
        name=told["name"],
        address=address.text,
        queue=UUID(told["queue"]),
        owner_rule=room.Owner(told["owner_rule"]),
        person=person_named(told["person"]),
        copies=told["copies"],
        options=Options(sides=told["sides"], color_mode=told["color_mode"]),
        hold=told["hold"],
        afterwards=room.After(told["afterwards"]),
        destination=told["destination"],
        picks_up=told["picks_up"],
        browsable=told["browsable"],
        settle_s=told["settle_s"],
        every_s=told["every_s"],
        user=told["user"],
        password=told["password"],
        pinned_sha256=form.pin,
        authority=told["authority"],
    )
    with transaction() as tx:
        return room.add(who.scope, new, by=who.actor, tx=tx)


def _known_by(address: room.Address, form: SourceForm) -> None:
    """Raises LooseTrust with the fingerprint to be compared, where nobody said by what the server is known."""
    if form.pin is not None or form.cleaned_data["authority"]:
        return
    fingerprint = room.certificate_shown(address)
    if fingerprint is not None:
        told = _("The server shows a certificate with this SHA-256 fingerprint: %(fingerprint)s.")
        raise room.LooseTrust(told % {"fingerprint": fingerprint})


def _field_of(error: FrisketError) -> str | None:
    if isinstance(error, room.LooseTrust):
        return "certificate"
    if isinstance(error, identity.NotFound):
        return "person"
    if isinstance(error, room.SourceTaken | device.BadName):
        return "name"
    return "address" if isinstance(error, room.BadSource) else None


def _tell(request: HttpRequest, source: room.SourceView) -> None:
    """It is kept; and whether it can be used, found out at once."""
    problem = room.check(source) if source.active else None
    if problem is None:
        messages.success(request, _("Kept, and it can be used."), extra_tags="good")
        return
    words = problems.of(problem)
    told = _("Kept, but it cannot be used yet: %(problem)s %(remedy)s")
    messages.error(request, told % {"problem": words.text, "remedy": words.remedy}, extra_tags="stop")


@page("/sources/<str:name>", needs=Permission.SETTINGS_MANAGE, methods=("GET", "POST"), fresh=True)
def source(request: HttpRequest, name: str) -> HttpResponse:
    who = visit(request)
    found = room.by_name(who.scope, name)
    form = SourceForm(request.POST if request.method == "POST" else None, initial=_initial(who, found))
    form.offer(device.queues(who.scope))
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            changed = _change(who, found, form)
        except FrisketError as error:
            blame_field(form, error, _field_of(error))
            status = problems.of(error).status
        else:
            _tell(request, changed)
            return redirect(f"/sources/{changed.name}")
    refused = request.GET.get("show") == "refused"
    cut = room.history(who.scope, found.id, refused=refused, after=_cursor(request), limit=PAGE)
    names = identity.names_of(who.scope, [each.person for each in cut.rows if each.person is not None])
    values = {
        "form": form,
        "source": found,
        "rows": [(each, names.get(each.person, "") if each.person else "") for each in cut.rows],
        "after": cut.after,
        "refused": refused,
        "roots": parts.settings().folders.roots,
    }
    return render(request, "web/source.html", values, status=status)


def _cursor(request: HttpRequest) -> str | None:
    try:
        return str(UUID(request.GET["after"])) if request.GET.get("after") else None
    except ValueError:
        return None


def _initial(who: Visit, found: room.SourceView) -> dict[str, Any]:
    names = identity.names_of(who.scope, [found.person] if found.person is not None else [])
    return {
        "name": found.name,
        "address": found.address,
        "queue": found.queue.hex,
        "owner_rule": found.owner_rule.value,
        "person": names.get(found.person, "") if found.person is not None else "",
        "copies": found.copies,
        "sides": found.options.sides,
        "color_mode": found.options.color_mode,
        "hold": found.hold,
        "afterwards": found.afterwards.value,
        "destination": found.destination,
        "picks_up": found.picks_up,
        "browsable": found.browsable,
        "settle_s": found.settle_s,
        "every_s": found.every_s,
        "user": found.user,
        "certificate": found.pinned_sha256.hex() if found.pinned_sha256 else "",
        "authority": found.authority,
        "active": found.active,
    }


def _change(who: Visit, found: room.SourceView, form: SourceForm) -> room.SourceView:
    told = form.cleaned_data
    trust = form.pin != found.pinned_sha256 or told["authority"] != found.authority
    change = room.SourceChange(
        name=told["name"],
        address=told["address"],
        queue=UUID(told["queue"]),
        owner_rule=room.Owner(told["owner_rule"]),
        person=person_named(told["person"]),
        copies=told["copies"],
        options=Options(sides=told["sides"], color_mode=told["color_mode"]),
        hold=told["hold"],
        afterwards=room.After(told["afterwards"]),
        destination=told["destination"],
        picks_up=told["picks_up"],
        browsable=told["browsable"],
        settle_s=told["settle_s"],
        every_s=told["every_s"],
        user=told["user"] if told["user"] != found.user else None,
        password=told["password"] or None,
        pinned_sha256=form.pin if trust else None,
        authority=told["authority"] if trust else None,
        active=told["active"],
    )
    with transaction() as tx:
        return room.change(who.scope, found.id, change, by=who.actor, tx=tx)


@page("/sources/<str:name>/remove", needs=Permission.SETTINGS_MANAGE, methods=("GET", "POST"))
def source_remove(request: HttpRequest, name: str) -> HttpResponse:
    text = _("Nothing is picked up there any more. What lies in it stays where it is.")
    return removal(request, room.by_name(visit(request).scope, name), room.remove, "/sources", text)
