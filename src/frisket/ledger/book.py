"""Writing entries and reading them back, page by page or summed up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, Q, QuerySet, Sum

from frisket.ledger.errors import BadCursor, BadEntry
from frisket.ledger.models import Entry
from frisket.ledger.truth import Confidence, Counts, decide
from frisket.plumbing import parts
from frisket.plumbing.db import Tx
from frisket.plumbing.paging import Slice
from frisket.plumbing.scope import Scope

__all__ = [
    "By",
    "CountedFrom",
    "EntryView",
    "NewEntry",
    "Total",
    "entries",
    "seen",
    "totals",
    "view",
    "write",
]

_MOST = 1000


class CountedFrom(StrEnum):
    """Where the numbers of an entry come from."""

    DEVICE = "device"  # the device said so after printing
    COUNTER = "counter"  # the device's own counter rose by it meanwhile
    DOCUMENT = "document"  # counted before printing, from what was sent
    NONE = "none"  # nobody knows


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What was printed of one job, this time.

    pages: of the documents once. impressions: marked sides, all copies. sheets: of paper, all copies.
    None where it is not known. at: when; left out it is now. marks: words such as "reprint".
    """

    job: UUID
    number: int
    person: UUID
    queue: UUID
    outcome: str
    counted_from: str
    device: UUID | None = None
    pages: int | None = None
    copies: int = 1
    impressions: int | None = None
    sheets: int | None = None
    colour: bool | None = None
    marks: tuple[str, ...] = ()
    at: datetime | None = None
    confidence: Confidence | None = None  # left out: what the one source is worth
    counts: Mapping[str, int] = field(default_factory=dict)  # impressions by each source that said a number


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry as it is read back."""

    id: int
    job: UUID
    number: int
    person: UUID
    queue: UUID
    device: UUID | None
    at: datetime
    outcome: str
    pages: int | None
    copies: int
    impressions: int | None
    sheets: int | None
    colour: bool | None
    counted_from: CountedFrom
    marks: tuple[str, ...]
    confidence: Confidence
    counts: Mapping[str, int]


class By(StrEnum):
    """What a sum is broken down by."""

    HOUSE = "house"
    PERSON = "person"
    DEVICE = "device"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of entries. of: the person, device or queue; None for the house and for no device.

    uncounted: entries nobody knows the impressions of; they are in ``entries`` and in no other number.
    """

    of: UUID | None
    entries: int
    impressions: int
    colour_impressions: int
    sheets: int
    uncounted: int


def write(entry: NewEntry, *, tx: Tx) -> None:
    """Write an entry, once, in the transaction that settles the job. Raises BadEntry."""
    _check(entry)
    Entry.objects.create(
        tenant=parts.tenant(),
        site=parts.site(),
        job=entry.job,
        number=entry.number,
        person=entry.person,
        queue=entry.queue,
        device=entry.device,
        at=parts.clock().now() if entry.at is None else entry.at,
        outcome=entry.outcome,
        pages=entry.pages,
        copies=entry.copies,
        impressions=entry.impressions,
        sheets=entry.sheets,
        colour=entry.colour,
        counted_from=entry.counted_from,
        marks=list(entry.marks),
        confidence=(entry.confidence or _alone(entry)).value,
        counts=dict(entry.counts),
    )


def _alone(entry: NewEntry) -> Confidence:
    known = {} if entry.impressions is None else {entry.counted_from: entry.impressions}
    return decide(Counts(known.get("document"), known.get("device"), known.get("counter"))).confidence


def _check(entry: NewEntry) -> None:
    if entry.counted_from not in set(CountedFrom):
        raise BadEntry("an entry is counted from the device, its counter, the document or nothing")
    if (entry.impressions is None) != (entry.counted_from == CountedFrom.NONE):
        raise BadEntry("impressions are known exactly when something counted them")
    if any(number is not None and number < 0 for number in (entry.pages, entry.impressions, entry.sheets)):
        raise BadEntry("nothing is printed less than not at all")
    if entry.copies < 1:
        raise BadEntry("an entry is of one copy at least")


def seen(scope: Scope, since: datetime, until: datetime) -> "QuerySet[Entry]":
    """The entries a scope may see, from since until before until."""
    rows = Entry.objects.filter(tenant=scope.tenant, at__gte=since, at__lt=until)
    if not scope.own_only:
        return rows
    return rows.none() if scope.actor.id is None else rows.filter(person=scope.actor.id)


def entries(
    scope: Scope, since: datetime, until: datetime, after: str | None = None, limit: int = 100
) -> Slice[EntryView]:
    """A page of the ledger, newest first, from since until before until. Raises BadCursor.

    A person who looks at what is theirs sees their own entries only.
    """
    rows = seen(scope, since, until)
    if after is not None:
        at, row = _place(after)
        rows = rows.filter(Q(at__lt=at) | Q(at=at, id__lt=row))
    limit = max(1, min(limit, _MOST))
    page = list(rows.order_by("-at", "-id")[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    return Slice([view(entry) for entry in page], _cursor(page[-1]) if more else None)


def _cursor(entry: Entry) -> str:
    return f"{entry.at.astimezone(UTC).isoformat()}_{entry.id}"


def _place(cursor: str) -> tuple[datetime, int]:
    at, _, row = cursor.partition("_")
    try:
        place = datetime.fromisoformat(at), int(row)
    except ValueError as error:
        raise BadCursor("this is no place in the ledger") from error
    if place[0].tzinfo is None or not 0 <= place[1] < 1 << 63:
        raise BadCursor("this is no place in the ledger")
    return place


def view(entry: Entry) -> EntryView:
    return EntryView(
        id=entry.id,
        job=entry.job,
        number=entry.number,
        person=entry.person,
        queue=entry.queue,
        device=entry.device,
        at=entry.at,
        outcome=entry.outcome,
        pages=entry.pages,
        copies=entry.copies,
        impressions=entry.impressions,
        sheets=entry.sheets,
        colour=entry.colour,
        counted_from=CountedFrom(entry.counted_from),
        marks=tuple(entry.marks),
        confidence=Confidence(entry.confidence),
        counts=entry.counts,
    )


def totals(scope: Scope, since: datetime, until: datetime, by: By = By.HOUSE) -> list[Total]:
    """Sums from since until before until, the largest first; for the house always exactly one."""
    rows = seen(scope, since, until)
    if by is By.HOUSE:
        return [_total(None, rows.aggregate(**_SUMS))]
    # The column is named by the enumeration, never by what somebody sent (R24).
    grouped = rows.values(by.value).annotate(**_SUMS).order_by("-sum_impressions", by.value)
    return [_total(row[by.value], row) for row in grouped]


# Under names of their own: a sum may not be called like the column it sums.
_SUMS: dict[str, Aggregate] = {
    "sum_entries": Count("id"),
    "sum_impressions": Sum("impressions", default=0),
    "sum_colour_impressions": Sum("impressions", default=0, filter=Q(colour=True)),
    "sum_sheets": Sum("sheets", default=0),
    "sum_uncounted": Count("id", filter=Q(impressions__isnull=True)),
}


def _total(of: UUID | None, row: Mapping[str, Any]) -> Total:
    return Total(of, **{name.removeprefix("sum_"): row[name] for name in _SUMS})
