"""Messages to octets (RFC 8010 section 3).

A server that answers the same attributes again and again encodes them once with `encode_attribute` and puts
whole messages together with `assemble`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from struct import Struct
from struct import error as StructError
from typing import Any

from frisket.wire.ipp.errors import Unencodable
from frisket.wire.ipp.message import Attribute, Attributes, Collection, Group, Message
from frisket.wire.ipp.values import MINUS_ZERO, Localized, Value

__all__ = ["assemble", "encode", "encode_attribute", "encode_group"]

_LONGEST = 0x7FFF

_head = Struct(">BBHi").pack
_int = Struct(">i").pack
_two = Struct(">ii").pack
_resolution = Struct(">iib").pack
_date = Struct(">H9B").pack
_length = Struct(">H").pack
_unnamed = Struct(">BHH").pack


def _out_of_band(data: bytes | None) -> bytes:
    return data or b""


def _boolean(data: object) -> bytes:
    if not isinstance(data, bool):
        raise TypeError("a boolean that is none")
    return b"\x01" if data else b"\x00"


def _octets(data: object) -> bytes:
    if not isinstance(data, bytes):
        raise TypeError("octets that are none")
    return data


def _extension(data: object) -> bytes:
    octets = _octets(data)
    if len(octets) < 4:
        raise ValueError("an extension value without its tag")
    return octets


def _date_octets(data: datetime | bytes) -> bytes:
    if isinstance(data, bytes):
        if len(data) != 11:
            raise ValueError("a dateTime that has not 11 octets")
        return data
    offset = data.utcoffset()
    if offset is None:
        raise ValueError("a dateTime without a time zone")
    minus = offset < timedelta(0) or data.tzinfo is MINUS_ZERO
    minutes, seconds = divmod(abs(offset), timedelta(minutes=1))
    if seconds:
        raise ValueError("a time zone that is not in whole minutes")
    hours, minutes = divmod(minutes, 60)
    tenth = data.microsecond // 100_000
    sign = 0x2D if minus else 0x2B
    return _date(data.year, data.month, data.day, data.hour, data.minute, data.second, tenth, sign, hours, minutes)


def _localized(data: Localized) -> bytes:
    language, characters = data.language.encode("ascii"), data.text.encode()
    return b"".join((_length(len(language)), language, _length(len(characters)), characters))


def _ascii(data: str) -> bytes:
    return data.encode("ascii")


def _utf8(data: str) -> bytes:
    return data.encode()


def _pair(data: tuple[int, int]) -> bytes:
    return _two(*data)


def _dots(data: tuple[int, int, int]) -> bytes:
    return _resolution(*data)


def _none(data: object) -> bytes:
    raise ValueError("a delimiter or a part of a collection as a value")


def _table() -> list[Callable[[Any], bytes]]:
    table: list[Callable[[Any], bytes]] = [_octets] * 256
    table[0x00:0x10] = [_none] * 16
    table[0x10:0x20] = [_out_of_band] * 16
    table[0x21] = table[0x23] = _int
    table[0x22] = _boolean
    table[0x31] = _date_octets
    table[0x32] = _dots
    table[0x33] = _pair
    table[0x35] = table[0x36] = _localized
    table[0x37] = table[0x4A] = _none
    table[0x41] = table[0x42] = _utf8
    table[0x44:0x4A] = [_ascii] * 6
    table[0x7F] = _extension
    return table


_WRITE = _table()


@lru_cache(maxsize=4096)
def _name(name: str) -> bytes:
    """The name with its length before it; a house knows a few hundred names."""
    octets = name.encode("ascii")
    if not 0 < len(octets) <= 255:
        raise ValueError("a name that has not 1 to 255 octets")
    return _length(len(octets)) + octets


def _append(parts: list[bytes], name: str, values: Iterable[Value]) -> None:
    """Append the encoded attribute; parts of collections come without names, hence the two heads."""
    label = _name(name)
    before = len(parts)
    for tag, data in values:
        if tag == 0x34:
            parts.append(b"\x34" + label + b"\x00\x00")
            _append_members(parts, data)
        else:
            octets = _WRITE[tag](data)
            if len(octets) > _LONGEST:
                raise ValueError("a value of more than 32767 octets")
            parts.append(b"%c%b%b%b" % (tag, label, _length(len(octets)), octets))
        label = b"\x00\x00"
    if len(parts) == before:
        raise ValueError("an attribute without a value")


def _append_members(parts: list[bytes], members: Collection) -> None:
    if not isinstance(members, Collection):
        raise TypeError("a collection that is none")
    for name, values in members:
        label = _name(name)
        parts.append(b"\x4a\x00\x00" + label)
        before = len(parts)
        for tag, data in values:
            if tag == 0x34:
                parts.append(b"\x34\x00\x00\x00\x00")
                _append_members(parts, data)
            else:
                octets = _WRITE[tag](data)
                if len(octets) > _LONGEST:
                    raise ValueError("a value of more than 32767 octets")
                parts.append(_unnamed(tag, 0, len(octets)))
                parts.append(octets)
        if len(parts) == before:
            raise ValueError("a member without a value")
    parts.append(b"\x37\x00\x00\x00\x00")


def _append_all(parts: list[bytes], attributes: Attributes | Iterable[Attribute]) -> None:
    name = ""
    try:
        for name, values in attributes:
            _append(parts, name, values)
    except (TypeError, ValueError, AttributeError, StructError, RecursionError) as error:
        # Without its cause, which may carry the value. The name is one of ours or was read from a peer.
        kind = type(error).__name__
        raise Unencodable(f"the attribute {name!r:.260} has a value that IPP cannot carry ({kind})") from None


def encode_attribute(attribute: Attribute) -> bytes:
    """The octets of one attribute. Raises Unencodable."""
    parts: list[bytes] = []
    _append_all(parts, (attribute,))
    return b"".join(parts)


def encode_group(group: Group) -> bytes:
    """The octets of a group with its delimiter. Raises Unencodable."""
    if not 0 < group.tag < 0x10 or group.tag == 0x03:
        raise Unencodable(f"0x{group.tag:02x} begins no group")
    parts = [bytes((group.tag,))]
    _append_all(parts, group)
    return b"".join(parts)


def assemble(version: tuple[int, int], code: int, request_id: int, parts: Iterable[bytes]) -> bytes:
    """A message around parts that are encoded already.

    parts: each a delimiter octet, an `encode_group`, or `encode_attribute`s of the group begun before them.
    Raises Unencodable.
    """
    try:
        head = _head(*version, code, request_id)
    except (StructError, TypeError) as error:
        raise Unencodable(f"a head that IPP cannot carry: {error}") from error
    return b"".join((head, *parts, b"\x03"))


def encode(message: Message) -> bytes:
    """The octets of a message, up to and with 0x03. Raises Unencodable."""
    parts: list[bytes] = []
    for group in message.groups:
        parts.append(encode_group(group))
    return assemble(message.version, message.code, message.request_id, parts)
