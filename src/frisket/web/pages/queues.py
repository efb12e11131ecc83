"""Queues: where jobs are sent, and their rules."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import device, flow, identity
from frisket.errors import FrisketError
from frisket.identity import Permission
from frisket.plumbing.db import transaction
from frisket.web import problems
from frisket.web.forms import HOUR, QueueForm, identifiers
from frisket.web.pages.persons import blame_field, person_named
from frisket.web.removing import removal
from frisket.web.routes import page
from frisket.web.visits import Visit, visit

__all__ = ["queues"]

HOURS = ("held", "printed", "history")
PLAIN = ("info", "location", "hold", "accepting")


@page("/queues", needs=Permission.QUEUES_MANAGE)
def queues(request: HttpRequest) -> HttpResponse:
    found = device.queues(visit(request).scope)
    rows = [(each, [there.name for there in device.behind(each)]) for each in found]
    return render(request, "web/queues.html", {"rows": rows})


@page("/queues/add", needs=Permission.QUEUES_MANAGE, methods=("GET", "POST"))
def queue_add(request: HttpRequest) -> HttpResponse:
    who = visit(request)
    form = QueueForm(request.POST if request.method == "POST" else None)
    form.offer(device.devices(who.scope))
    if request.method == "POST" and form.is_valid():
        try:
            made = _make(who, form)
        except FrisketError as error:
            blame_field(form, error, _field_of(error))
        else:
            messages.success(request, _("%(name)s takes jobs.") % {"name": made.name}, extra_tags="good")
            return redirect(f"/queues/{made.name}")
    return render(request, "web/queue.html", {"form": form})


def _make(who: Visit, form: QueueForm) -> device.QueueView:
    told = form.cleaned_data
    with transaction() as tx:
        new = device.NewQueue(told["name"], told["hold"])
        made = device.add_queue(who.scope, new, by=who.actor, tx=tx)
        return device.change_queue(who.scope, made.id, _change(made, form), by=who.actor, tx=tx)


def _change(found: device.QueueView, form: QueueForm) -> device.QueueChange:
    told = form.cleaned_data
    return device.QueueChange(
        name=told["name"],
        is_default=True if told["is_default"] and not found.is_default else None,
        trusted_networks=tuple(told["trusted_networks"].split()),
        devices=tuple(identifiers(told["devices"])),
        raw_port=told["raw_port"] or 0,
        default_person=person_named(told["default_person"]),
        no_default_person=not told["default_person"].strip(),
        halt=None if told["running"] == (not found.halt) else "" if told["running"] else "paused",
        **{field: told[field] for field in PLAIN},
        **{f"{field}_s": told[f"{field}_h"] * HOUR for field in HOURS},
    )


def _field_of(error: FrisketError) -> str | None:
    if isinstance(error, device.BadValue):
        return "raw_port" if "port" in str(error) else "trusted_networks"
    if isinstance(error, identity.NotFound):
        return "default_person"
    return "name" if isinstance(error, device.BadName | device.NameTaken) else None


@page("/queues/<str:name>", needs=Permission.QUEUES_MANAGE, methods=("GET", "POST"))
def queue(request: HttpRequest, name: str) -> HttpResponse:
    who = visit(request)
    found = _queue(name)
    form = QueueForm(request.POST if request.method == "POST" else None, initial=_initial(who, found))
    form.offer(device.devices(who.scope))
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            with transaction() as tx:
                changed = flow.change_queue(who.scope, found.id, _change(found, form), by=who.actor, tx=tx)
        except FrisketError as error:
            blame_field(form, error, _field_of(error))
            status = problems.of(error).status
        else:
            messages.success(request, _("Changed."), extra_tags="good")
            return redirect(f"/queues/{changed.name}")
    values = {"form": form, "queue": found, "address": f"ipps://{request.get_host()}/ipp/print/{found.name}"}
    return render(request, "web/queue.html", values, status=status)


def _queue(name: str) -> device.QueueView:
    found = device.queue_by_name(name)
    if found is None:
        raise device.NoSuchQueue("no queue has this name")
    return found


def _initial(who: Visit, found: device.QueueView) -> dict[str, object]:
    named = identity.names_of(who.scope, [found.default_person]) if found.default_person else {}
    return {
        "raw_port": found.raw_port,
        "default_person": next(iter(named.values()), ""),
        **{field: getattr(found, field) for field in ("name", "is_default", *PLAIN)},
        "trusted_networks": "\n".join(found.trusted_networks),
        "devices": [each.hex for each in found.devices],
        "running": not found.halt,
        **{f"{field}_h": getattr(found, f"{field}_s") // HOUR for field in HOURS},
    }


@page("/queues/<str:name>/remove", needs=Permission.QUEUES_MANAGE, methods=("GET", "POST"))
def queue_remove(request: HttpRequest, name: str) -> HttpResponse:
    text = _("Programs that print to it are refused from then on.")
    return removal(request, _queue(name), device.remove_queue, "/queues", text)
