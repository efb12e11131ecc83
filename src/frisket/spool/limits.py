"""How much may be held at once: by one person, by the house, and by the disk.

The counters live in memory, because every job asks; they are read from the table at start. Processes
that share a database see each other's jobs when `load_counters` is called again, which the daily round
and the start do: a limit may be passed by what came in between, the disk's own limit never.
"""

import threading
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Sum

from frisket.plumbing import blobs, parts
from frisket.spool.errors import OverQuota, SpoolFull, TooLarge
from frisket.spool.models import JobKey
from frisket.spool.store import store

__all__ = ["COUNTERS", "Held", "held_by", "held_in_all", "load_counters", "room_for", "space"]


class Held(NamedTuple):
    jobs: int
    octets: int  # of their documents, as they came


_NOTHING = Held(0, 0)


class _Counters:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._persons: dict[UUID, Held] = {}
        self.house = _NOTHING

    def add(self, person: UUID, jobs: int, octets: int) -> None:
        with self._lock:
            before = self._persons.get(person, _NOTHING)
            now = Held(before.jobs + jobs, before.octets + octets)
            if now.jobs > 0:
                self._persons[person] = now
            else:
                self._persons.pop(person, None)
            self.house = Held(self.house.jobs + jobs, self.house.octets + octets)

    def of(self, person: UUID) -> Held:
        return self._persons.get(person, _NOTHING)

    def load(self, persons: dict[UUID, Held]) -> None:
        with self._lock:
            self._persons = persons
            self.house = Held(
                sum(held.jobs for held in persons.values()), sum(held.octets for held in persons.values())
            )


COUNTERS = _Counters()


def load_counters() -> None:
    """Count what is held from the table: at start, and now and then where processes share a database."""
    rows = JobKey.objects.values_list("person").annotate(jobs=Count("job"), size=Sum("octets"))
    COUNTERS.load({person: Held(jobs, size) for person, jobs, size in rows})


def held_by(person: UUID) -> Held:
    """Jobs and octets this person holds at once."""
    return COUNTERS.of(person)


def held_in_all() -> Held:
    return COUNTERS.house


def room_for(person: UUID, size: int | None) -> int:
    """May this person bring a job of this size (None: not announced)? Gives the most octets it may have.

    Raises TooLarge, OverQuota; SpoolFull when the house or its disk has no room.
    """
    limits = parts.settings().limits
    wanted = size or 0
    if wanted > limits.job_bytes:
        raise TooLarge("the job is larger than a job may be")
    jobs, octets = COUNTERS.of(person)
    if jobs >= limits.person_jobs or octets + wanted > limits.person_bytes:
        raise OverQuota("as much is waiting as may wait at once")
    house_jobs, house_octets = COUNTERS.house
    most = min(limits.job_bytes, limits.person_bytes - octets)
    if house_jobs >= limits.house_jobs:
        raise SpoolFull("the house holds as many jobs as it may")
    if limits.house_bytes is not None:
        if house_octets + wanted > limits.house_bytes:
            raise SpoolFull("the house holds as much as it may")
        most = min(most, limits.house_bytes - house_octets)
    space = store().space()
    if space.state == "refuse" or wanted > space.free:
        raise SpoolFull("the disk of the spool is too full")
    return most


def space() -> blobs.Space:
    """The disk of the spool, looked at once a second at most."""
    return store().space()
