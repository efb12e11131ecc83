"""A person looks into a store and prints one file from it.

Looking happens in the thread of the page. Printing is durable work: the wish is written down, the worker fetches the
file and makes the job, and a failure stands beside the wish with its reason.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from frisket import device, identity
from frisket.errors import FrisketError
from frisket.intake.accept import Intake
from frisket.intake.sources import pickups, register
from frisket.intake.sources.errors import NoSuchSource, NotYours, PlaceGone
from frisket.intake.sources.handing import Errand, Wish, hand_in, told
from frisket.intake.sources.names import leaf, relative, shown
from frisket.intake.sources.pickups import Claim
from frisket.intake.sources.place import Entry, Place
from frisket.intake.sources.places import place_of
from frisket.intake.sources.thread import OwnThread, longest_call_s
from frisket.intake.sources.views import SourceView
from frisket.intake.upload import offer_for
from frisket.plumbing import parts, work
from frisket.plumbing.db import transaction
from frisket.plumbing.paging import Slice
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope

__all__ = ["Fetcher", "browse", "choose", "ready", "store_of"]

KIND = "intake.fetch"
MOST_ENTRIES = 10_000  # of one folder
PAGE = 100
AT_ONCE = 3  # looks at stores side by side, in all pages of a process
TRIES = 5
_room = threading.BoundedSemaphore(AT_ONCE)


def store_of(scope: Scope, name: str) -> SourceView:
    """A store this person may look into. Raises NoSuchSource also for one that is closed to them."""
    found = register.by_name(scope, name)
    if not found.active or not found.browsable:
        raise NoSuchSource("there is no store of this name")
    return found


def browse(source: SourceView, path: str, *, after: str = "", limit: int = PAGE) -> Slice[Entry]:
    """A part of a folder, folders first, then by name; ``after`` is the cursor of the part before.

    Raises BadSource for a path that is none, PlaceGone, PlaceRefuses, Vanished, ClosedByLevel.
    """
    folder = relative(path)
    with _looking(source) as place:
        found = place.browse(folder, MOST_ENTRIES)
    rows = sorted((each for each in found if not _hidden(each)), key=_order)
    if after:
        rows = [each for each in rows if _cursor(each) > after]
    more = _cursor(rows[limit - 1]) if len(rows) > limit else None
    return Slice(rows[:limit], more)


def _hidden(entry: Entry) -> bool:
    return entry.name.startswith(".") or shown(entry.name) != entry.name


def _order(entry: Entry) -> str:
    return _cursor(entry)


def _cursor(entry: Entry) -> str:
    return ("0" if entry.folder else "1") + entry.name.casefold() + "\0" + entry.name


@contextmanager
def _looking(source: SourceView) -> Iterator[Place]:
    if not _room.acquire(timeout=5):
        raise PlaceGone("too many people look into stores at this moment")
    try:
        place = place_of(source)
        try:
            yield place
        finally:
            place.close()
    finally:
        _room.release()


def choose(source: SourceView, path: str, person: identity.PersonView, by: Actor, values: Mapping[str, str]) -> UUID:
    """Have this file printed. Raises BadUpload, BadSource, device.NoSuchQueue; the rest is found out on the way."""
    where = relative(path)
    if not where:
        raise NoSuchSource("no file was chosen")
    queue = values.get("queue") or device.queue(source.queue).name
    offer_for(queue, person, by, values, door="store")  # what cannot be is refused now, not later
    wanted = {name: str(values.get(name, "")) for name in ("copies", "sides", "color_mode", "media", "hold")}
    with transaction() as tx:
        id = pickups.ask(source.id, where, person.id, {**wanted, "queue": queue}, tx=tx)
        work.enqueue(KIND, {"pickup": id.hex}, tx=tx)
    return id


class NotOpen(FrisketError):
    """The doors of this process are not open yet, or not any more."""

    retry = True


_fetcher: "Fetcher | None" = None


def handle_fetch(item: work.Item) -> None:
    """The work ``intake.fetch``: {"pickup"}, the row of what a person chose."""
    if _fetcher is None:
        raise NotOpen("nobody can fetch at this moment")
    _fetcher.handle(item)


def ready() -> None:
    """Register the work of fetching. Before the work engine starts."""
    work.handles(KIND, at_once=2, most_attempts=TRIES + 3, backoff_s=2.0)(handle_fetch)


class Fetcher:
    """Does the durable work of fetching, in the event loop of the doors."""

    def __init__(self, doors: Intake) -> None:
        self._doors = doors
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        global _fetcher
        self._loop = asyncio.get_running_loop()
        _fetcher = self

    def close(self) -> None:
        global _fetcher
        _fetcher = None

    def handle(self, item: work.Item) -> None:
        assert self._loop is not None
        found = pickups.asked(UUID(str(item.payload["pickup"])))
        if found is None or item.cancelled():
            return
        claim, person, options = found
        last = item.attempt >= TRIES
        asyncio.run_coroutine_threadsafe(self._fetch(claim, person, options, last), self._loop).result()

    async def _fetch(self, claim: Claim, person_id: UUID, options: dict[str, str], last: bool) -> None:
        """Raises what may work later, unless this is the last try."""
        thread = OwnThread("fetching", longest_call_s())
        try:
            source, person = await self._doors.ask(_facts, claim, person_id)
            await self._bring(claim, source, person, options, thread)
        except FrisketError as error:
            if error.retry and not last:
                raise
            await self._doors.ask(pickups.refuse, claim, told(error), person_id, True)
        finally:
            thread.end()

    async def _bring(
        self, claim: Claim, source: SourceView, person: identity.PersonView, options: dict[str, str], thread: OwnThread
    ) -> None:
        place: Place = await self._doors.ask(place_of, source)
        try:
            opened = await thread(place.open, claim.path)
            try:
                wish = await self._doors.ask(_wish, person, claim, options)
                await hand_in(self._doors, thread, opened, Errand(claim, person, wish, True))
            finally:
                await thread(opened.close)
        finally:
            thread.later(place.close)


def _facts(claim: Claim, person_id: UUID) -> tuple[SourceView, identity.PersonView]:
    source = register.get(claim.source)
    person = identity.get(Scope(HOUSE, parts.tenant(), Purpose.STAGE), person_id)
    if source is None or not source.active or not source.browsable:
        raise NotYours("this store is closed now")
    if not person.active:
        raise NotYours("you may not print any more")
    return source, person


def _wish(person: identity.PersonView, claim: Claim, options: dict[str, str]) -> Wish:
    by = identity.actor_for(person, "store")
    offer = offer_for(options.get("queue", ""), person, by, {**options, "title": leaf(claim.path)}, door="store")
    return Wish(offer.queue, offer.copies, offer.options, offer.hold != "", "store")
