"""Writing and reading jobs; the only place that moves a state.

Long because every statement on the two tables is here: a second module would be a second place that moves.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from frisket import audit, identity
from frisket.job.copying import proof_work
from frisket.job.errors import AlreadyLeased, NotFound, StaleLease, WrongState
from frisket.job.lasting import runs_out
from frisket.job.models import Document, Job
from frisket.job.nouns import Changes, DocumentView, Filter, JobView, Lease, NewDocument, NewJob, Options
from frisket.job.states import HOLDS, ONWARD, OVER, Outcome, Reason, State, allowed
from frisket.job.storing import apply_terms, first_outcome, first_terms, stored_column
from frisket.job.terms import Terms
from frisket.plumbing import parts, work
from frisket.plumbing.db import Tx
from frisket.plumbing.models import Counter, take_numbers
from frisket.plumbing.paging import Slice
from frisket.plumbing.rows import RowWriter
from frisket.plumbing.scope import Actor, Purpose, Scope

__all__ = [
    "LIVE",
    "NEXT",
    "PREPARE",
    "SEND",
    "add_document",
    "by_client_key",
    "change_held",
    "check_fence",
    "converted",
    "create_many",
    "documents",
    "due",
    "find",
    "forget",
    "forget_stored",
    "get",
    "get_for_stage",
    "last_number",
    "lease",
    "move",
    "note",
    "onward_again",
    "password_verifier",
    "queue_of",
    "record_facts",
    "some",
    "uncounted",
]

NONE = Changes()
_ON_ITS_WAY = timedelta(seconds=10)  # a released job that still waits then has a device that does not take it
NAME_FIELD = 1  # of a document; 0 is the job's own history
NEXT = "flow.next"  # the work that takes a job to its next stage; only flow knows which that is
PREPARE = "flow.prepare"  # the same for an admitted job: it may take long, and must not hold up the others
SEND = "delivery.send"  # the same for a released job: one at a time per device
LIVE = tuple(state for state in State if state not in OVER)


def create_many(new: Sequence[NewJob], *, by: Sequence[Actor], tx: Tx) -> list[JobView]:
    """Write jobs, their documents and their audit leaves in one go; one Actor for each."""
    numbers = take_numbers("job", len(new), tx=tx)
    now = parts.clock().now()
    numbered = list(zip(new, numbers, strict=True))
    _JOBS.insert([_row(item, number, now) for item, number in numbered], tx=tx)
    _DOCUMENTS.insert([_document_row(item.id, doc) for item in new for doc in item.documents], tx=tx)
    audit.record_many([_accept_leaf(*each, actor) for each, actor in zip(numbered, by, strict=True)], tx=tx)
    onward = [after for item in new if (after := onward_of(item.id, item.state, item.device, None, now)) is not None]
    onward += [
        proof_work(item.id, item.device, item.terms, item.options, actor)
        for item, actor in zip(new, by, strict=True)
        if item.why is Reason.PROOF and item.device is not None
    ]
    if onward:
        work.enqueue_many(onward, tx=tx)
    return [_fresh_view(item, number, now) for item, number in numbered]


def _accept_leaf(new: NewJob, number: int, by: Actor) -> audit.NewLeaf:
    return audit.NewLeaf(
        "job.accept" if new.state is not State.RECEIVING else "job.create",
        new.id,
        by,
        {
            "number": number,
            "queue": new.queue,
            "door": new.door,
            "state": new.state.value,
            "passed": "+".join(new.passed),
            "why": new.why.value,
            "documents": len(new.documents),
            "octets": sum([doc.octets for doc in new.documents]),
        },
    )


def onward_of(
    identifier: UUID, state: State, there: UUID | None, due_at: datetime | None, now: datetime, rank: int = 0
) -> work.NewWork | None:
    """The work that follows from a state; None where the job waits for a person or a time."""
    over = state is State.ENDED and due_at is not None and due_at <= now
    if state not in ONWARD and not over:
        return None
    if state is State.RELEASED and there is not None:
        payload: dict[str, str | int] = {"job": identifier.hex, "device": there.hex, "fence": 0}
        once = f"send:{identifier.hex}:0"
        return work.NewWork(SEND, payload, priority=rank, group=f"device:{there.hex}", once=once)
    if state is State.ADMITTED:
        return work.NewWork(PREPARE, {"job": identifier.hex}, once=f"{PREPARE}:{identifier.hex}")
    return work.NewWork(NEXT, {"job": identifier.hex}, once=f"{NEXT}:{identifier.hex}:{state.value}")


_JOBS_ORDER = """
    id number tenant site queue_id person_id device_id state over why note outcome door format octets documents counted
    media copies options hold hold_until password_verifier history client_key fence created_at state_at
    completed_at due_at terms stored conversion
