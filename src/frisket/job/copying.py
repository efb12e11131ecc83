"""Prints that are jobs of their own: proofs, and what a stored job prints again and again.

Nothing that went to a device ever goes there again as the same job, so a copy is a new one, with a key, a
history and a count of its own. Asking for it is part of the caller's commit; ``flow`` makes it.
"""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from frisket import audit
from frisket.job.errors import WrongState
from frisket.job.models import Job
from frisket.job.nouns import JobView, Options
from frisket.job.terms import Terms
from frisket.plumbing import parts, work
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor, ActorKind

__all__ = ["COPY", "CopyAsked", "ask_for_copy", "no_longer_timed", "overdue", "proof_work"]

COPY = "flow.copy"  # the work that makes the copy


@dataclass(frozen=True, slots=True)
class CopyAsked:
    """One copy of a job's documents, to be printed at a device."""

    job: UUID
    device: UUID
    key: str  # the copy's client_key: asked twice by a crash, made once
    copies: int
    options: Options
    by: Actor

    def to_payload(self) -> dict[str, str | int]:
        return {
            "job": self.job.hex,
            "device": self.device.hex,
            "key": self.key,
            "copies": self.copies,
            "sides": self.options.sides,
            "color_mode": self.options.color_mode,
            "person": self.by.id.hex if self.by.id is not None else "",
            "role": self.by.role,
            "at": self.by.at,
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any], options: Options) -> "CopyAsked":
        """options: of the job, which the payload changes."""
        person = UUID(payload["person"]) if payload["person"] else None
        return cls(
            UUID(payload["job"]),
            UUID(payload["device"]),
            payload["key"],
            int(payload["copies"]),
            replace(options, sides=payload["sides"], color_mode=payload["color_mode"]),
            Actor(ActorKind.PERSON if person else ActorKind.HOUSE, person, payload["role"], payload["at"]),
        )


def ask_for_copy(
    view: JobView, there: UUID, *, by: Actor, tx: Tx, copies: int | None = None, options: Options | None = None
) -> None:
    """Have a copy printed at a device; a leaf of the job says so. Raises WrongState: it is not ready to be printed."""
    if view.conversion in ("due", "locked"):
        raise WrongState("Its document is not ready to be printed, or locked: see the job's page.")
    asked = CopyAsked(
        view.id,
        there,
        f"copy:{uuid4().hex}",
        copies if copies is not None else view.copies,
        options if options is not None else view.options,
        by,
    )
    work.enqueue_many([_work(asked)], tx=tx)
    audit.record("job.copy", view.id, by=by, tx=tx, facts={"device": there.hex, "copies": asked.copies})


def _work(asked: CopyAsked) -> work.NewWork:
    return work.NewWork(COPY, asked.to_payload(), once=asked.key)


def proof_work(job: UUID, there: UUID, terms: Terms, options: Options, by: Actor) -> work.NewWork:
    """The proof of a job that nothing else holds: asked for in the very commit that accepts it."""
    return _work(CopyAsked(job, there, f"proof:{job.hex}", terms.proof_copies, options, by))


def overdue(elapsed: float, limit: int = 100) -> list[UUID]:
    """Jobs whose job-cancel-after has run out, by house seconds."""
    rows = Job.objects.filter(tenant=parts.tenant(), cancel_at__lte=elapsed).order_by("cancel_at")
    return list(rows.values_list("id", flat=True)[:limit])


def no_longer_timed(job: UUID) -> None:
    """What its time asked for is done."""
    Job.objects.filter(pk=job).update(cancel_at=None)
