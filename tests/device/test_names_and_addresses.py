"""Names, addresses and strings at the edge."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket import device


@pytest.mark.parametrize(
    ("written", "meant"),
    [("Secure", "secure"), (" floor-2 ", "floor-2"), ("Ｐｏｏｌ", "pool"), ("a.b_c-9", "a.b_c-9")],
)
def test_one_name_has_one_form(written: str, meant: str) -> None:
    assert device.canonical(written) == meant


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a b", "a\nb", "é", "-x", "x" * 61, "a%2fb", "a?b"])
def test_what_is_not_one_path_segment_is_no_name(name: str) -> None:
    with pytest.raises(device.BadName) as caught:
        device.canonical(name)
    assert not name or name not in str(caught.value) or len(name) < 3


@given(st.text(max_size=80))
def test_a_canonical_name_is_its_own_canonical_form(name: str) -> None:
    try:
        once = device.canonical(name)
    except device.BadName:
        return
    assert device.canonical(once) == once


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("socket://192.0.2.7", "socket://192.0.2.7:9100"),
        ("socket://Printer.Example:9101/", "socket://printer.example:9101"),
        ("lpd://192.0.2.7/PASSTHRU", "lpd://192.0.2.7:515/PASSTHRU"),
        ("lpd://Printer.Example:5515", "lpd://printer.example:5515/lp"),
        ("ipp://printer", "ipp://printer:631/ipp/print"),
        ("IPPS://[2001:DB8::1]:443/ipp/print/a", "ipps://[2001:db8::1]:443/ipp/print/a"),
    ],
)
@pytest.mark.requirement("SPM-19", "PREP-61", "PREP-86")
def test_an_address_is_read_into_one_form_with_its_default_port(written: str, meant: str) -> None:
    assert device.Address.read(written).uri == meant
    assert device.Address.read(meant).uri == meant


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "printer",
        "http://printer/",
        "ipp://",
        "ipp://user:secret@printer/ipp/print",
        "ipp://user@printer/",
        "ipp://printer/a?token=x",
        "ipp://printer/a#b",
        "ipp://printer/\r\nHost: x",
        "ipp://printer/a b",
        "socket://printer:0",
        "socket://printer:70000",
        "socket://printer/path",
        "socket://1.2.3",
        "lpd://printer/a/b",
        "lpd://printer/a%20b",
        "lpd://printer/" + "q" * 64,
        "ipp://-printer/",
        "ipp://" + "a" * 300,
    ],
)
def test_an_address_that_could_mislead_is_refused_without_being_repeated(uri: str) -> None:
    with pytest.raises(device.BadAddress) as caught:
        device.Address.read(uri)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=60))
def test_whatever_is_written_after_a_scheme_only_bad_address_comes_out(rest: str) -> None:
    try:
        address = device.Address.read("ipp://" + rest)
    except device.BadAddress:
        return
    assert device.Address.read(address.uri) == address
    assert not set(address.uri) & set("@?#\r\n \t")


def test_text_of_a_device_loses_control_and_bidirectional_characters() -> None:
    assert device.clean("Tray\x1b[31m 2\r\n\u202eempty\x00", 100) == "Tray[31m 2 empty"


@given(st.text(), st.integers(min_value=0, max_value=50))
def test_cleaned_text_is_short_and_one_line(text: str, longest: int) -> None:
    cleaned = device.clean(text, longest)
    assert len(cleaned) <= longest and cleaned.isprintable()


def capabilities() -> st.SearchStrategy[device.Capabilities]:
    words = st.lists(st.sampled_from(["application/pdf", "image/pwg-raster", "text/plain"]), unique=True, min_size=1)
    media = st.lists(st.sampled_from(["iso_a4_210x297mm", "iso_a3_297x420mm"]), unique=True, min_size=1)
    return st.builds(
        device.Capabilities,
        formats=words.map(tuple),
        colour=st.booleans(),
        media=media.map(tuple),
        finishings=st.lists(st.integers(4, 90)).map(tuple),
        copies_max=st.integers(1, 999),
        pjl=st.booleans(),
        page_ranges=st.booleans(),
        raster_types=st.just(("sgray_8",)),
        raster_resolutions=st.just((300,)),
        raster_sheet_back=st.just("normal"),
        media_cols=st.lists(st.builds(device.Medium, name=st.text(max_size=9), x=st.integers(1, 9)), max_size=3).map(
            tuple
        ),
        margins=st.sampled_from([(), ((0, 423), (0,), (0,), (423,))]),
        words=st.sampled_from([(), (("print-scaling", ("auto", "fit")), ("overrides", ("pages",)))]),
        supplies=st.sampled_from([(), (("type=toner;level=5;", "Black"),)]),
    )


@given(capabilities())
def test_capabilities_survive_the_database_column(one: device.Capabilities) -> None:
    assert device.Capabilities.from_plain(one.to_plain()) == one


@given(st.lists(capabilities(), min_size=1, max_size=4))
def test_a_queue_promises_only_what_some_device_behind_it_can_do(several: list[device.Capabilities]) -> None:
    merged = device.merge(several)
    assert merged.media_default in merged.media
    assert merged.colour == any(each.colour for each in several)
    assert merged.copies_max == max(each.copies_max for each in several)
    for format in merged.formats:
        assert any(format in each.formats for each in several)
    shared = set.intersection(*(set(each.formats) for each in several))
    if shared:
        assert set(merged.formats) == shared


RASTER = device.Capabilities(
    formats=("application/pdf", "image/pwg-raster", "image/urf"), raster_types=("black_1", "sgray_8", "srgb_8"),
    raster_resolutions=(300, 600), raster_sheet_back="normal",
    urf=("V1.4", "CP99", "W8", "SRGB24", "RS300-600", "DM1"),
)  # fmt: skip


def test_a_raster_is_offered_as_every_device_of_the_queue_can_print_it() -> None:
    other = replace(
        RASTER, raster_types=("sgray_8",), raster_resolutions=(600,), urf=("V1.4", "CP9", "W8", "RS600", "DM1")
    )
    merged = device.merge([RASTER, other])
    assert set(merged.formats) == {"application/pdf", "image/pwg-raster", "image/urf"}
    assert (merged.raster_types, merged.raster_resolutions) == (("sgray_8",), (600,))
    assert set(merged.urf) == {"V1.4", "W8", "DM1", "CP9", "RS600"}


@pytest.mark.parametrize(
    "unlike", [{"raster_sheet_back": "flipped"}, {"raster_types": ("cmyk_8",)}, {"raster_resolutions": (720,)}]
)
def test_no_raster_is_offered_that_one_of_the_devices_would_print_wrong(unlike: dict[str, Any]) -> None:
    assert "image/pwg-raster" not in device.merge([RASTER, replace(RASTER, **unlike)]).formats


@pytest.mark.parametrize("keys", [("V1.4", "W8", "RS300-600", "DM3"), ("V1.4", "W8", "RS1200", "DM1"), ()])
def test_no_apple_raster_is_offered_that_one_of_the_devices_would_print_wrong(keys: tuple[str, ...]) -> None:
    assert "image/urf" not in device.merge([RASTER, replace(RASTER, urf=keys)]).formats


def test_what_the_house_can_convert_is_taken_where_every_device_prints_the_outcome() -> None:
    mono = replace(RASTER, formats=("image/pwg-raster",))
    try:
        device.can_convert({"image/png", "text/plain"})
        assert device.formats_taken([RASTER]) == (*RASTER.formats, "image/png", "text/plain")
        assert device.formats_taken([RASTER, mono]) == ("image/pwg-raster",)
    finally:
        device.can_convert(())


def test_a_queue_without_devices_promises_what_every_printer_can_do() -> None:
    assert device.merge([]).formats == ("application/pdf",)


def test_a_queue_with_one_device_promises_exactly_what_that_can_do() -> None:
    only = device.Capabilities(make_and_model="Lab 1", probed=True, copies_max=7, finishings=(4,))
    assert device.merge([only]) == only


def test_capabilities_of_a_newer_house_are_read_without_what_is_not_known_here() -> None:
    assert device.Capabilities.from_plain({"colour": False, "smell": "ink"}) == device.Capabilities(colour=False)
