"""A person's jobs: the list, one job and its history, printing, deleting, deciding; and sending one in."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frisket import device, flow, identity, job, release, spool
from frisket.errors import FrisketError
from frisket.identity import Permission
from frisket.intake import sources
from frisket.web import acts, gate, problems
from frisket.web.context import may_upload
from frisket.web.forms import DecideForm, PrintForm, UnlockForm, UploadForm, identifiers
from frisket.web.routes import page
from frisket.web.visits import Visit, visit
from frisket.web.words import STATIONS

__all__ = ["job_list", "show_jobs", "wish_of"]

State = job.State
PAGE = 50


@page("/jobs", needs=Permission.JOBS_OWN)
def job_list(request: HttpRequest) -> HttpResponse:
    return show_jobs(request)


def show_jobs(request: HttpRequest) -> HttpResponse:
    """Also the first page of whoever only prints."""
    who = visit(request)
    past = request.GET.get("show") == "past"
    where = job.Filter(person=who.known.id, states=acts.PAST if past else acts.PRESENT, stored=not past)
    found = job.find(who.own, where, after=_cursor(request), limit=PAGE)
    values = {
        "rows": found.rows,
        "after": found.after,
        "past": past,
        "devices": [each for each in device.devices(who.scope) if each.active],
    }
    return render(request, "web/job_list.html", values)


def _cursor(request: HttpRequest) -> str | None:
    after = request.GET.get("after", "")
    return after if after.isdigit() and len(after) < 12 else None


@page("/jobs/act", needs=Permission.JOBS_OWN, methods=("POST",))
def jobs_act(request: HttpRequest) -> HttpResponse:
    """Print or delete what is ticked."""
    who = visit(request)
    chosen = identifiers(request.POST.getlist("job"))
    if not chosen:
        messages.info(request, _("Nothing was ticked."))
    elif request.POST.get("act") == "release":
        where = identifiers([request.POST.get("device", "")])
        if not where:
            messages.error(request, _("Choose a device."), extra_tags="stop")
        else:
            tell_released(request, flow.release_at(who.own, chosen, where[0], by=who.actor))
    elif request.POST.get("act") == "delete":
        if request.POST.get("sure") != "yes":
            return _are_you_sure(request, [each.hex for each in chosen])
        _delete(request, who, [job.get(who.own, each) for each in chosen])
    return redirect("/jobs")


def _are_you_sure(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    count = len(chosen)
    text = ngettext(
        "%(count)s job is deleted and its document destroyed. Nobody can bring it back.",
        "%(count)s jobs are deleted and their documents destroyed. Nobody can bring them back.",
        count,
    )
    values = {
        "heading": _("Delete?"),
        "text": text % {"count": count},
        "kept": [("act", "delete"), *(("job", each) for each in chosen)],
        "verb": _("Delete"),
        "back": "/jobs",
    }
    return render(request, "web/confirm.html", values)


def _delete(request: HttpRequest, who: Visit, views: list[job.JobView]) -> None:
    done = 0
    for view in views:
        try:
            flow.cancel(who.jobs, view.id, by=who.actor)
            done += 1
        except FrisketError as error:
            words = problems.of(error)
            text = _("Job %(number)s: %(text)s") % {"number": view.number, "text": words.text}
            messages.error(request, text, extra_tags="stop")
    if done:
        text = ngettext("%(count)s job was deleted.", "%(count)s jobs were deleted.", done) % {"count": done}
        messages.success(request, text, extra_tags="good")


def tell_released(request: HttpRequest, outcomes: list[release.Outcome]) -> None:
    done = sum(1 for each in outcomes if each.ok)
    if done:
        text = ngettext("%(count)s job goes to the device.", "%(count)s jobs go to the device.", done)
        messages.success(request, text % {"count": done}, extra_tags="good")
    for each in outcomes:
        if not each.ok:
            messages.error(request, _(each.text) if each.text else _("It was not released."), extra_tags="stop")


@page("/jobs/<int:number>", needs=Permission.JOBS_OWN)
def job_page(request: HttpRequest, number: int) -> HttpResponse:
    who = visit(request)
    return _job_page(request, job.get(who.jobs, number), PrintForm())


def _job_page(request: HttpRequest, view: job.JobView, form: PrintForm, status: int = 200) -> HttpResponse:
    who = visit(request)
    mine = view.person == who.known.id
    told = job.explain(who.jobs, view)
    there = _device_of(who, view)
    values = {
        "job": view,
        "told": told,
        "form": form,
        "stations": _stations(told.station),
        "beside": told.station not in STATIONS,
        "mine": mine,
        "owner": None if mine else identity.names_of(who.jobs, [view.person]).get(view.person),
        "queue": device.queue(view.queue).name,
        "device": there.name if there is not None else None,
        "device_problem": _problem_of(there, view),
        "devices": [each for each in device.devices(who.scope) if each.active],
        "may_release": acts.releasable(view)
        and view.conversion != "locked"
        and (mine or view.stored == 2 or who.may(Permission.JOBS_RELEASE)),
        "unlock": UnlockForm() if view.conversion == "locked" and view.state is State.HELD and mine else None,
        "came_as": _came_as(view),
        "may_delete": acts.deletable(view) and (mine or who.may(Permission.JOBS_ALL)),
        "may_decide": mine or who.may(Permission.UNCERTAIN_DECIDE),
        **_receipt_of(who, view),
    }
    return render(request, "web/job.html", values, status=status)


def _came_as(view: job.JobView) -> str:
    """What its documents were before PDF was made of them."""
    if view.conversion != "done":
        return ""
    return ", ".join(dict.fromkeys(each.came_as for each in job.documents(view.id) if each.came_as))


def _stations(here: str) -> list[tuple[str, str]]:
    """The line: what is behind, where it stands, what is to come; uncertain and stopped stand in its place."""
    if here not in STATIONS:
        at = STATIONS.index("printing" if here == "uncertain" else "checked")
        names = [*STATIONS[:at], here, *STATIONS[at + 1 :]]
    else:
        at, names = STATIONS.index(here), list(STATIONS)
    return [(name, "past" if n < at else "here" if n == at else "") for n, name in enumerate(names)]


def _device_of(who: Visit, view: job.JobView) -> device.DeviceView | None:
    if view.device is None:
        return None
    try:
        return device.device(who.scope, view.device)
    except device.NoSuchDevice:
        return None


def _problem_of(there: device.DeviceView | None, view: job.JobView) -> str:
    if there is None or view.state not in (State.RELEASED, State.SENDING):
        return ""
    if there.state == "unreachable":
        return _("%(device)s does not answer. Your job waits; nothing is lost.") % {"device": there.name}
    return there.state_message if there.state == "stopped" else ""


def _receipt_of(who: Visit, view: job.JobView) -> dict[str, object]:
    if view.state is not State.ERASED:
        return {}
    try:
        found = spool.receipt(who.jobs, view.id)
    except spool.NotHere:
        return {}
    return {"receipt": found, "signature": found.signature.hex()}


@page("/jobs/<int:number>/release", needs=Permission.JOBS_OWN, methods=("POST",))
def job_release(request: HttpRequest, number: int) -> HttpResponse:
    who = visit(request)
    view = job.get(who.jobs, number)
    form = PrintForm(request.POST)
    where = identifiers([request.POST.get("device", "")])
    if not form.is_valid() or not where:
        return _job_page(request, view, form, 400)
    tell_released(request, flow.release_at(who.jobs, [view.id], where[0], wish_of(form), by=who.actor))
    return redirect(f"/jobs/{number}")


def wish_of(form: PrintForm) -> release.Wish:
    told = form.cleaned_data
    return release.Wish(
        copies=told["copies"],
        sides=told["sides"] or None,
        color_mode=told["color_mode"] or None,
        password=told["password"] or None,
        as_it_can=told["as_it_can"],
    )


@page("/jobs/<int:number>/delete", needs=Permission.JOBS_OWN, methods=("GET", "POST"))
def job_delete(request: HttpRequest, number: int) -> HttpResponse:
    who = visit(request)
    view = job.get(who.jobs, number)
    if request.method == "POST" and request.POST.get("sure") == "yes":
        _delete(request, who, [view])
        return redirect("/jobs" if view.person == who.known.id else "/all-jobs")
    values = {
        "heading": _("Delete job %(number)s?") % {"number": number},
        "text": _("Its document is destroyed. Nobody can bring it back."),
        "verb": _("Delete"),
        "back": f"/jobs/{number}",
    }
    return render(request, "web/confirm.html", values)


@page("/jobs/<int:number>/unlock", needs=Permission.JOBS_OWN, methods=("POST",))
def job_unlock(request: HttpRequest, number: int) -> HttpResponse:
    """The password of its document. It goes to the sandbox that opens the document, and nowhere else."""
    who = visit(request)
    view = job.get(who.jobs, number)
    form = UnlockForm(request.POST)
    if form.is_valid():
        try:
            flow.unlock(who.jobs, view.id, form.cleaned_data["document_password"], by=who.actor)
        except FrisketError as error:
            words = problems.of(error)
            messages.error(request, f"{words.text} {words.remedy}".strip(), extra_tags="stop")
        else:
            messages.success(request, _("Its document is open now."), extra_tags="good")
    return redirect(f"/jobs/{number}")


@page("/jobs/<int:number>/decide", needs=Permission.JOBS_OWN, methods=("POST",))
def job_decide(request: HttpRequest, number: int) -> HttpResponse:
    """Did the uncertain job print? The owner says so, or an operator."""
    who = visit(request)
    view = job.get(who.jobs, number)
    form = DecideForm(request.POST)
    if not form.is_valid():
        return redirect(f"/jobs/{number}")
    acts.decide(who.jobs, view, form.cleaned_data["printed"] == "yes", by=who.actor)
    messages.success(request, _("Thank you. It is recorded."), extra_tags="good")
    return redirect(f"/jobs/{number}")


@page("/jobs/<int:number>/receipt", needs=Permission.JOBS_OWN)
def job_receipt(request: HttpRequest, number: int) -> HttpResponse:
    """The receipt as a file: what was signed, the signature, the key that checks it."""
    who = visit(request)
    view = job.get(who.jobs, number)
    found = spool.receipt(who.jobs, view.id)
    told = {
        "signed": found.body.decode(),
        "signature": found.signature.hex(),
        "public_key": found.public_key.hex(),
    }
    response = HttpResponse(json.dumps(told, indent=1), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="receipt-{number}.json"'
    return response


@page("/upload", needs=Permission.JOBS_OWN, methods=("GET", "POST"))
def upload(request: HttpRequest) -> HttpResponse:
    """The form only: what it sends goes to the door that seals while it reads, never through here.

    Where the page has a password of its own, a POST brings that.
    """
    who = visit(request)
    if not may_upload(who):
        return problems.answer(request, problems.NO_PAGE)
    if request.method == "POST" or not gate.passed(request.session):
        return _locked(request)
    form = UploadForm()
    queues = [each for each in device.queues(who.scope) if each.accepting]
    form.offer(queues, device.default_queue())
    values = {
        "form": form,
        "queues": queues,
        "kinds": acts.kinds_taken(),
        "stores": sources.browsable(who.own),
    }
    return render(request, "web/upload.html", values)


def _locked(request: HttpRequest) -> HttpResponse:
    """The upload page's own password is wanted first."""
    problem: problems.Words | None = None
    if request.method == "POST":
        try:
            gate.let_in(request, request.POST.get("password", ""))
            return redirect("/upload")
        except (identity.Refused, identity.Throttled) as error:
            problem = problems.of(error)
    status = problem.status if problem is not None else 200
    return render(request, "web/upload_locked.html", {"problem": problem}, status=status)
