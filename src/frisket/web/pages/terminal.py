"""The page at a device: sign in, see one's jobs, print, leave. Plain forms on a small old browser.

A session is bound to its device, ends after a minute without a touch, and a terminal has one at a time (R26);
the release room keeps it. Pages reload by themselves only to show that it is over, never to end it.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from frisket import device, flow, identity, job, release
from frisket.errors import FrisketError
from frisket.plumbing import keys, parts
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope
from frisket.web import acts, problems
from frisket.web.forms import PrintForm, identifiers
from frisket.web.pages.jobs import wish_of
from frisket.web.routes import Who, page

__all__ = ["COOKIE"]

COOKIE = "__Host-terminal"
ROWS = 4
PIN_WITHIN_S = 120.0  # of the card
ROUNDS = 40  # of looking whether it is printed; then the list comes back and idling counts again
State = job.State
HARD = frozenset({"off", "broken", "format"})  # what no wish of the person changes
UNDER_WAY = (State.RELEASED, State.SENDING)


@dataclass(frozen=True, slots=True)
class Stand:
    """Somebody standing at a device."""

    device: device.DeviceView
    person: identity.PersonView

    @property
    def actor(self) -> Actor:
        return identity.actor_for(self.person, f"terminal:{self.device.id}")

    @property
    def own(self) -> Scope:
        return Scope(self.actor, parts.tenant(), Purpose.OWN)


def _house() -> Scope:
    return Scope(HOUSE, parts.tenant(), Purpose.STAGE)


def _device(name: str) -> device.DeviceView:
    try:
        found = device.device_by_name(_house(), name)
    except (device.NoSuchDevice, device.BadName) as error:
        raise Http404 from error
    if not found.active:
        raise Http404
    return found


def _stand(request: HttpRequest, name: str) -> Stand | None:
    """Whoever the cookie of this terminal says; touching keeps the session."""
    there = _device(name)
    bound, _dot, token = request.COOKIES.get(COOKIE, "").partition(".")
    if bound != there.id.hex:
        return None
    try:
        return Stand(there, release.session(_house(), there.id, token).person)
    except release.NotSignedIn:
        return None


def _show(
    request: HttpRequest, template: str, stand: Stand, values: Mapping[str, object], status: int = 200
) -> HttpResponse:
    shown = {
        "device": stand.device,
        "person": stand.person,
        "idle_s": parts.settings().sessions.terminal_idle_s,
        **values,
    }
    with _in_words_of(stand):
        return render(request, f"web/{template}", shown, status=status)


def _in_words_of(stand: Stand) -> AbstractContextManager[None]:
    return translation.override(stand.person.language or translation.get_language())


def _away(name: str) -> HttpResponse:
    return redirect(f"/terminal/{name}?out=1")


@page("/terminal/<str:name>", needs=Who.TERMINAL)
def terminal(request: HttpRequest, name: str) -> HttpResponse:
    stand = _stand(request, name)
    if stand is None:
        return _ask(request, _device(name), over=request.GET.get("out") == "1")
    return _jobs(request, stand)


def _ask(
    request: HttpRequest,
    there: device.DeviceView,
    *,
    over: bool = False,
    problem: problems.Words | None = None,
    card: str = "",
) -> HttpResponse:
    """The sign-in; with a sealed card, only its PIN is still wanted."""
    by = request.POST.get("by") or request.GET.get("by", "card")
    values = {
        "device": there,
        "by": "card-pin" if card else by if by in ("card", "pin", "password") else "card",
        "card": card,
        "over": over,
        "problem": problem,
        "asks_again_s": 60,
    }
    return render(request, "web/terminal_sign_in.html", values, status=problem.status if problem else 200)


@page("/terminal/<str:name>/sign-in", needs=Who.TERMINAL, methods=("POST",))
def terminal_sign_in(request: HttpRequest, name: str) -> HttpResponse:
    there = _device(name)
    network = str(request.META.get("REMOTE_ADDR", ""))
    number = request.POST.get("number", "")
    if (
        request.POST.get("by") == "card"
        and number
        and identity.card_needs_pin(identity.Place("terminal", network, there.id))
    ):
        return _ask(request, there, card=_seal_card(there.id, number))
    try:
        standing = release.sign_in(there.id, _offered(request, there), network=network)
    except (identity.Refused, identity.Throttled) as error:
        return _ask(request, there, problem=problems.of(error))
    response = redirect(f"/terminal/{name}")
    response.set_cookie(COOKIE, f"{there.id.hex}.{standing.token}", secure=True, httponly=True, samesite="Strict")
    return response


def _offered(request: HttpRequest, there: device.DeviceView) -> identity.Offered:
    told = request.POST
    match told.get("by"):
        case "pin":
            return identity.PinOffered(told.get("name", ""), told.get("pin", ""))
        case "password":
            return identity.PasswordOffered(told.get("name", ""), told.get("password", ""))
        case "card-pin":
            return identity.CardOffered(_open_card(there.id, told.get("card", "")), told.get("pin", ""))
        case _:
            return identity.CardOffered(told.get("number", ""))


def _seal_card(there: UUID, number: str) -> str:
    """The number waits sealed in the page while its PIN is typed: it is never stored nor shown."""
    text = f"{parts.clock().elapsed():.0f} {number}"
    return parts.keys().seal_secret(there, text.encode("utf-8", "replace")).hex()


def _open_card(there: UUID, text: str) -> str:
    """What `_seal_card` sealed here and lately; else nothing, which no card has for a number."""
    try:
        at, _space, number = parts.keys().open_secret(there, bytes.fromhex(text)).decode().partition(" ")
    except (ValueError, keys.Damaged):
        return ""
    return number if 0 <= parts.clock().elapsed() - float(at) <= PIN_WITHIN_S else ""


def _jobs(request: HttpRequest, stand: Stand, problem: str = "", status: int = 200) -> HttpResponse:
    after = request.GET.get("after", "")
    with _in_words_of(stand):
        found = release.waiting(
            stand.own, stand.person.id, stand.device.id, after=after if after.isdigit() else None, limit=ROWS
        )
    never = [each.why_not for each in found.rows if not each.suitable and not each.may_anyway]
    # One sentence above all when the device itself is the trouble, else a word beside each job.
    trouble = never[0] if never and device.is_broken(stand.device, parts.clock().now()) else ""
    values = {
        "rows": found.rows,
        "after": found.after,
        "later": bool(after),
        "problem": problem,
        "trouble": trouble,
    }
    return _show(request, "terminal_jobs.html", stand, values, status)


@page("/terminal/<str:name>/act", needs=Who.TERMINAL, methods=("POST",))
def terminal_act(request: HttpRequest, name: str) -> HttpResponse:
    """Print, print all, change how, delete: what was tapped decides."""
    stand = _stand(request, name)
    if stand is None:
        return _away(name)
    act = request.POST.get("act", "")
    chosen = _everything(stand) if act == "all" else _chosen(stand, request)
    if not chosen:
        return _jobs(request, stand, _("Tap the jobs first."), 400)
    if act == "delete" and request.POST.get("sure") != "yes":
        return _show(request, "terminal_delete.html", stand, {"chosen": chosen})
    if act == "delete":
        return _deleted(request, stand, chosen)
    wants_pin = len(chosen) == 1 and chosen[0].has_password
    if act == "change" or wants_pin:
        values = {"chosen": chosen, "form": PrintForm(), "pin": wants_pin, "only_pin": act != "change"}
        return _show(request, "terminal_change.html", stand, values)
    return _release(request, stand, chosen, release.Wish())


def _everything(stand: Stand) -> list[job.JobView]:
    """All that this device can print, that needs no PIN of its own and is not merely stored."""
    found = release.waiting(stand.own, stand.person.id, stand.device.id, limit=500)
    return [each.job for each in found.rows if each.suitable and not each.job.has_password and not each.job.stored]


def _chosen(stand: Stand, request: HttpRequest) -> list[job.JobView]:
    found = []
    for each in identifiers(request.POST.getlist("job"), most=500):
        try:
            found.append(job.get(stand.own, each))
        except job.NotFound:
            continue
    return found


@page("/terminal/<str:name>/print", needs=Who.TERMINAL, methods=("POST",))
def terminal_print(request: HttpRequest, name: str) -> HttpResponse:
    """Print with the changes that were chosen."""
    stand = _stand(request, name)
    if stand is None:
        return _away(name)
    chosen, form = _chosen(stand, request), PrintForm(request.POST)
    if not chosen or not form.is_valid():
        return _jobs(request, stand, _("Choose from 1 to 999 copies."), 400)
    wish = wish_of(form)
    if request.POST.get("sparing") == "yes":
        wish = replace(wish, sides="two-sided-long-edge", color_mode="monochrome")
    return _release(request, stand, chosen, wish)


def _release(request: HttpRequest, stand: Stand, chosen: list[job.JobView], wish: release.Wish) -> HttpResponse:
    with _in_words_of(stand):
        outcomes = flow.release_at(stand.own, [each.id for each in chosen], stand.device.id, wish, by=stand.actor)
    failed = [each for each in outcomes if not each.ok]
    if len(failed) == len(outcomes):
        if all(each.why and not HARD.intersection(each.why) for each in failed):
            return _unsuitable(request, stand, chosen, wish, failed)
        return _jobs(request, stand, _(failed[0].text) if failed[0].text else _("It was not released."), 409)
    numbers = ",".join(str(each.number) for each in chosen)
    return redirect(f"/terminal/{stand.device.name}/progress?jobs={numbers[:900]}")


def _unsuitable(
    request: HttpRequest,
    stand: Stand,
    chosen: list[job.JobView],
    wish: release.Wish,
    failed: list[release.Outcome],
) -> HttpResponse:
    """It would print here, but not as it was meant: the person decides, with the better device named."""
    wished = {"copies": wish.copies, "sides": wish.sides, "color_mode": wish.color_mode}
    values = {
        "chosen": chosen,
        "texts": list(dict.fromkeys(each.text for each in failed)),
        "kept": [(name, value) for name, value in wished.items() if value],
        "pin": len(chosen) == 1 and chosen[0].has_password,
    }
    return _show(request, "terminal_unsuitable.html", stand, values, 409)


def _deleted(request: HttpRequest, stand: Stand, chosen: list[job.JobView]) -> HttpResponse:
    problem = ""
    for each in chosen:
        try:
            flow.cancel(stand.own, each.id, by=stand.actor)
        except FrisketError as error:
            problem = str(problems.of(error).text)
    if problem:
        return _jobs(request, stand, problem, 409)
    return redirect(f"/terminal/{stand.device.name}")


@page("/terminal/<str:name>/progress", needs=Who.TERMINAL)
def terminal_progress(request: HttpRequest, name: str) -> HttpResponse:
    """What becomes of the jobs just released; asks again by itself for a while, then goes back."""
    stand = _stand(request, name)
    if stand is None:
        return _away(name)
    numbers = [int(each) for each in request.GET.get("jobs", "").split(",")[:100] if each.isdigit() and len(each) < 12]
    text = request.GET.get("round", "0")
    turn = int(text) + 1 if text.isdigit() and len(text) < 4 else 1
    rows = []
    for number in numbers:
        try:
            rows.append(job.get(stand.own, number))
        except job.NotFound:
            continue
    busy = any(each.state in UNDER_WAY for each in rows)
    back = f"/terminal/{name}"
    again = f"{back}/progress?jobs={','.join(map(str, numbers))}&round={turn}"
    values = {
        "rows": rows,
        "busy": busy,
        "wait_s": 2 if busy else 12,
        "then": again if busy and turn < ROUNDS else back,
        "trouble": _trouble(stand.device) if busy else "",
    }
    return _show(request, "terminal_progress.html", stand, values)


def _trouble(there: device.DeviceView) -> str:
    if there.state == "unreachable":
        return _("The device does not answer. Your job waits; nothing is lost.")
    if there.state == "stopped":
        return there.state_message or _("The device has stopped. Look at its panel.")
    return ""


@page("/terminal/<str:name>/decide", needs=Who.TERMINAL, methods=("POST",))
def terminal_decide(request: HttpRequest, name: str) -> HttpResponse:
    stand = _stand(request, name)
    if stand is None:
        return _away(name)
    for view in _chosen(stand, request):
        acts.decide(stand.own, view, request.POST.get("printed") == "yes", by=stand.actor)
    return redirect(f"/terminal/{name}")


@page("/terminal/<str:name>/sign-out", needs=Who.TERMINAL, methods=("POST",))
def terminal_sign_out(request: HttpRequest, name: str) -> HttpResponse:
    there = _device(name)
    bound, _dot, token = request.COOKIES.get(COOKIE, "").partition(".")
    if bound == there.id.hex:
        release.sign_out(there.id, token)
    response = redirect(f"/terminal/{name}")
    response.delete_cookie(COOKIE)
    return response
