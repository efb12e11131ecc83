"""Sending one job to one device: the attempt before the first octet, the outcome after the last.

The order is security-design section 6: the attempt and the move to ``sending`` are durable before a document
is opened; that its first octet may leave is durable before it does; what became of it is one commit with the
move that follows from it. Whatever dies in between, ``recovery`` reads these rows.
"""

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from uuid import UUID

from frisket import audit, device, job, spool
from frisket.delivery import loop, truth
from frisket.delivery.errors import TryAgain
from frisket.delivery.models import Attempt
from frisket.delivery.values import NEUTRAL_OWNER, End, Ending, PrintTicket, TicketDocument
from frisket.device import DeviceView
from frisket.job import Changes, JobView, Lease, Outcome, Reason, State
from frisket.plumbing import crashpoints, db, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope

__all__ = [
    "KIND",
    "AttemptView",
    "Going",
    "after_outcome",
    "attempts",
    "begin",
    "cancel",
    "drive",
    "finish",
    "holding",
    "in_hand",
    "send",
    "settle",
    "stage_scope",
]

KIND = "delivery.send"
LEASE = timedelta(hours=1)  # where the release brought none
LOOK_FOR_CANCEL_S = 2.0  # another process may have been asked
log = logging.getLogger("frisket.delivery")

_BEFORE_ATTEMPT = crashpoints.point("delivery.before-attempt")
_AFTER_ATTEMPT = crashpoints.point("delivery.after-attempt")
_BEFORE_FIRST_OCTET = crashpoints.point("delivery.before-first-octet")
_AFTER_FIRST_OCTETS = crashpoints.point("delivery.after-first-octets")
_AFTER_LAST_OCTET = crashpoints.point("delivery.after-last-octet")
_BEFORE_OUTCOME = crashpoints.point("delivery.before-outcome")
_AFTER_OUTCOME = crashpoints.point("delivery.after-outcome")


def send(job_id: UUID, *, fence: int = 0) -> Ending | None:
    """Send a released job to its device and move it on. None when there was nothing to send any more.

    fence: of the lease that the release took; 0 when it took none, then one is taken here.
    Called in a thread; returns when the device has confirmed, refused or fallen silent. Raises TryAgain when
    nothing left and the work should come again.
    """
    going = begin(job_id, fence)
    if going is None:
        return None
    with holding(going):
        ending = drive(going)
        finish(going.attempt, going.lease, ending, going.watch.octets)
    after_outcome(ending)
    return ending


def begin(job_id: UUID, fence: int) -> "Going | None":
    """Commit the attempt and the move to ``sending``; None when the job is not to be sent.

    Inside a transaction of the caller it is good, and may be driven, once that is durable.
    """
    crashpoints.pass_(_BEFORE_ATTEMPT)
    try:
        return _begin(job_id, fence)
    except job.StaleLease:
        log.warning("delivery: a newer lease holds job %s", job_id)
        return None
    except spool.NotHere:
        _quarantine(job_id)
        return None


@contextmanager
def holding(going: "Going") -> Iterator[None]:
    """From the attempt to its outcome: nobody else finds out what became of the job meanwhile."""
    crashpoints.pass_(_AFTER_ATTEMPT)
    with _lock:
        _in_hand[going.lease.job] = going.watch
    try:
        yield
    finally:
        with _lock:
            _in_hand.pop(going.lease.job, None)


def drive(going: "Going") -> Ending:
    """Have the device's driver send it. The outcome is the caller's to commit, whatever it is."""
    ending = loop.start().run(_drive(going))
    crashpoints.pass_(_BEFORE_OUTCOME)
    return ending


def after_outcome(ending: Ending) -> None:
    """Raises TryAgain when nothing left and the work should come again."""
    crashpoints.pass_(_AFTER_OUTCOME)
    if ending.end is End.RETRY:
        raise TryAgain("the device does not take the job just now")


# -- the attempt ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Going:
    attempt: int  # primary key
    lease: Lease
    ticket: PrintTicket
    device: DeviceView
    watch: "RowWatch"
    opening: spool.Ticket


