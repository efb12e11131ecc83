"""Devices: asked before they are adopted, adopted by somebody who compared the certificate (R13, R20)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frisket import delivery, device
from frisket.errors import FrisketError
from frisket.identity import Permission
from frisket.plumbing import keys
from frisket.plumbing.db import transaction
from frisket.web import problems
from frisket.web.forms import DeviceForm, SnmpForm
from frisket.web.pages.persons import blame_field
from frisket.web.removing import removal
from frisket.web.routes import page, proof_wanted
from frisket.web.visits import Visit, visit

__all__ = ["devices"]


@dataclass(frozen=True, slots=True)
class Look:
    """What asking an address gave: a probe, or why there is none."""

    probe: delivery.Probe | None
    problem: problems.Words | None
    ways: Mapping[str, bytes | None] = field(default_factory=dict)  # certificates of further connections


def _look(uri: str, there: device.DeviceView | None = None) -> Look:
    try:
        return Look(delivery.probe(uri), None, delivery.look_at_ways(there) if there is not None else {})
    except (
        delivery.DeviceUnreachable,
        delivery.ConnectionLost,
        delivery.DeviceAnswered,
        keys.TlsRefused,
    ) as error:
        return Look(None, problems.of(error))


def _seen(look: Look) -> str:
    """The certificates that were shown: what is adopted is exactly these."""
    if look.probe is None:
        return ""
    shown = [look.probe.certificate_sha256, *(pin for _, pin in sorted(look.ways.items()))]
    return ".".join((pin or b"").hex() for pin in shown)


@page("/devices", needs=Permission.DEVICES_MANAGE)
def devices(request: HttpRequest) -> HttpResponse:
    return render(request, "web/devices.html", {"rows": device.devices(visit(request).scope)})


@page("/devices/add", needs=Permission.DEVICES_MANAGE, methods=("GET", "POST"))
def device_add(request: HttpRequest) -> HttpResponse:
    """Fill in, see what answers there, say yes to it."""
    form = DeviceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if stop := proof_wanted(request):
            return stop
        try:
            return _add(request, form)
        except device.BadAddress as error:
            blame_field(form, error, "uri")
        except FrisketError as error:
            blame_field(form, error, "name")
    return render(request, "web/device_add.html", {"form": form})


def _add(request: HttpRequest, form: DeviceForm) -> HttpResponse:
    told, step = form.cleaned_data, request.POST.get("step")
    device.Address.read(told["uri"])
    adoption, look = None, Look(None, None)
    if step != "unasked":
        look = _look(told["uri"])
        # Asked again at the yes: what is adopted is what was shown, not what came in between.
        agreed = step == "adopt" and look.probe is not None and request.POST.get("seen") == _seen(look)
        if not agreed or look.probe is None:
            return _confirm(request, look, "/devices/add")
        adoption = delivery.adoption_of(look.probe)
    who = visit(request)
    new = device.NewDevice(
        told["name"],
        told["uri"],
        told["location"],
        told["silence_is_done"] or None,
        told["shows_owner"],
        adoption,
        _words(told["tags"]),
        tuple(told["ways"].split()),
    )
    with transaction() as tx:
        made = device.add_device(who.scope, new, by=who.actor, tx=tx)
        if look.probe is not None:
            delivery.keep(made, look.probe.condition, tx=tx)
    messages.success(request, _("%(name)s is in use.") % {"name": made.name}, extra_tags="good")
    return redirect(f"/devices/{made.name}")


def _confirm(request: HttpRequest, look: Look, action: str, there: device.DeviceView | None = None) -> HttpResponse:
    dropped = ("csrfmiddlewaretoken", "step", "seen", "proof")
    values = {
        "look": look,
        "seen": _seen(look),
        "action": action,
        "device": there,
        "kept": [(name, value) for name, value in request.POST.items() if name not in dropped],
        "changed": there is not None
        and look.probe is not None
        and there.pinned_sha256 is not None
        and there.pinned_sha256 != look.probe.certificate_sha256,
    }
    return render(request, "web/device_confirm.html", values)


@page("/devices/<str:name>", needs=Permission.DEVICES_MANAGE, methods=("GET", "POST"))
def device_page(request: HttpRequest, name: str) -> HttpResponse:
    who = visit(request)
    there = device.device_by_name(who.scope, name)
    if request.method == "GET":
        return _device_page(request, there, _device_form(there))
    form = DeviceForm(request.POST)
    if not form.is_valid():
        return _device_page(request, there, form, 400)
    try:
        moved = device.Address.read(form.cleaned_data["uri"]).uri != there.uri
        more = set(form.cleaned_data["ways"].split()) - {each.uri for each in there.ways}
        if (moved or more) and (stop := proof_wanted(request)):
            return stop
        changed = _change(who, there, form)
    except FrisketError as error:
        blame_field(form, error, "uri" if isinstance(error, device.BadAddress) else "name")
        return _device_page(request, there, form, problems.of(error).status)
    if moved:
        text = _("The address changed: certificate and everything known of the device are forgotten. Ask it again.")
        messages.warning(request, text, extra_tags="wait")
    else:
        messages.success(request, _("Changed."), extra_tags="good")
    return redirect(f"/devices/{changed.name}")


def _change(who: Visit, there: device.DeviceView, form: DeviceForm) -> device.DeviceView:
    told = {field: form.cleaned_data[field] for field in form.fields if field not in ("tags", "ways")}
    ways = tuple(form.cleaned_data["ways"].split())
    change = device.DeviceChange(**told, tags=_words(form.cleaned_data["tags"]), ways=ways)
    with transaction() as tx:
        return device.change_device(who.scope, there.id, change, by=who.actor, tx=tx)


def _device_page(
    request: HttpRequest,
    there: device.DeviceView,
    form: DeviceForm,
    status: int = 200,
    snmp_form: SnmpForm | None = None,
) -> HttpResponse:
    how = device.status(visit(request).scope, there.id)
    values = {"device": there, "form": form, "how": how, "snmp_form": snmp_form or _snmp_form(there)}
    return render(request, "web/device.html", values, status=status)


def _device_form(there: device.DeviceView) -> DeviceForm:
    fields = ("name", "uri", "location", "silence_is_done", "shows_owner", "active")
    listed = {"tags": ", ".join(there.tags), "ways": "\n".join(each.uri for each in there.ways)}
    return DeviceForm(initial={field: getattr(there, field) for field in fields} | listed)


def _snmp_form(there: device.DeviceView) -> SnmpForm:
    return SnmpForm(initial=asdict(there.snmp) if there.snmp is not None else {"version": "off"})


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


@page("/devices/<str:name>/snmp", needs=Permission.DEVICES_MANAGE, methods=("POST",))
def device_snmp(request: HttpRequest, name: str) -> HttpResponse:
    """How its SNMP agent is asked. Secrets go in and never come out: a page that is shown again has none."""
    who = visit(request)
    there = device.device_by_name(who.scope, name)
    form = SnmpForm(request.POST)
    shown = _device_form(there)
    if not form.is_valid():
        return _device_page(request, there, shown, 400, form)
    if stop := proof_wanted(request):
        return stop
    try:
        with transaction() as tx:
            new = None if form.cleaned_data["version"] == "off" else device.NewSnmp(**form.cleaned_data)
            device.set_snmp(who.scope, there.id, new, by=who.actor, tx=tx)
    except FrisketError as error:
        blame_field(form, error, "version")
        return _device_page(request, there, shown, problems.of(error).status, form)
    if new is not None:
        delivery.condition(who.scope, there.id, patience_s=5)
    messages.success(request, _("Changed."), extra_tags="good")
    return redirect(f"/devices/{name}")


@page("/devices/<str:name>/ask", needs=Permission.DEVICES_MANAGE, methods=("POST",))
def device_ask(request: HttpRequest, name: str) -> HttpResponse:
    """Ask a device what it is now; on a yes, adopt that."""
    who = visit(request)
    there = device.device_by_name(who.scope, name)
    if stop := proof_wanted(request):
        return stop
    look = _look(there.uri, there)
    agreed = request.POST.get("step") == "adopt" and request.POST.get("seen") == _seen(look)
    if look.probe is None or not agreed:
        return _confirm(request, look, f"/devices/{name}/ask", there)
    with transaction() as tx:
        device.adopt(who.scope, there.id, delivery.adoption_of(look.probe, look.ways), by=who.actor, tx=tx)
        delivery.keep(there, look.probe.condition, tx=tx)
    messages.success(request, _("Adopted as it is now."), extra_tags="good")
    return redirect(f"/devices/{name}")


@page("/devices/<str:name>/remove", needs=Permission.DEVICES_MANAGE, methods=("GET", "POST"))
def device_remove(request: HttpRequest, name: str) -> HttpResponse:
    text = _("Nobody can print on it any more. Waiting jobs stay and print elsewhere.")
    there = device.device_by_name(visit(request).scope, name)
    return removal(request, there, device.remove_device, "/devices", text)
