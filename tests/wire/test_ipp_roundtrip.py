"""What we write, we read back; what cannot be written is said to be our fault."""

import itertools
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.ipp_samples import ALL, every_syntax, print_job

from frisket.errors import Blame
from frisket.wire import ipp

INT32 = st.integers(-(2**31), 2**31 - 1)
ASCII = st.text(st.characters(max_codepoint=0x7F), max_size=40)
UNICODE = st.text(max_size=40)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=30)
ZONES = st.integers(-13 * 60, 13 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DATES = st.builds(
    lambda moment, tenth: moment.replace(microsecond=tenth * 100_000),
    st.datetimes(timezones=st.one_of(ZONES, st.just(ipp.MINUS_ZERO))),
    st.integers(0, 9),
)

PLAIN = st.one_of(
    INT32.map(ipp.integer),
    INT32.map(ipp.enum),
    st.booleans().map(ipp.boolean),
    st.binary(max_size=60).map(ipp.octets),
    DATES.map(ipp.datetime_value),
    st.builds(ipp.resolution, INT32, INT32, st.integers(-128, 127)),
    st.builds(ipp.range_, INT32, INT32),
    st.builds(ipp.localized_text, UNICODE, ASCII),
    st.builds(ipp.localized_name, UNICODE, ASCII),
    UNICODE.map(ipp.text),
    UNICODE.map(ipp.name),
    *(ASCII.map(kind) for kind in (ipp.keyword, ipp.uri, ipp.uri_scheme, ipp.charset, ipp.natural_language, ipp.mime)),
    st.sampled_from([ipp.no_value(), ipp.unknown(), ipp.unsupported(), ipp.delete_attribute()]),
    st.builds(ipp.Value, st.just(0x7F), st.binary(min_size=4, max_size=20)),
    st.builds(ipp.Value, st.sampled_from([0x20, 0x24, 0x38, 0x40, 0x4B, 0x80, 0xFF]), st.binary(max_size=20)),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.dictionaries(NAMES, st.lists(inner, min_size=1, max_size=3), max_size=4).map(ipp.collection),
    max_leaves=10,
)
ATTRIBUTES = st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=3), max_size=5).map(
    lambda given: [ipp.Attribute(name, values) for name, values in given.items()]
)
GROUPS = st.builds(ipp.Group, st.sampled_from([1, 2, 4, 5, 6, 7, 8, 9, 10]), ATTRIBUTES)
MESSAGES = st.builds(
    ipp.Message,
    st.tuples(st.integers(0, 255), st.integers(0, 255)),
    st.integers(0, 0xFFFF),
    INT32,
    st.lists(GROUPS, max_size=4),
)


@settings(max_examples=200, deadline=None)
@given(MESSAGES, st.binary(max_size=20))
def test_every_message_we_can_write_is_read_back_the_same(message, document):
    octets = ipp.encode(message)
    read, rest = ipp.decode(octets + document, ipp.Limits(depth=20))
    assert read == message
    assert rest == document
    assert ipp.encode(read) == octets


@settings(max_examples=100, deadline=None)
@given(MESSAGES, st.data())
def test_how_a_message_is_cut_into_pieces_does_not_matter(message, data):
    octets = ipp.encode(message)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(octets)), max_size=6)) | {0, len(octets)})
    reader = ipp.Reader(ipp.Limits(depth=20))
    given_back = [reader.feed(octets[start:end]) for start, end in itertools.pairwise(cuts)]
    assert given_back[:-1] == [None] * (len(cuts) - 2)
    assert given_back[-1] == message


UNWRITABLE = {
    "an integer of 33 bits": ipp.integer(2**31),
    "an integer that is a word": ipp.Value(ipp.Tag.INTEGER, "3"),
    "a boolean that is a number": ipp.Value(ipp.Tag.BOOLEAN, 1),
    "a keyword with an umlaut": ipp.keyword("größe"),
    "a text with half a character": ipp.text("\ud800"),
    "a text of 32768 octets": ipp.text("a" * 0x8000),
    "octets that are characters": ipp.Value(ipp.Tag.OCTET_STRING, "abc"),
    "a time without a zone": ipp.datetime_value(datetime(2026, 3, 1)),
    "a zone in seconds": ipp.datetime_value(datetime(2026, 3, 1, tzinfo=timezone(timedelta(seconds=30)))),
    "a date of too few octets": ipp.Value(ipp.Tag.DATE_TIME, b"\x07\xea"),
    "a resolution in a huge unit": ipp.resolution(600, 600, 300),
    "an extension without its tag": ipp.Value(ipp.Tag.EXTENSION, b"abc"),
    "a collection that is a dict": ipp.Value(ipp.Tag.BEGIN_COLLECTION, {}),
    "a delimiter as a value": ipp.Value(ipp.Tag.JOB_GROUP, b""),
    "an end of collection as a value": ipp.Value(ipp.Tag.END_COLLECTION, b""),
    "a member of too many octets": ipp.collection({"m": ipp.octets(bytes(0x8000))}),
    "a member without values": ipp.collection({"m": []}),
    "a member without a name": ipp.collection({"": ipp.integer(1)}),
}


