"""Jobs over the API. Sending one in is the raw door's."""

from uuid import UUID

from django.http import HttpRequest
from ninja import Query

from frisket import device, flow, job, release, spool
from frisket.identity import Permission
from frisket.web import acts
from frisket.web.api import shapes
from frisket.web.api.entry import operation
from frisket.web.api.shapes import JobOut
from frisket.web.visits import Visit, visit

__all__ = ["jobs"]

TAG = "jobs"


def _job(who: Visit, word: str) -> job.JobView:
    """By number or id. Raises job.NotFound."""
    if word.isdigit() and len(word) < 12:
        return job.get(who.jobs, int(word))
    try:
        return job.get(who.jobs, UUID(word))
    except ValueError as error:
        raise job.NotFound("no such job") from error


def find_device(who: Visit, word: str) -> device.DeviceView:
    """By id or name. Raises device.NoSuchDevice, device.BadName."""
    try:
        return device.device(who.scope, UUID(word))
    except ValueError:
        return device.device_by_name(who.scope, word)


@operation("GET", "/jobs", needs=Permission.JOBS_OWN, tag=TAG, response=shapes.JobsOut)
def jobs(
    request: HttpRequest,
    state: list[shapes.State] = Query([]),  # type: ignore[type-arg]
    person: UUID | None = None,
    queue: UUID | None = None,
    device: UUID | None = None,
    after: str | None = None,
    limit: int = Query(100, ge=1, le=1000),  # type: ignore[type-arg]
) -> shapes.JobsOut:
    """One's own jobs, or everybody's where the role allows it; newest first."""
    states = tuple(job.State(each) for each in state)
    where = job.Filter(person=person, queue=queue, device=device, states=states)
    after = after if after and after.isdigit() and len(after) < 12 else None
    found = job.find(visit(request).jobs, where, after=after, limit=limit)
    return shapes.JobsOut(jobs=[JobOut.of(each) for each in found.rows], after=found.after)


@operation("GET", "/jobs/{word}", needs=Permission.JOBS_OWN, tag=TAG, response=JobOut)
def job_get(request: HttpRequest, word: str) -> JobOut:
    """A job by id or number."""
    return JobOut.of(_job(visit(request), word))


@operation("GET", "/jobs/{word}/explain", needs=Permission.JOBS_OWN, tag=TAG, response=shapes.ExplainOut)
def job_explain(request: HttpRequest, word: str) -> shapes.ExplainOut:
    """What happened to it, why, and what comes next."""
    who = visit(request)
    told = job.explain(who.jobs, _job(who, word))
    steps = [shapes.StepOut(at=each.at, text=each.text, station=each.station) for each in told.steps]
    return shapes.ExplainOut(number=told.number, station=told.station, now=told.now, next=told.next, steps=steps)


@operation("POST", "/jobs/{word}/release", needs=Permission.JOBS_OWN, tag=TAG, response=shapes.ReleaseOut)
def job_release(request: HttpRequest, word: str, told: shapes.ReleaseIn) -> shapes.ReleaseOut:
    """Print it at a device. ``ok`` is false when the device or the job says no, with the reason."""
    who = visit(request)
    view = _job(who, word)
    there = find_device(who, told.device)
    wish = release.Wish(told.copies, told.sides, told.color_mode, told.pin, told.as_it_can)
    outcome = flow.release_at(who.jobs, [view.id], there.id, wish, by=who.actor)[0]
    return shapes.ReleaseOut(
        ok=outcome.ok,
        text=outcome.text,
        why=list(outcome.why),
        instead=list(outcome.instead),
        job=JobOut.of(_job(who, word)),
    )


@operation("POST", "/jobs/{word}/cancel", needs=Permission.JOBS_OWN, tag=TAG, response=JobOut)
def job_cancel(request: HttpRequest, word: str) -> JobOut:
    """Delete it. What is being sent is stopped at its device."""
    who = visit(request)
    flow.cancel(who.jobs, _job(who, word).id, by=who.actor)
    return JobOut.of(_job(who, word))


@operation("POST", "/jobs/{word}/hold", needs=Permission.JOBS_OWN, tag=TAG, response=JobOut)
def job_hold(request: HttpRequest, word: str) -> JobOut:
    """Keep it back until somebody releases it."""
    who = visit(request)
    release.hold(who.jobs, _job(who, word).id, by=who.actor)
    return JobOut.of(_job(who, word))


@operation("POST", "/jobs/{word}/unlock", needs=Permission.JOBS_OWN, tag=TAG, response=JobOut)
def job_unlock(request: HttpRequest, word: str, told: shapes.UnlockIn) -> JobOut:
    """Open the document of a job that waits for its password. The password is used once and kept nowhere."""
    who = visit(request)
    flow.unlock(who.jobs, _job(who, word).id, told.password, by=who.actor)
    return JobOut.of(_job(who, word))


@operation("POST", "/jobs/{word}/decide", needs=Permission.JOBS_OWN, tag=TAG, response=JobOut)
def job_decide(request: HttpRequest, word: str, told: shapes.DecideIn) -> JobOut:
    """Say whether an uncertain job printed."""
    who = visit(request)
    acts.decide(who.jobs, _job(who, word), told.printed, by=who.actor)
    return JobOut.of(_job(who, word))


@operation("GET", "/jobs/{word}/receipt", needs=Permission.JOBS_OWN, tag=TAG, response=shapes.ReceiptOut)
def job_receipt(request: HttpRequest, word: str) -> shapes.ReceiptOut:
    """The signed receipt of its destruction."""
    who = visit(request)
    return shapes.ReceiptOut.of(spool.receipt(who.jobs, _job(who, word).id))
