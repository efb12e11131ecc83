"""IPP as the load generator speaks it (RFC 8010), apart from the house's own codec: it must not share its bugs."""

import struct
from dataclasses import dataclass

__all__ = ["OPERATIONS", "Answer", "BadAnswer", "parse", "request"]

OPERATIONS = {
    "print-job": 2,
    "cancel-job": 8,
    "get-job-attributes": 9,
    "get-jobs": 10,
    "get-printer-attributes": 11,
    "release-job": 13,
}
_KEYWORD, _INTEGER, _BOOLEAN, _NAME, _URI, _MIME = 0x44, 0x21, 0x22, 0x42, 0x45, 0x49


class BadAnswer(Exception):
    """What came back is no IPP answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    request_id: int
    job_id: int | None
    job_state: int | None
    jobs: int  # job groups in the answer
    message: str


def _attribute(tag: int, name: str, value: str | bytes) -> bytes:
    octets = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">BH", tag, len(name)) + name.encode() + struct.pack(">H", len(octets)) + octets


def request(
    operation: str, number: int, uri: str, user: str, *, job: int | None = None, limit: int = 100, hold: bool = True
) -> bytes:
    """One request of one of OPERATIONS. ``hold``: a print job waits for its release."""
    out = struct.pack(">BBHIB", 2, 0, OPERATIONS[operation], number, 1)
    out += _attribute(0x47, "attributes-charset", "utf-8") + _attribute(0x48, "attributes-natural-language", "en")
    out += _attribute(_URI, "printer-uri", uri)
    if job is not None:
        out += _attribute(_INTEGER, "job-id", struct.pack(">i", job))
    out += _attribute(_NAME, "requesting-user-name", user)
    if operation == "print-job":
        out += _attribute(_NAME, "job-name", f"load-{number}") + _attribute(_MIME, "document-format", "application/pdf")
        if hold:
            out += b"\x02" + _attribute(_KEYWORD, "job-hold-until", "indefinite")
    elif operation == "get-jobs":
        out += _attribute(_KEYWORD, "which-jobs", "not-completed") + _attribute(_BOOLEAN, "my-jobs", b"\x01")
        out += _attribute(_INTEGER, "limit", struct.pack(">i", limit))
        out += _attribute(_KEYWORD, "requested-attributes", "job-id") + _attribute(_KEYWORD, "", "job-name")
        out += _attribute(_KEYWORD, "", "job-state")
    return out + b"\x03"


def parse(octets: bytes) -> Answer:
    """Raises BadAnswer."""
    try:
        return _parse(octets)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise BadAnswer(f"{len(octets)} octets that are no IPP answer") from error


def _parse(octets: bytes) -> Answer:
    status, number = struct.unpack(">HI", octets[2:8])
    at, jobs = 8, 0
    numbers: dict[bytes, int] = {}
    message = ""
    while (tag := octets[at]) != 3:
        at += 1
        if tag < 0x10:
            jobs += tag == 2
            continue
        size = struct.unpack_from(">H", octets, at)[0]
        name = octets[at + 2 : at + 2 + size]
        at += 2 + size
        size = struct.unpack_from(">H", octets, at)[0]
        value = octets[at + 2 : at + 2 + size]
        at += 2 + size
        if name in (b"job-id", b"job-state") and size == 4:
            numbers.setdefault(name, struct.unpack(">i", value)[0])
        elif name == b"status-message":
            message = value.decode("utf-8", "replace")
    return Answer(status, number, numbers.get(b"job-id"), numbers.get(b"job-state"), jobs, message)
