"""Tickets: the right to open a job's objects, each once, for one purpose."""

import threading
from typing import Literal
from uuid import UUID

from frisket import audit, job
from frisket.plumbing import parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor
from frisket.spool.errors import NotHere, TicketSpent
from frisket.spool.models import JobKey

__all__ = ["Ticket", "Use", "ticket"]

Use = Literal["deliver", "count", "prepare", "scan", "preview", "download", "proof"]


class Ticket:
    """Made by `ticket`. In memory only; it is good once the transaction that recorded it is durable."""

    __slots__ = ("_good", "_lock", "_opened", "fence", "job", "purpose", "tenant")

    def __init__(self, job: UUID, tenant: UUID, purpose: Use, fence: int | None) -> None:
        self.job = job
        self.tenant = tenant
        self.purpose = purpose
        self.fence = fence
        self._good = False
        self._opened: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    def make_good(self) -> None:
        self._good = True

    def void(self) -> None:
        """Opens nothing any more."""
        self._good = False

    def check(self, job: UUID) -> None:
        """Raises TicketSpent when it opens nothing of this job."""
        if job != self.job or not self._good:
            raise TicketSpent("the ticket is not for this job, or not good")

    def take(self, job: UUID, kind: int, document: int) -> None:
        """Use it for one object. Raises TicketSpent."""
        self.check(job)
        with self._lock:
            if (kind, document) in self._opened:
                raise TicketSpent("the ticket has opened this object already")
            self._opened.add((kind, document))


def ticket(
    job_id: UUID, purpose: Use, *, by: Actor, tx: Tx, tenant: UUID | None = None, fence: int | None = None
) -> Ticket:
    """The right to read a job's objects, recorded in the caller's transaction.

    tenant: the reader's; the house's own unless said otherwise. fence: of the lease it is read under.
    Raises NotHere when that tenant has no such job or its key is gone, StaleLease for an old lease.
    """
    tenant = tenant or parts.tenant()
    epoch = JobKey.objects.filter(pk=job_id, tenant=tenant).values_list("epoch", flat=True).first()
    if epoch is None:
        raise NotHere("the job has no key")
    if fence is not None:
        job.check_fence(job.Lease(job_id, fence), tx=tx)
    made = Ticket(job_id, tenant, purpose, fence)
    audit.record("key.unwrap", job_id, by=by, tx=tx, facts={"purpose": purpose, "epoch": epoch, "fence": fence})
    tx.on_commit(made.make_good)
    return made
