"""Looking whether a device suits a job, and saying in words why not and where it would print."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from frisket import device, job
from frisket.plumbing import parts
from frisket.plumbing.scope import Scope

__all__ = ["Found", "Look", "need_of"]

MOST_NAMED = 3  # nobody walks to a fourth


def need_of(view: job.JobView, options: job.Options) -> device.Need:
    """What a job asks of a device, printed with these options."""
    asks_colour = options.color_mode == "color"
    loses_colour = view.colour is True and options.color_mode != "monochrome"
    return device.Need(
        format=view.format,
        colour=asks_colour or loses_colour,
        sides=options.sides,
        media=options.media,
        drawn=view.media,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What speaks against printing a job at a device; instead: what would do, the nearest first."""

    there: device.DeviceView
    lacks: tuple[device.Lack, ...]
    instead: tuple[device.DeviceView, ...] = ()

    @property
    def hard(self) -> bool:
        return any(each.hard for each in self.lacks)

    def words(self) -> str:
        """Why not, and where: one or more sentences, "" where nothing speaks against it."""
        if not self.lacks:
            return ""
        why = " ".join(_SAY[each.what](self.there.name, each.detail) for each in self.lacks)
        return f"{why} {_where(self.instead)}".strip()


class Look:
    """One device, looked at for several jobs: its state and its neighbours' are read once."""

    def __init__(self, scope: Scope, there: device.DeviceView) -> None:
        self.there = there
        self._scope = scope
        self._now = parts.clock().now()
        self._how = device.statuses(scope, [there.id])
        self._behind: dict[UUID, list[device.DeviceView]] = {}

    def at(self, view: job.JobView, need: device.Need) -> Found:
        lacks = device.unsuitable(need, self.there, self._how[self.there.id], self._now)
        if not lacks:
            return Found(self.there, ())
        others = self._others(view.queue)
        near = device.nearby(need, self.there, others, self._how, self._now)
        return Found(self.there, lacks, tuple(near[:MOST_NAMED]))

    def _others(self, queue: UUID) -> list[device.DeviceView]:
        """The devices behind the job's queue: nobody is sent to one that does not print it."""
        if queue not in self._behind:
            found = device.behind(device.queue(queue))
            self._behind[queue] = found
            self._how |= device.statuses(self._scope, [each.id for each in found if each.id not in self._how])
        return self._behind[queue]


def _where(instead: tuple[device.DeviceView, ...]) -> str:
    if not instead:
        return _("No other device can print it just now; it waits.")
    first = instead[0]
    if first.location:
        return _("Go to %(device)s, %(location)s: it can print this now.") % {
            "device": first.name,
            "location": first.location,
        }
    return _("Go to %(device)s: it can print this now.") % {"device": first.name}


_Say = Callable[[str, str], str]
_SAY: dict[str, _Say] = {
    "off": lambda name, detail: _("%(device)s is switched off by its operator.") % {"device": name},
    "broken": lambda name, detail: _broken(name, detail),
    "format": lambda name, detail: _("%(device)s does not print %(format)s.") % {"device": name, "format": detail},
    "colour": lambda name, detail: _("%(device)s prints in black and white only.") % {"device": name},
    "sides": lambda name, detail: _("%(device)s prints on one side only.") % {"device": name},
    "media": lambda name, detail: _("%(device)s does not take paper of this size.") % {"device": name},
    "paper": lambda name, detail: _("%(device)s has no paper of this size in it now.") % {"device": name},
}


def _broken(name: str, reason: str) -> str:
    told = {
        "unreachable": _("%(device)s does not answer."),
        "media-empty": _("%(device)s has no paper."),
        "media-needed": _("%(device)s wants other paper."),
        "media-jam": _("Paper is jammed in %(device)s."),
        "toner-empty": _("%(device)s has no toner."),
        "marker-supply-empty": _("%(device)s has no toner or ink."),
        "marker-supply-missing": _("A cartridge is missing in %(device)s."),
        "cover-open": _("A cover of %(device)s is open."),
        "door-open": _("A door of %(device)s is open."),
        "output-area-full": _("The output tray of %(device)s is full."),
        "paused": _("%(device)s is paused."),
        "offline": _("%(device)s is offline."),
        "service-needed": _("%(device)s needs service."),
        "certificate-not-adopted": _("%(device)s shows another certificate than the adopted one."),
    }
    return told.get(reason, _("%(device)s has stopped.")) % {"device": name}
