"""The first page: my jobs for whoever prints, the day's work for whoever runs the house."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from frisket import device, job
from frisket.identity import Permission
from frisket.web.pages.jobs import show_jobs
from frisket.web.routes import Who, page
from frisket.web.visits import Visit, visit

__all__ = ["menu", "today"]

MOST = 100  # counted; beyond it stands "100+"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that leads to the rows behind it."""

    to: str
    count: str
    text: str
    look: str = ""


@page("/", needs=Who.SIGNED_IN)
def today(request: HttpRequest) -> HttpResponse:
    who = visit(request)
    if not who.may(Permission.JOBS_ALL):
        return show_jobs(request)
    devices = device.devices(who.scope)
    troubled = [each for each in devices if each.active and each.state in ("stopped", "unreachable")]
    urgent = job.find(
        who.scope,
        job.Filter(states=(job.State.UNCERTAIN, job.State.QUARANTINED), oldest_first=True),
        limit=5,
    )
    values = {
        "figures": [*_figures(who), _device_figure(len(troubled))],
        "troubled": troubled,
        "urgent": urgent.rows,
        "no_queue": device.default_queue() is None,
        "no_device": not devices,
    }
    return render(request, "web/today.html", values)


def _figures(who: Visit) -> list[Figure]:
    held = _count(who, (job.State.HELD,))
    printing = _count(who, (job.State.RELEASED, job.State.SENDING))
    uncertain = _count(who, (job.State.UNCERTAIN,))
    stopped = _count(who, (job.State.QUARANTINED,))
    return [
        Figure("/all-jobs?state=held", held, _("wait for their person")),
        Figure("/all-jobs?state=sending", printing, _("released or printing")),
        Figure("/uncertain", uncertain, _("uncertain"), "stop" if uncertain != "0" else ""),
        Figure("/all-jobs?state=quarantined", stopped, _("stopped"), "stop" if stopped != "0" else ""),
    ]


def _device_figure(troubled: int) -> Figure:
    return Figure("/devices", str(troubled), _("devices with trouble"), "wait" if troubled else "")


def _count(who: Visit, states: tuple[job.State, ...]) -> str:
    found = job.find(who.scope, job.Filter(states=states), limit=MOST)
    return f"{MOST}+" if found.after else str(len(found.rows))


@page("/menu", needs=Who.SIGNED_IN)
def menu(request: HttpRequest) -> HttpResponse:
    """Every place to go, for narrow screens."""
    return render(request, "web/menu.html")
