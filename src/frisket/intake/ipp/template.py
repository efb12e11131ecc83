"""What the client asks for: job template attributes read into our options (RFC 8011 section 5.2).

What nobody behind the queue can do is given back as unsupported, and refused where the client insists
(``ipp-attribute-fidelity``, ``job-mandatory-attributes``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from frisket import device, job
from frisket.intake.ipp import terms
from frisket.intake.ipp.printer import WHICH_JOBS, size_of
from frisket.wire import ipp

__all__ = ["Conflict", "Ticket", "read_ticket"]


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

_LOOSE: dict[str, Callable[[list[ipp.Value]], bool]] = {  # accepted where the value is the only thing we do anyway
    "job-sheets": lambda values: all(each.text == "none" for each in values),
    "number-up": lambda values: values[0].data == 1,
    "multiple-document-handling": lambda values: values[0].text == "separate-documents-collated-copies",
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
    hold, until, terms = read.terms.finished()
    return Ticket(job.Options(**read.options), read.copies, hold, until, terms, tuple(read.unsupported), must)


class _Reading:
    def __init__(self, can: device.Capabilities) -> None:
        self.can = can
        self.options: dict[str, Any] = {}
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
        return self._word(attribute, "media", self.can.media)

    def _media_col(self, attribute: ipp.Attribute) -> bool:
        if self.options.get("media"):
            raise Conflict(0x0400, "Send media or media-col, not both.", attribute)
        members = attribute.values[0].data
        if not isinstance(members, ipp.Collection):
            return False
        named = members.text("media-size-name") or members.text("media-key")
        size = members.first("media-size")
        found = named if named in self.can.media else _by_size(size, self.can.media)
        if found is None:
            return False
        self.options["media"] = found
        return True

    def _resolution(self, attribute: ipp.Attribute) -> bool:
        value = attribute.values[0].data
        if not isinstance(value, ipp.Resolution) or value.cross_feed not in (self.can.resolutions or (300,)):
            return False
        self.options["resolution"] = (value.cross_feed, value.feed)
        return True

    def _page_ranges(self, attribute: ipp.Attribute) -> bool:
        ranges = [each.data for each in attribute.values]
        last = 0
        for each in ranges:
            if not isinstance(each, ipp.Range) or each.lower <= last or each.upper < each.lower:
                raise Conflict(0x0400, "page-ranges must rise and must not overlap.", attribute)
            last = each.upper
        if "application/pdf" not in self.can.formats:
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
    "print-color-mode": lambda r, a: r._word(a, "color_mode", _modes(r.can)),
    "output-bin": lambda r, a: r._word(a, "output_bin", r.can.output_bins or ("auto",)),
    "media": _Reading._media,
    "media-col": _Reading._media_col,
    "print-quality": lambda r, a: r._number(a, "quality", r.can.qualities or (4,)),
    "orientation-requested": lambda r, a: r._number(a, "orientation", (3, 4, 5, 6, 7)),
    "printer-resolution": _Reading._resolution,
    "page-ranges": _Reading._page_ranges,
    "finishings": _Reading._finishings,
}


def _modes(can: device.Capabilities) -> tuple[str, ...]:
    return ("auto", "color", "monochrome") if can.colour else ("auto", "monochrome")


def _by_size(size: object, media: tuple[str, ...]) -> str | None:
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
