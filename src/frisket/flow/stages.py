"""The stages. Each moves the job's state; the move queues what comes next in the same transaction."""

from uuid import UUID

from frisket import delivery, device, job, ledger, policy, release, spool
from frisket.flow.counting import keep, look, own_count
from frisket.flow.preparing import prepare
from frisket.flow.walking import KEPT_BACK, choose_device, hold_reason
from frisket.plumbing import parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import HOUSE, Purpose, Scope

__all__ = ["admit", "prepare", "send", "settle", "shelve", "shred"]

State, Reason = job.State, job.Reason


def admit(view: job.JobView) -> None:
    """May it come in?"""
    queue = device.queue(view.queue)
    limits = parts.settings().limits
    taken = device.formats_taken([each.capabilities for each in device.behind(queue)])
    verdict = policy.admission(
        policy.Facts(
            queue_accepting=True,  # it was, when the job was taken
            format=view.format,
            formats=frozenset(taken),
            octets=view.octets,
            most_octets=limits.job_bytes,
            documents=view.documents,
            most_documents=limits.documents_per_job,
        )
    )
    with transaction() as tx:
        if isinstance(verdict, policy.Refuse):
            release.end(view, Reason.REFUSED, job.Outcome.REFUSED, by=HOUSE, tx=tx)
        else:
            job.move(view.id, State.ADMITTED, expected=view.state, why=Reason.STAGE, by=HOUSE, tx=tx)


def shelve(view: job.JobView) -> None:
    """Hold it for its person, or let it pass."""
    queue = device.queue(view.queue)
    if view.hold == "stored" and view.why not in KEPT_BACK:
        with transaction() as tx:
            job.move(view.id, State.ENDED, expected=view.state, why=Reason.STORED, by=HOUSE, tx=tx)
        return
    reason = hold_reason(view.hold if view.hold in job.HOLDS else "", queue)
    if view.why in KEPT_BACK and reason in (None, Reason.PROOF):
        reason = view.why
    passes = reason in (None, Reason.PROOF)
    there = choose_device(device.behind(queue), view.format) if passes else None
    with transaction() as tx:
        if there is None or reason is Reason.PROOF:
            why = reason if there is not None or not passes else None
            changes = job.Changes(device=there.id if there is not None else None)
            why = why or Reason.FOR_RELEASE
            job.move(view.id, State.HELD, expected=view.state, why=why, by=HOUSE, tx=tx, changes=changes)
        else:
            job.move(
                view.id,
                State.RELEASED,
                expected=view.state,
                why=Reason.NOT_HELD,
                by=HOUSE,
                tx=tx,
                changes=job.Changes(device=there.id),
            )


def send(view: job.JobView) -> None:
    """To the device. Returns when it is known, or known not to be known, what became of it."""
    delivery.send(view.id)


def settle(view: job.JobView) -> None:
    """Count and record: by the device where it says so, else by the document, else by nobody.

    A job whose queue keeps nothing that is printed is shredded in the same commit.
    """
    found = look(view) if view.counted == "due" else None
    said = delivery.attempts(_stage_scope(), view.id)[-1:]
    stopped = view.outcome is job.Outcome.CANCELLED  # while it printed: what came out is counted all the same
    with transaction() as tx:
        if found is not None:
            keep(view, found)
            view = job.get_for_stage(view.id)
        entry = _entry(view, said)
        ended = job.move(
            view.id,
            State.ENDED,
            expected=view.state,
            why=view.why if stopped else Reason.PRINTED,
            by=HOUSE,
            tx=tx,
            changes=job.Changes(
                outcome=job.Outcome.CANCELLED if stopped else job.Outcome.PRINTED, facts=_counted_facts(entry)
            ),
            onward=False,
        )
        ledger.write(entry, tx=tx)
        if ended.due_at is not None and ended.due_at <= parts.clock().now():
            _shred(view.id, tx)


def _counted_facts(entry: ledger.NewEntry) -> dict[str, str | int | bool | None]:
    """For the log, from which a job is explained: the number, how sure it is, and what each source said."""
    facts: dict[str, str | int | bool | None] = {
        "impressions": entry.impressions,
        "counted_from": entry.counted_from,
    }
    if entry.confidence is not None:
        facts["confidence"] = entry.confidence.value
    return facts | {f"of_{source}": count for source, count in entry.counts.items()}


def _stage_scope() -> Scope:
    return Scope(HOUSE, parts.tenant(), Purpose.STAGE)


def _entry(view: job.JobView, said: list[delivery.AttemptView]) -> ledger.NewEntry:
    own, own_sheets = own_count(view)
    attempt = said[0] if said else None
    device_says = attempt.impressions if attempt is not None else None
    # Of a job that was stopped nobody knows by the document how much of it came out.
    counts = ledger.Counts(
        document=None if view.outcome is job.Outcome.CANCELLED else own,
        device=device_says,
        counter=_risen(attempt, own, own_sheets),
    )
    truth = ledger.decide(counts)
    sheets = attempt.sheets if attempt is not None else None
    if sheets is None and truth.impressions is not None and truth.impressions == own:
        sheets = own_sheets
    return ledger.NewEntry(
        job=view.id,
        number=view.number,
        person=view.person,
        queue=view.queue,
        device=view.device,
        outcome=(view.outcome or job.Outcome.PRINTED).value,
        pages=view.pages,
        copies=view.copies,
        impressions=truth.impressions,
        sheets=sheets,
        colour=False if view.options.color_mode == "monochrome" else view.colour,
        counted_from=truth.counted_from,
        confidence=truth.confidence,
        counts=counts.to_plain(),
    )


def _risen(attempt: delivery.AttemptView | None, own: int | None, own_sheets: int | None) -> int | None:
    """What the device's counter rose by, in impressions; of one that counts sheets by what the document has on
    each. A counter that did not move at all says nothing: some move only when the device has gone to sleep."""
    if attempt is None or not attempt.counter:
        return None
    if attempt.counter_unit == "impressions":
        return attempt.counter
    return round(attempt.counter * own / own_sheets) if own and own_sheets else None


def shred(view: job.JobView) -> None:
    """The key goes in the very commit that moves the job; overwriting follows."""
    with transaction() as tx:
        _shred(view.id, tx)


def _shred(identifier: UUID, tx: Tx) -> None:
    job.move(identifier, State.ERASED, expected=State.ENDED, why=Reason.SHREDDED, by=HOUSE, tx=tx)
    spool.shred(identifier, tx=tx)