def _begin(job_id: UUID, fence: int) -> Going | None:
    with db.transaction() as tx:
        try:
            view = job.get_for_stage(job_id)
        except job.NotFound:
            return None
        if view.state is not State.RELEASED or _halted(view.queue):
            return None
        lease = Lease(job_id, fence) if fence else job.lease(job_id, LEASE, tx=tx)
        job.check_fence(lease, tx=tx)
        target = _device(view.device)
        if target is None:
            _unsendable(view, tx)
            return None
        number = Attempt.objects.filter(job_id=job_id).count() + 1
        opening = spool.ticket(job_id, "deliver", by=HOUSE, tx=tx, fence=lease.fence)
        row = Attempt.objects.create(
            job_id=job_id,
            device_id=target.id,
            number=number,
            fence=lease.fence,
            started_at=parts.clock().now(),
        )
        changes = Changes(facts={"attempt": number})
        job.move(job_id, State.SENDING, expected=State.RELEASED, why=Reason.STAGE, by=HOUSE, tx=tx, changes=changes)
        watch = RowWatch(row.pk)
    return Going(row.pk, lease, _print_ticket(view, number, target), target, watch, opening)


def _halted(queue: UUID) -> bool:
    """An operator stopped the queue: the job stays released, and is queued again when the queue runs again."""
    return bool(device.queue(queue).halt) and device.halted_now(queue)


def stage_scope() -> Scope:
    return Scope(HOUSE, parts.tenant(), Purpose.STAGE)


def _device(device_id: UUID | None) -> DeviceView | None:
    """The device if it may be sent to."""
    if device_id is None:
        return None
    try:
        found = device.device(stage_scope(), device_id)
    except device.NoSuchDevice:
        return None
    return found if found.active else None


def _unsendable(view: JobView, tx: Tx) -> None:
    note = "No device was chosen for it, or it was removed or switched off here."
    changes = Changes(note=note, forget_device=True)
    why = Reason.DEVICE_FAILED
    job.move(view.id, State.HELD, expected=State.RELEASED, why=why, by=HOUSE, tx=tx, changes=changes)


def _quarantine(job_id: UUID) -> None:
    with db.transaction() as tx:
        job.move(job_id, State.QUARANTINED, expected=State.RELEASED, why=Reason.DAMAGED, by=HOUSE, tx=tx)


def _print_ticket(view: JobView, attempt: int, target: DeviceView) -> PrintTicket:
    return PrintTicket(
        number=view.number,
        attempt=attempt,
        owner=(view.owner or NEUTRAL_OWNER) if target.shows_owner else NEUTRAL_OWNER,
        copies=view.copies,
        options=view.options,
        documents=tuple(TicketDocument(d.number, d.format, d.octets) for d in job.documents(view.id)),
    )


# -- while it goes out ---------------------------------------------------------------------------


class RowWatch:
    """The line between a driver in the loop and the attempt's row."""

    def __init__(self, attempt: int) -> None:
        self.octets = 0
        self._attempt = attempt
        self._cancel = threading.Event()

    async def leaving(self, device_job: str = "") -> None:
        await loop.in_rows_thread(lambda: self._leaving(device_job))
        crashpoints.pass_(_BEFORE_FIRST_OCTET)

    def _leaving(self, device_job: str) -> None:
        now: dict[str, datetime | str] = {"device_job": device_job[:300]} if device_job else {}
        with db.transaction():
            row = Attempt.objects.filter(pk=self._attempt)
            if not row.filter(first_octet_at__isnull=False).exists():
                now["first_octet_at"] = parts.clock().now()
            if now:
                row.update(**now)

    def sent(self, octets: int) -> None:
        self.octets += octets

    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def cancel(self) -> None:
        self._cancel.set()

    async def look_for_cancel(self) -> None:
        """Until cancelled: somebody may have asked in another process."""
        while not self._cancel.is_set():
            await asyncio.sleep(LOOK_FOR_CANCEL_S)
            if await loop.in_rows_thread(lambda: _cancel_why(self._attempt)):
                self._cancel.set()


_in_hand: dict[UUID, RowWatch] = {}
_lock = threading.Lock()


def in_hand(job_id: UUID) -> bool:
    """Whether this very process is sending the job now."""
    with _lock:
        return job_id in _in_hand


