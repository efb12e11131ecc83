"""What of a ticket a printer is asked for: only what it lists, never something else in its place."""

from base64 import b64decode
from collections.abc import Sequence

from frisket.delivery.reading import most, numbers
from frisket.delivery.values import PrintTicket
from frisket.wire import ipp

__all__ = ["cannot", "job_attributes", "supports", "wanted_for"]

# Where the attribute's own list does not say what its members may be.
_MEMBERS = {"media-col": "media-col-supported", "finishings-col": "finishings-col-supported"}
_SELECTS = frozenset({"pages", "document-numbers", "document-number", "document-copies"})
_OF_A_SIZE = frozenset({"media-size", "media-size-name"})
# A device is never asked to keep, hold or repeat a job by itself, whatever its sender wrote: storing and holding are
# this house's, where they end with destruction (PWG 5100.11, 5100.13 job-save-disposition).
_KEEPS = frozenset(
    {
        *("job-save-disposition", "job-storage", "job-hold-until", "job-hold-until-time", "job-delay-output-until"),
        *("job-delay-output-until-time", "job-retain-until", "job-retain-until-interval", "job-retain-until-time"),
        *("job-password", "job-password-encryption", "job-release-action", "proof-print", "proof-copies"),
    }
)
_NOTHING_ASKED = {"sides": "one-sided", "print-color-mode": "auto"}


def wanted_for(ticket: PrintTicket) -> list[str]:
    """The attributes of the printer that say whether it can do what this ticket asks for beyond the usual."""
    names = [name for name, _ in ticket.options.as_sent]
    further = [_MEMBERS[name] for name in names if name in _MEMBERS]
    if "finishings-col" in names:
        further.append("finishing-template-supported")
    return [*(f"{name}-supported" for name in names if name not in _MEMBERS), *further]


def supports(printer: ipp.Group, *operations: int) -> bool:
    offered = {value.data for value in printer.values("operations-supported")}
    return all(operation in offered for operation in operations)


def job_attributes(ticket: PrintTicket, printer: ipp.Group) -> list[ipp.Attribute]:
    """What was asked for and the printer says it supports; the rest would only be refused."""
    further = [each for each in _as_sent(ticket) if _takes(printer, each)]
    whole = {each.name for each in further}
    return [*(each for each in _usual(ticket, printer) if f"{each.name}-col" not in whole), *further]


def _usual(ticket: PrintTicket, printer: ipp.Group) -> list[ipp.Attribute]:
    wanted = ticket.options
    found: list[ipp.Attribute] = []
    if ticket.copies > 1 and most(printer, "copies-supported") >= ticket.copies:
        found.append(ipp.attribute("copies", ipp.integer(ticket.copies)))
    for name, word in (
        ("sides", wanted.sides),
        ("print-color-mode", wanted.color_mode),
        ("media", wanted.media),
        ("output-bin", wanted.output_bin),
    ):
        if word and word in printer.texts(f"{name}-supported"):
            found.append(ipp.attribute(name, ipp.keyword(word)))
    for name, number in (
        ("print-quality", wanted.quality),
        ("orientation-requested", wanted.orientation),
    ):
        if number and number in numbers(printer.values(f"{name}-supported")):
            found.append(ipp.attribute(name, ipp.enum(number)))
    finishings = [n for n in wanted.finishings if n in numbers(printer.values("finishings-supported"))]
    if finishings:
        found.append(ipp.attribute("finishings", *(ipp.enum(number) for number in finishings)))
    if wanted.number_up > 1 and _holds(printer.values("number-up-supported"), wanted.number_up):
        found.append(ipp.attribute("number-up", ipp.integer(wanted.number_up)))
    if wanted.page_ranges and printer.boolean("page-ranges-supported"):
        found.append(ipp.attribute("page-ranges", *(ipp.range_(low, high) for low, high in wanted.page_ranges)))
    if wanted.resolution is not None:
        asked = ipp.resolution(*wanted.resolution)
        if asked in printer.values("printer-resolution-supported"):
            found.append(ipp.attribute("printer-resolution", asked))
    return found


def _as_sent(ticket: PrintTicket) -> list[ipp.Attribute]:
    found = [ipp.decode_attribute(b64decode(octets)) for _, octets in ticket.options.as_sent]
    return [each for each in found if each.name not in _KEEPS]


def _takes(printer: ipp.Group, attribute: ipp.Attribute) -> bool:
    rows = [value.data for value in attribute.values if isinstance(value.data, ipp.Collection)]
    if attribute.name == "overrides":
        known = printer.texts("overrides-supported")
        return all(each.name in known for row in rows for each in row if each.name in _SELECTS)
    if attribute.name in _MEMBERS:
        known = printer.texts(_MEMBERS[attribute.name])
        made = printer.texts("finishing-template-supported")
        templates = [word for row in rows for word in row.texts("finishing-template")]
        return all(each.name in known for row in rows for each in row) and all(word in made for word in templates)
    offered = printer.texts(f"{attribute.name}-supported")
    return all(value.text in offered for value in attribute.values)


def cannot(ticket: PrintTicket, printer: ipp.Group) -> str:
    """What of the ticket would come out wrong rather than merely different; "" when nothing would."""
    if ticket.copies > max(1, most(printer, "copies-supported")):
        return f"It cannot make {ticket.copies} copies."
    if len(ticket.documents) > 1 and not _many_documents(printer):
        return "It does not take several documents in one job."
    missing = _missing(ticket, printer)
    return f"It cannot do what the sender insists on: {', '.join(missing)}." if missing else ""


def _missing(ticket: PrintTicket, printer: ipp.Group) -> list[str]:
    """What the sender insists on and would not be asked for."""
    asked = {each.name for each in job_attributes(ticket, printer)}
    sent = {each.name: each for each in _as_sent(ticket)}
    return [
        name
        for name in ticket.options.must
        if name not in asked and not _means_nothing(name, ticket) and not _by_its_size(name, sent, asked)
    ]


def _means_nothing(name: str, ticket: PrintTicket) -> bool:
    """What every printer does anyway."""
    plain = {"copies": ticket.copies == 1, "finishings": not ticket.options.finishings}
    asked = {"sides": ticket.options.sides, "print-color-mode": ticket.options.color_mode}
    return plain.get(name, False) or (name in asked and asked[name] in ("", _NOTHING_ASKED[name]))


def _by_its_size(name: str, sent: dict[str, ipp.Attribute], asked: set[str]) -> bool:
    """A media-col that says no more than ``media`` does is as good as that."""
    if name != "media-col" or "media" not in asked or name not in sent:
        return False
    row = sent[name].values[0].data
    return isinstance(row, ipp.Collection) and {each.name for each in row} <= _OF_A_SIZE


def _holds(values: Sequence[ipp.Value], number: int) -> bool:
    ranges = [value.data for value in values if isinstance(value.data, ipp.Range)]
    return number in numbers(values) or any(each.lower <= number <= each.upper for each in ranges)


def _many_documents(printer: ipp.Group) -> bool:
    return bool(printer.boolean("multiple-document-jobs-supported")) and supports(
        printer, ipp.Operation.CREATE_JOB, ipp.Operation.SEND_DOCUMENT
    )
