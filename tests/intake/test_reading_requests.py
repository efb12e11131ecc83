"""Pure parts of the doors: addresses, formats by their first octets, compression, tickets."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import House

from frisket import device
from frisket.intake.errors import CutOff
from frisket.intake.ipp.door import _host
from frisket.intake.ipp.request import Target, parse_path, unpacked
from frisket.intake.ipp.template import Conflict, read_ticket
from frisket.intake.ipp.terms import clock_time
from frisket.intake.offers import Part
from frisket.intake.sensing import format_of_octets, sensed
from frisket.intake.upload import format_of
from frisket.wire import ipp


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/", Target(server=True)),
        ("", Target(server=True)),
        ("/ipp", Target(server=True)),
        ("/ipp/print", Target()),
        ("/ipp/print/", Target()),
        ("/ipp/print/secure", Target("secure")),
        ("/ipp/print/secure/", Target("secure")),
        ("/ipp/print/secure/s3cret", Target("secure", "s3cret")),
        ("/printers/secure", Target("secure")),
        ("/printers/secure.ppd", Target("secure")),
        ("/ipp/print/second%20floor", Target("second floor")),
        ("/jobs/17", Target(job=17)),
        ("/jobs/", Target(job=None)),
        ("/ipp/print/a/b/c", Target(known=False)),
        ("/classes/x", Target(known=False)),
        ("/jobs/99999999999", Target(known=False)),
    ],
)
def test_an_address_names_a_queue_a_job_or_the_server(path: str, target: Target) -> None:
    assert parse_path(path) == target


@given(st.text(max_size=60))
def test_any_path_at_all_is_read_without_an_error(path: str) -> None:
    target = parse_path("/" + path)
    assert "/" not in target.queue or "%2f" in path.lower()


async def _stream(data: bytes, size: int = 100) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize(
    ("first", "format"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\n\n  junk %PDF-1.4", "application/pdf"),
        (b"%!PS-Adobe-3.0", "application/postscript"),
        (b"\x04%!PS-Adobe-3.0", "application/postscript"),
        (b"RaS2PwgRaster\0", "image/pwg-raster"),
        (b"UNIRAST\0\0\0\0\1", "image/urf"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x1bE\x1b&l0O", "application/vnd.hp-pcl"),
        (b"\x1b%-12345X@PJL\r\n@PJL ENTER LANGUAGE=PDF\r\n%PDF-1.4", "application/octet-stream"),
        (b"hello", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_a_document_is_known_by_how_it_begins(first: bytes, format: str) -> None:
    assert format_of_octets(first) == format


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_finding_out_the_format_loses_no_octet(data: bytes, size: int) -> None:
    async def through() -> bytes:
        part = await sensed(Part(_stream(data, size)))
        return b"".join([piece async for piece in part.data])

    assert asyncio.run(through()) == data


def test_a_stated_format_is_left_alone() -> None:
    part = Part(_stream(b"%PDF-1.4"), "text/plain")
    assert asyncio.run(sensed(part)) is part


@pytest.mark.parametrize(
    ("name", "stated", "format"),
    [
        ("a.pdf", "", "application/pdf"),
        ("A.PDF", "application/octet-stream", "application/pdf"),
        ("a.pdf", "image/jpeg; q=1", "image/jpeg"),
        ("a", "", "application/octet-stream"),
        ("a.unknown", "binary/octet-stream", "application/octet-stream"),
    ],
)
def test_an_upload_is_what_its_sender_says_else_what_its_name_ends_in(name: str, stated: str, format: str) -> None:
    assert format_of(name, stated) == format


async def _unpack(data: bytes, compression: str, most: int = 1 << 20, size: int = 100) -> bytes:
    return b"".join([piece async for piece in unpacked(_stream(data, size), compression, most)])


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@given(st.binary(max_size=5000), st.integers(1, 500))
def test_what_was_packed_is_unpacked_in_all_three_forms(data: bytes, size: int) -> None:
    assert asyncio.run(_unpack(gzip.compress(data), "gzip", size=size)) == data
    assert asyncio.run(_unpack(zlib.compress(data), "deflate", size=size)) == data
    assert asyncio.run(_unpack(data, "none", size=size)) == data


@given(st.binary(min_size=1, max_size=5000))
def test_deflate_without_its_wrapper_is_read_too(data: bytes) -> None:
    assert asyncio.run(_unpack(_raw_deflate(data), "deflate")) == data
    assert asyncio.run(_unpack(_raw_deflate(data), "deflate", size=1)) == data


@given(st.binary(max_size=500), st.sampled_from(["gzip", "deflate"]))
def test_whatever_was_sent_as_packed_only_cut_off_comes_out(data: bytes, compression: str) -> None:
    try:
        asyncio.run(_unpack(data, compression))
    except CutOff as error:
        assert not error.retry


def test_a_bomb_is_stopped_at_the_limit_and_not_after_it() -> None:
    async def most_seen() -> int:
        total = 0
        try:
            async for piece in unpacked(_stream(gzip.compress(bytes(50_000_000)), 1000), "gzip", 1_000_000):
                total += len(piece)
        except CutOff:
            return total
        raise AssertionError("nothing stopped it")

    assert asyncio.run(most_seen()) <= 1_000_000


def test_a_packed_document_that_ends_early_is_not_taken_for_whole() -> None:
    packed = gzip.compress(bytes(range(256)) * 100)
    for at in range(1, len(packed), 7):
        with pytest.raises(CutOff):
            asyncio.run(_unpack(packed[:at], "gzip"))


CAN = device.Capabilities(
    formats=("application/pdf",), colour=True, sides=("one-sided", "two-sided-long-edge"),
    media=("iso_a4_210x297mm", "na_letter_8.5x11in"), media_default="iso_a4_210x297mm", copies_max=99, page_ranges=True,
)  # fmt: skip


def asking(*job: ipp.Attribute, operation: tuple[ipp.Attribute, ...] = ()) -> ipp.Message:
    message = ipp.request(ipp.Operation.PRINT_JOB, 1, ipp.attribute("printer-uri", ipp.uri("ipp://x/")), *operation)
    message.groups.append(ipp.Group(ipp.Tag.JOB_GROUP, list(job)))
    return message


def test_what_the_devices_can_do_becomes_options(house: House) -> None:
    ticket = read_ticket(
        asking(
            ipp.attribute("copies", ipp.integer(3)),
            ipp.attribute("sides", ipp.keyword("two-sided-long-edge")),
            ipp.attribute("print-color-mode", ipp.keyword("color")),
            ipp.attribute("page-ranges", ipp.range_(1, 2), ipp.range_(5, 9)),
        ),
        CAN,
    )
    assert ticket.copies == 3 and ticket.unsupported == () and not ticket.must
    assert (ticket.options.sides, ticket.options.color_mode) == ("two-sided-long-edge", "color")
    assert ticket.options.page_ranges == ((1, 2), (5, 9))


def test_media_is_found_by_its_size(house: House) -> None:
    size = ipp.collection({"x-dimension": ipp.integer(21000), "y-dimension": ipp.integer(29700)})
    media = ipp.attribute("media-col", ipp.collection({"media-size": size}))
    assert read_ticket(asking(media), CAN).options.media == "iso_a4_210x297mm"
    odd = ipp.collection({"x-dimension": ipp.integer(1), "y-dimension": ipp.integer(2)})
    found = read_ticket(asking(ipp.attribute("media-col", ipp.collection({"media-size": odd}))), CAN)
    assert [each.name for each in found.unsupported] == ["media-col"]


@pytest.mark.parametrize(
    "attribute",
    [
        ipp.attribute("copies", ipp.integer(0)),
        ipp.attribute("copies", ipp.integer(100)),
        ipp.attribute("copies", ipp.keyword("three")),
        ipp.attribute("sides", ipp.keyword("two-sided-short-edge")),
        ipp.attribute("sides", ipp.integer(2)),
        ipp.attribute("media", ipp.keyword("jis_b1_728x1030mm")),
        ipp.attribute("finishings", ipp.enum(4)),
        ipp.attribute("number-up", ipp.integer(2)),
        ipp.attribute("job-sheets", ipp.keyword("standard")),
        ipp.attribute("job-hold-until", ipp.keyword("tea-time")),
        ipp.attribute("an-attribute-of-the-future", ipp.keyword("x")),
    ],
)
def test_what_nobody_can_do_is_given_back_and_refused_where_the_client_insists(
    house: House, attribute: ipp.Attribute
) -> None:
    loose = read_ticket(asking(attribute), CAN)
    assert [each.name for each in loose.unsupported] == [attribute.name] and not loose.must
    insisting = (ipp.attribute("ipp-attribute-fidelity", ipp.boolean(True)),)
    assert read_ticket(asking(attribute, operation=insisting), CAN).must
    named = (ipp.attribute("job-mandatory-attributes", ipp.keyword(attribute.name)),)
    assert read_ticket(asking(attribute, operation=named), CAN).must


def test_page_ranges_that_overlap_and_two_ways_to_say_media_are_conflicts(house: House) -> None:
    with pytest.raises(Conflict):
        read_ticket(asking(ipp.attribute("page-ranges", ipp.range_(1, 5), ipp.range_(3, 9))), CAN)
    both = (
        ipp.attribute("media", ipp.keyword("iso_a4_210x297mm")),
        ipp.attribute("media-col", ipp.collection({"media-size-name": ipp.keyword("iso_a4_210x297mm")})),
    )
    with pytest.raises(Conflict):
        read_ticket(asking(*both), CAN)


@given(hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_a_time_to_hold_until_lies_in_the_next_day(hour: int, minute: int) -> None:
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    moment = clock_time(f"{hour:02}:{minute:02}", now)
    assert moment is not None
    assert now < moment <= now + timedelta(days=1)
    assert (moment.hour, moment.minute) == (hour, minute)


_VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(ipp.integer),
    st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True).map(ipp.keyword),
    st.booleans().map(ipp.boolean),
    st.integers(0, 100).map(ipp.enum),
    st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda pair: ipp.range_(min(pair), max(pair))),
)
_NAMES = st.sampled_from(
    ["copies", "sides", "media", "media-col", "print-quality", "page-ranges", "finishings", "job-hold-until",
     "printer-resolution", "orientation-requested", "job-sheets", "number-up", "job-priority", "output-bin", "x-y"]
)  # fmt: skip


@given(st.lists(st.tuples(_NAMES, st.lists(_VALUES, min_size=1, max_size=3)), max_size=5, unique_by=lambda p: p[0]))
def test_whatever_a_client_asks_it_is_taken_given_back_or_a_conflict(wanted: list[tuple[str, list[ipp.Value]]]) -> None:
    message = asking(*[ipp.attribute(name, *values) for name, values in wanted if not name.startswith("job-hold")])
    try:
        ticket = read_ticket(message, CAN)
    except Conflict as conflict:
        assert conflict.status >= 0x0400
        return
    assert 1 <= ticket.copies <= 99
    assert {each.name for each in ticket.unsupported} <= {name for name, _ in wanted}


@pytest.mark.parametrize(
    ("host", "uri", "known_as"),
    [
        (b"printer.example:631", "ipp://house.local:631/ipp/print/x", "printer.example:631"),
        (
            b"localhost:631",
            "ipp://house.local:631/ipp/print/x",
            "house.local:631",
        ),  # CUPS says localhost of any own name
        (b"localhost:8631", "ipp://localhost/printers/x", "localhost:8631"),
        (b"localhost:8631", "ipp://house.local/printers/x", "localhost:8631"),  # that is another port
        (b"localhost:631", "ipp://127.0.0.1:7000/ipp/print/x", "127.0.0.1:7000"),
        (b"localhost:631", "ipp://a b:631/ipp/print/x", "localhost:631"),
        (b"localhost:631", "ipp://[::1/ipp/print/x", "localhost:631"),
        (b"<script>", "", "localhost"),
    ],
)
def test_what_we_call_ourselves_is_what_the_client_calls_us(host: bytes, uri: str, known_as: str) -> None:
    assert _host({b"host": host}, uri) == known_as
