"""What the client asks for: job template attributes read into our options (RFC 8011 section 5.2).

What nobody behind the queue can do is given back as unsupported, and refused where the client insists
(``ipp-attribute-fidelity``, ``job-mandatory-attributes``).
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from frisket import device, job
from frisket.intake.ipp import terms
from frisket.intake.ipp.media import size_of
from frisket.intake.ipp.offered import WHICH_JOBS
from frisket.wire import ipp

__all__ = [
    "AS_EVERYBODY_DOES",
    "ON_PAPER",
    "Conflict",
    "Ticket",
    "by_size",
    "color_modes",
    "orientations",
    "read_ticket",
    "which_jobs",
]

AS_EVERYBODY_DOES = "separate-documents-collated-copies"  # multiple-document-handling of every driver


@dataclass(frozen=True, slots=True)
class Ticket:
    """What was asked for and can be done, and what cannot."""

    options: job.Options = field(default_factory=job.Options)
    copies: int = 1
    hold: str = ""
    hold_until: datetime | None = None
    terms: job.Terms = job.NO_TERMS
    unsupported: tuple[ipp.Attribute, ...] = ()
    must: bool = False  # the client would rather not print than print without those


_NOTHING = Ticket()
_ASKS = (0x01, 0x02)  # operation and job groups: some clients put job template attributes into either


class Conflict(Exception):
    """Always refused, whatever the fidelity: ``status`` says how."""

    def __init__(self, status: int, text: str, attribute: ipp.Attribute | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.attribute = attribute


# Names that say something about the request and nothing about the print.
_SILENT = frozenset(
    {
        "attributes-charset",
        "attributes-natural-language",
        "printer-uri",
        "job-uri",
        "job-id",
        "requesting-user-name",
        "requesting-user-uri",
        "job-name",
        "document-name",
        "document-format",
        "document-natural-language",
        "document-charset",
        "compression",
        "ipp-attribute-fidelity",
        "job-mandatory-attributes",
        "last-document",
        "job-k-octets",
        "job-impressions",
        "job-media-sheets",
        "job-pages",
        "job-password",
        "job-password-encryption",
        "job-originating-user-name",
        "job-originating-host-name",
        "client-info",
        "document-number",
        "document-format-version",
        "document-format-details",
        "requested-attributes",
        "limit",
        "my-jobs",
        "which-jobs",
        "message",
        "status-message",
        "document-access",
        "document-password",
        "job-uuid",
    }
)


def _no_sheets(value: ipp.Value) -> bool:
    members = value.data
    return (
        isinstance(members, ipp.Collection)
        and [each.name for each in members] == ["job-sheets"]
        and (members.text("job-sheets") == "none")
    )


_LOOSE: dict[str, Callable[[list[ipp.Value]], bool]] = {  # accepted where the value is the only thing we do anyway
    "job-sheets": lambda values: all(each.text == "none" for each in values),
    "job-sheets-col": lambda values: all(_no_sheets(each) for each in values),
    "multiple-document-handling": lambda values: values[0].text == AS_EVERYBODY_DOES,
    "job-priority": lambda values: isinstance(values[0].data, int) and 1 <= values[0].data <= 100,
}


def read_ticket(message: ipp.Message, can: device.Capabilities) -> Ticket:
    """Raises Conflict for what is refused whatever the fidelity."""
    asked = [each for group in message.groups if group.tag in _ASKS for each in group if each.name not in _SILENT]
    if not asked:
        return _NOTHING
    read = _Reading(can)
    for attribute in asked:
        read.take(attribute)
    fidelity = message.operation.boolean("ipp-attribute-fidelity") or False
    mandatory = set(message.operation.texts("job-mandatory-attributes"))
    must = bool(read.unsupported) and (fidelity or any(each.name in mandatory for each in read.unsupported))
    refused = {each.name for each in read.unsupported}
    insists = [each.name for each in asked if fidelity or each.name in mandatory]
    read.options["must"] = tuple(name for name in insists if name in ON_PAPER and name not in refused)
    options = job.Options(**read.options, as_sent=tuple(read.as_sent.items()))
    hold, until, asked_terms = read.terms.finished()
    return Ticket(options, read.copies, hold, until, asked_terms, tuple(read.unsupported), must)


class _Reading:
    def __init__(self, can: device.Capabilities) -> None:
        self.can = can
        self.options: dict[str, Any] = {}
        self.as_sent: dict[str, str] = {}  # name to encoded attribute, as the device shall get it
        self.copies = 1
        self.terms = terms.Reading()
        self.unsupported: list[ipp.Attribute] = []

    def take(self, attribute: ipp.Attribute) -> None:
        if not attribute.values or attribute.values[0].out_of_band:
            return
        known = self.terms.take(attribute)
        if known is not None:
            if not known:
                self.unsupported.append(attribute)
            return
        reader = _READERS.get(attribute.name)
        if reader is None:
            loose = _LOOSE.get(attribute.name)
            if loose is None:
                self.unsupported.append(ipp.attribute(attribute.name, ipp.unsupported()))
            elif not loose(attribute.values):
                self.unsupported.append(attribute)
        elif not reader(self, attribute):
            self.unsupported.append(attribute)

    def _word(self, attribute: ipp.Attribute, option: str, known: tuple[str, ...]) -> bool:
        word = attribute.values[0].text
        if word not in known:
            return False
        self.options[option] = word
        return True

    def _number(self, attribute: ipp.Attribute, option: str, known: tuple[int, ...]) -> bool:
        number = attribute.values[0].data
        if number not in known:
            return False
        self.options[option] = number
        return True

    def _copies(self, attribute: ipp.Attribute) -> bool:
        number = attribute.values[0].data
        if not isinstance(number, int) or not 1 <= number <= max(1, self.can.copies_max):
            return False
        self.copies = number
        return True

    def _media(self, attribute: ipp.Attribute) -> bool:
        if "media-col" in self.as_sent:
            raise Conflict(0x0400, "Send media or media-col, not both.", attribute)
        return self._word(attribute, "media", self.can.media)

    def _media_col(self, attribute: ipp.Attribute) -> bool:
        members = attribute.values[0].data
        if not isinstance(members, ipp.Collection):
            return False
        if "media" in self.options:
            raise Conflict(0x0400, "Send media or media-col, not both.", attribute)
        found = self._size_of(members)
        if found is None or not self._members_fit(members):
            return False
        if found:
            self.options["media"] = found
        self._keep(attribute)
        return True

    def _size_of(self, members: ipp.Collection) -> str | None:
        """The name of the size asked for; "" where none is, or one that may be chosen freely; None: not to be had."""
        named = members.text("media-size-name") or members.text("media-key")
        if named in self.can.media:
            return named
        size = members.first("media-size")
        if size is None and named is None:
            return ""
        found = by_size(size, self.can.media)
        return found if found is not None else "" if self._free_size(size) else None

    def _free_size(self, size: object) -> bool:
        if not isinstance(size, ipp.Collection):
            return False
        x, y = size.integer("x-dimension"), size.integer("y-dimension")
        if x is None or y is None:
            return False
        return any(
            each.x_most and each.y_most and each.x <= x <= each.x_most and each.y <= y <= each.y_most
            for each in self.can.media_cols
        )

    def _members_fit(self, members: ipp.Collection) -> bool:
        return all(
            each.name in _MEDIA_MEMBERS and _MEDIA_MEMBERS[each.name](self.can, each.values[0]) for each in members
        )

    def _word_of(self, attribute: ipp.Attribute) -> bool:
        """A keyword that the device gets as it came."""
        if attribute.values[0].text not in self.can.keywords(attribute.name):
            loose = _LOOSE.get(attribute.name)
            return loose is not None and loose(attribute.values)
        self._keep(attribute)
        return True

    def _number_up(self, attribute: ipp.Attribute) -> bool:
        number = attribute.values[0].data
        if number == 1:
            return True
        return self._number(attribute, "number_up", self.can.number_up)

    def _finishings_col(self, attribute: ipp.Attribute) -> bool:
        known = self.can.keywords("finishing-template")
        for value in attribute.values:
            row = value.data
            if not isinstance(row, ipp.Collection) or [each.name for each in row] != ["finishing-template"]:
                return False
            if row.text("finishing-template") not in known:
                return False
        self._keep(attribute)
        return True

    def _overrides(self, attribute: ipp.Attribute) -> bool:
        """Other values for some of the pages (PWG 5100.6): each of them has to be one we can do at all."""
        selects = self.can.keywords("overrides")
        for value in attribute.values:
            row = value.data
            if not isinstance(row, ipp.Collection):
                return False
            inside = _Reading(self.can)
            for each in row:
                if each.name in _SELECTS:
                    if each.name not in selects:
                        return False
                    _rising(each)
                elif each.name in _NEVER_FOR_PAGES:
                    return False
                else:
                    inside.take(each)
            if inside.unsupported:
                return False
        self._keep(attribute)
        return True

    def _keep(self, attribute: ipp.Attribute) -> None:
        self.as_sent[attribute.name] = b64encode(ipp.encode_attribute(attribute)).decode()

    def _resolution(self, attribute: ipp.Attribute) -> bool:
        value = attribute.values[0].data
        if not isinstance(value, ipp.Resolution) or value.cross_feed not in (self.can.resolutions or (300,)):
            return False
        self.options["resolution"] = (value.cross_feed, value.feed)
        return True

    def _page_ranges(self, attribute: ipp.Attribute) -> bool:
        ranges = _rising(attribute)
        if not self.can.page_ranges:
            return False
        self.options["page_ranges"] = tuple((each.lower, each.upper) for each in ranges)
        return True

    def _finishings(self, attribute: ipp.Attribute) -> bool:
        asked = [each.data for each in attribute.values]
        if any(each != 3 and each not in self.can.finishings for each in asked):
            return False
        self.options["finishings"] = tuple(each for each in asked if each != 3)
        return True


_READERS: dict[str, Callable[[_Reading, ipp.Attribute], bool]] = {
    "copies": _Reading._copies,
    "sides": lambda r, a: r._word(a, "sides", ("one-sided", *r.can.sides)),
    "print-color-mode": lambda r, a: r._word(a, "color_mode", color_modes(r.can)),
    "output-bin": lambda r, a: r._word(a, "output_bin", r.can.output_bins or ("auto",)),
    "print-content-optimize": _Reading._word_of,
    "print-rendering-intent": _Reading._word_of,
    "print-scaling": _Reading._word_of,
    "multiple-document-handling": _Reading._word_of,
    "number-up": _Reading._number_up,
    "finishings-col": _Reading._finishings_col,
    "overrides": _Reading._overrides,
    "media": _Reading._media,
    "media-col": _Reading._media_col,
    "print-quality": lambda r, a: r._number(a, "quality", r.can.qualities or (4,)),
    "orientation-requested": lambda r, a: r._number(a, "orientation", orientations(r.can)),
    "printer-resolution": _Reading._resolution,
    "page-ranges": _Reading._page_ranges,
    "finishings": _Reading._finishings,
}


# What a sender can insist on: that which shows on paper.
ON_PAPER = frozenset(_READERS) - {"multiple-document-handling"}
_SELECTS = frozenset({"pages", "document-numbers", "document-number", "document-copies"})
_NEVER_FOR_PAGES = terms.NAMES | {"copies", "overrides", "page-ranges", "multiple-document-handling"}


def _margin(side: int) -> Callable[[device.Capabilities, ipp.Value], bool]:
    """A margin that is offered; where none is listed, any that a sheet can have."""
    return lambda can, value: (
        isinstance(value.data, int) and (value.data in can.margins[side] if can.margins else value.data >= 0)
    )


_MEDIA_MEMBERS: dict[str, Callable[[device.Capabilities, ipp.Value], bool]] = {
    "media-size": lambda can, value: True,  # looked at before
    "media-size-name": lambda can, value: True,
    "media-key": lambda can, value: True,
    "media-source": lambda can, value: value.text in (can.media_sources or ("auto",)),
    "media-type": lambda can, value: value.text in (can.media_types or ("auto",)),
    "media-bottom-margin": _margin(0),
    "media-left-margin": _margin(1),
    "media-right-margin": _margin(2),
    "media-top-margin": _margin(3),
}


def _rising(attribute: ipp.Attribute) -> list[ipp.Range]:
    """Ranges that rise and do not overlap, else Conflict (RFC 8011 section 5.2.7)."""
    ranges = [each.data for each in attribute.values]
    last = 0
    for each in ranges:
        if not isinstance(each, ipp.Range) or each.lower <= last or each.upper < each.lower:
            raise Conflict(0x0400, f"{attribute.name} must rise and must not overlap.", attribute)
        last = each.upper
    return ranges


def color_modes(can: device.Capabilities) -> tuple[str, ...]:
    """print-color-mode: what the devices say, and what the house can say for them."""
    known = tuple(each for each in can.color_modes if each in _COLOR_MODES)
    if not known:
        return ("auto", "color", "monochrome") if can.colour else ("auto", "monochrome")
    return known if "auto" in known else ("auto", *known)  # auto is no wish at all: any device can do that


_COLOR_MODES = frozenset(
    {
        "auto",
        "auto-monochrome",
        "bi-level",
        "color",
        "highlight",
        "monochrome",
        "process-bi-level",
        "process-monochrome",
    }
)


def orientations(can: device.Capabilities) -> tuple[int, ...]:
    return can.orientations or (3, 4, 5, 6)


def by_size(size: object, media: tuple[str, ...]) -> str | None:
    if not isinstance(size, ipp.Collection):
        return None
    width, height = size.integer("x-dimension"), size.integer("y-dimension")
    for name in media:
        known = size_of(name)
        if known is None or width is None or height is None:
            continue
        if abs(known[0] - width) <= 50 and abs(known[1] - height) <= 50:  # half a millimetre
            return name
    return None


def which_jobs(message: ipp.Message) -> str:
    """The which-jobs keyword; raises Conflict for one we do not have (RFC 8011 section 4.2.6.1)."""
    word = message.operation.text("which-jobs") or "not-completed"
    if word not in WHICH_JOBS:
        raise Conflict(0x040B, "No such which-jobs.", ipp.attribute("which-jobs", ipp.keyword(word)))
    return word
