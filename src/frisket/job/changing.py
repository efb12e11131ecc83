"""Changing a job that no device has yet: how it is to be printed, its documents, its place in the line."""

from uuid import UUID

from frisket import audit
from frisket.job.errors import NotFound, WrongState
from frisket.job.models import Document, Job
from frisket.job.nouns import JobView, Options
from frisket.job.states import State
from frisket.job.store import NAME_FIELD, onward_of, open_view
from frisket.plumbing import parts, work
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import Actor

__all__ = ["cancel_document", "change_ticket", "no_longer_kept", "put_forward", "rename_document"]


def change_ticket(job: UUID, *, options: Options, copies: int, by: Actor, tx: Tx) -> JobView:
    """Another way to print a job that no device has yet. Raises WrongState."""
    row = Job.objects.select_for_update().filter(pk=job, state__in=[each.value for each in _CHANGEABLE]).first()
    if row is None:
        raise WrongState("the job cannot be changed any more")
    row.options, row.copies = options.to_plain(), copies
    row.save(update_fields=["options", "copies"])
    audit.record("job.change", job, by=by, tx=tx, facts={"copies": copies})
    return open_view(row)


_CHANGEABLE = (State.RECEIVING, State.RECEIVED, State.ADMITTED, State.PREPARED, State.HELD, State.RELEASED)


def put_forward(job: UUID, *, behind: UUID | None = None, by: Actor, tx: Tx) -> None:
    """Let a released job be the next that its device gets; with ``behind`` the next after that one.

    Raises WrongState where either does not wait for one and the same device.
    """
    row = Job.objects.select_for_update().filter(pk=job, state=State.RELEASED.value).first()
    if row is None or row.device_id is None:
        raise WrongState("only a job that waits for its device can be put forward")
    waiting = Job.objects.filter(device_id=row.device_id, over=0, state=State.RELEASED.value).exclude(pk=job)
    line = list(waiting.order_by("-rank", "number").only("pk", "rank", "device_id", "state", "due_at"))
    names = [each.pk for each in line]
    if behind is not None and behind not in names:
        raise WrongState("the other job does not wait for this device")
    cut = names.index(behind) + 1 if behind is not None else 0
    rank = max((each.rank for each in line[cut:]), default=0) + 1
    moved = [row, *reversed(line[:cut])]  # the last of the line gets the lowest rank above the rest
    now, onward = parts.clock().now(), []
    for place, each in enumerate(moved):
        Job.objects.filter(pk=each.pk).update(rank=rank + place)
        onward.append(onward_of(each.pk, State.RELEASED, row.device_id, None, now, rank + place))
    work.enqueue_many([each for each in onward if each is not None], tx=tx)
    audit.record("job.promoted", job, by=by, tx=tx, facts={"rank": rank})


def cancel_document(job: UUID, number: int, *, by: Actor, tx: Tx) -> None:
    """Take one document out of a job that waits; its octets go with the job's key. Raises WrongState, NotFound."""
    row = Job.objects.select_for_update().filter(pk=job).first()
    if row is None or row.state not in (State.HELD.value, State.RELEASED.value):
        raise WrongState("only a waiting job can lose a document")
    left = Document.objects.filter(job_id=job, cancelled=False)
    if not left.filter(number=number).exists():
        raise NotFound("the job has no such document, or no longer")
    if left.count() == 1:
        raise WrongState("a job keeps one document at least; cancel the job instead")
    left.filter(number=number).update(cancelled=True)
    audit.record("job.document-cancelled", job, by=by, tx=tx, facts={"number": number})


def rename_document(job: UUID, number: int, name: str, *, by: Actor, tx: Tx) -> None:
    """Another name for a document; "" takes it away. Raises NotFound."""
    sealed = parts.keys().seal_personal(parts.tenant(), job, name, field=NAME_FIELD) if name else None
    if not Document.objects.filter(job_id=job, number=number).update(name_sealed=sealed):
        raise NotFound("the job has no such document")
    audit.record("job.change", job, by=by, tx=tx, facts={"document": number})


def no_longer_kept(job: UUID, *, by: Actor, tx: Tx) -> None:
    """A job that was kept after printing is erased now; one that moved on meanwhile is left alone."""
    row = Job.objects.select_for_update().filter(pk=job, state=State.ENDED.value).first()
    if row is None:
        return
    now = parts.clock().now()
    row.due_at = now
    row.save(update_fields=["due_at"])
    onward = onward_of(row.pk, State.ENDED, row.device_id, now, now)
    if onward is not None:
        work.enqueue_many([onward], tx=tx)
    audit.record("job.no-longer-kept", job, by=by, tx=tx)
