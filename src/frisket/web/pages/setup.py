"""The first minutes: an administrator by the one-time token, then the first queue and device."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import delivery, device, identity
from frisket.errors import FrisketError
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, ActorKind
from frisket.web import problems, sessions
from frisket.web.forms import FirstForm, SetupForm
from frisket.web.routes import Who, page
from frisket.web.visits import Visit, visit

__all__ = ["first", "setup"]


@page("/setup", needs=Who.PUBLIC, methods=("GET", "POST"))
def setup(request: HttpRequest) -> HttpResponse:
    """Is not there any more once there is an administrator (R1)."""
    if not identity.setup_needed():
        raise Http404
    form = SetupForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        new = identity.NewPerson(name=told["name"], password=told["password"])
        by = Actor(ActorKind.HOUSE, at="console")
        try:
            with transaction() as tx:
                person, _shown = identity.use_setup_token(told["token"].strip(), new, by=by, tx=tx)
        except FrisketError as error:
            words = problems.of(error)
            field = {403: "token", 400: "password"}.get(words.status)
            form.add_error("name" if isinstance(error, identity.BadName) else field, f"{words.text} {words.remedy}")
            status = words.status
        else:
            sessions.begin(request, person)
            response = redirect("/first")
            sessions.give_cookie(request, response)
            return response
    return render(request, "web/setup.html", {"form": form}, status=status)


@page("/first", needs=identity.Permission.QUEUES_MANAGE, methods=("GET", "POST"))
def first(request: HttpRequest) -> HttpResponse:
    """Step two, and any time later: a queue and a device in one go."""
    form = FirstForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            _make(visit(request), form.cleaned_data)
        except FrisketError as error:
            words = problems.of(error)
            device_failed = isinstance(error, device.BadAddress | delivery.DeviceUnreachable)
            form.add_error("uri" if device_failed else None, f"{words.text} {words.remedy}")
        else:
            messages.success(request, _("The house is open. Print something, then release it here or at the device."))
            return redirect("/")
    return render(request, "web/first.html", {"form": form})


def _make(who: Visit, told: dict[str, str]) -> None:
    found = delivery.probe(told["uri"]) if told["uri"] else None
    with transaction() as tx:
        device.add_queue(who.scope, device.NewQueue(told["queue"]), by=who.actor, tx=tx)
        if found is not None:
            new = device.NewDevice(told["device"] or "device-1", told["uri"], adoption=delivery.adoption_of(found))
            there = device.add_device(who.scope, new, by=who.actor, tx=tx)
            delivery.keep(there, found.condition, tx=tx)
