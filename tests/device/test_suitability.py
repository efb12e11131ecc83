"""Whether a device suits, and which one near it would; sizes of paper by every name they have."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket import device
from frisket.device import Capabilities, DeviceView, Lack, Need, Status, Tray

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
A4, A3, LETTER = "iso_a4_210x297mm", "iso_a3_297x420mm", "na_letter_8.5x11in"
BOTH = ("one-sided", "two-sided-long-edge")


def a_device(name: str = "one", **how: object) -> DeviceView:
    can = how.pop("can", None) or Capabilities(sides=BOTH, media=(A4, A3), probed=True)
    plain = DeviceView(
        id=uuid4(),
        tenant=UUID(int=1),
        name=name,
        uri="ipp://192.0.2.1:631/ipp/print",
        location="",
        pinned_sha256=None,
        uuid_seen="",
        capabilities=can,  # type: ignore[arg-type]
        silence_is_done=False,
        shows_owner=False,
        active=True,
        state="idle",
        state_reasons=(),
        state_message="",
        state_at=NOW,
        adopted_at=NOW,
    )
    return replace(plain, **how)  # type: ignore[arg-type]


def lacks(need: Need, there: DeviceView, how: Status = Status()) -> list[str]:
    return [each.what for each in device.unsuitable(need, there, how, NOW)]


@pytest.mark.parametrize(
    ("need", "wanted"),
    [
        (Need("application/pdf", True, "two-sided-long-edge", A3, A4), []),
        (Need("application/postscript"), ["format"]),
        (Need(media=LETTER), ["media"]),
        (Need(drawn=LETTER), []),
        (Need(drawn="iso_a2_420x594mm"), ["media"]),
        (Need(drawn="nonsense"), []),
        (Need(), []),
    ],
)
def test_a_device_suits_what_it_can_print_as_it_was_meant(need: Need, wanted: list[str]) -> None:
    assert lacks(need, a_device()) == wanted


def test_colour_sides_and_paper_are_lacks_that_a_person_may_accept_and_the_others_not() -> None:
    plain = a_device(can=Capabilities(colour=False, media=(A4,), probed=True))
    found = device.unsuitable(Need("text/plain", True, "two-sided-short-edge", A3), plain, Status(), NOW)
    assert [(each.what, each.hard) for each in found] == [
        ("format", True),
        ("colour", False),
        ("sides", False),
        ("media", False),
    ]
    assert lacks(Need(colour=True), a_device(active=False)) == ["off"]


@pytest.mark.parametrize(
    ("state", "reasons", "wanted"),
    [
        ("stopped", ("toner-low-warning", "media-jam-error"), "media-jam"),
        ("stopped", ("paused",), "paused"),
        ("stopped", (), "stopped"),
        ("unreachable", (), "unreachable"),
    ],
)
def test_a_broken_device_says_what_breaks_it(state: str, reasons: tuple[str, ...], wanted: str) -> None:
    there = a_device(state=state, state_reasons=reasons)
    assert device.unsuitable(Need(), there, Status(), NOW) == (Lack("broken", wanted, True),)


def test_old_news_and_a_port_nobody_may_ask_break_nothing() -> None:
    assert lacks(Need(), a_device(state="stopped", state_at=NOW - timedelta(minutes=5))) == []
    assert lacks(Need(), a_device(state="unreachable", uri="socket://192.0.2.1:9100")) == []
    told = device.SnmpView("2c")
    assert lacks(Need(), a_device(state="stopped", uri="socket://192.0.2.1:9100", snmp=told)) == ["broken"]
    assert lacks(Need(), a_device(state="processing")) == lacks(Need(), a_device(state="unknown", state_at=None)) == []


def test_paper_that_was_asked_for_has_to_lie_in_a_tray() -> None:
    a4 = Tray("One", A4, level=device.Level("known", 50, 250))
    empty = Tray("Two", A3, level=device.Level("missing"))
    odd = Tray("Three", "special")
    need = Need(media=A3)
    assert lacks(need, a_device(), Status(trays=(a4,))) == ["paper"]
    assert lacks(need, a_device(), Status(trays=(a4, empty))) == ["paper"]
    assert lacks(need, a_device(), Status(trays=(a4, Tray("Two", A3)))) == []
    assert lacks(need, a_device(), Status(trays=(a4, odd))) == [], "nobody knows what lies in the third"
    assert lacks(Need(media=A4), a_device(), Status(trays=(a4,))) == []


def test_the_nearest_that_can_print_it_now_is_named_first() -> None:
    here = a_device("here", location="second floor, by the stairs", tags=("north",))
    same = a_device("same", location="second floor, by the stairs")
    floor = a_device("floor", location="second floor, kitchen")
    tagged = a_device("tagged", location="third floor", tags=("north",))
    far = a_device("far", location="cellar")
    busy = a_device("busy", location="second floor, by the stairs", state="processing")
    broken = a_device("broken", location="second floor, by the stairs", state="stopped")
    mono = a_device("mono", location="second floor, by the stairs", can=Capabilities(colour=False))
    everybody = [far, broken, mono, tagged, floor, busy, same, here]
    found = device.nearby(Need(colour=True), here, everybody, {}, NOW)
    assert [each.name for each in found] == ["same", "busy", "floor", "tagged", "far"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (A4, "iso_a4_210x297mm", True),
        (A4, "A4", True),
        (A4, "iso-a4-white", True),
        ("na-letter-transparent", LETTER, True),
        ("oe_custom_210x297mm", A4, True),
        ("om_rotated_297x210mm", A4, True),
        ("custom_8.27x11.69in", A4, True),
        (A4, A3, False),
        (A4, LETTER, False),
        ("special", "special", True),
        ("special", A4, False),
        ("ab_1x1mm", A4, False),
        ("a_99999999999x1mm", A4, False),
    ],
)
def test_two_names_of_one_sheet_meet(one: str, other: str, same: bool) -> None:
    assert device.same_paper(one, other) is same and device.same_paper(other, one) is same


@given(st.text(max_size=40) | st.from_regex(r"[a-z_]{0,9}\d{0,14}(\.\d{0,9})?x\d{0,14}(mm|in)?", fullmatch=True))
def test_no_name_of_paper_makes_the_reading_fail(name: str) -> None:
    size = device.size_of(name)
    assert size is None or 0 < size[0] <= size[1]
    assert device.same_paper(name, name)