async def _drive(going: Going) -> Ending:
    looking = asyncio.ensure_future(going.watch.look_for_cancel())
    first_use = set[int]()

    async def source(document: int) -> AsyncIterator[bytes]:
        opening = going.opening
        if document in first_use:
            opening = await loop.in_rows_thread(lambda: _another_ticket(going))
        first_use.add(document)
        async for piece in spool.read(going.lease.job, document=document, ticket=opening):
            yield piece
            crashpoints.pass_(_AFTER_FIRST_OCTETS)
        crashpoints.pass_(_AFTER_LAST_OCTET)

    try:
        ending = await truth.counted_print(going.device, going.ticket, source, going.watch)
        if ending.end is End.RETRY and going.watch.cancelled():
            return Ending(End.CANCELLED, ending.evidence, impressions=0, sheets=0)
        return ending
    except Exception as error:
        # A driver raises for our own bugs only; what it had sent by then decides what we may say.
        log.critical("delivery: %s while sending job %s", type(error).__name__, going.lease.job, exc_info=True)
        end = End.UNCERTAIN if going.watch.octets else End.RETRY
        return Ending(end, type(error).__name__, "Something went wrong in the house while it was sent.")
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


def _another_ticket(going: Going) -> spool.Ticket:
    """A ticket opens an object once; each further copy over a bare RAW port is a reading of its own."""
    with db.transaction() as tx:
        return spool.ticket(going.lease.job, "deliver", by=HOUSE, tx=tx, fence=going.lease.fence)


# -- the outcome ---------------------------------------------------------------------------------


def finish(attempt: int, lease: Lease, ending: Ending, octets: int, *, crashed: bool = False) -> None:
    """Commit what became of an attempt together with the job's move.

    crashed: found out after a restart. A stale lease or a job that somebody else has moved changes nothing.
    """
    try:
        with db.transaction() as tx:
            job.check_fence(lease, tx=tx, over=True)
            _move(attempt, lease, ending, octets, crashed, tx)
    except (job.StaleLease, job.WrongState) as error:
        log.info("delivery: the outcome of job %s came too late: %s", lease.job, type(error).__name__)


def _move(attempt: int, lease: Lease, ending: Ending, octets: int, crashed: bool, tx: Tx) -> None:
    row = Attempt.objects.get(pk=attempt)
    step = _step(row, ending, octets, crashed)
    row.ended_at = parts.clock().now()
    # A try that was the last one is no retry: the next release begins to count anew.
    row.ending = End.REFUSED.value if step.why is Reason.DEVICE_FAILED else ending.end.value
    row.octets_sent = max(row.octets_sent, octets)
    row.evidence = ending.evidence[:300]
    row.impressions, row.sheets = ending.impressions, ending.sheets
    row.counter, row.counter_unit = ending.counter, ending.counter_unit
    row.save()
    _keep_state(row, ending, tx)
    facts: dict[str, str | int | bool | None] = {
        "attempt": row.number,
        "evidence": _fact(ending.evidence),
        "impressions": ending.impressions,
        "sheets": ending.sheets,
    }
    changes = Changes(
        note=ending.words[:200] if step.to is not State.DELIVERED else "",
        outcome=step.outcome,
        forget_device=step.to is State.HELD,
        facts=facts,
    )
    job.move(
        lease.job,
        step.to,
        expected=State.SENDING,
        why=step.why,
        by=HOUSE,
        tx=tx,
        passed=step.passed,
        changes=changes,
    )


def _keep_state(row: Attempt, ending: Ending, tx: Tx) -> None:
    """What a try says of the device: the only news there is of one behind a bare RAW port."""
    if row.device_id is None:
        return
    if ending.evidence == "DeviceUnreachable":
        device.set_state(row.device_id, "unreachable", tx=tx)
    elif row.octets_sent and (target := _device(row.device_id)) and target.state == "unreachable":
        device.set_state(row.device_id, "unknown", tx=tx)


@dataclass(frozen=True, slots=True)
class _Step:
    to: State
    why: Reason
    passed: tuple[State, ...] = ()
    outcome: Outcome | None = None


