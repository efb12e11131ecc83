"""The codec against octets written out by hand from RFC 8010."""

from datetime import datetime, timedelta, timezone

import pytest
from tests.wire.ipp_samples import MEDIA_COL, MEDIA_COL_VALUE, head

from frisket.errors import Blame
from frisket.wire import ipp
from frisket.wire.errors import WireError

GET_PRINTER_ATTRIBUTES = bytes.fromhex(
    """
    02 00 00 0b 00 00 00 01 01
    47 00 12 61 74 74 72 69 62 75 74 65 73 2d 63 68 61 72 73 65 74 00 05 75 74 66 2d 38
    48 00 1b 61 74 74 72 69 62 75 74 65 73 2d 6e 61 74 75 72 61 6c 2d 6c 61 6e 67 75 61 67 65 00 02 65 6e
    45 00 0b 70 72 69 6e 74 65 72 2d 75 72 69 00 11 69 70 70 3a 2f 2f 68 2f 69 70 70 2f 70 72 69 6e 74
    44 00 14 72 65 71 75 65 73 74 65 64 2d 61 74 74 72 69 62 75 74 65 73 00 0d 70 72 69 6e 74 65 72 2d 73
    74 61 74 65 44 00 00 00 12 6d 65 64 69 61 2d 63 6f 6c 2d 64 61 74 61 62 61 73 65
    03
    """
)

JOB_ATTRIBUTES = [
    ("21 0006 636f70696573 0004 00000003", "copies", [ipp.integer(3)]),
    (
        "44 0005 7369646573 0013 74776f2d73696465642d6c6f6e672d65646765",
        "sides",
        [ipp.keyword("two-sided-long-edge")],
    ),
    (
        "23 000a 66696e697368696e6773 0004 00000014 23 0000 0004 00000004",
        "finishings",
        [ipp.enum(20), ipp.enum(4)],
    ),
    (
        "33 000b 706167652d72616e676573 0008 00000001 00000002 33 0000 0008 00000005 00000009",
        "page-ranges",
        [ipp.range_(1, 2), ipp.range_(5, 9)],
    ),
    (
        "32 0012 7072696e7465722d7265736f6c7574696f6e 0009 00000258 00000258 03",
        "printer-resolution",
        [ipp.resolution(600, 600)],
    ),
    (
        "31 0013 6a6f622d686f6c642d756e74696c2d74696d65 000b 07ea 03 01 12 1e 00 00 2b 01 00",
        "job-hold-until-time",
        [ipp.datetime_value(datetime(2026, 3, 1, 18, 30, tzinfo=timezone(timedelta(hours=1))))],
    ),
    (
        "36 000e 6a6f622d6163636f756e742d6964 000a 0002 6465 0004 42617537",
        "job-account-id",
        [ipp.localized_name("Bau7", "de")],
    ),
    ("13 0005 6d65646961 0000", "media", [ipp.no_value()]),
    (MEDIA_COL, "media-col", [MEDIA_COL_VALUE]),
    ("44 0005 6d65646961 0001 61 42 0000 0001 62", "media", [ipp.keyword("a"), ipp.name("b")]),
]


def test_a_whole_request_is_read_and_written_back():
    message, rest = ipp.decode(GET_PRINTER_ATTRIBUTES + b"%PDF")
    assert len(GET_PRINTER_ATTRIBUTES) == 166
    assert rest == b"%PDF"
    assert message == ipp.request(
        ipp.Operation.GET_PRINTER_ATTRIBUTES,
        1,
        ipp.attribute("printer-uri", ipp.uri("ipp://h/ipp/print")),
        ipp.attribute("requested-attributes", ipp.keyword("printer-state"), ipp.keyword("media-col-database")),
    )
    assert ipp.encode(message) == GET_PRINTER_ATTRIBUTES