"""
_JOBS = RowWriter(Job, _JOBS_ORDER.split())
_DOCUMENTS = RowWriter(Document, ("job_id", "number", "format", "octets", "name_sealed"))


def _row(new: NewJob, number: int, now: datetime) -> tuple[Any, ...]:
    """A job's values in the order of _JOBS_ORDER."""
    return (
        new.id,
        number,
        parts.tenant(),
        parts.site(),
        new.queue,
        new.person,
        new.device,
        new.state.value,
        int(new.state in OVER),
        new.why.value,
        "",
        first_outcome(new).value,
        new.door,
        new.format,
        sum([doc.octets for doc in new.documents]),
        len(new.documents),
        "due" if new.documents else "later",
        "",
        new.copies,
        new.options.to_plain(),
        new.hold,
        new.hold_until,
        new.password_verifier,
        _seal_history(new.id, new.title, new.owner, new.printer_uri),
        new.client_key,
        0,
        now,
        now,
        now if new.state in OVER else None,
        runs_out(new.state, now, new.queue, new.hold_until, first_outcome(new), new.terms),
        first_terms(new).to_plain(),
        stored_column(new.terms, new.state, first_outcome(new)),
        new.conversion,
    )


def _fresh_view(new: NewJob, number: int, now: datetime) -> JobView:
    return JobView(
        id=new.id,
        number=number,
        tenant=parts.tenant(),
        queue=new.queue,
        person=new.person,
        device=new.device,
        state=new.state,
        why=new.why,
        note="",
        outcome=first_outcome(new),
        door=new.door,
        format=new.format,
        octets=sum([doc.octets for doc in new.documents]),
        documents=len(new.documents),
        pages=None,
        colour=None,
        media="",
        counted="due" if new.documents else "later",
        copies=new.copies,
        options=new.options,
        hold=new.hold,
        hold_until=new.hold_until,
        has_password=new.password_verifier is not None,
        title=new.title,
        owner=new.owner,
        printer_uri=new.printer_uri,
        fence=0,
        created_at=now,
        state_at=now,
        processing_at=None,
        completed_at=now if new.state in OVER else None,
        due_at=runs_out(new.state, now, new.queue, new.hold_until, first_outcome(new), new.terms),
        conversion=new.conversion,
        terms=first_terms(new),
        stored=stored_column(new.terms, new.state, first_outcome(new)),
    )


def _seal_history(job: UUID, title: str, owner: str, printer_uri: str) -> bytes:
    text = json.dumps([title, owner, printer_uri], ensure_ascii=False)
    return parts.keys().seal_personal(parts.tenant(), job, text)


def _open_history(row: Job) -> tuple[str | None, str | None, str]:
    if not row.history:
        return None, None, ""
    title, owner, uri = json.loads(parts.keys().open_personal(row.tenant, row.id, bytes(row.history)))
    return title, owner, uri


def _document_row(job: UUID, new: NewDocument) -> tuple[Any, ...]:
    name = parts.keys().seal_personal(parts.tenant(), job, new.name, field=NAME_FIELD) if new.name else None
    return (job, new.number, new.format, new.octets, name)


