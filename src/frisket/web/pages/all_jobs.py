"""Everybody's jobs, for whoever runs the house; and those nobody knows about."""

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frisket import device, flow, identity, job
from frisket.errors import FrisketError
from frisket.identity import Permission
from frisket.web import problems
from frisket.web.forms import identifiers
from frisket.web.routes import page
from frisket.web.visits import visit

__all__ = ["all_jobs", "uncertain"]

PAGE = 100
FINDABLE = tuple(state.value for state in job.State)


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as it stands in the address."""

    where: job.Filter
    query: str  # to be continued with "after"


def _asked(request: HttpRequest) -> Asked:
    told, kept = request.GET, {}
    states = tuple(job.State(each) for each in told.getlist("state") if each in FINDABLE)
    if states:
        kept["state"] = states[0].value
    queue = device.queue_by_name(told["queue"]) if told.get("queue") else None
    if queue is not None:
        kept["queue"] = queue.name
    there = _device_named(request, told.get("device", ""))
    if there is not None:
        kept["device"] = there.name
    person = next(iter(identifiers([told.get("person", "")])), None)
    if person is not None:
        kept["person"] = person.hex
    where = job.Filter(
        person=person,
        queue=queue.id if queue is not None else None,
        device=there.id if there is not None else None,
        states=states[:1],
    )
    return Asked(where, urlencode(kept))


def _device_named(request: HttpRequest, name: str) -> device.DeviceView | None:
    try:
        return device.device_by_name(visit(request).scope, name) if name else None
    except (device.NoSuchDevice, device.BadName):
        return None


@page("/all-jobs", needs=Permission.JOBS_ALL)
def all_jobs(request: HttpRequest) -> HttpResponse:
    who, asked = visit(request), _asked(request)
    after = request.GET.get("after", "")
    found = job.find(who.scope, asked.where, after=after if after.isdigit() else None, limit=PAGE)
    names = identity.names_of(who.scope, {each.person for each in found.rows})
    queues = {each.id: each.name for each in device.queues(who.scope)}
    devices = device.devices(who.scope)
    chosen = identity.names_of(who.scope, [asked.where.person]) if asked.where.person else {}
    values = {
        "rows": [(each, names.get(each.person, ""), queues.get(each.queue, "")) for each in found.rows],
        "after": found.after,
        "query": asked.query,
        "where": asked.where,
        "state": asked.where.states[0].value if asked.where.states else "",
        "states": FINDABLE,
        "queues": list(queues.items()),
        "devices": devices,
        "person": next(iter(chosen.values()), ""),
    }
    return render(request, "web/all_jobs.html", values)


@page("/all-jobs/find", needs=Permission.JOBS_ALL, methods=("POST",))
def all_jobs_find(request: HttpRequest) -> HttpResponse:
    """A job's number or a person's name, typed; what stands in the address afterwards is a number or an id."""
    text = request.POST.get("search", "").strip()[:200]
    if text.isdigit() and len(text) < 11:
        return redirect(f"/jobs/{text}")
    person = identity.by_name(text) if text else None
    if person is None:
        messages.info(request, _("Nobody has this name."))
        return redirect("/all-jobs")
    return redirect(f"/all-jobs?person={person.id.hex}")


@page("/all-jobs/act", needs=Permission.JOBS_ALL, methods=("POST",))
def all_jobs_act(request: HttpRequest) -> HttpResponse:
    """Delete what is ticked, after saying how many."""
    who = visit(request)
    chosen = identifiers(request.POST.getlist("job"))
    if not chosen:
        messages.info(request, _("Nothing was ticked."))
    elif request.POST.get("sure") != "yes":
        return _are_you_sure(request, chosen)
    done = 0
    for each in chosen:
        try:
            flow.cancel(who.scope, job.get(who.scope, each).id, by=who.actor)
            done += 1
        except FrisketError as error:
            messages.error(request, str(problems.of(error).text), extra_tags="stop")
    if done:
        text = ngettext("%(count)s job was deleted.", "%(count)s jobs were deleted.", done) % {"count": done}
        messages.success(request, text, extra_tags="good")
    return redirect("/all-jobs")


def _are_you_sure(request: HttpRequest, chosen: list[UUID]) -> HttpResponse:
    text = ngettext(
        "%(count)s job of other people is deleted and its document destroyed. Nobody can bring it back.",
        "%(count)s jobs of other people are deleted and their documents destroyed. Nobody can bring them back.",
        len(chosen),
    )
    values = {
        "heading": _("Delete?"),
        "text": text % {"count": len(chosen)},
        "kept": [("job", each.hex) for each in chosen],
        "verb": _("Delete"),
        "back": "/all-jobs",
    }
    return render(request, "web/confirm.html", values)


@page("/uncertain", needs=Permission.UNCERTAIN_DECIDE)
def uncertain(request: HttpRequest) -> HttpResponse:
    who = visit(request)
    found = job.find(who.scope, job.Filter(states=(job.State.UNCERTAIN,), oldest_first=True), limit=PAGE)
    names = identity.names_of(who.scope, {each.person for each in found.rows})
    devices = {each.id: each for each in device.devices(who.scope)}
    rows = [
        (each, names.get(each.person, ""), devices.get(each.device) if each.device else None) for each in found.rows
    ]
    return render(request, "web/uncertain.html", {"rows": rows})
