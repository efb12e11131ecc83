"""How a device is: what each source says of it, with its age, and the one answer made of all of them.

Reasons are printer-state-reasons of RFC 8011 section 5.4.12 with their severity at the end: "-error" stops the
device, "-warning" does not. Plain values; nothing here asks a device or reads a row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

__all__ = [
    "FRESH",
    "NOTHING",
    "Alert",
    "Bin",
    "Cover",
    "Facts",
    "Level",
    "Status",
    "Supply",
    "Tray",
    "bare_reason",
    "cut",
    "merge",
]

FRESH = timedelta(seconds=120)  # four rounds of asking; older news says nothing of now
SAID_BY = ("ipp", "pjl", "lpd", "snmp", "job")  # whose word comes first where two say the same thing
_BAD = {"unreachable": 3, "stopped": 2, "processing": 1, "idle": 0}
MOST_ROWS = 64


@dataclass(frozen=True, slots=True)
class Level:
    """How much there is. word: known (percent or amount), some, unknown, unlimited, missing."""

    word: str = "unknown"
    percent: int | None = None
    amount: int | None = None
    unit: str = ""  # sheets, percent, impressions …


@dataclass(frozen=True, slots=True)
class Tray:
    name: str
    media: str = ""  # PWG 5101.1 name of the size, else what the device calls it, "" where it says nothing
    type: str = ""  # stationery and the like
    manual: bool = False
    level: Level = Level()
    capacity: int | None = None  # sheets


@dataclass(frozen=True, slots=True)
class Supply:
    name: str
    kind: str = "other"  # toner, ink, waste-toner, opc, fuser …
    colour: str = ""  # black, cyan …
    receptacle: bool = False  # it fills up: the level is the room that is left
    level: Level = Level()


@dataclass(frozen=True, slots=True)
class Cover:
    name: str
    open: bool | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    name: str
    capacity: int | None = None
    level: Level = Level()  # the room that is left


@dataclass(frozen=True, slots=True)
class Alert:
    severity: str  # critical, warning, other
    reason: str  # keyword without severity, "" where the code is none we know
    code: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one source said, and when. problem: why it could not be asked just now, as a keyword; the rest is then
    what it said before, if anything, and ``at`` when that was."""

    source: str  # of SAID_BY
    at: datetime
    state: str = "unknown"
    reasons: tuple[str, ...] = ()
    message: str = ""
    problem: str = ""  # no-answer, denied, garbled
    model: str = ""
    serial: str = ""
    trays: tuple[Tray, ...] = ()
    supplies: tuple[Supply, ...] = ()
    covers: tuple[Cover, ...] = ()
    bins: tuple[Bin, ...] = ()
    alerts: tuple[Alert, ...] = ()
    display: tuple[str, ...] = ()
    marked: int | None = None  # impressions or sheets of its whole life
    marked_unit: str = ""  # impressions, sheets
    index: int = 1  # hrDeviceIndex of the printer
    colour: bool | None = None  # None: it does not say
    duplex: bool | None = None
    finishing: tuple[str, ...] = ()  # stitcher, puncher, folder …

    def to_plain(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Facts":
        """What ``to_plain`` made; unknown keys of a newer house are ignored."""
        known = {name: plain[name] for name in cls.__dataclass_fields__ if name in plain}
        for name, kind in _ROWS.items():
            known[name] = tuple(_row(kind, each) for each in known.get(name, ()))
        for name in _WORDS:
            known[name] = tuple(known.get(name, ()))
        known["at"] = datetime.fromisoformat(known["at"])
        return cls(**known)


_WORDS = ("reasons", "display", "finishing")
_ROWS: dict[str, type[Any]] = {"trays": Tray, "supplies": Supply, "covers": Cover, "bins": Bin, "alerts": Alert}


def _row(kind: type[Any], plain: Mapping[str, Any]) -> Any:
    values = {name: plain[name] for name in kind.__dataclass_fields__ if name in plain}
    if isinstance(values.get("level"), Mapping):
        values["level"] = Level(**values["level"])
    return kind(**values)


@dataclass(frozen=True, slots=True)
class Status:
    """One answer of all sources. said_by: for each part, whose word it is; at: the newest word."""

    state: str = "unknown"
    reasons: tuple[str, ...] = ()
    message: str = ""
    at: datetime | None = None
    trays: tuple[Tray, ...] = ()
    supplies: tuple[Supply, ...] = ()
    covers: tuple[Cover, ...] = ()
    bins: tuple[Bin, ...] = ()
    alerts: tuple[Alert, ...] = ()
    display: tuple[str, ...] = ()
    model: str = ""
    serial: str = ""
    marked: int | None = None
    marked_unit: str = ""
    colour: bool | None = None
    duplex: bool | None = None
    finishing: tuple[str, ...] = ()
    said_by: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Facts, ...] = ()

    def of(self, source: str) -> Facts | None:
        return next((each for each in self.sources if each.source == source), None)

    def to_plain(self) -> dict[str, Any]:
        told = asdict(self)
        told["at"] = self.at.isoformat() if self.at is not None else None
        told["sources"] = [
            {"source": each.source, "at": each.at.isoformat(), "state": each.state, "problem": each.problem}
            for each in self.sources
        ]
        return told


