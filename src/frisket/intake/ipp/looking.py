"""Which jobs a request is about."""

from dataclasses import replace

from frisket import job
from frisket.intake.ipp.jobs import state_of
from frisket.plumbing.scope import Scope

__all__ = ["collect", "of_which"]

_PAGE = 200


def collect(scope: Scope, where: job.Filter, most: int, which: str = "all") -> list[job.JobView]:
    """Up to ``most`` jobs that ``scope`` may see."""
    if which not in _OVER:
        return _collect(scope, where, most, which)
    # To a client a job is done when its device has it all; here it is counted first, and ends then. Asked in this
    # order, one that ends between the two questions is in both answers and not in neither.
    delivered = _collect(scope, replace(where, states=(job.State.DELIVERED,)), most, which)
    found = {view.number: view for view in (*delivered, *_collect(scope, where, most, which))}
    return sorted(found.values(), key=lambda view: view.number, reverse=not where.oldest_first)[:most]


_OVER = ("completed", "aborted", "canceled")


def _collect(scope: Scope, where: job.Filter, most: int, which: str) -> list[job.JobView]:
    found: list[job.JobView] = []
    after = None
    while len(found) < most:
        page = job.find(scope, where, after=after, limit=min(_PAGE, most))
        found += [view for view in page.rows if of_which(view, which)]
        after = page.after
        if after is None:
            break
    return found[:most]


def of_which(view: job.JobView, which: str) -> bool:
    """Whether a job of the right states belongs to a which-jobs keyword (PWG 5100.7 section 6.5)."""
    state = {"canceled": 7, "aborted": 8, "processing-stopped": 6}.get(which)
    if state is not None:
        return state_of(view) == state
    if which == "not-completed":
        return state_of(view) < 7
    return which not in ("proof-print", "proof-and-suspend") or view.why is job.Reason.PROOF
