"""Named times: when "evening" begins, when a week ends. Values in, moments out (RFC 8011 section 5.2.2)."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

__all__ = ["NAMED", "RETAINED", "end_of", "opens"]

NAMED = ("day-time", "evening", "night", "weekend", "second-shift", "third-shift")
RETAINED = ("none", "end-of-day", "end-of-week", "end-of-month")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_A_WEEK = range(-1, 9)  # days to look at: a span may have begun yesterday, a weekend is a week away at most


class Times(Protocol):
    """The section ``times`` of the settings; each named time is an attribute, "18:00-22:00"."""

    @property
    def zone(self) -> str: ...

    @property
    def weekend(self) -> list[str]: ...


def opens(word: str, now: datetime, times: Times) -> datetime | None:
    """When the named time next begins: ``now`` itself inside it; None for a word that names none."""
    if word not in NAMED:
        return None
    zone = ZoneInfo(times.zone)
    begins = []
    for start, end in _spans(word, now.astimezone(zone), times, zone):
        if start <= now < end:
            return now
        if start > now:
            begins.append(start)
    return min(begins, default=None)


def _spans(word: str, local: datetime, times: Times, zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """Begin and end of the named time on each day around, in UTC: two local times compare by their hands only."""
    days = [local.date() + timedelta(days=each) for each in _A_WEEK]
    if word == "weekend":
        midnight = time(0, 0)
        return [
            (_utc(day, midnight, zone), _utc(day + timedelta(days=1), midnight, zone))
            for day in days
            if _DAYS[day.weekday()] in times.weekend
        ]
    first, _, last = getattr(times, word.replace("-", "_")).partition("-")
    begin, end = time.fromisoformat(first), time.fromisoformat(last)
    over_night = timedelta(days=1 if end <= begin else 0)
    return [(_utc(day, begin, zone), _utc(day + over_night, end, zone)) for day in days]


def _utc(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def end_of(word: str, at: datetime, times: Times) -> datetime | None:
    """The moment a retention word names, counted from ``at``; None for a word that names none.

    A week ends with Sunday.
    """
    zone = ZoneInfo(times.zone)
    day = at.astimezone(zone).date()
    match word:
        case "none":
            return at
        case "end-of-day":
            last = day
        case "end-of-week":
            last = day + timedelta(days=6 - day.weekday())
        case "end-of-month":
            last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        case _:
            return None
    return _utc(last + timedelta(days=1), time(0, 0), zone)