def add_document(job: UUID, new: NewDocument, *, expected: State, format: str | None, by: Actor, tx: Tx) -> None:
    """A document of a job that is still being received. Raises WrongState when the job has moved on."""
    row = Job.objects.filter(pk=job, state=expected.value).values_list("octets", "queue_id").first()
    if row is None:
        raise WrongState("the job takes no more documents")
    octets, queue = row
    changes: dict[str, Any] = {
        "documents": new.number,
        "octets": octets + new.octets,
        "due_at": runs_out(State.RECEIVING, parts.clock().now(), queue, None),
    }
    if format is not None:
        changes["format"] = format
    Job.objects.filter(pk=job).update(**changes)
    _DOCUMENTS.insert([_document_row(job, new)], tx=tx)
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
    onward: bool = True,
) -> JobView:
    """Move a job and write its audit leaf in the caller's transaction. Raises WrongState, NotFound.

    onward: whether to queue the work that follows; False for who does that in this very transaction.
    """
    if not allowed(expected, to, tuple(passed)):
        raise WrongState(f"no move leads from {expected.value} to {to.value}")
    row = Job.objects.select_for_update().filter(pk=job).first()
    if row is None:
        raise NotFound("no such job")
    if row.state != expected.value:
        raise WrongState(f"the job is {row.state}, not {expected.value}")
    _check_way(row, to)
    now = parts.clock().now()
    touched = _apply(row, to, why, changes, now)
    row.save(update_fields=touched)
    after = onward_of(row.id, to, row.device_id, row.due_at, now, row.rank) if onward else None
    if after is not None and why is not Reason.RETRY:  # a retry is the same work, tried again later
        work.enqueue_many([after], tx=tx)
    if why is Reason.PROOF and row.device_id is not None:
        terms, options = Terms.from_plain(row.terms), Options.from_plain(row.options)
        work.enqueue_many([proof_work(row.id, row.device_id, terms, options, by)], tx=tx)
    audit.record(
        "job.move",
        job,
        by=by,
        tx=tx,
        facts={
            **changes.facts,  # never in place of what follows
            "from": expected.value,
            "to": to.value,
            "passed": "+".join(passed),
            "why": why.value,
            "device": row.device_id.hex if row.device_id else None,
            **({"outcome": row.outcome} if row.outcome else {}),
        },
    )
    return open_view(row)


def _check_way(row: Job, to: State) -> None:
    """Whoever asks: what is locked is not printed, and what a virus scanner knows is deleted or nothing."""
    if to is State.RELEASED and row.conversion in ("due", "locked"):
        if row.conversion == "locked":
            raise WrongState("Its document is locked: its password has to be typed first, on the job's page.")
        raise WrongState("Its document is not ready to be printed.")
    if row.state == State.QUARANTINED.value and to is State.HELD and row.why == Reason.INFECTED.value:
        raise WrongState("The virus scanner knows its document: it can only be deleted.")


def _apply(row: Job, to: State, why: Reason, changes: Changes, now: datetime) -> list[str]:
    touched = ["state", "over", "why", "state_at", "due_at"]
    row.state, row.over, row.state_at = to.value, int(to in OVER), now
    if to is not State.ERASED:  # its history goes on saying why it ended
        row.why = why.value
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
    if changes.conversion is not None:
        row.conversion = changes.conversion
        touched.append("conversion")
    if changes.forget_hold:
        row.hold, row.hold_until = "", None
        touched += ["hold", "hold_until"]
    if to is State.SENDING and row.processing_at is None:
        row.processing_at = now
        touched.append("processing_at")
    touched += apply_terms(row, to, why, changes)
    if to is State.RECEIVED or (to is not State.RECEIVING and row.counted == "later"):
        row.counted = "due"
        touched.append("counted")
    if to is State.ENDED:
        row.completed_at = now
        if row.counted != "done":  # what is stored is still here to be counted
            row.counted = "due" if why is Reason.STORED else "unknown"
        touched += ["completed_at", "counted"]
    row.due_at = runs_out(to, now, row.queue_id, row.hold_until, Outcome(row.outcome), Terms.from_plain(row.terms))
    return touched


def change_held(job: UUID, *, hold: str, hold_until: datetime | None, word: str = "", by: Actor, tx: Tx) -> JobView:
    """Another hold for a job that is held already; ``word``: its named time. Raises WrongState."""
    row = Job.objects.select_for_update().filter(pk=job, state=State.HELD.value).first()
    if row is None:
        raise WrongState("the job is not held")
    row.hold, row.hold_until = hold, hold_until
    if row.conversion != "locked":  # its document's password is what it waits for first
        row.why = HOLDS.get(hold, Reason.FOR_RELEASE).value
    row.due_at = runs_out(State.HELD, parts.clock().now(), row.queue_id, hold_until)
    terms = Terms.from_plain(row.terms)
    if hold == "until":
        row.terms = replace(terms, hold_word=word).to_plain()
    elif hold == "proof":
        row.terms = replace(terms, proof_made=True).to_plain()
    row.save(update_fields=["hold", "hold_until", "why", "due_at", "terms"])
    audit.record("job.hold", job, by=by, tx=tx, facts={"hold": hold})
    return open_view(row)


