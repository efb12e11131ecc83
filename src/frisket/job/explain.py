"""What happened to a job, why, and what comes next: in plain words, from the audit log alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from frisket import audit, device, identity
from frisket.job.nouns import JobView
from frisket.job.states import Outcome, Reason, State
from frisket.job.terms import OWNER
from frisket.plumbing.scope import Scope

__all__ = ["STATIONS", "Explanation", "Step", "explain", "station", "steps"]

# The line of stations a page draws; uncertain and stopped stand beside it.
STATIONS = ("arrived", "sealed", "checked", "waiting", "released", "printing", "done", "destroyed")

_STATION = {
    State.RECEIVING: "arrived",
    State.RECEIVED: "sealed",
    State.ADMITTED: "checked",
    State.PREPARED: "checked",
    State.HELD: "waiting",
    State.RELEASED: "released",
    State.SENDING: "printing",
    State.UNCERTAIN: "uncertain",
    State.DELIVERED: "done",
    State.ENDED: "done",
    State.ERASED: "destroyed",
    State.QUARANTINED: "stopped",
}


def station(state: State) -> str:
    return _STATION[state]


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    text: str
    station: str  # "" for a step that moved nothing


@dataclass(frozen=True, slots=True)
class Explanation:
    number: int
    station: str
    now: str  # where the job stands and why, in a sentence
    next: str  # what comes next, and who has to act
    steps: list[Step]


def explain(scope: Scope, job: JobView) -> Explanation:
    return Explanation(job.number, station(job.state), _now(job), _next(job), steps(scope, job))


def steps(scope: Scope, job: JobView) -> list[Step]:
    """Every recorded act on the job, oldest first, as sentences."""
    found = []
    for entry in audit.history(scope, job.id):
        text, place = _sentence(entry, scope)
        if text:
            found.append(Step(entry.at, text, place))
        if entry.act == "job.move" and (counted := _counted(entry.facts)):
            found.append(Step(entry.at, counted, ""))
    return found


def _sentence(entry: audit.Entry, scope: Scope) -> tuple[str, str]:
    facts = entry.facts
    if entry.act == "job.accept":
        return _accepted(entry), station(State(str(facts["state"])))
    if entry.act == "job.create":
        return _("The sender announced the job; its documents are still coming."), "arrived"
    if entry.act == "job.move":
        return _moved(entry, scope), station(State(str(facts["to"])))
    if entry.act == "key.unwrap":
        return _("Its key was opened for one reading: %(purpose)s.") % {
            "purpose": _purpose(str(facts.get("purpose", "")))
        }, ""
    if entry.act == "job.hold":
        return _("Its hold was changed."), ""
    if entry.act in _COPIES:
        return _COPIES[entry.act](_device_name(scope, facts.get("device"))), ""
    if entry.act == "job.promoted":
        return _("It was moved forward among those that wait for its device."), ""
    if entry.act == "job.change":
        return _("How it is to be printed was changed."), ""
    if entry.act == "job.document-cancelled":
        return _("Document %(number)s was taken out of it.") % facts, ""
    if entry.act == "job.document":
        return _("Document %(number)s arrived and was sealed.") % facts, ""
    if entry.act.startswith("erase."):
        return _ERASED.get(entry.act, lambda: "")(), "destroyed"
    return "", ""


def _purpose(keyword: str) -> str:
    known = {
        "scan": _("looking for viruses"),
        "count": _("counting its pages"),
        "deliver": _("sending it to the device"),
        "add": _("sealing another document"),
        "prepare": _("preparing it"),
    }
    return known.get(keyword, keyword)


_Say = Callable[[], str]
_SayOf = Callable[[str, Reason], str]

_COPIES: dict[str, Callable[[str], str]] = {
    "job.copy": lambda name: _("A copy of it was sent on its way to %(device)s.") % {"device": name},
    "job.copy-failed": lambda name: _("A copy of it could not be made."),
    "job.unstore": lambda name: _("It is stored no longer."),
}
_ERASED: dict[str, _Say] = {
    "erase.e1": lambda: _("Its key was destroyed: nobody can read the document any more."),
    "erase.overwritten": lambda: _("Its sealed octets were overwritten and removed."),
    "erase.e2": lambda: _("The database holds no trace of its key."),
    "erase.e3": lambda: _("The day key was destroyed: backups cannot open it either."),
}


def _accepted(entry: audit.Entry) -> str:
    door = {
        "ipp": _("over IPP"),
        "ipps": _("over encrypted IPP"),
        "lpd": _("over LPD"),
        "raw": _("over a RAW port"),
        "upload": _("by upload"),
        "control": _("from the command line"),
        "copy": _("as a copy of another job"),
    }.get(str(entry.facts["door"]), str(entry.facts["door"]))
    text = _("It arrived %(door)s, was sealed on stable storage and acknowledged.") % {"door": door}
    to = State(str(entry.facts["state"]))
    if to is State.HELD:
        return text + " " + _HELD.get(Reason(str(entry.facts["why"])), _waits)()
    return text


def _waits() -> str:
    return _("It waits for its person.")


_HELD: dict[Reason, _Say] = {
    Reason.FOR_RELEASE: _waits,
    Reason.PASSWORD: lambda: _("It waits for the PIN its sender gave it."),
    Reason.UNTIL: lambda: _("It waits for the time its sender chose."),
    Reason.INDEFINITE: lambda: _("It waits until somebody releases it, as its sender asked."),
    Reason.NEW_HELD: lambda: _("It waits until an operator lets new jobs of this queue go."),
    Reason.DEVICE_FAILED: lambda: _("The device did not print it, so it waits again."),
    Reason.WITHDRAWN: lambda: _("Its release was taken back, so it waits again."),
    Reason.SUSPENDED: lambda: _("It was taken back to let others go first; it waits until somebody resumes it."),
    Reason.LEASE_OVER: lambda: _("Nobody sent it in time, so it waits again."),
    Reason.INTERRUPTED: lambda: _("The upload broke off; what arrived whole waits."),
    Reason.REVIEWED: lambda: _("An operator let it out of quarantine."),
    Reason.SETTLED: lambda: _("A person decided that it did not print, so it waits again."),
    Reason.LOCKED: lambda: _("Its document is protected: it opens with its password only."),
    Reason.FORBIDDEN: lambda: _("The author of its document does not allow printing."),
    Reason.BUTTON: lambda: _("It waits for somebody at a device, as its sender asked."),
    Reason.OWNER_ONLY: lambda: _("It waits for its owner at a device, as its sender asked."),
    Reason.PROOF: lambda: _("Its proof goes first; the rest waits for a word about it."),
}


def _moved(entry: audit.Entry, scope: Scope) -> str:
    facts = entry.facts
    to, why = State(str(facts["to"])), Reason(str(facts["why"]))
    if why is Reason.INFECTED and to is State.QUARANTINED:
        return _("The virus scanner knows its document (%(name)s), so it was stopped.") % {
            "name": facts.get("virus", "")
        }
    name = _device_name(scope, facts.get("device"))
    if to is State.HELD:
        text = _HELD.get(why, _waits)()
    elif to is State.RELEASED:
        text = _released(entry, scope, why, name)
    elif to is State.ENDED:
        text = _ended(why, entry, scope)
    else:
        text = _PASSING[to](name, why)
    return text


_CANCELS = (
    Reason.CANCELLED_BY_OWNER,
    Reason.CANCELLED_BY_OPERATOR,
    Reason.CANCELLED_AT_DEVICE,
    Reason.TIMED_OUT,
)
_PASSING: dict[State, _SayOf] = {
    State.RECEIVED: lambda name, why: _("All its documents are here, sealed and acknowledged."),
    State.ADMITTED: lambda name, why: (
        _("Its pages could not be counted, so its document is looked at.")
        if why is Reason.LOOK
        else _("The rules let it in.")
    ),
    State.PREPARED: lambda name, why: (
        _("PDF was made of it, without a network and within limits.")
        if why is Reason.CONVERTED
        else _("The password of its document was typed; it is in the form to be printed.")
        if why is Reason.UNLOCKED
        else _("It is in the form to be printed.")
    ),
    State.SENDING: lambda name, why: _("Sending to %(device)s began.") % {"device": name},
    State.UNCERTAIN: lambda name, why: (
        _("The house stopped while sending: it may have printed.")
        if why is Reason.CRASHED
        else _("The connection to %(device)s broke while sending: it may have printed.") % {"device": name}
    ),
    State.DELIVERED: lambda name, why: (
        _("A person confirmed that it printed.")
        if why is Reason.SETTLED
        else _("All was sent to %(device)s, which gives no confirmation.") % {"device": name}
        if why is Reason.SILENCE
        else _("%(device)s stopped printing it.") % {"device": name}
        if why in _CANCELS
        else _("%(device)s confirmed that it printed.") % {"device": name}
    ),
    State.ERASED: lambda name, why: _("The document was destroyed."),
    State.QUARANTINED: lambda name, why: _("What is stored does not match what was accepted, so it was stopped."),
    State.RECEIVING: lambda name, why: "",
}


def _released(entry: audit.Entry, scope: Scope, why: Reason, name: str) -> str:
    if why is Reason.RETRY:
        return _("%(device)s could not be reached; nothing was sent. It will be tried again.") % {"device": name}
    if why is Reason.BY_PERSON:
        who = _who(entry, scope)
        return _("%(who)s released it to %(device)s.") % {"who": who, "device": name}
    if why is Reason.TIME_CAME:
        return _("Its time came and it was released to %(device)s.") % {"device": name}
    return _("Its queue holds nothing, so it was released to %(device)s.") % {"device": name}


def _ended(why: Reason, entry: audit.Entry, scope: Scope) -> str:
    known = {
        Reason.PRINTED: _("It was counted and recorded."),
        Reason.CANCELLED_BY_OWNER: _("Its owner deleted it."),
        Reason.CANCELLED_BY_OPERATOR: _("An operator deleted it."),
        Reason.CANCELLED_AT_DEVICE: _("It was cancelled at the device."),
        Reason.EXPIRED: _("Nobody released it in time, so it was deleted."),
        Reason.REFUSED: _("The rules refused it."),
        Reason.EMPTY: _("No document came for it, so it was dropped."),
        Reason.FAILED: _("It could not be printed."),
        Reason.SETTLED: _("A person closed it."),
        Reason.STORED: _("It is stored without printing, as its sender asked."),
        Reason.TIMED_OUT: _("It printed for longer than its sender allowed."),
        **{reason: say() for reason, say in _BROKEN.items()},
    }
    return known.get(why, _("It ended."))


_BROKEN: dict[Reason, _Say] = {
    Reason.UNREADABLE: lambda: _("Its document is damaged or is not what it says it is: nothing here can open it."),
    Reason.TOO_MUCH: lambda: _("Its document unpacks to more than a document may have: pages, picture dots or octets."),
    Reason.TOO_SLOW: lambda: _("Its document could not be made ready in the time a document may take."),
    Reason.NO_CONVERTER: lambda: _("Nothing here can make of its document what the devices print."),
}
_ADVICE: dict[Reason, _Say] = {
    Reason.UNREADABLE: lambda: _("Open it where it was made, save it as PDF, and send that."),
    Reason.TOO_MUCH: lambda: _("Send it in parts, or with smaller pictures."),
    Reason.TOO_SLOW: lambda: _("Save it as PDF where it was made, and send that."),
    Reason.NO_CONVERTER: lambda: _("Save it as PDF where it was made, and send that."),
}


def _counted(facts: Mapping[str, object]) -> str:
    """How many impressions, and how far those who can know agree; "" where the move brought no counts."""
    number, confidence = facts.get("impressions"), facts.get("confidence")
    if not isinstance(number, int) or confidence is None:
        return ""
    sure = {
        "agreed": _("All who counted agree."),
        "likely": _("That is likely, not certain."),
        "doubtful": _("That is doubtful."),
    }.get(str(confidence), "")
    sources = {"of_document": _("the document"), "of_device": _("the device"), "of_counter": _("its counter")}
    said = ", ".join(f"{name} {facts[key]}" for key, name in sources.items() if key in facts)
    told = _("Impressions: %(number)s (%(said)s).") % {"number": number, "said": said}
    return f"{told} {sure}".strip()


def _who(entry: audit.Entry, scope: Scope) -> str:
    if entry.actor.id is None:
        return _("The house")
    if entry.actor.id == scope.actor.id:
        return _("You")
    return identity.names_of(scope, [entry.actor.id]).get(entry.actor.id) or _("Somebody")


def _device_name(scope: Scope, value: object) -> str:
    if not value:
        return _("any device")
    try:
        return device.device(scope, UUID(str(value))).name
    except device.NoSuchDevice:
        return _("a device that is gone")


def _now(job: JobView) -> str:
    if job.state is State.HELD:
        text = _HELD.get(job.why, _waits)()
        if job.hold == "until" and job.hold_until is not None:
            text += " " + _("That is %(until)s.") % {"until": _utc(job.hold_until)}
        return f"{text} ({job.note})" if job.note else text
    if job.state in (State.ENDED, State.ERASED) and job.why in _BROKEN:
        return _BROKEN[job.why]()
    if job.state is State.QUARANTINED and job.why is Reason.INFECTED:
        return _("It is stopped: the virus scanner knows its document. It is never printed.")
    if job.state is State.ADMITTED:
        text = _("PDF is being made of it.") if job.conversion == "due" else _("It is being prepared.")
        return f"{text} {_(job.note)}" if job.note else text
    if job.state is State.RELEASED and device.queue(job.queue).halt:
        return _("It is released; its queue was stopped by an operator.")
    if job.state in (State.ENDED, State.ERASED):
        return {
            Outcome.PRINTED: _("It printed."),
            Outcome.CANCELLED: _("It was deleted before it printed."),
            Outcome.EXPIRED: _("It was deleted because nobody released it in time."),
            Outcome.REFUSED: _("It was refused."),
            Outcome.FAILED: _("It could not be printed."),
            Outcome.STORED: _("It was stored without printing."),
            Outcome.NONE: _("It ended."),
        }[job.outcome] + (" " + _("The document is destroyed.") if job.state is State.ERASED else "")
    return {
        State.RECEIVING: _("Its documents are still arriving."),
        State.RECEIVED: _("It is sealed and about to be checked."),
        State.PREPARED: _("It is prepared."),
        State.RELEASED: _("It is released and waits for its device."),
        State.SENDING: _("It is being sent to the device."),
        State.UNCERTAIN: _("It may have printed; nobody knows."),
        State.DELIVERED: _("The device has it; it is being counted."),
        State.QUARANTINED: _("It is stopped: what is stored does not match what was accepted."),
    }[job.state]


def _next(job: JobView) -> str:
    if job.state in (State.ENDED, State.ERASED) and job.why in _ADVICE:
        return _ADVICE[job.why]()
    if job.state is State.QUARANTINED and job.why is Reason.INFECTED:
        return _("Delete it, and look after the machine it came from.")
    if job.state is State.HELD:
        return _next_of_held(job)
    if job.stored:
        text = _("It is stored: print it as often as you like; it stays until you delete it.")
        if job.due_at is not None:
            text += " " + _("It is destroyed at %(until)s.") % {"until": _utc(job.due_at)}
        return text
    if job.state is State.ENDED and job.due_at is not None and job.due_at > job.state_at:
        return _("Its document is kept until %(until)s.") % {"until": _utc(job.due_at)}
    return {
        State.RECEIVING: _("The sender has to finish sending it."),
        State.RELEASED: _("Nothing to do: it prints as soon as the device takes it."),
        State.SENDING: _("Nothing to do: it is followed until the device is done."),
        State.UNCERTAIN: _(
            "Look into the output tray, then say here whether it printed. It never prints again by itself."
        ),
        State.QUARANTINED: _("An operator has to look at it."),
        State.ENDED: _("Its document is destroyed next."),
        State.ERASED: _("Nothing: only this history is left, and it goes too."),
    }.get(job.state, _("Nothing to do."))


def _next_of_held(job: JobView) -> str:
    if job.why is Reason.LOCKED:
        return _("Type its password here, or send the document again without one.")
    if job.why is Reason.FORBIDDEN:
        return _("Type the author's password here, or ask the author for a copy that may be printed.")
    if job.why is Reason.PROOF:
        return _("Look at the proof, then print the job or delete it.")
    if job.hold == "until" and job.hold_until is not None and not job.residual_hold:
        return _("Its time comes by itself; at a device it can be printed before.")
    if job.has_password:
        return _("Type its PIN at a device to print it.")
    if job.terms.release == OWNER:
        return _("Its owner has to sign in at a device and choose Print.")
    text = _("Stand at any device, sign in and choose Print.")
    if job.due_at is not None:
        text += " " + _("It waits until %(until)s.") % {"until": _utc(job.due_at)}
    return text


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
