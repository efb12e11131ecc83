"""How values look on a page: times, sizes, states, icons, short titles."""

import zlib
from datetime import datetime
from pathlib import Path

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frisket import job
from frisket.plumbing import parts
from frisket.web import words

register = template.Library()

_STATIC = Path(__file__).parent.parent / "static" / "web"
_versions: dict[str, str] = {}


@register.simple_tag
def asset(name: str) -> str:
    """The address of a static file; changes with its content, so browsers may keep it."""
    if name not in _versions:
        # Not _STATIC / name: paths of this Python refuse the template's own kind of string.
        octets = Path(f"{_STATIC}/{name}").read_bytes()
        _versions[name] = f"{zlib.crc32(octets):08x}"
    return f"/static/web/{name}?v={_versions[name]}"


@register.simple_tag
def icon(name: str) -> SafeString:
    """A small drawing beside a word; never alone, so it is hidden from readers."""
    paths = format_html_join("", '<path d="{}"/>', ((each,) for each in words.ICONS.get(name, ())))
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" '
        'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" '
        'focusable="false">{}</svg>',
        paths,
    )


@register.filter
def ago(at: datetime | None) -> SafeString:
    """ "3 min ago", with the exact time inside for whoever looks closer."""
    if at is None:
        return format_html("{}", "–")
    seconds = (parts.clock().now() - at).total_seconds()
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        at.isoformat(timespec="seconds"),
        _exactly(at),
        _since(seconds),
    )


def _exactly(at: datetime) -> str:
    # Translators: day, short month, year, hours and minutes, as the framework writes them
    return date_format(at, _("j M Y, H:i"))


def _since(seconds: float) -> str:
    if seconds < -90:
        return _("in %(time)s") % {"time": _span(-seconds)}
    if seconds < 45:
        return _("now")
    return _("%(time)s ago") % {"time": _span(seconds)}


def _span(seconds: float) -> str:
    if seconds < 90 * 60:
        return _("%(count)s min") % {"count": max(1, round(seconds / 60))}
    if seconds < 36 * 3600:
        return _("%(count)s h") % {"count": round(seconds / 3600)}
    days = round(seconds / 86400)
    return ngettext("%(count)s day", "%(count)s days", days) % {"count": days}


@register.filter
def span(seconds: float) -> str:
    """A duration in the largest unit that fits."""
    if seconds < 90:
        return _("%(count)s s") % {"count": round(seconds)}
    return _span(seconds)


@register.filter
def exact(at: datetime | None) -> str:
    return "–" if at is None else _exactly(at) + " UTC"


@register.filter
def size(octets: int | None) -> str:
    """Octets as people read them."""
    if octets is None:
        return "–"
    value = float(octets)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


@register.filter
def shortened(title: str | None) -> str:
    """A title on a terminal, where others look over the shoulder: ten characters."""
    if not title:
        return _("without a name")
    return title if len(title) <= 10 else title[:10] + "…"


@register.filter
def state_word(state: str) -> str:
    return words.state(state)


@register.filter
def job_word(view: job.JobView) -> str:
    """Where a job stands; of one that is over, how it ended."""
    if view.state in (job.State.ENDED, job.State.ERASED) and view.outcome:
        return words.spoken(view.outcome.value)
    if view.state is job.State.ADMITTED and view.conversion == "due":
        return words.state("converting")
    if view.state is job.State.HELD and view.conversion == "locked":
        return words.state("locked")
    return words.state(view.state)


@register.filter
def source_word(state: str) -> str:
    return words.source(state)


@register.filter
def state_look(state: str) -> str:
    """good, wait, stop, info or past: the colour's role."""
    return words.LOOK.get(str(state), "past")


@register.filter
def state_icon(state: str) -> str:
    return words.STATE_ICON.get(str(state), "dot")


@register.filter
def spoken(keyword: str) -> str:
    """A keyword of ours or of a device as people say it."""
    return words.spoken(str(keyword))


@register.filter
def fingerprint(octets: bytes | None) -> str:
    """A certificate's SHA-256 as browsers and panels show it."""
    return "–" if octets is None else octets.hex(":").upper()


@register.filter
def level_word(word: str) -> str:
    """What there is of something that no number says."""
    return {
        "some": _("some left"),
        "unlimited": _("no limit"),
        "missing": _("not there"),
    }.get(word, _("not known"))


@register.filter
def paper(name: str) -> str:
    """iso_a4_210x297mm as people say it: A4."""
    parts = name.split("_")
    if len(parts) < 3:
        return name
    return parts[1].upper() if len(parts[1]) <= 4 else parts[1].replace("-", " ").capitalize()
