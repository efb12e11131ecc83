"""Writing and reading jobs; the only place that moves a state."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from frisket import audit, device
from frisket.job.errors import AlreadyLeased, NotFound, StaleLease, WrongState
from frisket.job.models import Document, Job
from frisket.job.nouns import Changes, DocumentView, Filter, JobView, Lease, NewDocument, NewJob, Options
from frisket.job.states import ONWARD, Outcome, Reason, State, allowed
from frisket.plumbing import parts, work
from frisket.plumbing.db import Tx
from frisket.plumbing.models import take_numbers
from frisket.plumbing.paging import Slice
from frisket.plumbing.scope import Actor, Purpose, Scope

__all__ = [
    "LIVE",
    "NEXT",
    "SEND",
    "add_document",
    "by_client_key",
    "change_held",
    "check_fence",
    "count_live",
    "create_many",
    "documents",
    "due",
    "find",
    "forget",
    "get",
    "get_for_stage",
    "lease",
    "live_counts",
    "move",
    "password_verifier",
    "queue_of",
    "record_facts",
    "uncounted",
]

NONE = Changes()
NEXT = "flow.next"  # the work that takes a job to its next stage; only flow knows which that is
SEND = "delivery.send"  # the same for a released job: one at a time per device
LIVE = (
    State.RECEIVING,
    State.RECEIVED,
    State.ADMITTED,
    State.PREPARED,
    State.HELD,
    State.RELEASED,
    State.SENDING,
    State.UNCERTAIN,
    State.DELIVERED,
    State.QUARANTINED,
)
_TITLES_SEEN_BY = frozenset({"operator", "administrator"})


def create_many(new: Sequence[NewJob], *, by: Sequence[Actor], tx: Tx) -> list[JobView]:
    """Write jobs, their documents and their audit leaves in one go; one Actor for each."""
    numbers = take_numbers("job", len(new), tx=tx)
    now = parts.clock().now()
    rows = [_row(item, number, now) for item, number in zip(new, numbers, strict=True)]
    Job.objects.bulk_create(rows)
    Document.objects.bulk_create([_document(item.id, doc) for item in new for doc in item.documents])
    audit.record_many(
        [
            audit.NewLeaf(
                "job.accept" if item.state is not State.RECEIVING else "job.create",
                item.id,
                actor,
                {
                    "number": row.number,
                    "queue": item.queue.hex,
                    "door": item.door,
                    "state": item.state.value,
                    "passed": "+".join(item.passed),
                    "why": item.why.value,
                    "documents": row.documents,
                    "octets": row.octets,
                },
            )
            for item, row, actor in zip(new, rows, by, strict=True)
        ],
        tx=tx,
    )
    work.enqueue_many([onward for row in rows if (onward := _onward(row, now)) is not None], tx=tx)
    return [_view(row, item.title, item.owner, item.printer_uri) for item, row in zip(new, rows, strict=True)]


def _onward(row: Job, now: datetime) -> work.NewWork | None:
    """The work that follows from a state; None where the job waits for a person or a time."""
    state = State(row.state)
    over = state is State.ENDED and row.due_at is not None and row.due_at <= now
    if state not in ONWARD and not over:
        return None
    if state is State.RELEASED and row.device_id is not None:
        there = row.device_id.hex
        payload = {"job": row.id.hex, "device": there, "fence": 0}
        return work.NewWork(SEND, payload, group=f"device:{there}", once=f"send:{row.id.hex}:0")
    return work.NewWork(NEXT, {"job": row.id.hex}, once=f"{NEXT}:{row.id.hex}:{state.value}")


def add_document(
    job: UUID, new: NewDocument, *, expected: State, format: str | None, by: Actor, tx: Tx
) -> None:
    """A document of a job that is still being received. Raises WrongState when the job has moved on."""
    row = Job.objects.filter(pk=job, state=expected.value).values_list("octets", "queue_id").first()
    if row is None:
        raise WrongState("the job takes no more documents")
    octets, queue = row
    changes: dict[str, Any] = {
        "documents": new.number,
        "octets": octets + new.octets,
        "due_at": _due(State.RECEIVING, parts.clock().now(), queue, None),
    }
    if format is not None:
        changes["format"] = format
    Job.objects.filter(pk=job).update(**changes)
    _document(job, new).save(force_insert=True)
    audit.record("job.document", job, by=by, tx=tx, facts={"number": new.number, "octets": new.octets})


def move(
    job: UUID,
    to: State,
    *,
    expected: State,
    why: Reason,
    by: Actor,
    tx: Tx,
    passed: Sequence[State] = (),
    changes: Changes = NONE,
) -> JobView:
    """Move a job and write its audit leaf in the caller's transaction. Raises WrongState, NotFound."""
    if not allowed(expected, to, tuple(passed)):
        raise WrongState(f"no move leads from {expected.value} to {to.value}")
    row = Job.objects.select_for_update().filter(pk=job).first()
    if row is None:
        raise NotFound("no such job")
    if row.state != expected.value:
        raise WrongState(f"the job is {row.state}, not {expected.value}")
    now = parts.clock().now()
    touched = _apply(row, to, why, changes, now)
    row.save(update_fields=touched)
    onward = _onward(row, now)
    if onward is not None and why is not Reason.RETRY:  # a retry is the same work, tried again later
        work.enqueue_many([onward], tx=tx)
    audit.record(
        "job.move",
        job,
        by=by,
        tx=tx,
        facts={
            "from": expected.value,
            "to": to.value,
            "passed": "+".join(passed),
            "why": why.value,
            "device": row.device_id.hex if row.device_id else None,
            **({"outcome": row.outcome} if row.outcome else {}),
            **changes.facts,
        },
    )
    return _open_view(row)