def forget_stored(job: UUID, *, by: Actor, tx: Tx) -> None:
    """A stored job is stored no longer: its documents are destroyed next. Raises WrongState."""
    now = parts.clock().now()
    if not Job.objects.filter(pk=job, state=State.ENDED.value, stored__gt=0).update(stored=0, due_at=now):
        raise WrongState("the job is not stored")
    if (onward := onward_of(job, State.ENDED, None, now, now)) is not None:
        work.enqueue_many([onward], tx=tx)
    audit.record("job.unstore", job, by=by, tx=tx)


def get(scope: Scope, job: UUID | int) -> JobView:
    """One job by id or number. NotFound also for what the scope may not see."""
    rows = _seen(scope, shared=True)
    row = rows.filter(number=job).first() if isinstance(job, int) else rows.filter(pk=job).first()
    if row is None:
        raise NotFound("no such job")
    return open_view(row, scope)


def get_for_stage(job: UUID) -> JobView:
    """One job for the house itself, with title and owner."""
    row = Job.objects.filter(pk=job, tenant=parts.tenant()).first()
    if row is None:
        raise NotFound("no such job")
    return open_view(row)


def by_client_key(person: UUID, client_key: str) -> JobView | None:
    """The job a sender's own id already stands for."""
    row = Job.objects.filter(tenant=parts.tenant(), person_id=person, client_key=client_key).first()
    return open_view(row) if row is not None else None


def find(scope: Scope, where: Filter, *, after: str | None = None, limit: int = 100) -> Slice[JobView]:
    """Jobs, newest first, cut by number."""
    rows = Job.objects.filter(tenant=scope.tenant, stored=2) if where.public else _seen(scope)
    if where.person is not None:
        rows = rows.filter(person_id=where.person)
    if where.queue is not None:
        rows = rows.filter(queue_id=where.queue)
    if where.device is not None:
        rows = rows.filter(device_id=where.device)
    kinds = [rows.filter(stored__gt=0)] if where.stored else []
    if where.states:
        kinds.append(rows.filter(_of_states(frozenset(where.states))))
    found = _in_order(kinds or [rows], after, limit + 1, oldest_first=where.oldest_first)
    more = str(found[limit - 1].number) if len(found) > limit else None
    return Slice([open_view(row, scope) for row in found[:limit]], more)


def _in_order(kinds: list[QuerySet[Job]], after: str | None, most: int, *, oldest_first: bool) -> list[Job]:
    """The first of all kinds together by number. Each kind is read along its index; one query with "or" would sort."""
    found: dict[UUID, Job] = {}
    for rows in kinds:
        if after:
            rows = rows.filter(number__gt=int(after)) if oldest_first else rows.filter(number__lt=int(after))
        found |= {row.id: row for row in rows.order_by("number" if oldest_first else "-number")[:most]}
    return sorted(found.values(), key=lambda row: row.number, reverse=not oldest_first)[:most]


def some(scope: Scope, ids: Sequence[UUID], *, queue: UUID) -> list[JobView]:
    """Those of these jobs that the scope may see, of one queue; without titles and owners."""
    return [_view(row, None, None, "") for row in _seen(scope).filter(pk__in=list(ids), queue_id=queue)]


def _seen(scope: Scope, *, shared: bool = False) -> QuerySet[Job]:
    """shared: those that somebody stored for everybody too."""
    rows = Job.objects.filter(tenant=scope.tenant)
    if not scope.own_only:
        return rows
    if scope.actor.id is None:
        return rows.none()
    own = Q(person_id=scope.actor.id)
    return rows.filter(own | Q(stored=2) if shared else own)


def documents(job: UUID, *, cancelled: bool = False) -> list[DocumentView]:
    """What of the job is to be printed; ``cancelled``: and what was taken out of it."""
    rows = Document.objects.filter(job_id=job).order_by("number")
    return [
        DocumentView(
            row.number,
            row.format,
            row.octets,
            row.pages,
            _document_name(job, row.name_sealed),
            row.came_as,
            row.cancelled,
        )
        for row in (rows if cancelled else rows.filter(cancelled=False))
    ]


