"""What every template can use: who is here, where they can go."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from frisket import intake
from frisket.identity import Permission
from frisket.plumbing import parts
from frisket.plumbing.settings import Settings, may_open
from frisket.web.visits import Visit, visit

__all__ = ["Link", "links", "may_upload", "page"]


@dataclass(frozen=True, slots=True)
class Link:
    to: str
    text: str
    icon: str
    here: bool = False
    key: str = ""  # after "g"


def page(request: HttpRequest) -> dict[str, object]:
    """The context processor."""
    who = visit(request)
    return {
        "visit": who,
        "house_name": parts.settings().house.name,
        "links": links(who, request.path),
        "level": parts.settings().house.level,
        "may_upload": may_upload(who),
        "plain_door": _plain_door(parts.settings()),
        "here": request.get_full_path(),
    }


def _plain_door(settings: Settings) -> bool:
    doors = {"ipp": settings.doors.ipp, "lpd": settings.doors.lpd, "raw": settings.doors.raw}
    return any(door.on and may_open(settings, name) for name, door in doors.items())


def links(who: Visit, path: str) -> list[Link]:
    """The navigation of this person, the three things everybody does first."""
    if who.person is None:
        return []
    operates = who.may(Permission.JOBS_ALL)
    table = [
        ("/", _("Today"), "today", "t", Permission.JOBS_ALL),
        ("/jobs", _("My jobs"), "jobs", "j", Permission.JOBS_OWN),
        ("/upload", _("Upload"), "upload", "u", Permission.JOBS_OWN),
        ("/me", _("Me"), "person", "m", Permission.CREDENTIALS_OWN),
        ("/all-jobs", _("All jobs"), "list", "a", Permission.JOBS_ALL),
        ("/uncertain", _("Uncertain"), "question", "n", Permission.UNCERTAIN_DECIDE),
        ("/devices", _("Devices"), "device", "d", Permission.DEVICES_MANAGE),
        ("/queues", _("Queues"), "queue", "q", Permission.QUEUES_MANAGE),
        ("/sources", _("Folders"), "upload", "o", Permission.SETTINGS_MANAGE),
        ("/mail", _("Mail"), "mail", "e", Permission.HEALTH_READ),
        ("/persons", _("Persons"), "persons", "p", Permission.PERSONS_READ),
        ("/audit", _("Audit"), "audit", "l", Permission.AUDIT_READ),
        ("/health", _("Health"), "health", "h", Permission.HEALTH_READ),
        ("/access", _("Access"), "seal", "x", Permission.SETTINGS_MANAGE),
    ]
    return [
        Link(to, text, icon, _is_here(to, path, operates), key)
        for to, text, icon, key, needs in table
        if who.may(needs) and (to != "/upload" or may_upload(who))
    ]


def may_upload(who: Visit) -> bool:
    """Whether there is an upload page for this person."""
    return who.person is not None and intake.access().lets_upload(who.person)


def _is_here(to: str, path: str, operates: bool) -> bool:
    if to == "/":
        return path == "/"
    if to == "/jobs" and path == "/" and not operates:
        return True
    return path == to or (to != "/jobs" and path.startswith(to + "/"))
