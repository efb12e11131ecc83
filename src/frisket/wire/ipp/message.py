"""Messages, groups, collections and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from frisket.wire.ipp.errors import Unencodable
from frisket.wire.ipp.values import Value

__all__ = [
    "Attribute",
    "Attributes",
    "Collection",
    "Group",
    "Message",
    "answer",
    "answer_version",
    "attribute",
    "collection",
    "opening",
    "request",
]


class Attribute(NamedTuple):
    """A name and its values, in order; the values of one attribute may differ in syntax."""

    name: str
    values: list[Value]


def attribute(name: str, *values: Value) -> Attribute:
    return Attribute(name, list(values))


class Attributes:
    """Attributes in order, each name once. The readers below never raise on what a peer sent."""

    __slots__ = ("_by_name",)

    def __init__(self, attributes: Iterable[Attribute] = ()) -> None:
        """Raises Unencodable when a name comes twice."""
        self._by_name: dict[str, Attribute] = {}
        for each in attributes:
            self.add(each)

    def add(self, attribute: Attribute) -> None:
        """Put it at the end. Raises Unencodable when the name is there already."""
        if attribute.name in self._by_name:
            raise Unencodable(f"the attribute {attribute.name} twice in one group")
        self._by_name[attribute.name] = attribute

    def set(self, name: str, *values: Value) -> None:
        """Give the attribute these values, in its old place or at the end."""
        self._by_name[name] = Attribute(name, list(values))

    def discard(self, name: str) -> None:
        self._by_name.pop(name, None)

    def get(self, name: str) -> Attribute | None:
        return self._by_name.get(name)

    def values(self, name: str) -> Sequence[Value]:
        """All values, empty when the attribute is absent."""
        found = self._by_name.get(name)
        return found.values if found is not None else ()

    def first(self, name: str, default: Any = None) -> Any:
        """The data of the first value; the default when absent or out-of-band (no-value, unknown ...)."""
        found = self._by_name.get(name)
        if found is None or not found.values or found.values[0].out_of_band:
            return default
        return found.values[0].data

    def integer(self, name: str) -> int | None:
        """The first value when it is an integer or enum, else None."""
        data = self._first_of((0x21, 0x23), name)
        return data if isinstance(data, int) else None

    def boolean(self, name: str) -> bool | None:
        """The first value when it is a boolean, else None."""
        data = self._first_of((0x22,), name)
        return data if isinstance(data, bool) else None

    def text(self, name: str) -> str | None:
        """The characters of the first value when it is of any string syntax, else None."""
        values = self.values(name)
        return values[0].text if values else None

    def texts(self, name: str) -> list[str]:
        """The characters of all values that are of a string syntax."""
        return [value.text for value in self.values(name) if value.text is not None]

    def _first_of(self, tags: tuple[int, ...], name: str) -> Any:
        values = self.values(name)
        return values[0].data if values and values[0].tag in tags else None

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __eq__(self, other: object) -> bool:
        """Equal when kind, names, order and values are."""
        if not isinstance(other, Attributes) or type(self) is not type(other):
            return NotImplemented
        return list(self._by_name.values()) == list(other._by_name.values())

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        """Names only: values may be somebody's document title."""
        return f"{type(self).__name__}({', '.join(self._by_name)})"


class Collection(Attributes):
    """The members of one collection value (RFC 8010 section 3.1.6)."""

    __slots__ = ()


class Group(Attributes):
    """An attribute group; `tag` is its delimiter (names.Tag.JOB_GROUP ...)."""

    __slots__ = ("tag",)

    def __init__(self, tag: int, attributes: Iterable[Attribute] = ()) -> None:
        super().__init__(attributes)
        self.tag = tag

    @property
    def attributes(self) -> list[Attribute]:
        return list(self._by_name.values())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Group):
            return NotImplemented
        return self.tag == other.tag and super().__eq__(other)

    __hash__ = None  # mutable


@dataclass(slots=True)
class Message:
    """A request or a response; document data is never part of it.

    version: (major, minor). code: operation of a request, status of a response.
    request_id: chosen by the client, echoed by the printer; 1..2**31-1 when valid, not checked here.
    """

    version: tuple[int, int]
    code: int
    request_id: int
    groups: list[Group] = field(default_factory=list)

    def group(self, tag: int) -> Group | None:
        """The first group with this delimiter."""
        for each in self.groups:
            if each.tag == tag:
                return each
        return None

    def groups_of(self, tag: int) -> list[Group]:
        """All groups with this delimiter, as Get-Jobs answers one per job."""
        return [each for each in self.groups if each.tag == tag]

    @property
    def operation(self) -> Group:
        """The operation attributes; an empty group when the peer sent none."""
        return self.group(0x01) or Group(0x01)

    @property
    def job(self) -> Group:
        """The job attributes (the first group of them); an empty group when there are none."""
        return self.group(0x02) or Group(0x02)


def collection(members: Mapping[str, Value | Sequence[Value]]) -> Value:
    """A collection value; a member's several values come as a list."""
    held = Collection()
    for name, given in members.items():
        held.set(name, *((given,) if isinstance(given, Value) else given))
    return Value(0x34, held)


def opening(language: str = "en") -> list[Attribute]:
    """The two attributes every message begins with (RFC 8011 section 4.1.4)."""
    return [
        Attribute("attributes-charset", [Value(0x47, "utf-8")]),
        Attribute("attributes-natural-language", [Value(0x48, language)]),
    ]


def request(
    code: int,
    request_id: int,
    *attributes: Attribute,
    version: tuple[int, int] = (2, 0),
    language: str = "en",
) -> Message:
    """A request with its operation group; attributes: further operation attributes, the target first."""
    return Message(version, code, request_id, [Group(0x01, [*opening(language), *attributes])])


def answer(to: Message, status: int, message: str = "", *, language: str = "en") -> Message:
    """A response with its operation group, in the version of the request or the closest we have.

    message: for status-message; cut to the 255 octets it may have (RFC 8011 section 4.1.6.2).
    """
    operation = Group(0x01, opening(language))
    if message:
        operation.set("status-message", Value(0x41, message.encode()[:255].decode(errors="ignore")))
    return Message(answer_version(to.version), status, to.request_id, [operation])


def answer_version(version: tuple[int, int]) -> tuple[int, int]:
    """The peer's own version when we have it, else the closest (RFC 8011 section 4.1.8)."""
    major, minor = version
    if major == 1:
        return (1, min(minor, 1))
    if major == 2:
        return (2, min(minor, 2))
    return (2, 0)
