"""Reading the Printer MIB: the special values, the oddities of the field, and walks of real devices."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frisket import device
from frisket.device.printermib import level
from frisket.device.status import merge
from tests.peers.agents import Walk, office, read_walk

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
P = "1.3.6.1.2.1.43"


def read(walk: Walk) -> device.Facts:
    return device.read_mib(walk, AT)


def corpora(*names: str) -> Path:
    root = os.environ.get("FRISKET_CORPORA")
    folder = Path(root, "snmp", *names) if root else None
    if folder is None or not folder.exists():
        pytest.skip(f"FRISKET_CORPORA does not name a folder with snmp/{'/'.join(names)}")
    return folder


@pytest.mark.requirement("FLEET-30")
def test_a_device_of_the_field_is_read_with_its_trays_supplies_covers_and_counter() -> None:
    found = read(office())
    assert (found.state, found.reasons, found.model, found.serial) == ("idle", (), "Example Works 4500", "EX0815")
    assert [(tray.name, tray.media, tray.level.word, tray.level.percent) for tray in found.trays] == [
        ("Tray 1", "iso_a4_210x297mm", "known", 50),
        ("Tray 2", "iso_a3_297x420mm", "some", None),
        ("Bypass", "", "known", 0),
    ]
    assert [tray.manual for tray in found.trays] == [False, False, True]
    supplies = [(each.colour, each.kind, each.level.word, each.level.percent) for each in found.supplies]
    assert supplies == [
        ("black", "toner", "known", 40),
        ("cyan", "toner", "known", 8),
        ("magenta", "toner", "some", None),
        ("yellow", "toner", "unknown", None),
        ("", "waste-toner", "known", 70),
    ]
    assert found.supplies[4].receptacle and not found.supplies[0].receptacle
    assert [(cover.name, cover.open) for cover in found.covers] == [("Front cover", False), ("Side door", False)]
    assert [(each.name, each.capacity, each.level.word) for each in found.bins] == [("Upper bin", 250, "unknown")]
    assert found.display == ("Ready",) and (found.marked, found.marked_unit) == (4711, "impressions")


@pytest.mark.requirement("FLEET-28")
def test_what_a_device_can_do_is_read_with_it() -> None:
    plain = read(office())
    assert (plain.colour, plain.duplex, plain.finishing, len(plain.trays)) == (True, None, (), 3)
    walk = office() | {f"{P}.13.4.1.9.1.1": 5, f"{P}.13.4.1.10.1.1": b"Simplex"}
    assert read(walk).duplex is False
    walk |= {f"{P}.13.4.1.9.1.2": 3, f"{P}.13.4.1.10.1.2": b"Two-sided"}
    walk |= {f"{P}.30.1.1.2.1.1": 3, f"{P}.30.1.1.3.1.1": 3, f"{P}.30.1.1.2.1.2": 8, f"{P}.30.1.1.3.1.2": 5}
    found = read(walk)
    assert (found.duplex, found.finishing) == (True, ("stitcher",)), "the puncher is not there"
    assert device.Facts.from_plain(json.loads(json.dumps(found.to_plain()))) == found
    merged = merge([found, device.Facts("ipp", AT)], AT)
    assert (merged.colour, merged.duplex, merged.finishing, merged.said_by["duplex"]) == (
        True,
        True,
        ("stitcher",),
        "snmp",
    )


@pytest.mark.requirement("FLEET-28")
def test_a_device_with_black_alone_prints_no_colour_whatever_it_counts() -> None:
    walk = {oid: value for oid, value in office().items() if not oid.startswith((f"{P}.11.1.1.", f"{P}.12.1.1."))}
    assert read(walk).colour is None
    assert read(walk | {f"{P}.10.2.1.6.1.1": 1}).colour is False
    assert read(walk | {f"{P}.10.2.1.6.1.1": 4}).colour is True
    walk |= {f"{P}.10.2.1.6.1.1": 4, f"{P}.12.1.1.4.1.1": b"black"}
    assert read(walk).colour is False


@pytest.mark.parametrize(
    ("most", "now", "unit", "wanted"),
    [
        (100, 40, "percent", ("known", 40)),
        (6000, 5340, "impressions", ("known", 89)),
        (100, 250, "percent", ("known", 100)),
        (-2, 35, "percent", ("known", 35)),
        (-2, 35, "sheets", ("known", None)),
        (-2, -3, "percent", ("some", None)),
        (100, -3, "percent", ("some", None)),
        (100, -2, "percent", ("unknown", None)),
        (100, -1, "percent", ("unlimited", None)),
        (0, 0, "percent", ("missing", None)),
        (100, -100, "percent", ("unknown", None)),
        (None, None, "", ("unknown", None)),
        (100, b"40", "percent", ("unknown", None)),
        ("1.3", "1.3", "percent", ("unknown", None)),
    ],
)
def test_a_level_is_a_percentage_only_where_the_numbers_say_one(
    most: object, now: object, unit: str, wanted: tuple[str, int | None]
) -> None:
    found = level(most, now, unit)  # type: ignore[arg-type]
    assert (found.word, found.percent) == wanted


@pytest.mark.requirement("FLEET-31")
@pytest.mark.parametrize(
    ("bits", "state", "reason"),
    [
        (b"\x80", "idle", "media-low-warning"),
        (b"\x20", "idle", "toner-low-warning"),
        (b"\x10", "stopped", "toner-empty-error"),
        (b"\x08", "stopped", "door-open-error"),
        (b"\x04", "stopped", "media-jam-error"),
        (b"\x02\x00", "stopped", "offline-error"),
        (b"\x01", "stopped", "service-needed-error"),
        (b"\x00\x80", "idle", "input-tray-missing-warning"),
        (b"\x00\x40", "idle", "output-tray-missing-warning"),
        (b"\x00\x20", "stopped", "marker-supply-missing-error"),
        (b"\x00\x10", "idle", "output-area-almost-full-warning"),
        (b"\x00\x08", "stopped", "output-area-full-error"),
        (b"\x00\x04", "idle", "media-empty-warning"),
        (b"\x00\x02", "idle", "service-needed-warning"),
    ],
)
def test_each_error_bit_is_a_reason_with_its_weight(bits: bytes, state: str, reason: str) -> None:
    found = read(office(host=5, errors=bits))
    assert (found.state, found.reasons) == (state, (reason,))


def test_what_a_printing_device_reports_does_not_stop_it() -> None:
    found = read(office(state=4, host=3, errors=b"\x50"))
    assert found.state == "processing" and found.reasons == ("media-empty-warning", "toner-empty-warning")


def test_one_empty_tray_of_several_is_a_warning_and_all_of_them_stop_it() -> None:
    walk = office(state=1, host=5, errors=b"\x40")
    assert read(walk).reasons[0] == "media-empty-warning"
    walk |= {f"{P}.8.2.1.10.1.1": 0, f"{P}.8.2.1.10.1.2": 0}
    found = read(walk)
    assert (found.state, found.reasons) == ("stopped", ("media-empty-error",))


def test_a_sleeping_device_is_ready_and_one_that_is_down_without_a_reason_is_not() -> None:
    assert read(office(state=1, host=3)).state == "idle"
    down = read(office(state=1, host=5))
    assert (down.state, down.reasons) == ("stopped", ("other-error",))
    assert read({}).state == "unknown"


def test_alerts_become_reasons_and_what_is_no_trouble_is_left_out() -> None:
    walk = office(state=1, host=5)
    for row, (severity, code) in enumerate(((3, 8), (4, 1104), (4, 24), (3, 30213), (1, 507), (4, 40404)), 1):
        walk |= {f"{P}.18.1.1.2.1.{row}": severity, f"{P}.18.1.1.7.1.{row}": code, f"{P}.18.1.1.8.1.{row}": b"words"}
    found = read(walk)
    assert [(alert.code, alert.severity) for alert in found.alerts] == [
        (8, "critical"),
        (1104, "warning"),
        (30213, "critical"),
        (40404, "warning"),
    ]
    assert found.reasons == ("media-jam-error", "toner-low-warning", "stapler-empty-error")


def test_the_printer_is_found_where_it_is_not_the_first_device() -> None:
    walk = {f"{P}.11.1.1.9.3.1": 50, f"{P}.11.1.1.8.3.1": 100, "1.3.6.1.2.1.25.3.2.1.2.1": "1.3.6.1.2.1.25.3.1.3"}
    walk |= {"1.3.6.1.2.1.25.3.2.1.2.3": "1.3.6.1.2.1.25.3.1.5", "1.3.6.1.2.1.25.3.5.1.1.3": 3}
    walk |= {"1.3.6.1.2.1.25.3.2.1.3.3": b"Third", "1.3.6.1.2.1.25.3.2.1.3.1": b"Network card"}
    found = read(walk)
    assert (found.index, found.model, found.state) == (3, "Third", "idle")
    assert found.supplies[0].level.percent == 50


@pytest.mark.parametrize(
    ("charset", "octets", "shown"),
    [
        (106, "Magenta für ½".encode(), "Magenta für ½"),
        (4, "Gelb für".encode("latin-1"), "Gelb für"),
        (2004, "Wei\xde".encode("latin-1"), "Weiß"),
        (3, b"\x00Black\x00 \x07Toner\x00", "Black Toner"),
        (9999, "Schw\xe4rze".encode("latin-1"), "Schwärze"),
    ],
)
def test_text_is_read_in_the_character_set_of_the_device(charset: int, octets: bytes, shown: str) -> None:
    found = read(office() | {f"{P}.7.1.1.4.1.1": charset, f"{P}.11.1.1.6.1.1": octets})
    assert found.supplies[0].name == shown


_OIDS = sorted(office())
_ODD = st.one_of(
    st.none(),
    st.integers(-(2**33), 2**33),
    st.binary(max_size=40),
    st.sampled_from(["1.3.6.1.2.1.25.3.1.5", "", ".1.3", "0.0"]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(_OIDS), _ODD, max_size=30),
    st.sets(st.sampled_from(_OIDS)),
    st.dictionaries(st.from_regex(r"1\.3\.6\.1\.2\.1\.43(\.\d{1,12}){1,9}", fullmatch=True), _ODD, max_size=10),
)
def test_no_walk_makes_the_reading_fail_and_what_is_read_is_kept_whole(
    changed: Walk, gone: set[str], more: Walk
) -> None:
    walk = {oid: value for oid, value in (office() | changed | more).items() if oid not in gone}
    found = read(walk)
    assert device.Facts.from_plain(json.loads(json.dumps(found.to_plain()))) == found
    assert len(found.trays) <= 64 and all(0 <= (each.level.percent or 0) <= 100 for each in found.supplies)
    assert merge([found], AT).state in ("idle", "processing", "stopped", "unknown")


def _walks() -> Iterator[tuple[str, Walk]]:
    for file in sorted(corpora("librenms-printers", "snmpsim").glob("*.snmprec")):
        yield file.stem, read_walk(file)


def test_walks_of_real_devices_say_what_independent_tools_found_in_them() -> None:
    facts = json.loads(corpora("FACTS-librenms-printers.json").read_text())
    seen = {"supplies": 0, "trays": 0, "markers": 0}
    for name, walk in _walks():
        found, known = read(walk), facts[name]
        wanted = [row for key, row in known["supplies"].items() if key.startswith(f"{found.index}.")]
        assert len(found.supplies) == len(wanted), name
        for supply, row in zip(found.supplies, wanted, strict=True):
            most, now = row.get("max"), row.get("level")
            if isinstance(most, int) and isinstance(now, int) and most > 0 and now >= 0:
                assert supply.level.percent == min(100, round(now * 100 / most)), (name, row)
            elif now == -3:
                assert supply.level.word == "some", (name, row)
            seen["supplies"] += 1
        inputs = [key for key in known["inputs"] if key.startswith(f"{found.index}.")]
        assert len(found.trays) == len(inputs), name
        seen["trays"] += len(inputs)
        marker = known["markers"].get(f"{found.index}.1", {})
        if "life" in marker:
            assert found.marked == marker["life"], name
            seen["markers"] += 1
    assert seen["supplies"] >= 70 and seen["trays"] >= 20 and seen["markers"] >= 5, seen


def test_whole_walks_of_devices_are_read() -> None:
    facts = json.loads(corpora("FACTS-printmaster-full-walks.json").read_text())
    for name, known in facts.items():
        rows = json.loads(corpora("printmaster-full-walks", f"{name}.json").read_text())
        walk = {row["oid"].lstrip("."): _typed(row) for row in rows}
        found = read(walk)
        assert found.serial == known["prtGeneral"].get("1", {}).get("serial", found.serial), name
        assert found.marked == known["markers"].get("1.1", {}).get("life"), name
        assert len(found.supplies) == len(known["supplies"]), name
        assert found.state in ("idle", "processing", "stopped"), name


def _typed(row: dict[str, str]) -> "int | str | bytes":
    if "hex_value" in row:
        return bytes.fromhex(row["hex_value"])
    text = str(row.get("value", ""))
    if row["type"] == "ObjectIdentifier":
        return text.lstrip(".")
    return int(text) if text.lstrip("-").isdecimal() else text.encode()


def test_devices_that_are_no_printers_have_no_supplies_and_break_nothing() -> None:
    count = 0
    for folder in ("librenms-negatives", "librenms-tricky-negatives"):
        for file in corpora(folder).rglob("*.snmprec"):
            found = read(read_walk(file))
            assert not found.supplies and found.marked is None, file.name
            count += 1
    assert count > 30
