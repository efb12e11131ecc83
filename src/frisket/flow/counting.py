"""Counting pages: in a sandbox, one document at a time, when the house has nothing more urgent to do.

An accept never waits for it. The newest jobs come first, because their people are the likeliest to look.
"""

import time
from contextlib import suppress

from frisket import audit, job, prepress, spool
from frisket.errors import FrisketError
from frisket.plumbing import work
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE

__all__ = ["count", "count_waiting"]

COUNT = "flow.count"
_EVERY_S = 1.0
_KILLED = frozenset({"wall", "cpu", "memory", "output", "document", "crashed"})  # a limit ended the look
_SHARE_S = 0.6  # of each second at most; the rest belongs to whoever prints
work.every(COUNT, _EVERY_S)


@work.handles(COUNT)
def count_waiting(item: work.Item) -> None:
    until = time.monotonic() + _SHARE_S
    for view in job.uncounted(limit=1 if _rush() else 20):
        if item.cancelled() or time.monotonic() > until:
            return
        count(view)


_RUSH = 50  # jobs since the last look, about a second ago: then the cores belong to whoever sends them
_last_number = 0


def _rush() -> bool:
    global _last_number
    before, _last_number = _last_number, job.last_number()
    return _last_number - before > _RUSH


def count(view: job.JobView) -> None:
    """Find out pages, colour and size of a job's documents and keep what was found."""
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
        return  # erased meanwhile
    except spool.Damaged:
        quarantine(view)
        return
    except FrisketError:
        job.record_facts(view.id, None, None, "", [])
        raise
    pages = [facts.pages for _, facts in found]
    known = [count for count in pages if count is not None]
    colours = [facts.colour for _, facts in found]
    colour = True if True in colours else None if None in colours else False
    media = next((facts.media for _, facts in found if facts.media), "")
    total = sum(known) if len(known) == len(pages) and pages else None
    if _unreadable(view, [facts for _, facts in found]):
        _look_again(view)
    job.record_facts(view.id, total, colour, media, [(number, facts.pages) for number, facts in found])


_FILES = frozenset({"upload", "mail", "folder"})  # doors where people send files, not what a driver made


def _unreadable(view: job.JobView, found: list[prepress.PageFacts]) -> bool:
    """Nobody can print it as it is: it is locked, or a file that is no document."""
    if view.state is not job.State.HELD or view.conversion or "application/pdf" not in view.format:
        return False
    problems = {facts.problem for facts in found if not facts.pages}
    return "password" in problems or ("damaged" in problems and view.door in _FILES)


def _look_again(view: job.JobView) -> None:
    """It goes back one stage, which opens, mends or refuses it."""
    with transaction() as tx, suppress(job.WrongState):
        job.move(
            view.id,
            job.State.ADMITTED,
            expected=job.State.HELD,
            why=job.Reason.LOOK,
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
