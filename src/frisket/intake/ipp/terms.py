"""When, by whom and how often: hold, delay, retention, release, storage, proof (PWG 5100.7, PWG 5100.11).

Read from requests, written into answers, and said of a queue; what they mean is kept by job, release and flow.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from re import compile as pattern
from typing import Any

from frisket import job
from frisket.plumbing import keys, parts
from frisket.wire import ipp

__all__ = [
    "CREATION",
    "FEATURES",
    "JOB_STATUS",
    "JOB_TEMPLATE",
    "JOB_WRITERS",
    "LONGEST_PASSWORD",
    "NAMES",
    "RELEASE_ACTIONS",
    "SHORTEST_PASSWORD",
    "Reading",
    "clock_time",
    "described",
    "held_reasons",
]

Values = list[ipp.Value]

RELEASE_ACTIONS = ("none", "button-press", "job-password", "owner-authorized")
DISPOSITIONS = ("none", "print-and-store", "store-only")
ACCESSES = ("owner", "public")
SHORTEST_PASSWORD, LONGEST_PASSWORD = 4, 255  # octets as sent; security-design section 9
MOST_PROOFS = 99
FEATURES = ("job-release", "job-storage", "proof-and-suspend", "proof-print")
CREATION = (
    "job-cancel-after",
    "job-delay-output-until",
    "job-delay-output-until-time",
    "job-hold-until-time",
    "job-password-encryption",
    "job-release-action",
    "job-retain-until",
    "job-retain-until-interval",
    "job-retain-until-time",
    "job-storage",
    "proof-copies",
    "proof-print",
)


@dataclass(slots=True)
class Reading:
    """What one request asks for, attribute by attribute."""

    at: datetime | None = None  # None: now, where any of it asks for the time
    hold: str = ""  # "", indefinite, until, stored
    hold_until: datetime | None = None
    terms: job.Terms = field(default_factory=job.Terms)

    @property
    def now(self) -> datetime:
        if self.at is None:
            self.at = parts.clock().now()
        return self.at

    def take(self, attribute: ipp.Attribute) -> bool | None:
        """True: read; False: it cannot be done here; None: it is none of these attributes."""
        reader = _READERS.get(attribute.name)
        return reader(self, attribute.values) if reader is not None else None

    def finished(self) -> tuple[str, datetime | None, job.Terms]:
        """Hold, its end and the rest, once every attribute has been read."""
        until = self.hold_until
        if self.terms.output_until is not None and self.terms.output_until > self.now:
            until = max(until or self.now, self.terms.output_until)
        if self.hold == "indefinite":
            return "indefinite", None, self.terms
        if until is not None and until > self.now:
            return "until", until, self.terms
        if self.terms.store == "store-only":
            return "stored", None, self.terms
        return "", None, self.terms

    def _set(self, **more: Any) -> bool:
        self.terms = replace(self.terms, **more)
        return True


def _hold_until(read: Reading, values: Values) -> bool:
    word = values[0].text or ""
    if word == "no-hold":
        return True
    if word == "indefinite":
        read.hold = "indefinite"
        return True
    moment = _moment_of(word, read.now)
    if moment is None:
        return False
    read.hold_until = moment if read.hold_until is None else max(moment, read.hold_until)
    return read._set(hold_word=word if word in job.NAMED else "")


def _hold_until_time(read: Reading, values: Values) -> bool:
    moment = _ahead(values, read.now)
    if moment is None:
        return False
    read.hold_until = moment if read.hold_until is None else max(moment, read.hold_until)
    return True


def _output_until(read: Reading, values: Values) -> bool:
    word = values[0].text or ""
    if word == "no-delay-output":
        return True
    moment = _moment_of(word, read.now)
    if moment is None:
        return False
    return read._set(output_until=moment, output_word=word if word in job.NAMED else "")


def _output_until_time(read: Reading, values: Values) -> bool:
    moment = _ahead(values, read.now)
    return moment is not None and read._set(output_until=moment)


_CLOCK = pattern(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


def _moment_of(word: str, now: datetime) -> datetime | None:
    return job.opens(word, now, parts.settings().times) or clock_time(word, now)


def clock_time(word: str, now: datetime) -> datetime | None:
    """CUPS writes job-hold-until as HH:MM[:SS] in UTC, today or, when that is past, tomorrow."""
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    moment = now.replace(hour=int(match[1]), minute=int(match[2]), second=int(match[3] or 0), microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)


def _ahead(values: Values, now: datetime) -> datetime | None:
    """A dateTime that is not further ahead than a job may be put off; None for any other value."""
    moment = _moment(values)
    furthest = timedelta(seconds=parts.settings().keeping.ahead_s)
    return moment if moment is not None and moment - now <= furthest else None


def _moment(values: Values) -> datetime | None:
    if len(values) != 1 or not isinstance(values[0].data, datetime):
        return None
    try:
        return values[0].data.astimezone(UTC)
    except OverflowError:  # the first or last hours a calendar has
        return None


def _retain(read: Reading, values: Values) -> bool:
    word = values[0].text or ""
    if word not in _retentions():
        return False
    return read._set(retain=word, retain_s=None, retain_until=None)


def _retain_interval(read: Reading, values: Values) -> bool:
    seconds = _number(values)
    if seconds is None or not 0 <= seconds <= parts.settings().keeping.retain_s:
        return False
    return bool(read.terms.retain) or read._set(retain_s=seconds)


def _retain_time(read: Reading, values: Values) -> bool:
    moment = _moment(values)
    if moment is None or (moment - read.now).total_seconds() > parts.settings().keeping.retain_s:
        return False
    return bool(read.terms.retain) or read._set(retain_until=moment)


def _retentions() -> tuple[str, ...]:
    """The words that can be kept: a month that may not be retained whole is not offered."""
    most = parts.settings().keeping.retain_s / 86400
    return tuple(word for word, days in zip(job.RETAINED, (0, 1, 7, 31), strict=True) if days <= most)


def _cancel_after(read: Reading, values: Values) -> bool:
    seconds = _number(values)
    return seconds is not None and seconds >= 0 and read._set(cancel_after_s=seconds)


def _release_action(read: Reading, values: Values) -> bool:
    word = values[0].text or ""
    return word in RELEASE_ACTIONS and read._set(release=word)


def _storage(read: Reading, values: Values) -> bool:
    members = values[0].data
    if len(values) != 1 or not isinstance(members, ipp.Collection):
        return False
    known = {"job-storage-access", "job-storage-disposition"}
    if {each.name for each in members} - known:
        return False  # a group of persons is nothing this house has
    access = members.text("job-storage-access") or "owner"
    disposition = members.text("job-storage-disposition") or "print-and-store"
    if access not in ACCESSES or disposition not in DISPOSITIONS:
        return False
    return disposition == "none" or read._set(store=disposition, access=access)


def _proof_copies(read: Reading, values: Values) -> bool:
    copies = _number(values)
    return copies is not None and 1 <= copies <= MOST_PROOFS and read._set(proof_copies=copies)


def _proof_print(read: Reading, values: Values) -> bool:
    """The older collection; a proof on other media than the job's is not offered."""
    members = values[0].data
    if len(values) != 1 or not isinstance(members, ipp.Collection):
        return False
    copies = members.integer("proof-print-copies")
    if {each.name for each in members} - {"proof-print-copies"} or copies is None:
        return False
    return copies == 0 or _proof_copies(read, [ipp.integer(copies)])


