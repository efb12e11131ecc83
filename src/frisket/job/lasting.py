"""How long a job stays in a state, and what has stayed too long."""

from datetime import datetime, timedelta
from uuid import UUID

from frisket import device
from frisket.job.periods import end_of
from frisket.job.states import Outcome, State
from frisket.job.terms import NO_TERMS, Terms
from frisket.plumbing import parts

__all__ = ["runs_out"]


def runs_out(
    state: State,
    now: datetime,
    queue: UUID,
    hold_until: datetime | None,
    outcome: Outcome = Outcome.NONE,
    terms: Terms = NO_TERMS,
) -> datetime | None:
    """When the state runs out: a held job expires or its time comes, an ended one is erased, history goes."""
    rules = device.queue(queue)
    if state is State.HELD:
        return hold_until if hold_until is not None else now + timedelta(seconds=rules.held_s)
    if state is State.RECEIVING:
        return now + timedelta(seconds=parts.settings().limits.operation_timeout_s)
    if state is State.ENDED:
        return _kept_until(now, rules, outcome, terms)
    if state is State.ERASED:
        return now + timedelta(seconds=max(60, rules.history_s))
    return None


def _kept_until(now: datetime, rules: device.QueueView, outcome: Outcome, terms: Terms) -> datetime | None:
    """None: until its person deletes it."""
    if outcome not in (Outcome.PRINTED, Outcome.STORED):
        return now
    wished = _retained_until(now, terms)
    if terms.store:
        most = parts.settings().keeping.stored_s
        longest = now + timedelta(seconds=most) if most is not None else None
        return min(wished, longest) if wished is not None and longest is not None else wished or longest
    return wished if wished is not None else now + timedelta(seconds=rules.printed_s)


def _retained_until(now: datetime, terms: Terms) -> datetime | None:
    """What the sender asked for, never beyond what the house allows; None where nothing was asked."""
    settings = parts.settings()
    wished = None
    if terms.retain:
        wished = end_of(terms.retain, now, settings.times)
    elif terms.retain_s is not None:
        wished = now + timedelta(seconds=terms.retain_s)
    elif terms.retain_until is not None:
        wished = terms.retain_until
    if wished is None:
        return None
    return max(now, min(wished, now + timedelta(seconds=settings.keeping.retain_s)))
