"""What went wrong, in words: one table from errors to statuses and sentences, for pages and the API alike."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from frisket import audit, delivery, device, flow, identity, intake, job, release, spool
from frisket.errors import Blame, FrisketError
from frisket.intake import sources
from frisket.plumbing import db, keys, snmp
from frisket.web import visits

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise
else:
    StrOrPromise = str

__all__ = [
    "NO_PAGE",
    "OTHER_SITE",
    "TOO_MANY",
    "Words",
    "answer",
    "bad_request",
    "csrf_failed",
    "error_page",
    "forbidden",
    "house_failed",
    "not_found",
    "of",
]

_log = logging.getLogger("frisket.web")


@dataclass(frozen=True, slots=True)
class Words:
    """An HTTP status, what happened, what to do about it."""

    status: int
    text: StrOrPromise
    remedy: StrOrPromise = ""
    wait_s: int = 0  # Retry-After


NO_PAGE = Words(
    404,
    gettext_lazy("There is nothing here."),
    gettext_lazy("Check the address, or start from the first page."),
)
OTHER_SITE = Words(
    403,
    gettext_lazy("This change did not come from one of our own pages, so it was not made."),
    gettext_lazy("Open the page again and repeat it there."),
)
TOO_MANY = Words(
    429,
    gettext_lazy("That was more at once than the server answers."),
    gettext_lazy("Wait a moment and open the page again."),
    1,
)
NOT_ALLOWED = Words(
    403,
    gettext_lazy("Your role does not allow this."),
    gettext_lazy("Ask an administrator to do it, or to give you the role for it."),
)
_BAD = Words(
    400,
    gettext_lazy("The request could not be understood."),
    gettext_lazy("Go back, reload the page and try again."),
)
_FAILED = Words(
    500,
    gettext_lazy("Something in the house failed. Nothing was lost."),
    gettext_lazy("Try again in a moment. If it fails again, tell whoever runs this server the time it happened."),
)

_KNOWN: dict[type[FrisketError], tuple[int, StrOrPromise]] = {
    identity.Refused: (403, gettext_lazy("That did not fit.")),
    identity.NotAllowed: (403, NOT_ALLOWED.text),
    intake.LocksYouOut: (409, gettext_lazy("This list would keep you out.")),
    intake.BadNetwork: (400, gettext_lazy("One of these is no network and no address.")),
    identity.NotFound: (404, gettext_lazy("There is no such person or credential.")),
    identity.NameTaken: (409, gettext_lazy("Somebody has this name or mail address already.")),
    identity.BadName: (400, gettext_lazy("This cannot be a name or mail address.")),
    identity.CredentialTaken: (409, gettext_lazy("This card or certificate belongs to somebody already.")),
    identity.BadCredential: (400, gettext_lazy("This cannot be a card or PIN.")),
    identity.PersonInUse: (409, gettext_lazy("This person still has jobs.")),
    identity.LastAdministrator: (409, gettext_lazy("This is the last administrator.")),
    identity.SetupRefused: (403, gettext_lazy("The set-up token does not fit.")),
    device.BadName: (400, gettext_lazy("This name cannot be part of an address.")),
    device.BadAddress: (400, gettext_lazy("No device can be reached by this address.")),
    device.BadValue: (400, gettext_lazy("A value is outside its range.")),
    device.BadSnmp: (400, gettext_lazy("An SNMP agent cannot be asked like this.")),
    snmp.WeakPassword: (400, gettext_lazy("This password is too short for SNMPv3.")),
    device.NameTaken: (409, gettext_lazy("This name is taken.")),
    device.NoSuchQueue: (404, gettext_lazy("There is no such queue.")),
    device.NoSuchDevice: (404, gettext_lazy("There is no such device.")),
    device.InUse: (409, gettext_lazy("Something still needs this.")),
    job.NotFound: (404, gettext_lazy("There is no such job.")),
    delivery.DeviceUnreachable: (503, gettext_lazy("Nobody answers at the device's address.")),
    delivery.ConnectionLost: (502, gettext_lazy("The device broke the connection off.")),
    delivery.DeviceAnswered: (502, gettext_lazy("The device answered that it will not do this.")),
    delivery.NotAdopted: (409, gettext_lazy("Nobody has looked at this device's certificate yet.")),
    delivery.NotDecidable: (409, gettext_lazy("This job is not uncertain any more.")),
    keys.TlsRefused: (502, gettext_lazy("The device shows another certificate than the one that was adopted.")),
    flow.DocumentLocked: (403, gettext_lazy("This password does not open the document for printing.")),
    flow.NothingToUnlock: (409, gettext_lazy("This job does not wait for a password.")),
    release.WrongPin: (403, gettext_lazy("This is not the PIN of the job.")),
    spool.NotHere: (404, gettext_lazy("There is no receipt for this job yet.")),
    job.WrongState: (409, gettext_lazy("The job has moved on meanwhile.")),
    audit.LogDamaged: (500, gettext_lazy("The log is damaged.")),
    keys.WeakPassword: (400, gettext_lazy("This password is too easy to guess or too short.")),
    sources.NoSuchSource: (404, gettext_lazy("There is no such folder or store.")),
    sources.SourceTaken: (409, gettext_lazy("Another folder or store has this name.")),
    sources.SourceBusy: (409, gettext_lazy("Documents of it are being picked up at this moment.")),
    sources.ClosedByLevel: (409, gettext_lazy("The security level forbids stores in clear text.")),
    sources.Vanished: (404, gettext_lazy("The file or folder is not there any more.")),
    db.StorageFailed: (503, gettext_lazy("The disk or database refused to keep it.")),
}
_BY_BLAME: Mapping[Blame, int] = {Blame.PERSON: 400, Blame.OPERATOR: 409, Blame.PEER: 502, Blame.HOUSE: 500}


def of(error: FrisketError) -> Words:
    """The words for an error; its own text where there are no better ones."""
    if isinstance(error, identity.Throttled):
        text = _("There were too many failed attempts; nothing was looked at.")
        return Words(429, text, _(error.remedy), error.wait_s)
    for kind in type(error).__mro__:
        if kind in _KNOWN:
            status, known = _KNOWN[kind]
            return Words(status, known, _(error.remedy) if error.remedy else "")
    said = str(error)
    status = 503 if error.retry and error.blame is not Blame.PEER else _BY_BLAME[error.blame]
    return Words(status, said[:1].upper() + said[1:].rstrip(".") + ".", _(error.remedy) if error.remedy else "")


def answer(request: HttpRequest, words: Words) -> HttpResponse:
    """A page with the words; problem details (RFC 9457) for the API."""
    response: HttpResponse
    if request.path.startswith("/api/"):
        told = {"type": "about:blank", "status": words.status, "title": str(words.text)}
        if words.remedy:
            told["detail"] = str(words.remedy)
        response = JsonResponse(told, status=words.status, content_type="application/problem+json")
    else:
        name = "web/terminal_problem.html" if request.path.startswith("/terminal/") else "web/problem.html"
        page = {"problem": words, "visit": visits.visit(request)}
        response = render(request, name, page, status=words.status)
    if words.wait_s:
        response["Retry-After"] = str(words.wait_s)
    return response


def error_page(request: HttpRequest, error: FrisketError) -> HttpResponse:
    words = of(error)
    if words.status >= 500:
        _log.error("a page failed", exc_info=error)
    return answer(request, words)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, _BAD)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, NOT_ALLOWED)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, NO_PAGE)


def house_failed(request: HttpRequest) -> HttpResponse:
    return answer(request, _FAILED)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(request, OTHER_SITE)