def _number(values: Values) -> int | None:
    found = values[0].data if len(values) == 1 and values[0].tag == int(ipp.Tag.INTEGER) else None
    return found if isinstance(found, int) else None


_READERS: dict[str, Callable[[Reading, Values], bool]] = {
    "job-hold-until": _hold_until,
    "job-hold-until-time": _hold_until_time,
    "job-delay-output-until": _output_until,
    "job-delay-output-until-time": _output_until_time,
    "job-retain-until": _retain,
    "job-retain-until-interval": _retain_interval,
    "job-retain-until-time": _retain_time,
    "job-cancel-after": _cancel_after,
    "job-release-action": _release_action,
    "job-storage": _storage,
    "proof-copies": _proof_copies,
    "proof-print": _proof_print,
}
NAMES = frozenset(_READERS)


# -- a job's own

_REASONS = {
    job.Reason.INDEFINITE: "job-hold-until-specified",
    job.Reason.BUTTON: "job-held-for-button-press",
    job.Reason.OWNER_ONLY: "job-held-for-authorization",
    job.Reason.INTERRUPTED: "submission-interrupted",
    job.Reason.PROOF: "job-suspended-for-approval",
    job.Reason.SUSPENDED: "job-suspended",
    job.Reason.NEW_HELD: "job-hold-until-specified",
}
_LOCKED = {
    job.Reason.LOCKED: "document-password-error",
    job.Reason.FORBIDDEN: "document-permission-error",
}
_ALSO = {
    "password": "job-password-wait",
    "button-press": "job-held-for-button-press",
    "owner": "job-held-for-authorization",
}


