"""Attribute values: a tag that says the syntax, and the matching Python value.

| Syntax (RFC 8010 section 3.9) | `data` |
|---|---|
| out-of-band (0x10-0x1f) | None; the octets if a peer sent some against the rule |
| integer, enum | int, 32 bits signed |
| boolean | bool |
| dateTime | aware datetime in tenths of a second; the 11 octets when none can say it (year 0, second 60) |
| resolution, rangeOfInteger | Resolution, Range |
| textWithLanguage, nameWithLanguage | Localized |
| the other strings | str |
| collection | message.Collection |
| octetString, extension, tags unknown to us | bytes |
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

__all__ = [
    "MINUS_ZERO",
    "PER_CENTIMETRE",
    "PER_INCH",
    "Localized",
    "Range",
    "Resolution",
    "Value",
    "admin_define",
    "boolean",
    "charset",
    "datetime_value",
    "delete_attribute",
    "enum",
    "integer",
    "keyword",
    "localized_name",
    "localized_text",
    "mime",
    "name",
    "natural_language",
    "no_value",
    "not_settable",
    "octets",
    "range_",
    "resolution",
    "text",
    "unknown",
    "unsupported",
    "uri",
    "uri_scheme",
]

PER_INCH = 3
PER_CENTIMETRE = 4

# A peer may write UTC as "-00:00". The zone equals UTC and remembers the sign for the way back.
MINUS_ZERO = timezone(timedelta(0), "-00:00")


class Resolution(NamedTuple):
    """Dots per unit across and along the feed; unit 3 is per inch, 4 per centimetre."""

    cross_feed: int
    feed: int
    unit: int = PER_INCH


class Range(NamedTuple):
    """Both ends included. The codec does not ask that lower <= upper; whoever uses it does."""

    lower: int
    upper: int


class Localized(NamedTuple):
    """A text or name and its natural language ("de")."""

    text: str
    language: str


class Value(NamedTuple):
    """One value. `tag` is a plain int (see names.Tag); the type of `data` follows from it, as above."""

    tag: int
    data: Any

    @property
    def out_of_band(self) -> bool:
        """True for no-value, unknown, unsupported and the like: there is no data."""
        return 0x10 <= self.tag <= 0x1F

    @property
    def text(self) -> str | None:
        """The characters of any string syntax, without the language; None for all other syntaxes."""
        if isinstance(self.data, str):
            return self.data
        return self.data.text if isinstance(self.data, Localized) else None


def integer(number: int) -> Value:
    return Value(0x21, number)


def boolean(truth: bool) -> Value:
    return Value(0x22, truth)


def enum(number: int) -> Value:
    return Value(0x23, int(number))


def octets(data: bytes) -> Value:
    return Value(0x30, data)


def datetime_value(moment: datetime) -> Value:
    """moment: aware; DateAndTime keeps tenths of a second and whole minutes of offset (RFC 2579)."""
    return Value(0x31, moment)


def resolution(cross_feed: int, feed: int, unit: int = PER_INCH) -> Value:
    return Value(0x32, Resolution(cross_feed, feed, unit))


def range_(lower: int, upper: int) -> Value:
    return Value(0x33, Range(lower, upper))


def localized_text(characters: str, language: str) -> Value:
    return Value(0x35, Localized(characters, language))


def localized_name(characters: str, language: str) -> Value:
    return Value(0x36, Localized(characters, language))


def text(characters: str) -> Value:
    return Value(0x41, characters)


def name(characters: str) -> Value:
    return Value(0x42, characters)


def keyword(word: str) -> Value:
    return Value(0x44, word)


def uri(address: str) -> Value:
    return Value(0x45, address)


def uri_scheme(scheme: str) -> Value:
    return Value(0x46, scheme)


def charset(label: str) -> Value:
    return Value(0x47, label)


def natural_language(label: str) -> Value:
    return Value(0x48, label)


def mime(media_type: str) -> Value:
    return Value(0x49, media_type)


def unsupported() -> Value:
    return Value(0x10, None)


def unknown() -> Value:
    return Value(0x12, None)


def no_value() -> Value:
    return Value(0x13, None)


def not_settable() -> Value:
    return Value(0x15, None)


def delete_attribute() -> Value:
    return Value(0x16, None)


def admin_define() -> Value:
    return Value(0x17, None)


def read_date(data: bytes) -> datetime | bytes:
    """DateAndTime of RFC 2579 as a datetime; the octets themselves when a datetime cannot hold them.

    Devices without a clock send all zeros, and second 60 is allowed: neither is worth refusing a message.
    """
    hours, minutes = data[9], data[10]
    if data[8] not in (0x2B, 0x2D) or hours > 23 or minutes > 59 or data[7] > 9:
        return data
    offset = timedelta(hours=hours, minutes=minutes)
    west = data[8] == 0x2D
    nowhere = MINUS_ZERO if west else UTC
    zone = timezone(-offset if west else offset) if offset else nowhere
    try:
        return datetime(data[0] << 8 | data[1], data[2], data[3], data[4], data[5], data[6], data[7] * 100_000, zone)
    except ValueError:
        return data
