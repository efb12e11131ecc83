"""Whether a device can print something as it was meant, and which one near it could. Values in, values out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from frisket.device.paper import same_paper, size_of
from frisket.device.status import Status, bare_reason
from frisket.device.views import DeviceView
from frisket.device.watched import is_broken

__all__ = ["Lack", "Need", "nearby", "unsuitable"]

LARGER = 500  # hundredths of a millimetre a page may stand over before it is another size


@dataclass(frozen=True, slots=True)
class Need:
    """What a job asks of a device; empty where it asks for nothing.

    format: media type. colour: it would lose something in black and white. sides: of RFC 8011. media: what was
    asked for. drawn: the size its pages were drawn for.
    """

    format: str = ""
    colour: bool = False
    sides: str = ""
    media: str = ""
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing a device cannot do. hard: no wish of the person changes it.

    what: off, broken, format, colour, sides, media (it never takes that paper), paper (it has none of it now).
    detail: keyword for a sentence: the device's own reason, the format, the paper.
    """

    what: str
    detail: str = ""
    hard: bool = False


def unsuitable(need: Need, there: DeviceView, how: Status, now: datetime) -> tuple[Lack, ...]:
    """Everything that speaks against printing there, the gravest first; empty when nothing does."""
    found = []
    if not there.active:
        found.append(Lack("off", hard=True))
    elif is_broken(there, now):
        found.append(Lack("broken", _worst_reason(there), hard=True))
    can = there.capabilities
    if need.format and need.format not in can.formats and "application/octet-stream" not in (need.format, *can.formats):
        found.append(Lack("format", need.format, hard=True))
    if need.colour and not can.colour:
        found.append(Lack("colour"))
    if need.sides.startswith("two-sided") and not any(each.startswith("two-sided") for each in can.sides):
        found.append(Lack("sides"))
    if (lack := _paper(need, there, how)) is not None:
        found.append(lack)
    return tuple(found)


def _worst_reason(there: DeviceView) -> str:
    if there.state == "unreachable":
        return "unreachable"
    errors = [reason for reason in there.state_reasons if not reason.endswith(("-warning", "-report"))]
    return bare_reason(errors[0]) if errors else "stopped"


def _paper(need: Need, there: DeviceView, how: Status) -> Lack | None:
    """The paper that was asked for, taken at all and loaded now; else pages larger than any paper it takes.

    A page somewhat larger or smaller than the paper is no lack: Letter is printed on A4 every day.
    """
    takes = there.capabilities.media
    if need.media:
        if takes and there.capabilities.probed and not any(same_paper(need.media, each) for each in takes):
            return Lack("media", need.media)
        loaded = [tray.media for tray in how.trays if tray.level.word != "missing" and not tray.manual]
        known = bool(loaded) and all(size_of(each) is not None for each in loaded)
        if known and size_of(need.media) and not any(same_paper(need.media, each) for each in loaded):
            return Lack("paper", need.media)
        return None
    drawn = size_of(need.drawn)
    sizes = [size for each in takes if (size := size_of(each)) is not None]
    if drawn is None or not sizes or not there.capabilities.probed:
        return None
    if any(size[0] + LARGER >= drawn[0] and size[1] + 10 * LARGER >= drawn[1] for size in sizes):
        return None
    return Lack("media", need.drawn)


def nearby(
    need: Need, here: DeviceView, others: Iterable[DeviceView], how: Mapping[UUID, Status], now: datetime
) -> list[DeviceView]:
    """The other devices that can print it now, the nearest first: what shares place and tags with this one."""
    able = [
        each for each in others if each.id != here.id and not unsuitable(need, each, how.get(each.id, Status()), now)
    ]
    idle = {"idle": 0, "processing": 1}
    return sorted(able, key=lambda each: (-_nearness(here, each), idle.get(each.state, 2), each.name))


def _nearness(one: DeviceView, other: DeviceView) -> int:
    """Shared tags, and how much of the place is the same from its beginning: "second floor, by the stairs"."""
    places = [[part.strip().casefold() for part in each.location.split(",") if part.strip()] for each in (one, other)]
    shared = 0
    for mine, theirs in zip(*places, strict=False):
        if mine != theirs:
            break
        shared += 1
    whole = bool(places[0]) and places[0] == places[1]
    return 2 * len(set(one.tags) & set(other.tags)) + 2 * shared + (3 if whole else 0)
