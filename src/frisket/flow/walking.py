"""Where a new job walks to inside the commit that accepts it."""

from collections.abc import Sequence

from frisket import device, intake, job
from frisket.plumbing import parts

__all__ = ["KEPT_BACK", "choose_device", "hold_reason", "walk"]

State, Reason = job.State, job.Reason
_PASSED = (State.RECEIVED, State.ADMITTED, State.PREPARED)
KEPT_BACK = frozenset(
    {
        Reason.INTERRUPTED,  # nobody has said that it is all
        Reason.NEW_HELD,
        Reason.WITHDRAWN,
        Reason.SUSPENDED,
        Reason.DEVICE_FAILED,
        Reason.LEASE_OVER,
        Reason.REVIEWED,
        Reason.SETTLED,
    }
)
"""Reasons to wait that stand nowhere but in the job's ``why``: preparing it (again) must not let it go."""


def walk(asked: intake.WalkIn) -> intake.Walk:
    """Nothing between these states has to wait, so the job rests in the last one at once.

    Unless something has to be done to its documents, or a virus scanner has to see them: the stages decide then.
    A copy that somebody has printed at a device was made ready with the job it is of.
    """
    if asked.device is not None:
        return intake.Walk(State.RELEASED, _PASSED, Reason.BY_PERSON, asked.device)
    if _to_be_prepared(asked):
        return intake.Walk(State.ADMITTED, (State.RECEIVED,), Reason.ACCEPTED, conversion="due")
    if parts.settings().antivirus.by:
        return intake.Walk(State.ADMITTED, (State.RECEIVED,), Reason.ACCEPTED)
    if asked.hold == "stored":
        return intake.Walk(State.ENDED, _PASSED, Reason.STORED)
    reason = hold_reason(asked.hold, asked.queue)
    if reason is not None and reason is not Reason.PROOF:
        return intake.Walk(State.HELD, _PASSED, reason)
    there = choose_device(device.behind(asked.queue), asked.format)
    if there is None:
        return intake.Walk(State.HELD, _PASSED, Reason.FOR_RELEASE)
    if reason is Reason.PROOF:
        return intake.Walk(State.HELD, _PASSED, Reason.PROOF, there.id)
    return intake.Walk(State.RELEASED, _PASSED, Reason.NOT_HELD, there.id)


def _to_be_prepared(asked: intake.WalkIn) -> bool:
    if asked.protected or asked.exports:
        return True
    possible = device.convertible().intersection(asked.formats or (asked.format,))
    if not possible:
        return False
    formats = device.merge([each.capabilities for each in device.behind(asked.queue)]).formats
    return any(device.must_convert(each, formats) for each in possible)


def hold_reason(hold: str, queue: device.QueueView) -> job.Reason | None:
    """Why a job waits; None when nothing holds it."""
    if hold and not (hold == "proof" and (queue.hold or queue.hold_new)):  # there the proof waits as well
        return job.HOLDS[hold]
    if queue.hold:
        return Reason.FOR_RELEASE
    return Reason.NEW_HELD if queue.hold_new else None


def choose_device(behind: Sequence[device.DeviceView], format: str) -> device.DeviceView | None:
    """For a job nobody stands waiting for: a device that takes it, one that is not stopped first."""
    able = [each for each in behind if each.active and _takes(each, format)]
    ready = [each for each in able if each.state not in ("stopped", "unreachable")]
    return next(iter(ready or able), None)


def _takes(each: device.DeviceView, format: str) -> bool:
    formats = each.capabilities.formats
    return format in formats or "application/octet-stream" in (format, *formats)
