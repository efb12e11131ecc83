"""The record and the house's health over the API."""

from uuid import UUID

from django.http import HttpRequest
from ninja import Query

from frisket import audit, device, spool
from frisket.identity import Permission
from frisket.plumbing import parts, work
from frisket.web.api import shapes
from frisket.web.api.entry import operation
from frisket.web.pages.health import house_version
from frisket.web.visits import visit

__all__ = ["entries", "health"]


@operation("GET", "/audit", needs=Permission.AUDIT_READ, tag="audit", response=shapes.EntriesOut)
def entries(
    request: HttpRequest,
    act: str | None = Query(None, max_length=40),  # type: ignore[type-arg]
    subject: UUID | None = None,
    after: int | None = None,
    limit: int = Query(100, ge=1, le=1000),  # type: ignore[type-arg]
) -> shapes.EntriesOut:
    """The newest first. ``act`` with a dot at its end stands for all that begin with it."""
    found = audit.recent(visit(request).scope, after=after, limit=limit, act=act, where=audit.Search(subject=subject))
    rows = [
        shapes.EntryOut(
            id=each.id,
            position=each.position,
            at=each.at,
            act=each.act,
            subject=each.subject,
            actor=each.actor.id,
            actor_kind=each.actor.kind.value,
            role=each.actor.role,
            facts=each.facts,
        )
        for each in found
    ]
    return shapes.EntriesOut(entries=rows, after=found[-1].id if len(found) == limit else None)


@operation("GET", "/audit/verify", needs=Permission.AUDIT_READ, tag="audit", response=shapes.VerdictOut)
def verify(request: HttpRequest) -> shapes.VerdictOut:
    """Check every leaf and signature, now."""
    found = audit.verify()
    listed = [shapes.ProblemOut(kind=each.kind.value, place=each.place, text=each.text) for each in found.problems]
    return shapes.VerdictOut(
        ok=found.ok, size=found.size, checkpoints=found.checkpoints, waiting=found.waiting, problems=listed
    )


@operation("GET", "/health", needs=Permission.HEALTH_READ, tag="health", response=shapes.HealthOut)
def health(request: HttpRequest) -> shapes.HealthOut:
    space, log = spool.space(), audit.overview()
    jobs, octets = spool.held_in_all()
    troubled = [each for each in device.devices(visit(request).scope) if each.state in ("stopped", "unreachable")]
    return shapes.HealthOut(
        version=house_version(),
        space=space.state,
        space_free=space.free,
        space_total=space.total,
        jobs_held=jobs,
        octets_held=octets,
        work=[
            shapes.WorkOut(
                kind=each.kind,
                waiting=each.waiting,
                later=each.later,
                running=each.running,
                dead=each.dead,
                oldest_s=each.oldest_s,
            )
            for each in work.overview()
        ],
        devices_in_trouble=len(troubled),
        clock_jumped=parts.clock().jumped(),
        log_size=log.size,
        log_waiting=log.waiting,
    )