@pytest.mark.parametrize("kind", UNWRITABLE)
def test_a_value_that_ipp_cannot_carry_is_our_own_bug(kind):
    message = ipp.Message((2, 0), 0, 1, [ipp.Group(2, [ipp.attribute("job-name", UNWRITABLE[kind])])])
    with pytest.raises(ipp.Unencodable, match="job-name") as caught:
        ipp.encode(message)
    assert caught.value.blame is Blame.HOUSE


@pytest.mark.parametrize("name", ["", "größe", "a" * 256])
def test_a_name_that_ipp_cannot_carry_is_our_own_bug(name):
    with pytest.raises(ipp.Unencodable):
        ipp.encode_attribute(ipp.attribute(name, ipp.integer(1)))


def test_a_single_attribute_comes_back_from_its_octets_and_nothing_else_does() -> None:
    for attribute in every_syntax().operation:
        assert ipp.decode_attribute(ipp.encode_attribute(attribute)) == attribute
    both = ipp.encode_attribute(ipp.attribute("a", ipp.integer(1))) + ipp.encode_attribute(
        ipp.attribute("b", ipp.integer(2))
    )
    for octets in (b"", both, b"\x03", b"\x21\x00", b"\x02" + both):
        with pytest.raises((ipp.Malformed, ipp.TooLarge)):
            ipp.decode_attribute(octets)


def test_an_attribute_without_values_is_our_own_bug():
    with pytest.raises(ipp.Unencodable):
        ipp.encode_attribute(ipp.attribute("a"))


@pytest.mark.parametrize("tag", [0x00, 0x03, 0x21])
def test_a_group_without_a_delimiter_of_its_own_is_our_own_bug(tag):
    with pytest.raises(ipp.Unencodable):
        ipp.encode_group(ipp.Group(tag))


@pytest.mark.parametrize(("code", "request_id"), [(0x10000, 1), (-1, 1), (0, 2**31)])
def test_a_head_that_ipp_cannot_carry_is_our_own_bug(code, request_id):
    with pytest.raises(ipp.Unencodable):
        ipp.encode(ipp.Message((2, 0), code, request_id))


def test_the_same_name_twice_in_a_group_of_ours_is_our_own_bug():
    group = ipp.Group(2, [ipp.attribute("a", ipp.integer(1))])
    with pytest.raises(ipp.Unencodable):
        group.add(ipp.attribute("a", ipp.integer(2)))
    group.set("a", ipp.integer(2))
    assert group.integer("a") == 2


@pytest.mark.parametrize("name", ALL)
def test_parts_encoded_beforehand_make_the_same_message(name):
    message = ALL[name]
    parts = []
    for group in message.groups:
        parts.append(bytes((group.tag,)))
        parts.extend(ipp.encode_attribute(attribute) for attribute in group)
    assembled = ipp.assemble(message.version, message.code, message.request_id, parts)
    assert assembled == ipp.encode(message)
    whole_groups = [ipp.encode_group(group) for group in message.groups]
    assert ipp.assemble(message.version, message.code, message.request_id, whole_groups) == assembled


def test_attributes_are_asked_for_by_name_and_answer_only_in_their_own_syntax():
    job = print_job().job
    assert job.integer("copies") == 3
    assert job.integer("sides") is None
    assert job.text("sides") == "two-sided-long-edge"
    assert job.text("copies") is None
    assert job.texts("job-sheets") == ["none", "none"]
    assert job.boolean("copies") is None
    assert print_job().operation.boolean("ipp-attribute-fidelity") is False
    assert job.first("page-ranges") == ipp.Range(1, 2)
    assert job.first("absent", 7) == 7
    assert job.values("absent") == ()
    assert job.get("absent") is None
    assert job.first("media-col").first("media-size").integer("y-dimension") == 29700
    assert [attribute.name for attribute in job][:2] == ["copies", "sides"]
    job.discard("copies")
    assert "copies" not in job
    assert len(job) == 4


def test_a_printed_group_shows_names_and_no_values():
    assert "Quartal" not in repr(print_job().groups)


def test_two_messages_differ_when_only_the_order_of_attributes_does():
    one, other = ipp.attribute("a", ipp.integer(1)), ipp.attribute("b", ipp.integer(1))
    assert ipp.Group(2, [one, other]) != ipp.Group(2, [other, one])
    assert ipp.Group(2, [one]) != ipp.Group(4, [one])
    assert ipp.Group(2, [one]) != ipp.Collection([one])