def _document_name(job: UUID, sealed: bytes | memoryview | None) -> str:
    if sealed is None:
        return ""
    return parts.keys().open_personal(parts.tenant(), job, bytes(sealed), field=NAME_FIELD)


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


def _of_states(states: frozenset[State]) -> Q:
    """Kept to one test of `over` where that says it all: a list of states would make the database sort."""
    if states <= OVER:
        return Q(over=1) if states == OVER else Q(over=1, state__in=list(states))
    if not states & OVER:
        return Q(over=0) if states >= set(LIVE) else Q(over=0, state__in=list(states))
    return Q(state__in=list(states))


def last_number() -> int:
    """The number of the newest job, 0 before the first."""
    return Counter.objects.filter(name="job").values_list("last", flat=True).first() or 0


def queue_of(number: int) -> UUID | None:
    return Job.objects.filter(tenant=parts.tenant(), number=number).values_list("queue_id", flat=True).first()


def onward_again(only: UUID | None = None, *, queue: UUID | None = None, tx: Tx) -> int:
    """Queue what follows for every job that does not rest where it is; what waits already is not queued twice.
    ``queue``: of one queue, when what kept its jobs back is over.

    At start, because a work that died of our own bug must not leave its job waiting for ever; and for ``only``
    one job that recovery took back to ``released``, whose own work may have found nothing to do before.
    """
    now = parts.clock().now()
    resting = Job.objects.filter(tenant=parts.tenant(), over=0, state__in=[state.value for state in ONWARD])
    if only is not None:
        resting = resting.filter(pk=only)
    if queue is not None:
        resting = resting.filter(queue_id=queue)
    again = [
        onward
        for row in resting.order_by("number").iterator()
        if (onward := onward_of(row.id, State(row.state), row.device_id, row.due_at, now, row.rank)) is not None
    ]
    if again:
        work.enqueue_many(again, tx=tx)
    return len(again)


def due(now: datetime, limit: int = 200) -> list[JobView]:
    """Jobs whose state has run out, oldest first."""
    rows = Job.objects.filter(tenant=parts.tenant(), due_at__lte=now).order_by("due_at")[:limit]
    return [_view(row, None, None, "") for row in rows]


def uncounted(limit: int = 20) -> list[JobView]:
    """Live jobs whose pages nobody has counted yet, newest first: the newest is the likeliest to be looked at.

    What is on its way to paper is left out: it is counted when it is there, and may need the cores now. So is what
    becomes PDF first.
    """
    lately = parts.clock().now() - _ON_ITS_WAY
    rows = Job.objects.filter(tenant=parts.tenant(), counted="due").exclude(
        state__in=[State.SENDING.value, State.DELIVERED.value]
    )
    rows = rows.exclude(conversion="due")
    rows = rows.exclude(state=State.RELEASED.value, state_at__gt=lately).order_by("-number")[:limit]
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


def converted(job: UUID, made: Iterable[tuple[int, int, int | None]], format: str, *, tx: Tx) -> None:
    """Documents have another form now: number, octets and pages of each; what they came as is kept beside it."""
    for number, octets, pages in made:
        row = Document.objects.get(job_id=job, number=number)
        row.came_as, row.format = row.came_as or row.format, format
        row.octets, row.pages = octets, pages
        row.save(update_fields=["came_as", "format", "octets", "pages"])
    first = Document.objects.filter(job_id=job, number=1).values_list("format", flat=True).first()
    Job.objects.filter(pk=job).update(format=first, counted="due")  # whatever was found out was of the other form


def note(job: UUID, text: str) -> None:
    """Words on why a job stays where it is; nothing of the client's."""
    Job.objects.filter(pk=job, over=0).update(note=text[:200])


def forget(job: UUID, *, tx: Tx) -> None:
    """The history of an erased job has run out: the row goes, and title and owner with it."""
    Job.objects.filter(pk=job, state=State.ERASED.value).delete()


def _may_see_title(row: Job, scope: Scope) -> bool:
    return (
        scope.purpose is Purpose.STAGE
        or row.stored == 2
        or row.person_id == scope.actor.id
        or identity.may(scope.actor, identity.Permission.JOBS_TITLES)
    )


def open_view(row: Job, scope: Scope | None = None) -> JobView:
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
        conversion=row.conversion,
        terms=Terms.from_plain(row.terms),
        stored=row.stored,
    )
