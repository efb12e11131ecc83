"""Notifications of SNMP agents (RFC 1157, RFC 3416, RFC 3412): that somebody says something, not what.

Only the frame is read: which version, whether it is a trap or an inform, and how an inform is acknowledged. What is
inside counts for nothing, because anybody can write it: whoever wants to know asks the agent itself.
"""

from dataclasses import dataclass
from enum import StrEnum

from frisket.wire.errors import WireError

__all__ = ["LONGEST", "Kind", "Notice", "read"]

LONGEST = 8192  # octets of a datagram that is looked at
_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04
_RESPONSE, _TRAP_V1, _INFORM, _TRAP = 0xA2, 0xA4, 0xA6, 0xA7
_V3 = 3
_FLAGS = {"priv": 0x02, "reportable": 0x04}


class Kind(StrEnum):
    TRAP = "trap"
    INFORM = "inform"
    SEALED = "sealed"  # of version 3, encrypted: what it is cannot be seen
    ASKING = "asking"  # of version 3: an agent asks who we are before it sends an inform


@dataclass(frozen=True, slots=True)
class Notice:
    """version: 1, 2 or 3. answer: the octets that acknowledge it; empty where nothing is to be said."""

    version: int
    kind: Kind
    answer: bytes = b""


def read(datagram: bytes) -> Notice:
    """Raises WireError for everything that is no notification."""
    if len(datagram) > LONGEST:
        raise WireError("a notification longer than any")
    message, rest = _take(datagram, _SEQUENCE)
    if rest:
        raise WireError("octets behind the message")
    version, body = _number(message)
    if version == _V3:
        return _v3(body)
    if version not in (0, 1):
        raise WireError("a version of SNMP that is none")
    community, pdu = _take(body, _OCTETS)
    tag, inside, rest = _any(pdu)
    if rest or (version == 0) != (tag == _TRAP_V1) or tag not in (_TRAP_V1, _TRAP, _INFORM):
        raise WireError("no trap and no inform of its version")
    if tag == _TRAP_V1:
        return Notice(1, Kind.TRAP)
    answer = _answer(community, inside)
    return Notice(2, Kind.INFORM, answer) if tag == _INFORM else Notice(2, Kind.TRAP)


def _answer(community: bytes, pdu: bytes) -> bytes:
    """The same message as a response without an error (RFC 3416 section 4.2.7)."""
    request, rest = _take(pdu, _INTEGER)
    _, rest = _number(rest)
    _, rest = _number(rest)
    bindings, rest = _take(rest, _SEQUENCE)
    if rest or len(request) > 4:
        raise WireError("an inform with octets behind it")
    zero = _wrap(_INTEGER, b"\0")
    inside = _wrap(_INTEGER, request) + zero + zero + _wrap(_SEQUENCE, bindings)
    return _wrap(_SEQUENCE, _wrap(_INTEGER, b"\1") + _wrap(_OCTETS, community) + _wrap(_RESPONSE, inside))


def _v3(body: bytes) -> Notice:
    """RFC 3412 section 6. Its security parameters are not looked at."""
    head, rest = _take(body, _SEQUENCE)
    _, rest_of_head = _number(head)
    _, rest_of_head = _number(rest_of_head)
    flags, _ = _take(rest_of_head, _OCTETS)
    if len(flags) != 1:
        raise WireError("flags of another length than one octet")
    _, rest = _take(rest, _OCTETS)
    if flags[0] & _FLAGS["priv"]:
        _, rest = _take(rest, _OCTETS)
        if rest:
            raise WireError("octets behind the message")
        return Notice(3, Kind.SEALED)
    scoped, rest = _take(rest, _SEQUENCE)
    if rest:
        raise WireError("octets behind the message")
    _, scoped = _take(scoped, _OCTETS)
    _, scoped = _take(scoped, _OCTETS)
    tag, _, _ = _any(scoped)
    if tag == _TRAP:
        return Notice(3, Kind.TRAP)
    if tag == _INFORM:
        return Notice(3, Kind.INFORM)
    if flags[0] & _FLAGS["reportable"]:
        return Notice(3, Kind.ASKING)
    raise WireError("no trap and no inform of its version")


# -- BER, definite lengths only (RFC 3417 section 8) -----------------------------------------------


def _any(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content, and what is behind it."""
    if len(data) < 2:
        raise WireError("a value is cut off")
    tag, size, at = data[0], data[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or len(data) < 2 + count:
            raise WireError("a length that is none")
        at += count
        size = int.from_bytes(data[2:at], "big")
    if len(data) - at < size:
        raise WireError("a value is cut off")
    return tag, data[at : at + size], data[at + size :]


def _take(data: bytes, wanted: int) -> tuple[bytes, bytes]:
    tag, content, rest = _any(data)
    if tag != wanted:
        raise WireError("a value of another type than expected")
    return content, rest


def _number(data: bytes) -> tuple[int, bytes]:
    content, rest = _take(data, _INTEGER)
    if not 1 <= len(content) <= 5:
        raise WireError("a number of no such size")
    return int.from_bytes(content, "big", signed=True), rest


def _wrap(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