def held_reasons(view: job.JobView) -> list[str]:
    """Every reason for which a held job waits, the first one first; also of one that is going to be held."""
    if view.state is job.State.HELD and view.why in _LOCKED:
        return [_LOCKED[view.why]]
    reasons = []
    if view.state is job.State.ADMITTED and view.conversion == "due":
        reasons = ["job-transforming"]
    if view.hold == "until":
        reasons += _waits_for_time(view)
    elif view.state is job.State.HELD and view.why in _REASONS:
        reasons.append(_REASONS[view.why])
    elif view.hold == "indefinite":
        reasons += ["job-hold-until-specified"]
    if view.residual_hold:
        reasons.append(_ALSO[view.residual_hold])
    return list(dict.fromkeys(reasons)) or ["job-held-for-release"]


def _waits_for_time(view: job.JobView) -> list[str]:
    now, output = parts.clock().now(), view.terms.output_until
    reasons = []
    if output is None or view.terms.hold_word or (view.hold_until is not None and view.hold_until != output):
        reasons.append("job-hold-until-specified")
    if output is not None and output > now:
        reasons.append("job-delay-output-until-specified")
    return reasons


def _hold_value(view: job.JobView) -> Values:
    if view.hold == "indefinite":
        return [ipp.keyword("indefinite")]
    if view.hold == "until" and view.terms.hold_word:
        return [ipp.keyword(view.terms.hold_word)]
    if view.hold == "until" and view.hold_until not in (None, view.terms.output_until):
        return [ipp.name(view.hold_until.strftime("%H:%M:%S"))] if view.hold_until else []
    return [ipp.keyword("no-hold")]


def _hold_time(view: job.JobView) -> Values:
    waits = view.hold == "until" and view.hold_until is not None and view.hold_until != view.terms.output_until
    return [ipp.datetime_value(view.hold_until)] if waits and view.hold_until else []


def _word(name: str, view: job.JobView) -> Values:
    word = getattr(view.terms, name)
    return [ipp.keyword(word)] if word else []


def _time(name: str, view: job.JobView) -> Values:
    moment = getattr(view.terms, name)
    return [ipp.datetime_value(moment)] if moment is not None else []


def _storage_value(view: job.JobView) -> Values:
    if not view.terms.store:
        return []
    members = {
        "job-storage-access": ipp.keyword(view.terms.access),
        "job-storage-disposition": ipp.keyword(view.terms.store),
    }
    return [ipp.collection(members)]


def _count(name: str, view: job.JobView) -> Values:
    number = getattr(view.terms, name)
    return [ipp.integer(number)] if number else []


