"""Octets to messages (RFC 8010 section 3).

The reader is pushed: it takes octets as they come and never asks for more. It works in units, a unit being
one delimiter or one tag-name-value; what is left of an incomplete unit is kept and looked at again only when
as many octets have come as the unit is known to need. So the work is linear in the octets, however they drip.
"""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Any, NoReturn

from frisket.errors import FrisketError
from frisket.wire.ipp.errors import Malformed, MessageError, TooLarge, TooShort
from frisket.wire.ipp.message import Attribute, Collection, Group, Message
from frisket.wire.ipp.values import Localized, Range, Resolution, Value, read_date

__all__ = ["Limits", "Reader", "decode", "decode_attribute"]

_LONGEST = 0x7FFF  # lengths are signed shorts, RFC 8010 section 3.1.4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may cost us. Passing any of them raises TooLarge.

    octets: head and attributes together, without document data; hand in less before authentication.
    attributes: in all groups; members of collections count as values only.
    values: of all attributes and members together. values_per_attribute: of one set.
    depth: collections inside each other. name_octets: of an attribute or member name.
    forgiving: for answers of devices, which are as they are; never for requests. Of an attribute named twice
        the first counts; a value that does not fit its syntax is kept as its octets (bytes); a collection
        that is not closed ends with its group; the end-of-attributes may be missing at the very end.
    """

    octets: int = 1 << 20
    attributes: int = 4096
    values_per_attribute: int = 1000
    values: int = 10_000
    depth: int = 8
    name_octets: int = 255
    forgiving: bool = False


_DEFAULT = Limits()
_KNOWN_GROUPS = frozenset((1, 2, 4, 5, 6, 7, 8, 9, 10))

_read_head = Struct(">BBHi").unpack_from
_read_int = Struct(">i").unpack
_read_two = Struct(">ii").unpack
_read_resolution = Struct(">iib").unpack
_new = tuple.__new__  # half the price of calling the NamedTuple


def _nothing(data: bytes) -> bytes | None:
    return data or None


def _integer(data: bytes) -> int:
    number: int = _read_int(data)[0]
    return number


def _boolean(data: bytes) -> bool:
    if data == b"\x01":
        return True
    if data == b"\x00":
        return False
    raise ValueError("a boolean that is neither 0 nor 1")


def _octets(data: bytes) -> bytes:
    return data


def _date(data: bytes) -> Any:
    if len(data) != 11:
        raise ValueError("a dateTime that has not 11 octets")
    return read_date(data)


def _resolution(data: bytes) -> Resolution:
    return Resolution(*_read_resolution(data))


def _range(data: bytes) -> Range:
    return Range(*_read_two(data))


def _localized(data: bytes) -> Localized:
    language_end = 2 + (data[0] << 8 | data[1])
    text_at = language_end + 2
    if text_at + (data[language_end] << 8 | data[language_end + 1]) != len(data):
        raise ValueError("the two lengths of a string with language do not fill its value")
    return Localized(data[text_at:].decode(), data[2:language_end].decode("ascii"))


def _ascii(data: bytes) -> str:
    return data.decode("ascii")


def _utf8(data: bytes) -> str:
    return data.decode()


def _extension(data: bytes) -> bytes:
    if len(data) < 4:
        raise ValueError("an extension value without its tag")
    return data


def _misplaced(data: bytes) -> NoReturn:
    raise Malformed("an end of collection or a member name outside a collection")


def _table() -> list[Callable[[bytes], Any]]:
    """By tag. A tag we do not know keeps its octets (RFC 8010 section 3.5.2 reserves them for later)."""
    table: list[Callable[[bytes], Any]] = [_octets] * 256
    table[0x10:0x20] = [_nothing] * 16
    table[0x21] = table[0x23] = _integer
    table[0x22] = _boolean
    table[0x31] = _date
    table[0x32] = _resolution
    table[0x33] = _range
    table[0x35] = table[0x36] = _localized
    table[0x41] = table[0x42] = _utf8
    table[0x44:0x4A] = [_ascii] * 6
    table[0x37] = table[0x4A] = _misplaced
    table[0x7F] = _extension
    return table


_READ = _table()


class Reader:
    """Reads one message that comes in pieces.

    `version`, `code` and `request_id` are set as soon as the head is in, `rest` when the message is: the
    octets after 0x03, where the document begins. A reader that raised, raises the same again.
    """

    __slots__ = (
        "_attributes_left",
        "_by_name",
        "_failure",
        "_groups",
        "_limits",
        "_needed",
        "_outer",
        "_pending",
        "_seen",
        "_skipping",
        "_values",
        "_values_left",
        "code",
        "message",
        "request_id",
        "rest",
        "version",
    )

    def __init__(self, limits: Limits = _DEFAULT) -> None:
        self.version: tuple[int, int] | None = None
        self.code: int | None = None
        self.request_id: int | None = None
        self.message: Message | None = None
        self.rest = b""
        self._limits = limits
        self._attributes_left = limits.attributes
        self._values_left = limits.values
        self._pending = bytearray()
        self._needed = 8  # octets the next unit takes, as far as that is known
        self._seen = 0  # octets of finished units
        self._failure: MessageError | None = None
        self._groups: list[Group] = []
        self._skipping = False  # inside a group whose delimiter we do not know
        # The attributes of the open group or collection, None before the first group.
        self._by_name: dict[str, Attribute] | None = None
        # The set that values without a name join, None right after the begin of a group or collection.
        self._values: list[Value] | None = None
        # The attributes around each open collection and the set it will join, outermost first.
        self._outer: list[tuple[dict[str, Attribute], list[Value]]] = []

    def feed(self, data: bytes | bytearray | memoryview) -> Message | None:
        """Take more octets; the message when they complete it, else None.

        Raises Malformed or TooLarge. Document data that comes later is not for this reader.
        """
        if self._failure is not None:
            raise self._failure
        if self.message is not None:
            raise FrisketError("octets for a reader that has its message already")
        pending = self._pending
        if pending or not isinstance(data, bytes):
            pending += data
            if len(pending) < self._needed:
                return None
            data = bytes(pending)
        try:
            at = self._head(data)
            if self.version is not None:
                at = self._units(data, at)
        except MessageError as failure:
            self._fail(failure)
            raise
        if self.message is not None:
            self._pending = bytearray()
            self.rest = data[at:]
        else:
            self._pending = bytearray(data[at:])
            self._seen += at
        return self.message

    def end(self) -> Message:
        """Say that no octet will follow; the message. Raises TooShort or Malformed when it is not whole."""
        if self._failure is not None:
            raise self._failure
        if self.message is not None:
            return self.message
        if self.version is None:
            raise self._fail(TooShort(f"{len(self._pending)} octets are no IPP message"))
        if self._limits.forgiving and not self._pending and self._groups:
            self._delimiter(0x03)
            return self.end()
        raise self._fail(Malformed("the message ends before its end-of-attributes"))

    def _fail(self, failure: MessageError) -> MessageError:
        failure.version, failure.code, failure.request_id = self.version, self.code, self.request_id
        self._failure = failure
        self._pending = bytearray()
        return failure

    def _head(self, data: bytes) -> int:
        """Read the head when it is due and there; the offset behind it."""
        if self.version is not None or len(data) < 8:
            return 0
        major, minor, self.code, self.request_id = _read_head(data)
        self.version = (major, minor)
        return 8

    def _units(self, data: bytes, at: int) -> int:
        """Read whole units; the offset behind the last one. Sets `message` at 0x03, else `_needed`."""
        end = len(data)
        stop = self._limits.octets - self._seen
        longest_name = self._limits.name_octets
        self._needed = 1
        while at < end:
            tag = data[at]
            if tag < 0x10:
                at += 1
                if at > stop:
                    self._too_many_octets()
                if self._delimiter(tag):
                    break
                continue
            if end - at < 5:
                self._needed = 5
                break
            name_length = data[at + 1] << 8 | data[at + 2]
            if name_length > longest_name:
                self._too_long_a_name(name_length)
            value_at = at + 5 + name_length
            if end < value_at:
                self._needed = value_at - at
                break
            value_length = data[value_at - 2] << 8 | data[value_at - 1]
            if tag == 0x34 and value_length and self._is_bare(data[value_at - 2]):
                value_at -= 2
                value_length = 0
            behind = value_at + value_length
            if value_length > _LONGEST:
                raise Malformed("a negative value-length")
            if behind > stop:
                self._too_many_octets()
            if end < behind:
                self._needed = behind - at
                break
            try:
                if self._outer:
                    self._member(tag, name_length, data[value_at:behind])
                else:
                    self._attribute(tag, data[at + 3 : at + 3 + name_length], data[value_at:behind])
            except (ValueError, StructError, IndexError):
                # Without its cause: a UnicodeDecodeError carries the octets, which may be a document's title.
                raise _misfit(tag, self._seen + at) from None
            at = behind
        return at

    def _is_bare(self, octet: int) -> bool:
        """Whether a begCollection with this octet after its name lacks its value-length and all the rest.

        A Xerox B210 answers an unsupported media-col so: tag, name, then the delimiter of the next group.
        """
        return self._limits.forgiving and not self._outer and (octet in _KNOWN_GROUPS or octet == 0x03)

    def _delimiter(self, tag: int) -> bool:
        """Begin a group; True at the end of the attributes."""
        if self._outer:
            if not self._limits.forgiving:
                raise Malformed("a group ends inside a collection")
            self._outer.clear()
        if tag == 0x03:
            assert self.version is not None and self.code is not None and self.request_id is not None
            self.message = Message(self.version, self.code, self.request_id, self._groups)
            return True
        self._values = None
        self._skipping = tag not in _KNOWN_GROUPS
        group = Group(tag)
        self._by_name = group._by_name
        if not self._skipping:
            self._groups.append(group)
        return False

    def _attribute(self, tag: int, name: bytes, data: bytes) -> None:
        """Take one value of an attribute of the open group."""
        if self._skipping:
            return
        values = self._begin(name.decode("ascii")) if name else self._values
        if values is None:
            raise Malformed("a group that begins with a value without a name")
        if tag == 0x34:
            self._open(values)
        else:
            self._put(values, tag, data)

    def _member(self, tag: int, name_length: int, data: bytes) -> None:
        """Take one unit inside a collection (RFC 8010 section 3.1.7)."""
        if name_length:
            raise Malformed("an attribute inside a collection that is not closed")
        values = self._values
        if tag == 0x4A or tag == 0x37:
            if values is not None and not values:
                raise Malformed("a member without a value")
            if tag == 0x37:  # octets in its value are ignored, as those of begCollection
                self._by_name, self._values = self._outer.pop()
                return
            if len(data) > self._limits.name_octets:
                self._too_long_a_name(len(data))
            if not data:
                raise Malformed("a member without a name")
            self._begin(data.decode("ascii"))
        elif values is None:
            raise Malformed("a collection that begins with a value without a member name")
        elif tag == 0x34:
            self._open(values)
        else:
            self._put(values, tag, data)

    def _begin(self, name: str) -> list[Value]:
        """Begin an attribute or member; the list its values go to."""
        by_name = self._by_name
        if by_name is None:
            raise Malformed("an attribute before the first group")
        values: list[Value] = []
        self._values = values
        if name not in by_name:
            by_name[name] = _new(Attribute, (name, values))
        elif not self._limits.forgiving:
            raise Malformed("an attribute that is named twice in one group", repeated=True)
        if not self._outer:
            self._attributes_left -= 1
            if self._attributes_left < 0:
                raise TooLarge(f"more than {self._limits.attributes} attributes")
        return values

    def _put(self, values: list[Value], tag: int, data: bytes) -> None:
        try:
            held = _READ[tag](data)
        except (ValueError, StructError, IndexError):
            if not self._limits.forgiving:
                raise
            held = data
        values.append(_new(Value, (tag, held)))
        self._count(values)

    def _open(self, values: list[Value]) -> None:
        """Begin a collection as the next of these values."""
        if len(self._outer) >= self._limits.depth:
            raise TooLarge(f"collections more than {self._limits.depth} deep")
        assert self._by_name is not None  # values exist, so a group is open
        held = Collection()
        values.append(Value(0x34, held))
        self._count(values)
        self._outer.append((self._by_name, values))
        self._by_name, self._values = held._by_name, None

    def _count(self, values: list[Value]) -> None:
        self._values_left -= 1
        if self._values_left < 0:
            raise TooLarge(f"more than {self._limits.values} values")
        if len(values) > self._limits.values_per_attribute:
            raise TooLarge(f"more than {self._limits.values_per_attribute} values of one attribute")

    def _too_many_octets(self) -> NoReturn:
        raise TooLarge(f"more than {self._limits.octets} octets of attributes")

    def _too_long_a_name(self, length: int) -> NoReturn:
        if length > _LONGEST:
            raise Malformed("a negative name-length")
        raise TooLarge(f"a name longer than {self._limits.name_octets} octets")


def _misfit(tag: int, at: int) -> Malformed:
    return Malformed(f"the value of tag 0x{tag:02x} at octet {at} does not fit its syntax")


def decode(data: bytes | bytearray | memoryview, limits: Limits = _DEFAULT) -> tuple[Message, bytes]:
    """A whole message and the octets after it. Raises Malformed, TooShort or TooLarge."""
    reader = Reader(limits)
    reader.feed(data)
    message = reader.end()
    return message, reader.rest


def decode_attribute(octets: bytes) -> Attribute:
    """One attribute from the octets that `encode_attribute` gave. Raises Malformed or TooLarge."""
    group = decode(b"\x02\x00\x00\x00\x00\x00\x00\x01\x02" + octets + b"\x03")[0].job
    if len(group) != 1:
        raise Malformed("not one attribute")
    return group.attributes[0]
