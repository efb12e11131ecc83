"""Counting pages: in a sandbox, one document at a time, when the house has nothing more urgent to do.

An accept never waits for it. The newest jobs come first, because their people are the likeliest to look.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from frisket import audit, job, prepress, spool
from frisket.errors import FrisketError
from frisket.flow.walking import KEPT_BACK
from frisket.plumbing import work
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import HOUSE

__all__ = ["Found", "count", "count_waiting", "keep", "look", "own_count", "quarantine"]

COUNT = "flow.count"
_EVERY_S = 1.0
_KILLED = frozenset({"wall", "cpu", "memory", "output", "document", "crashed"})  # a limit ended the look
_SHARE_S = 0.6  # of each second at most; the rest belongs to whoever prints


@work.looks(COUNT, _EVERY_S)
def count_waiting(stopped: Callable[[], bool]) -> None:
    until = time.monotonic() + _SHARE_S
    for view in job.uncounted(limit=1 if _rush() else 20):
        if stopped() or time.monotonic() > until:
            return
        count(view)


_RUSH = 50  # jobs since the last look, about a second ago: then the cores belong to whoever sends them
_last_number = 0


def _rush() -> bool:
    global _last_number
    before, _last_number = _last_number, job.last_number()
    return _last_number - before > _RUSH


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a job's documents found: number and facts of each."""

    documents: tuple[tuple[int, prepress.PageFacts], ...]


def count(view: job.JobView) -> None:
    """Find out pages, colour and size of a job's documents and keep what was found."""
    found = look(view)
    if found is not None:
        with transaction() as tx:
            keep(view, found)
            if _unreadable(view, found):
                _look_again(view, tx)


def look(view: job.JobView) -> Found | None:
    """Pages, colour and size of a job's documents; None for a job that is gone or was quarantined by this look."""
    found: list[tuple[int, prepress.PageFacts]] = []
    try:
        with transaction() as tx:
            ticket = spool.ticket(view.id, "count", by=HOUSE, tx=tx)
        for document in job.documents(view.id):
            pieces = spool.read_sync(view.id, document=document.number, ticket=ticket)
            facts = prepress.facts(pieces, document.format)
            if facts.problem in _KILLED:
                with transaction() as tx:
                    audit.record("sandbox.killed", view.id, by=HOUSE, tx=tx, facts={"limit": facts.problem})
            found.append((document.number, facts))
    except spool.NotHere:
        return None  # erased meanwhile
    except spool.Damaged:
        quarantine(view)
        return None
    except FrisketError:
        job.record_facts(view.id, None, None, "", [])
        raise
    return Found(tuple(found))


def keep(view: job.JobView, found: Found) -> None:
    """Write down what a look found, in the caller's transaction."""
    pages = [facts.pages for _, facts in found.documents]
    known = [count for count in pages if count is not None]
    colours = [facts.colour for _, facts in found.documents]
    colour = True if True in colours else None if None in colours else False
    media = next((facts.media for _, facts in found.documents if facts.media), "")
    total = sum(known) if len(known) == len(pages) and pages else None
    job.record_facts(view.id, total, colour, media, [(number, facts.pages) for number, facts in found.documents])


_FILES = frozenset({"upload", "mail", "folder", "ftp"})  # doors where people send files, not what a driver made


def _unreadable(view: job.JobView, found: Found) -> bool:
    """Nobody can print it as it is: it is locked, or a file that is no document."""
    if view.state is not job.State.HELD or view.conversion or "application/pdf" not in view.format:
        return False
    problems = {facts.problem for _, facts in found.documents if not facts.pages}
    return "password" in problems or ("damaged" in problems and view.door in _FILES)


def _look_again(view: job.JobView, tx: Tx) -> None:
    """It goes back one stage, which opens, mends or refuses it."""
    with suppress(job.WrongState):
        job.move(
            view.id,
            job.State.ADMITTED,
            expected=job.State.HELD,
            why=view.why if view.why in KEPT_BACK else job.Reason.LOOK,
            by=HOUSE,
            tx=tx,
            changes=job.Changes(conversion="due"),
        )


def quarantine(view: job.JobView) -> None:
    """Row and object disagree: nobody prints this before an operator has looked."""
    if job.State.QUARANTINED not in job.MOVES[view.state]:
        return
    with transaction() as tx:
        job.move(
            view.id,
            job.State.QUARANTINED,
            expected=view.state,
            why=job.Reason.DAMAGED,
            by=HOUSE,
            tx=tx,
            changes=job.Changes(forget_device=True),
        )


def own_count(view: job.JobView) -> tuple[int | None, int | None]:
    """Impressions and sheets of all copies, as the pages and what was asked for let expect; None uncounted."""
    if view.pages is None:
        return None, None
    wanted = view.options
    pages = sum(1 for page in range(1, view.pages + 1) if any(low <= page <= high for low, high in wanted.page_ranges))
    sides = -(-(pages if wanted.page_ranges else view.pages) // max(1, wanted.number_up))
    both = 2 if wanted.sides.startswith("two-sided") else 1
    return sides * view.copies, -(-sides // both) * view.copies
