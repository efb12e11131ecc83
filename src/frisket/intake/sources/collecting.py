"""Picking up from one source: look, wait until files rest, claim, set aside, hand in, put away.

The order makes it once and only once, whatever dies: the claim is durable before a file is touched, the file is in
the private folder before it is read, the record of the pick-up is in the job's own commit, and only then is the
file deleted or moved. What a crash leaves is finished by the next round, by what the record says.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from frisket import device, identity, spool
from frisket.errors import Blame, FrisketError
from frisket.intake.accept import Intake
from frisket.intake.sources import pickups, register
from frisket.intake.sources.errors import (
    ClosedByLevel,
    NotADocument,
    PlaceGone,
    PlaceRefuses,
    SameAgain,
    StillWritten,
    Vanished,
)
from frisket.intake.sources.exporting import unusable
from frisket.intake.sources.handing import Errand, There, Wish, hand_in, owner_of, told
from frisket.intake.sources.names import leaf, shown
from frisket.intake.sources.pickups import Claim, is_token
from frisket.intake.sources.place import Opened, Place, Seen
from frisket.intake.sources.thread import Hung
from frisket.intake.sources.views import After, Kind, Owner, SourceView
from frisket.plumbing import crashpoints, parts
from frisket.plumbing.places import places

__all__ = ["BATCH", "Collector", "fair"]

log = logging.getLogger("frisket.folders")
CLAIMED = crashpoints.point("folders.claimed")
SET_ASIDE = crashpoints.point("folders.set-aside")
TAKEN = crashpoints.point("folders.taken")
PUT_AWAY = crashpoints.point("folders.put-away")

BATCH = 32  # claimed in one commit
LONGEST_PAUSE_S = 60.0
CLOSED_REST_S = 0.25  # a file that was closed rests for so long: some programs close and open again
LOST_S = 3600.0  # a claimed file that is nowhere: its disk may be mounted again
MOST_TRIES = 6  # of a document that fails by a fault of ours

_STATES = ((PlaceGone, "gone"), (PlaceRefuses, "refused"), (ClosedByLevel, "closed"))
_LOST_RECORD = (
    "It was being picked up when the record of it was lost, so it may have been printed. "
    "Look at the printed jobs before you put it in again."
)


@dataclass(slots=True)
class _Resting:
    """A file that must stay as it is for a while before it counts as complete."""

    seen: Seen
    since: float  # monotonic
    closed: bool = False


def fair(files: Iterable[Seen], most: int) -> list[Seen]:
    """Up to ``most`` of them, in turn from each first folder, so that one person's thousands hold up nobody (R23)."""
    heaps: dict[str, deque[Seen]] = {}
    for seen in files:
        first, slash, _ = seen.path.partition("/")
        heaps.setdefault(first if slash else "", deque()).append(seen)
    chosen: list[Seen] = []
    while heaps and len(chosen) < most:
        for name in list(heaps):
            chosen.append(heaps[name].popleft())
            if not heaps[name]:
                del heaps[name]
            if len(chosen) >= most:
                break
    return chosen