NOTHING = Status()


_PARTS = (
    *("message", "trays", "supplies", "covers", "bins", "alerts", "display", "model", "serial"),
    *("colour", "duplex", "finishing"),
)


def merge(sources: Iterable[Facts], now: datetime) -> Status:
    """Make one status of what the sources said.

    State: the worst that a fresh source says, because a device whose panel shows a jam prints nothing though its
    print server calls itself idle; a source that knows nothing has no say. Everything else: the first source, in
    the order of ``SAID_BY``, that says it at all. Old news keep their place in what is loaded, not in the state.
    """
    found = sorted(sources, key=lambda each: SAID_BY.index(each.source) if each.source in SAID_BY else 9)
    asked = max((each.at for each in found if each.source in ("ipp", "pjl", "lpd")), default=None)
    # What a job met at the print port is news only until that port is asked again.
    fresh = [
        each
        for each in found
        if now - each.at <= FRESH and not (each.source == "job" and asked is not None and asked >= each.at)
    ]
    state, said_by = _state(fresh)
    told: dict[str, Any] = {"state": state.state if state else "unknown"}
    reasons = tuple(dict.fromkeys(reason for each in fresh for reason in each.reasons))
    whose = {"state": said_by} if said_by else {}
    for part in _PARTS:
        says = next((each for each in found if getattr(each, part) not in ("", (), None)), None)
        if part == "message":
            says = state if state is not None and state.message else next((e for e in fresh if e.message), None)
        if says is not None:
            told[part], whose[part] = getattr(says, part), says.source
    counts = next((each for each in reversed(found) if each.marked is not None), None)  # the engine's own counter
    if counts is not None:
        told |= {"marked": counts.marked, "marked_unit": counts.marked_unit}
        whose["marked"] = counts.source
    at = max((each.at for each in found), default=None)
    return Status(reasons=_plain(reasons)[:32], at=at, said_by=whose, sources=tuple(found), **told)


def _state(fresh: Sequence[Facts]) -> tuple[Facts | None, str]:
    knowing = [each for each in fresh if each.state in _BAD]
    if not knowing:
        return None, ""
    worst = max(knowing, key=lambda each: _BAD[each.state])
    busy = [each for each in knowing if each.state == "processing"]
    if worst.state == "stopped" and busy and not any(reason.endswith("-error") for reason in worst.reasons):
        worst = busy[0]  # stopped without a reason, while another sees it print
    return worst, worst.source


def _plain(reasons: Sequence[str]) -> tuple[str, ...]:
    """Of one reason at several severities the worst."""
    worst: dict[str, str] = {}
    for reason in reasons:
        bare = bare_reason(reason)
        known = worst.get(bare)
        if known is None or _weight(reason) > _weight(known):
            worst[bare] = reason
    return tuple(worst.values())


def bare_reason(reason: str) -> str:
    for severity in ("-error", "-warning", "-report"):
        reason = reason.removesuffix(severity)
    return reason


def _weight(reason: str) -> int:
    # A reason without severity counts as an error (RFC 8011 section 5.4.12).
    return 0 if reason.endswith("-report") else 1 if reason.endswith("-warning") else 2


def cut(facts: Facts) -> Facts:
    """A source cannot fill the database: rows of a table are counted."""
    return replace(facts, **{name: getattr(facts, name)[:MOST_ROWS] for name in (*_ROWS, *_WORDS)})
