"""Named times of job-hold-until and job-retain-until, as moments."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frisket.job import NAMED, RETAINED, end_of, opens
from frisket.plumbing.settings import BadSettings, Settings, Times, load

BERLIN = Times(zone="Europe/Berlin")
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda each: each.replace(tzinfo=UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "now", "begins"),
    [
        ("day-time", "2026-03-02 04:00", "2026-03-02 06:00"),
        ("day-time", "2026-03-02 12:00", "2026-03-02 12:00"),
        ("evening", "2026-03-02 18:00", "2026-03-02 18:00"),
        ("evening", "2026-03-02 22:00", "2026-03-03 18:00"),
        ("night", "2026-03-02 03:00", "2026-03-02 03:00"),
        ("night", "2026-03-02 12:00", "2026-03-02 22:00"),
        ("second-shift", "2026-03-02 23:59", "2026-03-02 23:59"),
        ("third-shift", "2026-03-02 09:00", "2026-03-03 00:00"),
        ("weekend", "2026-03-02 09:00", "2026-03-07 00:00"),
        ("weekend", "2026-03-08 23:00", "2026-03-08 23:00"),
    ],
)
def test_a_named_time_begins_when_the_settings_say(word: str, now: str, begins: str) -> None:
    assert opens(word, at(now), Times()) == at(begins)


def test_named_times_follow_the_clocks_of_the_place_when_they_are_changed() -> None:
    before, after = at("2026-03-28 12:00"), at("2026-03-29 12:00")
    assert opens("evening", before, BERLIN) == at("2026-03-28 17:00")
    assert opens("evening", after, BERLIN) == at("2026-03-29 16:00")


def test_a_word_that_names_no_time_opens_never() -> None:
    assert opens("tea-time", at("2026-03-02 09:00"), Times()) is None
    assert end_of("tea-time", at("2026-03-02 09:00"), Times()) is None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMED), moments, st.sampled_from([Times(), BERLIN]))
def test_every_named_time_comes_within_eight_days_and_stays_open_from_then(
    word: str, now: datetime, times: Times
) -> None:
    begins = opens(word, now, times)
    assert begins is not None and timedelta(0) <= begins - now <= timedelta(days=8)
    assert opens(word, begins, times) == begins


@pytest.mark.parametrize(
    ("word", "ends"),
    [
        ("none", "2026-03-04 09:00"),
        ("end-of-day", "2026-03-05 00:00"),
        ("end-of-week", "2026-03-09 00:00"),
        ("end-of-month", "2026-04-01 00:00"),
    ],
)
def test_a_retention_ends_with_its_day_week_or_month(word: str, ends: str) -> None:
    assert end_of(word, at("2026-03-04 09:00"), Times()) == at(ends)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(RETAINED), moments)
def test_no_retention_ends_before_it_begins_or_after_a_month(word: str, now: datetime) -> None:
    ends = end_of(word, now, BERLIN)
    assert ends is not None and timedelta(0) <= ends - now <= timedelta(days=32)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("zone", "Middle/Earth"),
        ("zone", "../../etc/passwd"),
        ("evening", "18-22"),
        ("evening", "25:00-26:00"),
        ("weekend", "caturday"),
    ],
)
def test_settings_that_name_no_time_are_refused(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"times.{name}"):
        load(None, environ={f"FRISKET_TIMES__{name.upper()}": value})
    assert load(None, environ={"FRISKET_TIMES__ZONE": "Europe/Berlin"}) != Settings()
