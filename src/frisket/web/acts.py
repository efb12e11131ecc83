"""What pages, terminals and the API do to jobs alike."""

from django.utils.translation import gettext as _

from frisket import delivery, device, job
from frisket.identity import Permission, require
from frisket.plumbing.scope import Actor, Scope

__all__ = ["DELETABLE", "PAST", "PRESENT", "decide", "deletable", "kinds_taken", "releasable"]

State = job.State
PAST = (State.ENDED, State.ERASED)
PRESENT = tuple(state for state in State if state not in PAST)
DELETABLE = (
    State.RECEIVING,
    State.RECEIVED,
    State.ADMITTED,
    State.PREPARED,
    State.HELD,
    State.RELEASED,
    State.SENDING,
    State.QUARANTINED,
)


def kinds_taken() -> list[str]:
    """Kinds of files the house makes PDF of, as people call them; empty where it makes none."""
    kinds = (
        ("application/vnd.oasis.opendocument.text", _("office files")),
        ("image/png", _("pictures")),
        ("image/heic", _("photos of phones (HEIC)")),
        ("text/plain", _("text")),
        ("text/html", _("web pages")),
        ("application/postscript", "PostScript"),
        ("application/vnd.hp-pcl", "PCL"),
        ("application/oxps", "XPS"),
    )
    can = device.convertible()
    return [name for format, name in kinds if format in can]


def deletable(view: job.JobView) -> bool:
    return view.state in DELETABLE or bool(view.stored)


def releasable(view: job.JobView) -> bool:
    """Whether somebody at a page may have it printed; some jobs ask for a person at a device."""
    return (view.state is State.HELD or bool(view.stored)) and view.terms.release not in (job.PRESS, job.OWNER)


def decide(scope: Scope, view: job.JobView, printed: bool, *, by: Actor) -> job.JobView:
    """A person's word on an uncertain job: its owner's, or an operator's."""
    if view.person != by.id:
        require(by, Permission.UNCERTAIN_DECIDE)
    return delivery.decide(scope, view.id, printed, by=by)