def _apply(row: Job, to: State, why: Reason, changes: Changes, now: datetime) -> list[str]:
    touched = ["state", "why", "state_at", "due_at"]
    row.state, row.why, row.state_at = to.value, why.value, now
    for name in ("note", "copies"):
        value = getattr(changes, name)
        if value is not None:
            setattr(row, name, value)
            touched.append(name)
    if changes.device is not None or changes.forget_device:
        row.device_id = changes.device
        touched.append("device")
    if changes.outcome is not None:
        row.outcome = changes.outcome.value
        touched.append("outcome")
    if changes.options is not None:
        row.options = changes.options.to_plain()
        touched.append("options")
    if changes.forget_hold:
        row.hold, row.hold_until, row.password_verifier = "", None, None
        touched += ["hold", "hold_until", "password_verifier"]
    if to is State.SENDING and row.processing_at is None:
        row.processing_at = now
        touched.append("processing_at")
    if to is State.RECEIVED or (to is not State.RECEIVING and row.counted == "later"):
        row.counted = "due"
        touched.append("counted")
    if to is State.ENDED:
        row.completed_at, row.counted = now, "done" if row.counted == "done" else "unknown"
        touched += ["completed_at", "counted"]
    row.due_at = _due(to, now, row.queue_id, row.hold_until, Outcome(row.outcome))
    return touched


def change_held(job: UUID, *, hold: str, hold_until: datetime | None, by: Actor, tx: Tx) -> JobView:
    """Another hold for a job that is held already. Raises WrongState."""
    row = Job.objects.select_for_update().filter(pk=job, state=State.HELD.value).first()
    if row is None:
        raise WrongState("the job is not held")
    row.hold, row.hold_until = hold, hold_until
    row.why = (Reason.UNTIL if hold == "until" else Reason.INDEFINITE if hold else Reason.FOR_RELEASE).value
    row.due_at = _due(State.HELD, parts.clock().now(), row.queue_id, hold_until)
    row.save(update_fields=["hold", "hold_until", "why", "due_at"])
    audit.record("job.hold", job, by=by, tx=tx, facts={"hold": hold})
    return _open_view(row)


def get(scope: Scope, job: UUID | int) -> JobView:
    """One job by id or number. NotFound also for what the scope may not see."""
    rows = _seen(scope)
    row = rows.filter(number=job).first() if isinstance(job, int) else rows.filter(pk=job).first()
    if row is None:
        raise NotFound("no such job")
    return _open_view(row, scope)


def get_for_stage(job: UUID) -> JobView:
    """One job for the house itself, with title and owner."""
    row = Job.objects.filter(pk=job).first()
    if row is None:
        raise NotFound("no such job")
    return _open_view(row)


def by_client_key(person: UUID, client_key: str) -> JobView | None:
    """The job a sender's own id already stands for."""
    row = Job.objects.filter(tenant=parts.tenant(), person_id=person, client_key=client_key).first()
    return _open_view(row) if row is not None else None


def find(scope: Scope, where: Filter, *, after: str | None = None, limit: int = 100) -> Slice[JobView]:
    """Jobs, newest first, cut by number."""
    rows = _seen(scope)
    if where.person is not None:
        rows = rows.filter(person_id=where.person)
    if where.queue is not None:
        rows = rows.filter(queue_id=where.queue)
    if where.device is not None:
        rows = rows.filter(device_id=where.device)
    if where.states:
        rows = rows.filter(state__in=[state.value for state in where.states])
    if where.oldest_first:
        rows = rows.filter(number__gt=int(after)) if after else rows
        rows = rows.order_by("number")
    else:
        rows = rows.filter(number__lt=int(after)) if after else rows
        rows = rows.order_by("-number")
    found = list(rows[: limit + 1])
    more = str(found[limit - 1].number) if len(found) > limit else None
    return Slice([_open_view(row, scope) for row in found[:limit]], more)


def _seen(scope: Scope) -> QuerySet[Job]:
    rows = Job.objects.filter(tenant=scope.tenant)
    if scope.own_only:
        rows = rows.filter(person_id=scope.actor.id)
    return rows


def documents(job: UUID) -> list[DocumentView]:
    return [
        DocumentView(
            row.number,
            row.format,
            row.octets,
            row.pages,
            parts.keys().open_personal(parts.tenant(), job, bytes(row.name_sealed))
            if row.name_sealed
            else "",
        )
        for row in Document.objects.filter(job_id=job).order_by("number")
    ]