def _step(row: Attempt, ending: Ending, octets: int, crashed: bool) -> _Step:
    if ending.end is End.DELIVERED:
        return _Step(State.DELIVERED, Reason.SILENCE if ending.silent else Reason.CONFIRMED)
    if ending.end is End.CANCELLED:
        why = Reason(row.cancel_why) if row.cancel_why else Reason.CANCELLED_AT_DEVICE
        if octets:
            return _Step(State.DELIVERED, why, outcome=Outcome.CANCELLED)
        return _Step(State.ENDED, why, (State.RELEASED,), Outcome.CANCELLED)
    if ending.end is End.DAMAGED:
        return _Step(State.QUARANTINED, Reason.DAMAGED, (State.RELEASED,))
    if ending.end is End.RETRY:
        if _tried_in_vain(row) <= parts.settings().delivery.retries:
            return _Step(State.RELEASED, Reason.RETRY)
        return _Step(State.HELD, Reason.DEVICE_FAILED)
    if ending.end is End.REFUSED:
        return _Step(State.HELD, Reason.DEVICE_FAILED)
    return _Step(State.UNCERTAIN, Reason.CRASHED if crashed else Reason.LOST_TOUCH)


def _tried_in_vain(row: Attempt) -> int:
    """This attempt and those before it since the job was released, of which not an octet left."""
    before = Attempt.objects.filter(job_id=row.job_id, number__lt=row.number).order_by("-number")
    endings = before.values_list("ending", flat=True)
    return 1 + sum(1 for _ in takewhile(lambda ending: ending == End.RETRY.value, endings))


def settle(view: JobView, to: State, why: Reason, *, by: Actor, tx: Tx) -> JobView:
    """A person's word on an uncertain job."""
    changes = Changes(forget_device=to is State.HELD)
    return job.move(view.id, to, expected=State.UNCERTAIN, why=why, by=by, tx=tx, changes=changes)


def _fact(evidence: str) -> str:
    """Evidence for the log, where a device's words may not stand: keywords, joined."""
    return re.sub(r"[^A-Za-z0-9._=,-]+", ",", evidence)[:200]


# -- asked by others -----------------------------------------------------------------------------


def cancel(job_id: UUID, *, why: Reason, by: Actor, tx: Tx) -> bool:
    """Have a job stopped that is being sent; the device is told. False when it is not being sent.

    It ends through ``delivered`` with what was printed, or ``uncertain``, or ``ended`` when nothing had left.
    """
    changed = Attempt.objects.filter(job_id=job_id, ended_at__isnull=True).update(cancel_why=why.value)
    if not changed:
        return False
    audit.record("job.cancel-asked", job_id, by=by, tx=tx, facts={"why": why.value})
    tx.on_commit(lambda: _cancel_here(job_id))
    return True


def _cancel_here(job_id: UUID) -> None:
    with _lock:
        watch = _in_hand.get(job_id)
    if watch is not None:
        watch.cancel()


def _cancel_why(attempt: int) -> str:
    return Attempt.objects.filter(pk=attempt).values_list("cancel_why", flat=True).first() or ""


@dataclass(frozen=True, slots=True)
class AttemptView:
    number: int
    device: UUID | None
    started_at: datetime
    first_octet_at: datetime | None
    octets_sent: int
    impressions: int | None
    sheets: int | None
    counter: int | None  # what the device's own counter rose by
    counter_unit: str  # impressions, sheets
    ended_at: datetime | None
    ending: str  # of End; "" while it goes on
    evidence: str


def attempts(scope: Scope, job_id: UUID) -> list[AttemptView]:
    """Every try to print a job, the first one first. Raises job.NotFound for what the scope may not see."""
    job.get(scope, job_id)
    return [
        AttemptView(
            number=row.number,
            device=row.device_id,
            started_at=row.started_at,
            first_octet_at=row.first_octet_at,
            octets_sent=row.octets_sent,
            impressions=row.impressions,
            sheets=row.sheets,
            counter=row.counter,
            counter_unit=row.counter_unit,
            ended_at=row.ended_at,
            ending=row.ending,
            evidence=row.evidence,
        )
        for row in Attempt.objects.filter(job_id=job_id).order_by("number")
    ]
