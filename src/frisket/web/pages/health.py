"""How the house is: room, work, devices, doors, clock, keys."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import audit, device, spool
from frisket.identity import Permission
from frisket.plumbing import db, parts, work
from frisket.plumbing.settings import Door, may_open
from frisket.web.routes import page
from frisket.web.visits import visit

__all__ = ["health", "house_version", "open_doors"]


@dataclass(frozen=True, slots=True)
class OpenDoor:
    name: str
    address: str
    port: int
    plain: bool


def open_doors() -> list[OpenDoor]:
    """The doors that are switched on in the settings."""
    doors = parts.settings().doors
    table: list[tuple[str, Door, bool]] = [
        ("web", doors.web, False),
        ("http", doors.http, False),
        ("ipps", doors.ipps, False),
        ("ipp", doors.ipp, True),
        ("lpd", doors.lpd, True),
        ("raw", doors.raw, True),
        ("ftp", doors.ftp, parts.settings().house.level == "normal"),
        ("mail", doors.mail, False),
        ("traps", doors.traps, True),
    ]
    return [
        OpenDoor(name, door.address, door.port, plain)
        for name, door, plain in table
        if door.on and may_open(parts.settings(), name)
    ]


def house_version() -> str:
    try:
        return version("frisket")
    except PackageNotFoundError:
        return _("unknown")


@page("/health", needs=Permission.HEALTH_READ)
def health(request: HttpRequest) -> HttpResponse:
    who = visit(request)
    space = spool.space()
    jobs, octets = spool.held_in_all()
    devices = [each for each in device.devices(who.scope) if each.active]
    keys = parts.keys()
    values = {
        "space": space,
        "used": space.total - space.free,
        "jobs": jobs,
        "octets": octets,
        "queues": work.overview(),
        "devices": devices,
        "troubled": [each for each in devices if each.state in ("stopped", "unreachable")],
        "doors": open_doors(),
        "now": parts.clock().now(),
        "jumped": parts.clock().jumped(),
        "may_confirm": who.may(Permission.SETTINGS_MANAGE),
        "epochs": keys.epochs(parts.tenant()),
        "sealed": keys.is_sealed,
        "log": audit.overview(),
        "sqlite": db.is_sqlite(),
        "version": house_version(),
    }
    return render(request, "web/health.html", values)


@page("/health/clock", needs=Permission.SETTINGS_MANAGE, methods=("POST",))
def clock_confirm(request: HttpRequest) -> HttpResponse:
    """After a jump of the wall clock nothing is deleted by time until somebody says that it is right."""
    with db.transaction() as tx:
        audit.record("clock.confirmed", None, by=visit(request).actor, tx=tx)
    parts.clock().confirm()
    messages.success(request, _("The clock counts again."), extra_tags="good")
    return redirect("/health")