def password_verifier(job: UUID) -> bytes | None:
    value = Job.objects.filter(pk=job).values_list("password_verifier", flat=True).first()
    return bytes(value) if value is not None else None


def lease(job: UUID, lasting: timedelta, *, tx: Tx) -> Lease:
    """Take a released job for one worker. Raises AlreadyLeased while a live lease of another stands."""
    row = Job.objects.select_for_update().filter(pk=job).first()
    if row is None or row.state != State.RELEASED.value:
        raise WrongState("only a released job can be leased")
    elapsed = parts.clock().elapsed()
    if row.lease_until is not None and row.lease_until > elapsed:
        raise AlreadyLeased("the job is leased")
    row.fence += 1
    row.lease_until = elapsed + lasting.total_seconds()
    row.save(update_fields=["fence", "lease_until"])
    return Lease(job, row.fence)


def check_fence(held: Lease, *, tx: Tx, over: bool = False) -> None:
    """Refuse what carries an old lease (StaleLease); ``over`` gives the lease back."""
    row = Job.objects.select_for_update().filter(pk=held.job).only("fence", "lease_until").first()
    if row is None or row.fence != held.fence:
        raise StaleLease("another worker holds a newer lease")
    if over:
        Job.objects.filter(pk=held.job).update(lease_until=None)


def count_live(queue: UUID) -> int:
    """Jobs of a queue that have not ended: queued-job-count."""
    waiting = [state.value for state in LIVE]
    return Job.objects.filter(queue_id=queue, state__in=waiting).count()


def queue_of(number: int) -> UUID | None:
    return Job.objects.filter(tenant=parts.tenant(), number=number).values_list("queue_id", flat=True).first()


def due(now: datetime, limit: int = 200) -> list[JobView]:
    """Jobs whose state has run out, oldest first."""
    rows = Job.objects.filter(due_at__lte=now).order_by("due_at")[:limit]
    return [_view(row, None, None, "") for row in rows]


def uncounted(limit: int = 20) -> list[JobView]:
    """Live jobs whose pages nobody has counted yet, newest first: the newest is the likeliest to be looked at."""
    rows = Job.objects.filter(counted="due").order_by("-number")[:limit]
    return [_view(row, None, None, "") for row in rows]


def record_facts(
    job: UUID,
    pages: int | None,
    colour: bool | None,
    media: str,
    per_document: Iterable[tuple[int, int | None]],
) -> None:
    """What the page counter found; ``pages`` None: nobody can say."""
    Job.objects.filter(pk=job).exclude(counted="done").update(
        pages=pages, colour=colour, media=media[:60], counted="unknown" if pages is None else "done"
    )
    for number, count in per_document:
        Document.objects.filter(job_id=job, number=number).update(pages=count)


def forget(job: UUID, *, tx: Tx) -> None:
    """The history of an erased job has run out: the row goes, and title and owner with it."""
    Job.objects.filter(pk=job, state=State.ERASED.value).delete()


def live_counts() -> list[tuple[UUID, int, int]]:
    """(person, jobs, octets) of everything that still takes room; read once at start."""
    totals: dict[UUID, tuple[int, int]] = {}
    live = Q(state__in=[state.value for state in LIVE])
    for person, octets in Job.objects.filter(live).values_list("person_id", "octets").iterator():
        jobs, size = totals.get(person, (0, 0))
        totals[person] = (jobs + 1, size + octets)
    return [(person, jobs, size) for person, (jobs, size) in totals.items()]


def _may_see_title(row: Job, scope: Scope) -> bool:
    return (
        scope.purpose is Purpose.STAGE
        or row.person_id == scope.actor.id
        or scope.actor.role in _TITLES_SEEN_BY
    )


def _open_view(row: Job, scope: Scope | None = None) -> JobView:
    title, owner, uri = _open_history(row)
    if scope is not None and not _may_see_title(row, scope):
        title = None
    return _view(row, title, owner, uri)


def _view(row: Job, title: str | None, owner: str | None, printer_uri: str) -> JobView:
    return JobView(
        id=row.id,
        number=row.number,
        tenant=row.tenant,
        queue=row.queue_id,
        person=row.person_id,
        device=row.device_id,
        state=State(row.state),
        why=Reason(row.why),
        note=row.note,
        outcome=Outcome(row.outcome),
        door=row.door,
        format=row.format,
        octets=row.octets,
        documents=row.documents,
        pages=row.pages,
        colour=row.colour,
        media=row.media,
        counted=row.counted,
        copies=row.copies,
        options=Options.from_plain(row.options),
        hold=row.hold,
        hold_until=row.hold_until,
        has_password=row.password_verifier is not None,
        title=title,
        owner=owner,
        printer_uri=printer_uri,
        fence=row.fence,
        created_at=row.created_at,
        state_at=row.state_at,
        processing_at=row.processing_at,
        completed_at=row.completed_at,
        due_at=row.due_at,
    )
