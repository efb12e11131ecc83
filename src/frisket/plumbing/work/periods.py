"""Periodic work: queued once for the whole house, however many processes look."""

from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.plumbing.models import WorkPeriod
from frisket.plumbing.work import queues
from frisket.plumbing.work.terms import PERIODS, Kind

__all__ = ["Periods"]


class Periods:
    """Looks at the kept times only when something may have fallen due."""

    def __init__(self) -> None:
        self._look_at: dict[Kind, float] = {}  # house seconds

    def queue_due(self) -> None:
        now = parts.clock().elapsed()
        for kind, seconds in list(PERIODS.items()):
            if now >= self._look_at.get(kind, now):
                self._look_at[kind] = now + self._queue_if_due(kind, seconds)

    def _queue_if_due(self, kind: Kind, seconds: float) -> float:
        """Queue it when its time has come; returns seconds until the next look."""
        with transaction() as tx:
            now = parts.clock().now()
            row, new = WorkPeriod.objects.select_for_update().get_or_create(kind=kind, defaults={"last_at": now})
            since = (now - row.last_at).total_seconds()
            # A time that lies ahead was kept before the wall clock was set back: it counts as due.
            if not new and 0 <= since < seconds:
                return seconds - since
            WorkPeriod.objects.filter(kind=kind).update(last_at=now)
            queues.enqueue(kind, {}, tx=tx, once=f"every:{kind}")
            return seconds
