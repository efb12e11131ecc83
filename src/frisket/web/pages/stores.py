"""Stores, for everybody: look into one and print a file from it. Names of files never stand in an address."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import device
from frisket.errors import FrisketError
from frisket.identity import Permission
from frisket.intake import sources as room
from frisket.plumbing.paging import Slice
from frisket.web import problems
from frisket.web.routes import page
from frisket.web.source_forms import ChooseForm
from frisket.web.visits import Visit, visit

__all__ = ["stores"]


@page("/stores", needs=Permission.JOBS_OWN)
def stores(request: HttpRequest) -> HttpResponse:
    return render(request, "web/stores.html", {"stores": room.browsable(visit(request).own)})


@page("/stores/<str:name>", needs=Permission.JOBS_OWN, methods=("GET", "POST"))
def store(request: HttpRequest, name: str) -> HttpResponse:
    """GET shows the root; a form opens a folder, reads on, or prints a file."""
    who = visit(request)
    found = room.store_of(who.own, name)
    form = ChooseForm(request.POST if request.method == "POST" else None)
    queues = [each for each in device.queues(who.scope) if each.accepting]
    form.offer(queues, device.queue(found.queue))
    if request.POST.get("print") is not None and form.is_valid():
        return _print(request, who, found, form)
    path = request.POST.get("open", request.POST.get("here", ""))[:1024]
    problem: problems.Words | None = None
    rows: Slice[room.Entry] = Slice(())
    try:
        rows = room.browse(found, path, after=request.POST.get("after", "")[:2048])
    except FrisketError as error:
        problem = problems.of(error)
    values = {
        "store": found,
        "form": form if request.method == "POST" and request.POST.get("print") is not None else _fresh(queues, found),
        "path": path,
        "parts": _way(path),
        "rows": [(each, room.within(path, each.name)) for each in rows.rows],
        "after": rows.after,
        "problem": problem,
        "chosen": room.of_person(who.own, found.id),
    }
    return render(request, "web/store.html", values)


def _fresh(queues: list[device.QueueView], found: room.SourceView) -> ChooseForm:
    form = ChooseForm()
    form.offer(queues, device.queue(found.queue))
    return form


def _way(path: str) -> list[tuple[str, str]]:
    """Each folder on the way, with its path."""
    names = [part for part in path.split("/") if part]
    return [(name, "/".join(names[: at + 1])) for at, name in enumerate(names)]


def _print(request: HttpRequest, who: Visit, found: room.SourceView, form: ChooseForm) -> HttpResponse:
    told = {name: str(value) for name, value in form.cleaned_data.items()}
    room.choose(found, request.POST["print"][:1024], who.known, who.actor, told)
    messages.success(request, _("It is being fetched. You find it among your jobs in a moment."), extra_tags="good")
    return redirect(f"/stores/{found.name}")
