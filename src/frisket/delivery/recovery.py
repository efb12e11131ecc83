"""After a crash, and when nobody knows: what the device says, else a person's word."""

import asyncio
import time
from uuid import UUID

from frisket import audit, device, identity, job
from frisket.delivery import loop, ways
from frisket.delivery.drivers import times
from frisket.delivery.errors import NotDecidable
from frisket.delivery.models import Attempt
from frisket.delivery.sending import finish, in_hand, settle, stage_scope
from frisket.delivery.values import BROKE_OFF, End, Ending, Times
from frisket.device import DeviceView
from frisket.job import Filter, JobView, Lease, Reason, State
from frisket.plumbing import db, work
from frisket.plumbing.scope import Actor, ActorKind, Scope

__all__ = ["RECOVER", "decide", "handle_recover", "recover", "recover_job"]

RECOVER = "delivery.recover"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0


def recover() -> int:
    """At start: queue a look at every job that was being sent when the house stopped. How many there are.

    On PostgreSQL other nodes may be sending them right now; there the work engine brings each one back when
    its worker's lease is over, and the send finds the job in ``sending``.
    """
    if not db.is_sqlite():
        return 0
    found, after = 0, None
    while True:
        some = job.find(stage_scope(), Filter(states=(State.SENDING,)), after=after, limit=500)
        with db.transaction() as tx:
            for view in some.rows:
                work.enqueue(RECOVER, {"job": view.id.hex}, tx=tx, once=f"recover:{view.id.hex}")
        found += len(some.rows)
        after = some.after
        if after is None:
            return found


def handle_recover(item: work.Item) -> None:
    job_id = UUID(str(item.payload["job"]))
    recover_job(job_id)
    # Its own work may have come before, found it still being sent, and ended: then nothing would send it.
    with db.transaction() as tx:
        job.onward_again(job_id, tx=tx)


def recover_job(job_id: UUID) -> None:
    """Find out what became of a job that was being sent when its sender died, and move it on."""
    try:
        view = job.get_for_stage(job_id)
    except job.NotFound:
        return
    if view.state is not State.SENDING or in_hand(job_id):
        return
    row = Attempt.objects.filter(job_id=job_id, ended_at__isnull=True).order_by("-number").first()
    if row is None:
        return
    finish(row.pk, Lease(job_id, row.fence), _ending(row), row.octets_sent, crashed=True)


def _ending(row: Attempt) -> Ending:
    if row.first_octet_at is None:
        return Ending(End.RETRY, "crashed-before-the-first-octet")
    crashed = Ending(End.UNCERTAIN, "crashed", "The house stopped while the document was being sent.")
    target = _device(row.device_id)
    if target is None or not row.device_job:
        return crashed
    found = loop.start().run(_ask(target, row.device_job, times()))
    if found is None or found is BROKE_OFF:
        return crashed
    if found.end in (End.DELIVERED, End.REFUSED):
        return found
    return Ending(End.UNCERTAIN, found.evidence, crashed.words, False, found.impressions, found.sheets)


async def _ask(target: DeviceView, device_job: str, waits: Times) -> Ending | None:
    """Ask until the device has ended the job; None when it still has not after ``follow_s``."""
    (driver, name), pause = ways.by_way(target, device_job, waits), FIRST_PAUSE_S
    until = time.monotonic() + waits.follow_s
    while time.monotonic() < until:
        found = await driver.ask(name)
        if found.ending is not None:
            return found.ending
        await asyncio.sleep(pause)
        pause = min(pause * 1.6, LONGEST_PAUSE_S)
    return None


def _device(device_id: UUID | None) -> DeviceView | None:
    if device_id is None:
        return None
    try:
        return device.device(stage_scope(), device_id)
    except device.NoSuchDevice:
        return None


def _is_somebody(by: Actor) -> bool:
    """A person, also one who speaks over the house's control socket and has no row."""
    return by.kind is ActorKind.PERSON or (by.kind is ActorKind.HOUSE and by.at == "control")


def decide(scope: Scope, job_id: UUID | int, printed: bool, *, by: Actor) -> JobView:
    """A person's word on an uncertain job: it was printed (``delivered``), or it was not (``held``).

    Logged as a decision; only after it may the job be printed again (I4). Its owner may decide, and
    whoever may decide for others. Raises NotDecidable, job.NotFound, identity.NotAllowed.
    """
    if not _is_somebody(by):
        raise NotDecidable("only a person decides about an uncertain job")
    with db.transaction() as tx:
        view = job.get(scope, job_id)
        if view.person != by.id:
            identity.require(by, identity.Permission.UNCERTAIN_DECIDE)
        if view.state is not State.UNCERTAIN:
            raise NotDecidable("the job is not uncertain")
        audit.record("uncertain.decided", view.id, by=by, tx=tx, facts={"printed": printed})
        return settle(view, State.DELIVERED if printed else State.HELD, Reason.SETTLED, by=by, tx=tx)
