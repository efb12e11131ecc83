"""A job as IPP shows it: states, reasons and attributes (RFC 8011 section 5.3)."""

from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import datetime

from frisket import device, job
from frisket.intake.ipp.printer import Address, ticks, up_time
from frisket.intake.ipp.terms import JOB_STATUS, JOB_TEMPLATE, JOB_WRITERS, held_reasons
from frisket.plumbing import parts
from frisket.wire import ipp

__all__ = ["ANSWER_NAMES", "job_group", "reasons_of", "restartable", "state_of"]

State, Reason, Outcome = job.State, job.Reason, job.Outcome
ANSWER_NAMES = ("job-id", "job-uri", "job-state", "job-state-reasons", "job-state-message")


def state_of(view: job.JobView) -> int:
    """IPP job-state of a job: 3 pending, 4 held, 5 processing, 6 stopped, 7 canceled, 8 aborted, 9 completed."""
    state = view.state
    if state in (State.ENDED, State.ERASED):
        return {Outcome.PRINTED: 9, Outcome.STORED: 9, Outcome.CANCELLED: 7, Outcome.EXPIRED: 7}.get(view.outcome, 8)
    if state is State.HELD and view.why is Reason.PROOF:
        return 6
    if state in (State.HELD, State.QUARANTINED):
        return 4
    if state is State.SENDING:
        return 6 if view.note else 5
    if state is State.ADMITTED and view.conversion and not _will_be_held(view):
        return 5
    if state is State.UNCERTAIN:
        return 6
    if state is State.DELIVERED:
        return 7 if view.outcome is Outcome.CANCELLED else 9
    return 4 if state is not State.RELEASED and _will_be_held(view) else 3


def restartable(view: job.JobView) -> bool:
    """Whether its documents are still here for a second print."""
    if view.stored:
        return True
    kept = view.due_at is not None and view.due_at > parts.clock().now()
    return view.state is State.ENDED and view.outcome is Outcome.PRINTED and kept


def _will_be_held(view: job.JobView) -> bool:
    """A job that its queue or its sender holds says so from its first answer on."""
    return view.hold in job.HOLDS or (view.hold != "stored" and device.queue(view.queue).hold)


_ENDED = {
    Reason.CANCELLED_BY_OWNER: "job-canceled-by-user",
    Reason.CANCELLED_BY_OPERATOR: "job-canceled-by-operator",
    Reason.CANCELLED_AT_DEVICE: "job-canceled-at-device",
    Reason.EXPIRED: "job-canceled-after-timeout",
    Reason.TIMED_OUT: "job-canceled-after-timeout",
    Reason.EMPTY: "aborted-by-system",
    Reason.REFUSED: "account-authorization-failed",
    Reason.UNREADABLE: "document-format-error",
    Reason.TOO_MUCH: "document-unprintable-error",
    Reason.TOO_SLOW: "document-unprintable-error",
    Reason.NO_CONVERTER: "unsupported-document-format",
}
_BY_OUTCOME = {
    Outcome.PRINTED: "job-completed-successfully",
    Outcome.CANCELLED: "job-canceled-by-user",
    Outcome.EXPIRED: "job-canceled-after-timeout",
}


def reasons_of(view: job.JobView) -> list[str]:
    state = view.state
    if state is State.RECEIVING:
        return ["job-incoming"] if view.documents else ["job-incoming", "job-data-insufficient"]
    if state in (State.RECEIVED, State.ADMITTED, State.PREPARED) and _will_be_held(view):
        return held_reasons(view)
    if state is State.HELD:
        return held_reasons(view)
    if state is State.ADMITTED and view.conversion:
        return ["job-transforming"]
    if state is State.QUARANTINED:
        return ["job-held-for-review"]
    if state is State.RELEASED:
        return ["job-queued", "printer-stopped"] if device.queue(view.queue).halt else ["job-queued"]
    if state is State.SENDING:
        return ["printer-stopped"] if view.note else ["job-printing"]
    if state is State.UNCERTAIN:
        return ["job-suspended-by-system"]
    if view.stored or view.outcome is Outcome.STORED:
        return ["job-completed-successfully", *(["job-stored", "job-restartable"] if view.stored else [])]
    if view.outcome is not Outcome.CANCELLED and (
        state is State.DELIVERED or (state is State.ENDED and view.outcome is Outcome.PRINTED)
    ):
        done = "queued-in-device" if view.why is Reason.SILENCE else "job-completed-successfully"
        return [done, "job-restartable"] if restartable(view) else [done]
    if state in (State.DELIVERED, State.ENDED, State.ERASED):
        return [_ENDED.get(view.why) or _BY_OUTCOME.get(view.outcome, "aborted-by-system")]
    return ["none"]


_MESSAGES = {
    3: "Accepted.",
    4: "Waiting.",
    5: "Printing.",
    6: "Stopped.",
    7: "Deleted.",
    8: "Not printed.",
    9: "Done.",
}


def _moment(value: datetime | None) -> ipp.Value:
    return ipp.datetime_value(value) if value is not None else ipp.no_value()


def _ticks(value: datetime | None) -> ipp.Value:
    """A wall-clock moment on the scale of printer-up-time."""
    return ipp.integer(ticks(value)) if value is not None else ipp.no_value()


def _count(value: int | None) -> ipp.Value:
    return ipp.integer(value) if value is not None else ipp.no_value()