JOB_WRITERS: dict[str, Callable[[job.JobView], Values]] = {
    "job-hold-until": _hold_value,
    "job-hold-until-actual": _hold_value,
    "job-hold-until-time": _hold_time,
    "job-delay-output-until": partial(_word, "output_word"),
    "job-delay-output-until-time": partial(_time, "output_until"),
    "job-retain-until": partial(_word, "retain"),
    "job-retain-until-interval": lambda view: (
        [ipp.integer(view.terms.retain_s)] if view.terms.retain_s is not None else []
    ),
    "job-retain-until-time": partial(_time, "retain_until"),
    "job-cancel-after": partial(_count, "cancel_after_s"),
    "job-release-action": partial(_word, "release"),
    "job-storage": _storage_value,
    "proof-copies": partial(_count, "proof_copies"),
    "parent-job-id": partial(_count, "parent"),
    "parent-job-uuid": lambda view: [ipp.uri(f"urn:uuid:{view.terms.parent_id}")] if view.terms.parent_id else [],
}
JOB_STATUS = ("job-hold-until-actual", "job-release-action", "job-storage", "parent-job-id", "parent-job-uuid")
JOB_TEMPLATE = tuple(name for name in JOB_WRITERS if name not in JOB_STATUS)


# -- a queue's


def described() -> list[ipp.Attribute]:
    """What every queue says of these attributes: -default, -supported and the rest."""
    a, keeping = ipp.attribute, parts.settings().keeping
    ahead = ipp.range_(0, min(keeping.ahead_s, 2**31 - 1))
    retain = ipp.range_(0, min(keeping.retain_s, 2**31 - 1))
    whenever = [ipp.keyword(word) for word in job.NAMED]
    return [
        a("job-cancel-after-default", ipp.no_value()),
        a("job-cancel-after-supported", ipp.range_(0, 2**31 - 1)),
        a("job-delay-output-until-default", ipp.keyword("no-delay-output")),
        a("job-delay-output-until-supported", ipp.keyword("no-delay-output"), *whenever),
        a("job-delay-output-until-time-supported", ahead),
        a("job-hold-until-default", ipp.keyword("no-hold")),
        a("job-hold-until-supported", ipp.keyword("no-hold"), ipp.keyword("indefinite"), *whenever),
        a("job-hold-until-time-supported", ahead),
        a("job-password-encryption-supported", *[ipp.keyword(each) for each in keys.JOB_PASSWORD_KEYWORDS]),
        a("job-password-length-supported", ipp.range_(SHORTEST_PASSWORD, LONGEST_PASSWORD)),
        a("job-password-repertoire-configured", ipp.keyword("iana_utf-8_any")),
        a("job-password-repertoire-supported", ipp.keyword("iana_us-ascii_digits"), ipp.keyword("iana_utf-8_any")),
        a("job-password-supported", ipp.integer(LONGEST_PASSWORD)),
        a("job-release-action-default", ipp.keyword("none")),
        a("job-release-action-supported", *[ipp.keyword(each) for each in RELEASE_ACTIONS]),
        a("job-retain-until-default", ipp.keyword("none")),
        a("job-retain-until-interval-supported", retain),
        a("job-retain-until-supported", *[ipp.keyword(each) for each in _retentions()]),
        a("job-retain-until-time-supported", retain),
        a("job-storage-access-supported", *[ipp.keyword(each) for each in ACCESSES]),
        a("job-storage-disposition-supported", *[ipp.keyword(each) for each in DISPOSITIONS]),
        a("job-storage-supported", ipp.keyword("job-storage-access"), ipp.keyword("job-storage-disposition")),
        a("proof-copies-supported", ipp.range_(1, MOST_PROOFS)),
        a("proof-print-copies-supported", ipp.range_(0, MOST_PROOFS)),
        a("proof-print-default", ipp.no_value()),
        a("proof-print-supported", ipp.keyword("proof-print-copies")),
    ]