@pytest.mark.parametrize(("octets", "name", "values"), JOB_ATTRIBUTES)
def test_an_attribute_is_read_as_its_values_and_written_as_its_octets(octets, name, values):
    whole = head(0x0002, f"02 {octets}")
    message, rest = ipp.decode(whole)
    assert rest == b""
    assert message.job.attributes == [ipp.Attribute(name, values)]
    assert [value.tag for value in message.job.values(name)] == [value.tag for value in values]
    assert ipp.encode(message) == whole
    assert ipp.encode_attribute(ipp.Attribute(name, values)) == bytes.fromhex(octets)


MALFORMED = {
    "value-length 0x8000": "02 44 0005 6d65646961 8000" + "61" * 0x8000,
    "name-length 0x8000": "02 44 8000",
    "first attribute of a group without a name": "02 21 0000 0004 00000003",
    "attribute before any group": None,
    "member name outside a collection": "02 21 0001 61 0004 00000003 4a 0000 0001 62",
    "end of collection without a begin": "02 21 0001 61 0004 00000003 37 0000 0000",
    "end of attributes inside a collection": "02 34 0001 61 0000 4a 0000 0001 62 21 0000 0004 00000001",
    "next group inside a collection": "02 34 0001 61 0000 04",
    "named attribute inside a collection": "02 34 0001 61 0000 21 0001 62 0004 00000001 37 0000 0000",
    "value before the first member name": "02 34 0001 61 0000 21 0000 0004 00000001 37 0000 0000",
    "member without a value": "02 34 0001 61 0000 4a 0000 0001 62 37 0000 0000",
    "two member names in a row": "02 34 0001 61 0000 4a 0000 0001 62 4a 0000 0001 63",
    "member without a name": "02 34 0001 61 0000 4a 0000 0000 21 0000 0004 00000001 37 0000 0000",
    "integer of 3 octets": "02 21 0001 61 0003 000003",
    "enum of 5 octets": "02 23 0001 61 0005 0000000003",
    "boolean of 2 octets": "02 22 0001 61 0002 0001",
    "boolean 02": "02 22 0001 61 0001 02",
    "resolution of 8 octets": "02 32 0001 61 0008 0000000100000001",
    "range of 9 octets": "02 33 0001 61 0009 000000010000000101",
    "dateTime of 10 octets": "02 31 0001 61 000a 07ea0301121e00002b01",
    "language longer than its value": "02 35 0001 61 0006 0009 6465 0000",
    "string with language that leaves an octet over": "02 35 0001 61 0007 0002 6465 0000 61",
    "string with language cut short": "02 35 0001 61 0001 00",
    "extension without its tag": "02 7f 0001 61 0003 000000",
    "text that is not UTF-8": "02 41 0001 61 0001 e9",
    "text with a surrogate": "02 41 0001 61 0003 eda080",
    "keyword that is not US-ASCII": "02 44 0001 61 0002 c3a9",
    "attribute name that is not US-ASCII": "02 44 0001 e9 0001 61",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_breaks_the_encoding_is_refused_as_a_bad_request(kind):
    group = MALFORMED[kind]
    if group is None:
        octets = bytes.fromhex("0200 0002 00000005 21 0001 61 0004 00000003 03")
    else:
        octets = head(0x0002, group, request_id=5)
    with pytest.raises(ipp.Malformed) as caught:
        ipp.decode(octets)
    assert caught.value.status == ipp.Status.BAD_REQUEST
    assert (caught.value.version, caught.value.code, caught.value.request_id) == ((2, 0), 2, 5)
    assert caught.value.blame is Blame.PEER
    assert not caught.value.repeated


def test_a_refusal_does_not_quote_what_the_peer_sent():
    octets = head(0x0002, "02 42 0008 6a6f622d6e616d65 0007 536563726574 e9")
    with pytest.raises(ipp.Malformed) as caught:
        ipp.decode(octets)
    assert "Secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_attribute_named_twice_in_a_group_is_refused_and_said_so():
    twice = "21 0001 61 0004 00000001 21 0001 61 0004 00000002"
    with pytest.raises(ipp.Malformed) as caught:
        ipp.decode(head(0x0002, f"02 {twice}"))
    assert caught.value.repeated


def test_the_same_name_in_two_groups_is_no_repetition():
    once = "21 0001 61 0004 00000001"
    message, _ = ipp.decode(head(0x0002, f"02 {once} 02 {once}"))
    assert [group.integer("a") for group in message.groups_of(ipp.Tag.JOB_GROUP)] == [1, 1]


@pytest.mark.parametrize("length", range(8))
def test_fewer_octets_than_a_head_cannot_be_answered_in_ipp(length):
    with pytest.raises(ipp.TooShort) as caught:
        ipp.decode(GET_PRINTER_ATTRIBUTES[:length])
    assert caught.value.request_id is None
    assert isinstance(caught.value, WireError)


def test_octets_in_the_begin_of_a_collection_are_ignored():
    message, _ = ipp.decode(head(2, "02 34 0001 61 0002 ffff 4a 0000 0001 62 21 0000 0004 00000001 37 0000 0000"))
    assert message.job.first("a").integer("b") == 1


def test_octets_in_an_out_of_band_value_are_tolerated_and_kept():
    whole = head(2, "02 13 0001 61 0002 ffff")
    message, _ = ipp.decode(whole)
    assert message.job.values("a")[0].out_of_band
    assert message.job.first("a", "none") == "none"
    assert ipp.encode(message) == whole


@pytest.mark.parametrize("delimiter", ["00", "0b", "0f"])
def test_a_group_of_an_unknown_kind_is_skipped_whatever_it_holds(delimiter):
    strange = f"{delimiter} 44 0001 61 0001 e9 21 0001 61 0000 37 0000 0000"
    message, _ = ipp.decode(head(2, f"{strange} 02 21 0006 636f70696573 0004 00000003"))
    assert [group.tag for group in message.groups] == [1, 2]
    assert message.job.integer("copies") == 3


def test_a_dash_before_a_zero_offset_survives_the_way_through():
    whole = head(2, "02 31 0001 61 000b 07ea 03 01 12 1e 00 00 2d 00 00")
    message, _ = ipp.decode(whole)
    assert message.job.first("a").utcoffset() == timedelta(0)
    assert ipp.encode(message) == whole


@pytest.mark.parametrize(
    "date",
    ["0000 00 00 00 00 00 00 2b 00 00", "07ea 06 1e 17 3b 3c 00 2b 00 00", "07ea 06 1e 17 3b 00 00 20 00 00"],
)
def test_a_date_that_no_calendar_has_keeps_its_octets(date):
    whole = head(2, f"02 31 0001 61 000b {date}")
    message, _ = ipp.decode(whole)
    assert message.job.first("a") == bytes.fromhex(date)
    assert ipp.encode(message) == whole


def test_a_devices_answer_is_read_in_spite_of_its_faults_when_asked_to_forgive():
    faults = (
        "04 21 0001 61 0004 00000001 21 0001 61 0004 00000002"  # twice
        "41 0001 62 0001 e9 41 0000 0001 63"  # not UTF-8
        "21 0001 64 0000"  # an integer of no octets
        "34 0001 65 0000 4a 0000 0001 66 21 0000 0004 00000009"  # a collection without its end
    )
    octets = head(0, faults)[:-1]  # and no end of attributes
    with pytest.raises(ipp.Malformed):
        ipp.decode(octets)
    message, _ = ipp.decode(octets, ipp.Limits(forgiving=True))
    printer = message.group(ipp.Tag.PRINTER_GROUP)
    assert printer.integer("a") == 1
    assert [value.data for value in printer.values("b")] == [b"\xe9", "c"]
    assert printer.texts("b") == ["c"]
    assert printer.integer("d") is None
    assert printer.first("e").integer("f") == 9


def test_a_collection_cut_off_after_its_name_ends_with_its_group_when_asked_to_forgive():
    octets = head(1, "05 34 0009 6d656469612d636f6c 02 21 0006 6a6f622d6964 0004 00000256")
    message, _ = ipp.decode(octets, ipp.Limits(forgiving=True))
    assert "media-col" in message.group(ipp.Tag.UNSUPPORTED_GROUP)
    assert message.job.integer("job-id") == 598
