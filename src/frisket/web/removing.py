"""The page that asks before a person, device, queue or folder is removed."""

from typing import Protocol
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import Actor, Scope
from frisket.web.visits import visit

__all__ = ["removal"]


class Named(Protocol):
    @property
    def id(self) -> UUID: ...

    @property
    def name(self) -> str: ...


class Remove(Protocol):
    def __call__(self, scope: Scope, id: UUID, /, *, by: Actor, tx: Tx) -> None: ...


def removal(
    request: HttpRequest, found: Named, remove: Remove, listed: str, text: str, *, at: str = ""
) -> HttpResponse:
    """Ask, or do it when the answer is there. text: what then happens; listed: the page of all of them.

    at: the last part of its own page's address; its name where nothing is given.
    """
    if request.method == "POST" and request.POST.get("sure") == "yes":
        who = visit(request)
        with transaction() as tx:
            remove(who.scope, found.id, by=who.actor, tx=tx)
        messages.success(request, _("Removed."), extra_tags="good")
        return redirect(listed)
    values = {
        "heading": _("Remove %(name)s?") % {"name": found.name},
        "text": text,
        "verb": _("Remove"),
        "back": f"{listed}/{at or found.name}",
    }
    return render(request, "web/confirm.html", values)