class Collector:
    """One source's. ``there`` runs calls in its thread; rounds follow each other, never side by side."""

    def __init__(self, doors: Intake, source: SourceView, place: Place, there: There) -> None:
        self._doors = doors
        self.source = source
        self._place = place
        self._there = there
        self._resting: dict[str, _Resting] = {}
        self._closed: set[str] = set()  # paths that were closed since the last look
        self._later: dict[str, tuple[float, int]] = {}  # token: not before, tries
        self._lost: dict[str, float] = {}  # token: since when it is nowhere
        self._left: set[tuple[str, int, str]] = set()  # left where they lie, known to the record
        self._troubles = 0
        self._said: tuple[str, str] | None = None
        self._swept = False
        self.hung = False  # a call did not come back: the place is not to be used any more
        self.folders: set[str] = {""}  # that hold files, for the bell

    def close(self) -> None:
        """In the thread of the source."""
        self._place.close()

    def closed(self, path: str) -> None:
        """The bell: somebody closed this file or moved it in."""
        if path and len(self._closed) < parts.settings().folders.entries:
            self._closed.add(path)

    async def round(self) -> float:
        """One look and what follows from it. Seconds until the next is due."""
        try:
            pause = await self._round()
        except FrisketError as error:
            return await self._trouble(error)
        except Exception as error:  # the top of one source's work: the others go on
            log.error("source %s: %s", self.source.id, places(error))
            self._troubles += 1
            await self._say("waiting", "The print server failed. Its log says where.")
            return min(LONGEST_PAUSE_S, 2.0**self._troubles)
        self._troubles = 0
        return pause

    async def _round(self) -> float:
        if not self._swept:
            await self._sweep()
        waiting = await self._finish()
        reason = self._not_now() or await self._no_destination()
        if reason:
            await self._say("waiting", reason)
            return self.source.every_s
        found = await self._look()
        ready, rest_s = self._rested(found)
        batch = fair(ready, BATCH)
        if batch:
            await self._pick_up(batch)
        await self._say("watching", "")
        if len(ready) > len(batch) or batch:
            return 0.0
        return min(self.source.every_s, rest_s, waiting)

    def _not_now(self) -> str:
        """Why nothing new is touched: it is better kept where it lies than refused."""
        if not device.queue(self.source.queue).accepting:
            return "The queue takes no jobs at the moment; files wait where they are."
        if spool.space().state == "refuse":
            return "The disk of the spool is full; files wait where they are."
        return ""

    async def _no_destination(self) -> str:
        if not self.source.destination:
            return ""
        problem: FrisketError | None = await self._there(unusable, self.source.destination)
        return f"Files wait where they are: {problem}. {problem.remedy}" if problem is not None else ""

    # -- what an earlier round, or an earlier life, left

    async def _sweep(self) -> None:
        """Nothing in the private folder is printed without a record that it is claimed."""
        if self._place.moves:
            aside = await self._there(self._place.all_aside)
            claims = await self._doors.ask(pickups.open_claims, self.source.id, 1_000_000)
            known = {claim.token for claim in claims}
            for token in [name for name in aside if is_token(name) and name not in known]:
                await self._there(self._place.refuse, token, token, _LOST_RECORD)
        self._swept = True

    async def _finish(self) -> float:
        """Put away what is in, hand in what is claimed. Seconds until one of those that wait is due."""
        claims = await self._doors.ask(pickups.open_claims, self.source.id, 4 * BATCH)
        await self._put_away([claim for claim in claims if claim.state == "taken"])
        now = time.monotonic()
        claimed = [claim for claim in claims if claim.state == "claimed"]
        due = [claim for claim in claimed if self._later.get(claim.token, (0.0, 0))[0] <= now]
        if due:
            await self._take(await self._all_aside(due))
        later = [self._later[claim.token][0] - now for claim in claimed if claim.token in self._later]
        return max(0.2, min(later, default=LONGEST_PAUSE_S))

    async def _all_aside(self, claims: list[Claim]) -> list[Claim]:
        """Of claimed files, those that are in the private folder now, durably."""
        if not self._place.moves:
            return claims
        there: list[Claim] = []
        dropped: list[Claim] = []
        for claim in claims:
            try:
                if not await self._there(self._place.aside, claim.token):
                    await self._there(self._place.set_aside, claim.path, claim.token)
            except (Vanished, NotADocument, StillWritten):
                since = self._lost.setdefault(claim.token, time.monotonic())
                if time.monotonic() - since > LOST_S:
                    dropped.append(claim)
                self._put_off(claim, LONGEST_PAUSE_S)
            else:
                self._lost.pop(claim.token, None)
                there.append(claim)
        if dropped:
            await self._doors.ask(pickups.drop, [claim.id for claim in dropped])
        if there:
            await self._there(self._place.settle)
        return there

    # -- what is new

    async def _look(self) -> list[Seen]:
        deep = self.source.owner_rule is Owner.PATH
        look = await self._there(self._place.look, parts.settings().folders.entries, deep)
        self.folders = {"", *(seen.path.rpartition("/")[0] for seen in look.files), *look.folders}
        if self._place.moves:
            files: list[Seen] = look.files
            return files
        return await self._not_yet(look.files, look.more)

    async def _not_yet(self, files: list[Seen], more: bool) -> list[Seen]:
        """Of files that are left where they lie, those that are new."""
        now = {(seen.path, seen.octets, seen.stamp) for seen in files}
        self._left &= now
        fresh = [seen for seen in files if (seen.path, seen.octets, seen.stamp) not in self._left]
        unknown = await self._doors.ask(pickups.known, self.source.id, fresh) if fresh else []
        new = {(seen.path, seen.octets, seen.stamp) for seen in unknown}
        self._left |= {(seen.path, seen.octets, seen.stamp) for seen in fresh} - new
        if not more:
            await self._doors.ask(pickups.gone, self.source.id, files)
        return unknown

    def _rested(self, found: list[Seen]) -> tuple[list[Seen], float]:
        """Those that are complete, oldest look first; and seconds until the next may be."""
        now = time.monotonic()
        closed, self._closed = self._closed, set()
        before, self._resting = self._resting, {}
        ready: list[Seen] = []
        rest_s = self.source.every_s
        for seen in found:
            known = before.get(seen.path)
            if known is None or known.seen != seen:
                known = _Resting(seen, now)
            known.closed = known.closed or seen.path in closed
            needed = min(CLOSED_REST_S, self.source.settle_s) if known.closed else self.source.settle_s
            left = known.since + needed - now
            if left <= 0:
                ready.append(seen)
            else:
                rest_s = min(rest_s, left)
            self._resting[seen.path] = known
        ready.sort(key=lambda seen: self._resting[seen.path].since)
        return ready, rest_s

    async def _pick_up(self, batch: list[Seen]) -> None:
        odd = {seen.path: seen.odd for seen in batch if seen.odd}
        claims: list[Claim] = await self._doors.ask(pickups.claim, self.source.id, batch)
        for seen in batch:
            self._resting.pop(seen.path, None)
        crashpoints.pass_(CLAIMED)
        aside, dropped = await self._set_aside(claims)
        if dropped:
            await self._doors.ask(pickups.drop, [claim.id for claim in dropped])
        crashpoints.pass_(SET_ASIDE)
        for claim in [each for each in aside if each.path in odd]:
            kind = odd[claim.path]
            await self._refuse(claim, NotADocument(f"this is a {kind}, not a plain file of its own"))
        await self._take([each for each in aside if each.path not in odd])

    async def _set_aside(self, claims: list[Claim]) -> tuple[list[Claim], list[Claim]]:
        """Those now in the private folder, and those that were gone by then."""
        if not self._place.moves:
            return claims, []
        aside: list[Claim] = []
        gone: list[Claim] = []
        for claim in claims:
            try:
                await self._there(self._place.set_aside, claim.path, claim.token)
            except StillWritten:
                gone.append(claim)
            except (Vanished, NotADocument):
                # A server may have done it and not said so.
                there = await self._there(self._place.aside, claim.token)
                (aside if there else gone).append(claim)
            else:
                aside.append(claim)
        if aside:
            await self._there(self._place.settle)
        return aside, gone

    # -- handing in

    async def _take(self, claims: list[Claim]) -> None:
        """Hand them in, a few side by side, and put away what got in. Raises what stops the whole source."""
        room = asyncio.Semaphore(parts.settings().folders.at_once)

        async def one(claim: Claim) -> bool:
            async with room:
                return await self._take_one(claim)

        results = await asyncio.gather(*[one(claim) for claim in claims], return_exceptions=True)
        taken = [claim for claim, result in zip(claims, results, strict=True) if result is True]
        if taken:
            crashpoints.pass_(TAKEN)
        await self._put_away(taken)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _take_one(self, claim: Claim) -> bool:
        """True when its job is durable."""
        person: identity.PersonView | None = None
        try:
            opened = await self._open(claim)
            try:
                person = await self._doors.ask(owner_of, self.source, claim.path, opened.owner)
                errand = Errand(claim, person, self._wish(), not self._place.moves)
                await hand_in(self._doors, self._there, opened, errand)
            finally:
                await self._there(opened.close)
        except (StillWritten, Vanished, SameAgain) as error:
            await self._not_this_time(claim, error)
        except (PlaceGone, PlaceRefuses):
            raise
        except FrisketError as error:
            if error.retry:
                self._put_off(claim, self._pause_of(claim))
                raise
            if error.blame is Blame.HOUSE and self._later.get(claim.token, (0.0, 0))[1] < MOST_TRIES:
                log.error("source %s: %s", self.source.id, places(error))
                self._put_off(claim, self._pause_of(claim))
                return False
            await self._refuse(claim, error, person)
        else:
            self._later.pop(claim.token, None)
            return True
        return False

    async def _open(self, claim: Claim) -> Opened:
        if self._place.moves:
            opened: Opened = await self._there(self._place.open_aside, claim.token)
        else:
            opened = await self._there(self._place.open, claim.path)
        return opened

    async def _not_this_time(self, claim: Claim, error: FrisketError) -> None:
        if isinstance(error, StillWritten):
            self._put_off(claim, max(self.source.settle_s, 0.5))
        elif isinstance(error, SameAgain):
            await self._doors.ask(pickups.refuse, claim, told(error), None, True)
        elif not self._place.moves:
            await self._doors.ask(pickups.drop, [claim.id])
        else:
            self._put_off(claim, LONGEST_PAUSE_S)

    def _wish(self) -> Wish:
        source = self.source
        door = "folder" if source.kind is Kind.FOLDER else "store"
        queue = device.queue(source.queue)
        return Wish(queue, source.copies, source.options, source.hold, door, bool(source.destination))

    def _pause_of(self, claim: Claim) -> float:
        tries = self._later.get(claim.token, (0.0, 0))[1]
        return min(LONGEST_PAUSE_S, 2.0**tries)

    def _put_off(self, claim: Claim, pause_s: float) -> None:
        tries = self._later.get(claim.token, (0.0, 0))[1]
        self._later[claim.token] = (time.monotonic() + pause_s, tries + 1)

    # -- putting away

    async def _put_away(self, claims: list[Claim]) -> None:
        """Delete or move what is in; then say so in the record."""
        if not claims:
            return
        if self._place.moves:
            for claim in claims:
                if self.source.afterwards is After.KEEP:
                    await self._there(self._place.keep, claim.token, _safe_leaf(claim.path))
                else:
                    await self._there(self._place.delete, claim.token)
            await self._there(self._place.settle)
            crashpoints.pass_(PUT_AWAY)
            await self._doors.ask(pickups.clear, [claim.id for claim in claims])

    async def _refuse(self, claim: Claim, error: FrisketError, person: identity.PersonView | None = None) -> None:
        reason = told(error)
        if self._place.moves:
            await self._there(self._place.refuse, claim.token, _safe_leaf(claim.path), reason)
        who = person.id if person is not None else None
        await self._doors.ask(pickups.refuse, claim, reason, who, not self._place.moves)
        self._later.pop(claim.token, None)

    # -- what the console shows

    async def _trouble(self, error: FrisketError) -> float:
        state = next((word for kind, word in _STATES if isinstance(error, kind)), "waiting")
        self._troubles += 1
        self.hung = isinstance(error, Hung)
        if state == "gone":
            self._resting.clear()
        await self._say(state, told(error))
        return min(LONGEST_PAUSE_S, max(self.source.every_s, 1.0) * 2.0 ** min(self._troubles - 1, 6))

    async def _say(self, state: str, note: str) -> None:
        if self._said != (state, note):
            await self._doors.ask(register.say_state, self.source.id, state, note, parts.clock().now())
            self._said = (state, note)


def _safe_leaf(path: str) -> str:
    name = leaf(path)
    return name if name not in ("", ".", "..") else shown(name) or "untitled"
