"""The first checks of every request (RFC 8011 section 4.1), as questions about a decoded message.

What decoding itself refuses (repeated attributes, values that do not fit) is not asked again.
"""

from typing import NamedTuple

from frisket.wire.ipp.message import Attribute, Message
from frisket.wire.ipp.names import Operation
from frisket.wire.ipp.values import Localized, Value

__all__ = [
    "Problem",
    "Target",
    "check_lengths",
    "check_request",
    "check_target",
    "overlong",
    "target_of",
]

_BAD_REQUEST = 0x0400

# RFC 8011 section 5.1; octetString (1023 unless its attribute says otherwise) is left to the attribute.
_MOST_OCTETS = {
    0x35: 1023,
    0x36: 255,
    0x41: 1023,
    0x42: 255,
    0x44: 255,
    0x45: 1023,
    0x46: 63,
    0x47: 63,
    0x48: 63,
    0x49: 255,
}

_JOB_OPERATIONS = frozenset(
    (
        Operation.SEND_DOCUMENT,
        Operation.SEND_URI,
        Operation.CANCEL_JOB,
        Operation.GET_JOB_ATTRIBUTES,
        Operation.HOLD_JOB,
        Operation.RELEASE_JOB,
        Operation.RESTART_JOB,
        Operation.SET_JOB_ATTRIBUTES,
        Operation.REPROCESS_JOB,
        Operation.RESUME_JOB,
        Operation.PROMOTE_JOB,
        Operation.SCHEDULE_JOB_AFTER,
        Operation.CANCEL_DOCUMENT,
        Operation.GET_DOCUMENT_ATTRIBUTES,
        Operation.GET_DOCUMENTS,
        Operation.DELETE_DOCUMENT,
        Operation.SET_DOCUMENT_ATTRIBUTES,
        Operation.RESUBMIT_JOB,
        Operation.CLOSE_JOB,
        Operation.ACKNOWLEDGE_DOCUMENT,
        Operation.ACKNOWLEDGE_JOB,
        Operation.FETCH_DOCUMENT,
        Operation.FETCH_JOB,
        Operation.UPDATE_DOCUMENT_STATUS,
        Operation.UPDATE_JOB_STATUS,
        Operation.CUPS_AUTHENTICATE_JOB,
        Operation.CUPS_GET_DOCUMENT,
    )
)
# CUPS asks these of the server as a whole.
_NO_TARGET = frozenset(
    (
        Operation.CUPS_GET_DEFAULT,
        Operation.CUPS_GET_PRINTERS,
        Operation.CUPS_GET_CLASSES,
        Operation.CUPS_GET_DEVICES,
        Operation.CUPS_GET_PPDS,
        Operation.CUPS_GET_PPD,
        Operation.CUPS_CREATE_LOCAL_PRINTER,
    )
)
_TARGETED = frozenset(Operation) - _NO_TARGET


class Problem(NamedTuple):
    """Why a request is refused: the status to answer, and one sentence for status-message."""

    status: int
    message: str


class Target(NamedTuple):
    """What a request names; job_id goes with printer_uri."""

    printer_uri: str | None = None
    job_uri: str | None = None
    system_uri: str | None = None
    job_id: int | None = None


def check_request(request: Message) -> Problem | None:
    """The checks that need nothing but the message; the first that fails, else None."""
    if request.request_id <= 0:
        return Problem(_BAD_REQUEST, "The request-id must be 1 or more.")
    first = request.groups[0].attributes[:2] if request.groups and request.groups[0].tag == 0x01 else []
    if not _opens_well(first):
        return Problem(_BAD_REQUEST, "A request begins with attributes-charset, then attributes-natural-language.")
    if request.version[0] not in (1, 2):
        return Problem(0x0503, "Versions 1.0 to 2.2 are supported.")
    if first[0].values[0].data.lower() not in ("utf-8", "us-ascii"):
        return Problem(0x040D, "The charsets utf-8 and us-ascii are supported.")
    return None


def _opens_well(first: list[Attribute]) -> bool:
    """RFC 8011 section 4.1.4: these two, in this order, before all others, one value each."""
    return [(each.name, [value.tag for value in each.values]) for each in first] == [
        ("attributes-charset", [0x47]),
        ("attributes-natural-language", [0x48]),
    ]


def target_of(request: Message) -> Target:
    """What the operation attributes name; an address or id of a wrong syntax counts as absent."""
    operation = request.operation

    def address(name: str) -> str | None:
        values = operation.values(name)
        return values[0].text if len(values) == 1 and values[0].tag == 0x45 else None

    return Target(
        address("printer-uri"),
        address("job-uri"),
        address("system-uri"),
        operation.integer("job-id"),
    )


def check_target(request: Message) -> Problem | None:
    """Whether the request names what its operation needs (RFC 8011 section 4.1.5); 0x0400 when not.

    Operations that are not known pass: theirs is 0x0501.
    """
    if request.code not in _TARGETED:
        return None
    target = target_of(request)
    if request.code in _JOB_OPERATIONS:
        if target.job_uri is None and (target.printer_uri is None or target.job_id is None):
            return Problem(_BAD_REQUEST, "This operation needs job-uri, or printer-uri and job-id.")
    elif target[:3] == (None, None, None):
        return Problem(_BAD_REQUEST, "This operation needs the address of its target.")
    return None


def overlong(value: Value) -> bool:
    """Whether a string passes what its syntax allows (RFC 8011 section 5.1); collections are not entered."""
    most = _MOST_OCTETS.get(value.tag)
    characters = value.text
    if most is None or characters is None:
        return False
    if isinstance(value.data, Localized) and len(value.data.language) > 63:
        return True
    return len(characters) > most or len(characters.encode()) > most


def check_lengths(request: Message) -> Problem | None:
    """0x0409 when any string is longer than its syntax allows, members of collections included."""
    waiting = [attribute for group in request.groups for attribute in group]
    while waiting:
        name, values = waiting.pop()
        for value in values:
            if value.tag == 0x34:
                waiting.extend(value.data)
            elif overlong(value):
                return Problem(0x0409, f"A value of {name} is too long.")
    return None
