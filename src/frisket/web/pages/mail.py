"""Printing by mail: the door, the mailboxes, what came lately and why something was refused."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frisket import device, intake
from frisket.identity import Permission
from frisket.plumbing import parts
from frisket.web.routes import page

__all__ = ["mail"]

_LATEST = 50


@dataclass(frozen=True, slots=True)
class MailboxRow:
    box: intake.MailboxView
    queue: str


@page("/mail", needs=Permission.HEALTH_READ)
def mail(request: HttpRequest) -> HttpResponse:
    settings = parts.settings()
    values = {
        "door": settings.doors.mail,
        "demands_tls": settings.house.level != "normal",
        "domains": settings.mail.domains or settings.house.host_names or ["localhost"],
        "believes": [*settings.mail.believe_relays, *settings.mail.results_servers],
        "answers": settings.mail.answers and bool(settings.mailer.host),
        "rows": [MailboxRow(box, _queue_name(box)) for box in intake.mailboxes()],
        "mails": intake.latest_mails(_LATEST),
    }
    return render(request, "web/mail.html", values)


def _queue_name(box: intake.MailboxView) -> str:
    queue = device.queue(box.queue) if box.queue is not None else device.default_queue()
    return queue.name if queue is not None else ""
