"""A queue's answer to Get-Printer-Attributes (RFC 8011 section 4.2.5).

Attributes lie encoded in a cache per queue and address; a request picks names from it, and what many clients
ask for in the same words is put together once. The cache is made anew when any queue or device changes
(``device.version()``), and when the house learns to convert.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from frisket import device, job
from frisket.intake.capabilities import capabilities_of, formats_of
from frisket.intake.ipp.condition import condition, is_told
from frisket.intake.ipp.description import Address, changed_at, description_attributes
from frisket.intake.ipp.media import media_attributes
from frisket.intake.ipp.offered import OPERATIONS
from frisket.intake.ipp.supported import keywords, template_attributes
from frisket.plumbing import parts
from frisket.wire import ipp

__all__ = ["OPERATIONS", "Address", "printer_group", "state_filter", "up_time"]

log = logging.getLogger("frisket.intake.ipp")
_House = tuple[int, frozenset[str]]  # the version of queues and devices, and what becomes PDF here


def printer_group(
    queue: device.QueueView, address: Address, wanted: Sequence[str], *, queued: int, believed: bool
) -> bytes:
    """The encoded printer-attributes group with what was asked for (RFC 8011 section 4.2.5.1)."""
    at = (queue.id.hex, (device.version(), device.convertible()), address, believed)
    still = _still(*at)
    # Only names we know: what is kept for the next time must not be as large as a stranger likes.
    asked = tuple(dict.fromkeys(name for name in wanted if name in still or name in _OTHER_WORDS))
    picked = _picked(*at, asked if asked or not wanted else ("none",))
    if not picked.moving:
        return picked.encoded
    moving = _moving(queue, queued)
    return picked.encoded + b"".join([ipp.encode_attribute(each) for each in moving if each.name in picked.moving])


@dataclass(frozen=True, slots=True)
class _Picked:
    encoded: bytes  # the group's delimiter and everything that stays
    moving: frozenset[str]  # names that were asked for, too, and differ from one answer to the next


@lru_cache(maxsize=128)
def _picked(queue_hex: str, house: _House, address: Address, believed: bool, wanted: tuple[str, ...]) -> _Picked:
    still = _still(queue_hex, house, address, believed)
    encoded = b"".join([b"\x04", *(still[name] for name in _choose(wanted, still))])
    return _Picked(encoded, frozenset(_choose(wanted, _MOVING)))


def _choose(wanted: Sequence[str], known: Sequence[str] | dict[str, bytes]) -> list[str]:
    asked = set(wanted)
    everything = not wanted or "all" in asked

    def take(name: str) -> bool:
        if name in asked:
            return True
        if name == "media-col-database":  # large: only where it is named (PWG 5100.7 section 6.9)
            return False
        return everything or ("job-template" if ipp.is_job_template(name) else "printer-description") in asked

    return [name for name in known if take(name)]


@lru_cache(maxsize=512)
def _still(queue_hex: str, house: _House, address: Address, believed: bool) -> dict[str, bytes]:
    """Everything that stays until a queue or device changes."""
    queue = device.queue(UUID(queue_hex))
    can, formats = capabilities_of(queue), list(formats_of(queue))
    listed = [
        *description_attributes(queue, can, formats, address, believed=believed),
        *_since_when(queue),
        *template_attributes(can),
        *media_attributes(can),
    ]
    encoded = {}
    for each in listed:
        try:
            encoded[each.name] = ipp.encode_attribute(each)
        except ipp.Unencodable as error:  # a device's own word that IPP has no way to say
            log.error("left out of what a queue says of itself: %s", error)
    return encoded


def _since_when(queue: device.QueueView) -> list[ipp.Attribute]:
    since = changed_at(queue)
    return [ipp.attribute("printer-config-change-time", ipp.integer(ticks(since)))]


_MOVING = (
    "printer-is-accepting-jobs",
    "printer-state",
    "printer-state-reasons",
    "printer-state-message",
    "printer-up-time",
    "printer-current-time",
    "printer-state-change-time",
    "printer-state-change-date-time",
    "queued-job-count",
)


_OTHER_WORDS = frozenset({"all", "job-template", "printer-description", *_MOVING})


def _moving(queue: device.QueueView, queued: int) -> list[ipp.Attribute]:
    """What differs from one answer to the next, in the order of _MOVING."""
    state, reasons, message = _state(queue)
    now = parts.clock().now()
    since = _state_since(queue.id, (state, *reasons), now)
    a = ipp.attribute
    return [
        a("printer-is-accepting-jobs", ipp.boolean(queue.accepting)),
        a("printer-state", ipp.enum(state)),
        keywords("printer-state-reasons", reasons),
        a("printer-state-message", ipp.text(message)),
        a("printer-up-time", ipp.integer(up_time())),
        a("printer-current-time", ipp.datetime_value(now)),
        a("printer-state-change-time", ipp.integer(ticks(since))),
        a("printer-state-change-date-time", ipp.datetime_value(since)),
        a("queued-job-count", ipp.integer(queued)),
    ]


_HALTED = {"paused": "An operator paused this queue.", "shutdown": "An operator closed this queue."}
_UNTOLD = "Status not available."
_SAID = {3: "Ready.", 4: "Printing.", 5: "Every device of this queue is stopped."}


def _state(queue: device.QueueView) -> tuple[int, list[str], str]:
    """printer-state, its reasons, and a sentence."""
    state, reasons = condition(queue)
    if queue.halt:
        return state, reasons, _HALTED[queue.halt]
    return state, reasons, _SAID[state] if is_told(queue) else _UNTOLD


_seen: dict[UUID, tuple[tuple[int | str, ...], datetime]] = {}


def _state_since(queue: UUID, state: tuple[int | str, ...], now: datetime) -> datetime:
    """When the state was first seen to be what it is; for the first one, when it was first looked at."""
    known = _seen.get(queue)
    if known is None or known[0] != state:
        known = _seen[queue] = (state, now)
    return known[1]


def up_time() -> int:
    """Seconds the house has run; never 0 (RFC 8011 section 5.4.29)."""
    return int(parts.clock().elapsed()) + 1


def ticks(moment: datetime) -> int:
    """A moment on the scale of printer-up-time; 1 for what was before the house ran."""
    ago = int((parts.clock().now() - moment).total_seconds())
    return max(1, up_time() - max(0, ago))


def state_filter(which: str) -> tuple[job.State, ...]:
    """Our states for a which-jobs keyword (PWG 5100.7 section 6.5)."""
    s = job.State
    done = (s.ENDED, s.ERASED)
    waiting = (s.HELD, s.QUARANTINED)
    pending = (s.RECEIVING, s.RECEIVED, s.ADMITTED, s.PREPARED, s.RELEASED)
    running = (s.SENDING, s.UNCERTAIN, s.DELIVERED)
    return {
        "completed": done,
        "aborted": done,
        "canceled": done,
        "pending-held": waiting,
        "proof-and-suspend": (s.HELD,),
        "proof-print": (s.HELD,),
        "stored-owner": (s.ENDED,),
        "stored-public": (s.ENDED,),
        "pending": pending,
        "processing": running,
        "processing-stopped": running,
        "not-completed": (*pending, *waiting, *running),
        "all": (),
    }[which]
