"""Where a new job walks to inside the commit that accepts it."""

from collections.abc import Sequence

from frisket import device, intake, job
from frisket.plumbing import parts

__all__ = ["choose_device", "hold_reason", "walk"]

State, Reason = job.State, job.Reason
_PASSED = (State.RECEIVED, State.ADMITTED, State.PREPARED)
_HOLDS = {"password": Reason.PASSWORD, "until": Reason.UNTIL, "indefinite": Reason.INDEFINITE}


def walk(asked: intake.WalkIn) -> intake.Walk:
    """Nothing between these states has to wait, so the job rests in the last one at once.

    Unless something has to be done to its documents, or a virus scanner has to see them.
    """
    if _to_be_prepared(asked):
        return intake.Walk(State.ADMITTED, (State.RECEIVED,), Reason.ACCEPTED, conversion="due")
    if parts.settings().antivirus.by:
        return intake.Walk(State.ADMITTED, (State.RECEIVED,), Reason.ACCEPTED)
    reason = hold_reason(asked.hold, asked.queue.hold)
    if reason is not None:
        return intake.Walk(State.HELD, _PASSED, reason)
    there = choose_device(device.behind(asked.queue), asked.format)
    if there is None:
        return intake.Walk(State.HELD, _PASSED, Reason.FOR_RELEASE)
    return intake.Walk(State.RELEASED, _PASSED, Reason.NOT_HELD, there.id)


def _to_be_prepared(asked: intake.WalkIn) -> bool:
    if asked.protected:
        return True
    possible = device.convertible().intersection(asked.formats or (asked.format,))
    if not possible:
        return False
    formats = device.merge([each.capabilities for each in device.behind(asked.queue)]).formats
    return any(device.must_convert(each, formats) for each in possible)


def hold_reason(hold: str, queue_holds: bool) -> job.Reason | None:
    """Why a job waits; None when nothing holds it."""
    if hold:
        return _HOLDS[hold]
    return Reason.FOR_RELEASE if queue_holds else None


def choose_device(behind: Sequence[device.DeviceView], format: str) -> device.DeviceView | None:
    """For a job nobody stands waiting for: a device that takes it, one that is not stopped first."""
    able = [each for each in behind if each.active and _takes(each, format)]
    ready = [each for each in able if each.state not in ("stopped", "unreachable")]
    return next(iter(ready or able), None)


def _takes(each: device.DeviceView, format: str) -> bool:
    formats = each.capabilities.formats
    return format in formats or "application/octet-stream" in (format, *formats)