def _done(view: job.JobView) -> bool:
    return view.outcome is Outcome.PRINTED


_WRITERS: dict[str, Callable[[job.JobView, Address, str], list[ipp.Value]]] = {
    "job-id": lambda v, a, u: [ipp.integer(v.number)],
    "job-uri": lambda v, a, u: [ipp.uri(a.job(v.number))],
    "job-state": lambda v, a, u: [ipp.enum(state_of(v))],
    "job-state-reasons": lambda v, a, u: [ipp.keyword(reason) for reason in reasons_of(v)],
    "job-state-message": lambda v, a, u: [ipp.text(v.note or _MESSAGES[state_of(v)])],
    "job-printer-uri": lambda v, a, u: [ipp.uri(u)],
    "job-uuid": lambda v, a, u: [ipp.uri(f"urn:uuid:{v.id}")],
    "job-name": lambda v, a, u: [ipp.name(v.title or f"job {v.number}")],
    "job-originating-user-name": lambda v, a, u: [ipp.name(v.owner or "unknown")],
    "job-more-info": lambda v, a, u: [ipp.uri(f"{a.web}/jobs/{v.number}")],
    "job-printer-up-time": lambda v, a, u: [ipp.integer(up_time())],
    "number-of-documents": lambda v, a, u: [ipp.integer(v.documents)],
    "number-of-intervening-jobs": lambda v, a, u: [ipp.integer(0)],
    "job-k-octets": lambda v, a, u: [ipp.integer(min((v.octets + 1023) // 1024, 2**31 - 1))],
    "job-k-octets-processed": lambda v, a, u: [
        ipp.integer(min((v.octets + 1023) // 1024, 2**31 - 1) if _done(v) else 0)
    ],
    "job-impressions": lambda v, a, u: [_count(v.pages)],
    "job-impressions-completed": lambda v, a, u: [ipp.integer((v.pages or 0) * v.copies if _done(v) else 0)],
    "job-media-sheets-completed": lambda v, a, u: [ipp.integer(_sheets(v) if _done(v) else 0)],
    "time-at-creation": lambda v, a, u: [_ticks(v.created_at)],
    "time-at-processing": lambda v, a, u: [_ticks(v.processing_at)],
    "time-at-completed": lambda v, a, u: [_ticks(v.completed_at)],
    "date-time-at-creation": lambda v, a, u: [_moment(v.created_at)],
    "date-time-at-processing": lambda v, a, u: [_moment(v.processing_at)],
    "date-time-at-completed": lambda v, a, u: [_moment(v.completed_at)],
    "document-format": lambda v, a, u: [ipp.mime(v.format)],
    "copies": lambda v, a, u: [ipp.integer(v.copies)],
}

_TEMPLATE: dict[str, Callable[[job.Options], list[ipp.Value]]] = {
    "sides": lambda o: [ipp.keyword(o.sides)] if o.sides else [],
    "media": lambda o: [ipp.keyword(o.media)] if o.media and not _sent(o, "media-col") else [],
    "print-color-mode": lambda o: [ipp.keyword(o.color_mode)] if o.color_mode else [],
    "print-quality": lambda o: [ipp.enum(o.quality)] if o.quality else [],
    "printer-resolution": lambda o: [ipp.resolution(*o.resolution)] if o.resolution else [],
    "orientation-requested": lambda o: [ipp.enum(o.orientation)] if o.orientation else [],
    "output-bin": lambda o: [ipp.keyword(o.output_bin)] if o.output_bin else [],
    "page-ranges": lambda o: [ipp.range_(low, high) for low, high in o.page_ranges],
    "finishings": lambda o: [ipp.enum(each) for each in o.finishings],
    "number-up": lambda o: [ipp.integer(o.number_up)] if o.number_up else [],
}


def _sent(options: job.Options, name: str) -> bytes:
    """An attribute as its sender wrote it, encoded; b"" where nothing was sent."""
    return next((b64decode(octets) for each, octets in options.as_sent if each == name), b"")


def _sheets(view: job.JobView) -> int:
    sides = 2 if view.options.sides.startswith("two-sided") else 1
    return -(-(view.pages or 0) // sides) * view.copies


_DESCRIPTION = (*(name for name in _WRITERS if name != "copies"), *JOB_STATUS)
_TEMPLATE_NAMES = ("copies", *JOB_TEMPLATE, *_TEMPLATE)


def job_group(view: job.JobView, address: Address, wanted: Sequence[str], printer_uri: str) -> bytes:
    """The encoded job-attributes group with the attributes wanted; "all" and the two class names work too."""
    names: list[str] = []
    template = (*_TEMPLATE_NAMES, *(name for name, _ in view.options.as_sent))
    for name in wanted:
        if name == "all":
            names += [*_DESCRIPTION, *template]
        elif name == "job-description":
            names += _DESCRIPTION
        elif name == "job-template":
            names += template
        else:
            names.append(name)
    out = [b"\x02"]
    for name in dict.fromkeys(names):
        if name in _WRITERS:
            values = _WRITERS[name](view, address, printer_uri)
        elif name in JOB_WRITERS:
            values = JOB_WRITERS[name](view)
        elif name in _TEMPLATE:
            values = _TEMPLATE[name](view.options)
        else:
            out.append(_sent(view.options, name))
            continue
        if values:
            out.append(ipp.encode_attribute(ipp.attribute(name, *values)))
    return b"".join(out)
