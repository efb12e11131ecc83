"""Subscriptions and the events they have to tell (RFC 3995, RFC 3996).

Events of jobs are read from the audit log when somebody asks for them: what is on record is what is told,
nothing is written on the way of a print, and nothing is lost by a restart. Changes of a queue's condition are
found by comparing it with what was seen last; what came and went between two looks is not told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from django.db.models import Q, QuerySet

from frisket import audit, device, job
from frisket.intake.errors import NoSuchSubscription, TooManySubscriptions
from frisket.intake.models import Event, Subscription
from frisket.plumbing import parts, work
from frisket.plumbing.db import transaction
from frisket.plumbing.models import take_numbers
from frisket.plumbing.scope import Actor, Scope

__all__ = [
    "EVENTS",
    "EVENT_LIFE_S",
    "JOB_EVENTS",
    "Condition",
    "EventView",
    "Heard",
    "NewSubscription",
    "SubscriptionView",
    "cancel",
    "create",
    "find",
    "get",
    "hear",
    "renew",
]

JOB_EVENTS = ("job-completed", "job-config-changed", "job-created", "job-state-changed", "job-stopped")
PRINTER_EVENTS = ("printer-config-changed", "printer-state-changed", "printer-stopped")
EVENTS = (*JOB_EVENTS, *PRINTER_EVENTS)
EVENT_LIFE_S = 300
MOST_LEAVES = 2000  # of the log read for one answer
FAR_BEHIND = 500  # leaves that concern nobody here, after which it is kept how far the log has been read
_LATE_S = 5.0  # a leaf may become visible this much later than one with a higher number
_TIDY = "intake.tidy-subscriptions"
_TIDY_S = 600.0
work.every(_TIDY, _TIDY_S)

State = job.State
_DONE = (State.DELIVERED, State.ENDED, State.ERASED)  # one and the same to a client
_JOB_ACTS = ("job.accept", "job.create", "job.move", "job.hold")
_QUEUE_ACTS = ("queue.change",)


@dataclass(frozen=True, slots=True)
class Condition:
    """A queue as its clients see it: printer-state, its reasons, whether it takes jobs."""

    state: int
    reasons: tuple[str, ...]
    accepting: bool

    def to_plain(self) -> list[object]:
        return [self.state, list(self.reasons), self.accepting]


@dataclass(frozen=True, slots=True)
class NewSubscription:
    queue: UUID
    events: tuple[str, ...]
    lease_s: int = 0  # of one without a job
    about: job.JobView | None = None
    from_the_start: bool = False  # the job is as new as the subscription: its first event is that it came
    user_data: bytes = b""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    id: UUID
    number: int
    person: UUID
    queue: UUID
    job: UUID | None
    job_number: int | None
    events: tuple[str, ...]
    user_data: bytes
    language: str
    lease_s: int
    expires_at: float | None
    last_event: int
    over: bool


@dataclass(frozen=True, slots=True)
class EventView:
    subscription: SubscriptionView
    number: int
    event: str
    job_number: int | None
    state: int
    reasons: tuple[str, ...]
    impressions: int
    accepting: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What there is to tell: events, whether there are more, and whether none will ever follow."""

    events: list[EventView]
    more: bool
    complete: bool


Look = Callable[[device.QueueView], Condition]
Show = Callable[[job.JobView], tuple[int, list[str]]]  # job-state and job-state-reasons


def create(new: NewSubscription, look: Look, *, by: Actor) -> SubscriptionView:
    """Raises TooManySubscriptions."""
    assert by.id is not None
    with transaction() as tx:
        _make_room(by.id)
        identifier, number = uuid4(), take_numbers("subscription", 1, tx=tx)[0]
        expires = parts.clock().elapsed() + new.lease_s if new.about is None else None
        sealed = parts.keys().seal_personal(parts.tenant(), identifier, new.user_data.hex()) if new.user_data else None
        row = Subscription.objects.create(
            id=identifier,
            number=number,
            tenant=parts.tenant(),
            person_id=by.id,
            queue_id=new.queue,
            job=new.about.id if new.about is not None else None,
            job_number=new.about.number if new.about is not None else None,
            events=list(new.events),
            user_data=sealed,
            language=new.language,
            lease_s=new.lease_s if new.about is None else 0,
            expires_at=expires,
            read_to=0 if new.from_the_start else audit.last_id(),
            condition=look(device.queue(new.queue)).to_plain(),
        )
    return _view(row)


def _make_room(person: UUID) -> None:
    """Those whose lease has run out count no more. Raises TooManySubscriptions."""
    limits = parts.settings().limits
    _forget_old()
    rows = Subscription.objects.filter(tenant=parts.tenant())
    if rows.filter(person_id=person).count() >= limits.person_subscriptions:
        raise TooManySubscriptions(f"nobody has more than {limits.person_subscriptions} subscriptions")
    if rows.count() >= limits.house_subscriptions:
        raise TooManySubscriptions("the print server has as many subscriptions as it takes")


def _forget_old() -> None:
    """Of this tenant only: the house seconds of another house are others."""
    now = parts.clock().elapsed()
    ours = Subscription.objects.filter(tenant=parts.tenant())
    ours.filter(Q(expires_at__lte=now) | Q(over_at__lte=now - EVENT_LIFE_S)).delete()
    Event.objects.filter(subscription__tenant=parts.tenant(), at__lte=now - EVENT_LIFE_S).delete()


@work.handles(_TIDY)
def tidy(item: work.Item | None = None) -> None:
    with transaction():
        _forget_old()


def get(scope: Scope, number: int) -> SubscriptionView:
    """Raises NoSuchSubscription, for another's too unless the scope operates the house."""
    return _view(_row(scope, number))


def find(
    scope: Scope, *, queue: UUID | None, about: UUID | None, mine: UUID | None, limit: int
) -> list[SubscriptionView]:
    """Live ones the scope may see: of a queue, or of the job ``about``; ``mine``: of this person only."""
    rows = _seen(scope).filter(job=about)
    if queue is not None:
        rows = rows.filter(queue_id=queue)
    if mine is not None:
        rows = rows.filter(person_id=mine)
    return [_view(row) for row in rows.order_by("number")[:limit]]


def renew(scope: Scope, number: int, lease_s: int) -> SubscriptionView:
    """Another lease from now on. Raises NoSuchSubscription, job.WrongState for one that lasts with its job."""
    with transaction():
        row = _row(scope, number)
        if row.expires_at is None:
            raise job.WrongState("A subscription of a job lasts as long as its job.")
        row.lease_s, row.expires_at = lease_s, parts.clock().elapsed() + lease_s
        row.save(update_fields=["lease_s", "expires_at"])
    return _view(row)


def cancel(scope: Scope, number: int) -> None:
    with transaction():
        _row(scope, number).delete()


def _seen(scope: Scope) -> "QuerySet[Subscription]":
    """Live ones: a person's own, or all for whoever operates the house."""
    live = Q(expires_at__isnull=True) | Q(expires_at__gt=parts.clock().elapsed())
    rows = Subscription.objects.filter(live, tenant=scope.tenant)
    if not scope.own_only:
        return rows
    return rows.filter(person_id=scope.actor.id) if scope.actor.id is not None else rows.none()


def _row(scope: Scope, number: int) -> Subscription:
    row = _seen(scope).filter(number=number).first()
    if row is None:
        raise NoSuchSubscription("There is no such subscription.")
    return row


def hear(scope: Scope, wanted: Sequence[tuple[int, int]], *, look: Look, show: Show, limit: int) -> Heard:
    """Events of the subscriptions, each from its sequence number on. Raises NoSuchSubscription.

    Nothing is written while there is nothing new: whoever waits for events asks often. What is new is numbered
    under a lock, so that two who ask at once get the same numbers.
    """
    found: list[EventView] = []
    complete = True
    oldest = parts.clock().elapsed() - EVENT_LIFE_S
    for number, first in wanted:
        row = _row(scope, number)
        news = _news(row, scope, look, show)
        if news.worth_writing(row):
            with transaction():
                row = Subscription.objects.select_for_update().get(pk=row.pk)
                news = _news(row, scope, look, show)
                _write(row, news)
        view = _view(row)
        rows = Event.objects.filter(subscription=row, number__gte=first, at__gt=oldest).order_by("number")[: limit + 1]
        found += [_event(view, each) for each in rows]
        complete = complete and view.over and not news.more
    return Heard(found[:limit], len(found) > limit, complete and len(found) <= limit)


@dataclass(frozen=True, slots=True)
class _News:
    """What happened since a subscription was last written."""

    events: list[Event]
    condition: list[object]
    read_to: int
    over: bool
    more: bool  # to read than one answer may

    def worth_writing(self, row: Subscription) -> bool:
        return (
            bool(self.events)
            or self.condition != row.condition
            or (self.over and row.over_at is None)
            or self.read_to - row.read_to > FAR_BEHIND
        )


def _news(row: Subscription, scope: Scope, look: Look, show: Show) -> _News:
    acts = (*_JOB_ACTS, *_QUEUE_ACTS)
    leaves = audit.since(scope, row.read_to, acts=acts, subject=row.job, limit=MOST_LEAVES)
    known = set(Event.objects.filter(subscription=row, leaf__gt=row.read_to).values_list("leaf", flat=True))
    fresh = [leaf for leaf in leaves if leaf.id not in known]
    jobs = _jobs_of(row, scope, [leaf.subject for leaf in fresh if leaf.subject is not None])
    made = [event for leaf in fresh if (event := _event_of(row, leaf, jobs, show)) is not None]
    seen = look(device.queue(row.queue_id))
    if row.job is None:
        made += _changed(row, seen)
    settled = parts.clock().now().timestamp() - _LATE_S
    read_to = max([row.read_to, *(leaf.id for leaf in leaves if leaf.at.timestamp() <= settled)])
    condition = seen.to_plain() if row.job is None else row.condition
    return _News(made, condition, read_to, not _still_goes_on(row), len(leaves) == MOST_LEAVES)


def _write(row: Subscription, news: _News) -> None:
    now = parts.clock().elapsed()
    for event in news.events:
        row.last_event += 1
        event.subscription, event.number, event.at = row, row.last_event, now
    Event.objects.bulk_create(news.events)
    row.read_to, row.condition = news.read_to, news.condition
    if news.over and row.over_at is None:
        row.over_at = now
    row.save(update_fields=["last_event", "read_to", "condition", "over_at"])


def _jobs_of(row: Subscription, scope: Scope, subjects: Sequence[UUID]) -> dict[UUID, job.JobView]:
    """Jobs the subscriber may hear of: their own, or all for whoever operates the house."""
    return {view.id: view for view in job.some(scope, list(dict.fromkeys(subjects)), queue=row.queue_id)}


def _still_goes_on(row: Subscription) -> bool:
    try:
        return job.get_for_stage(row.job).state not in _DONE if row.job is not None else True
    except job.NotFound:
        return False


def _event_of(row: Subscription, leaf: audit.Entry, jobs: dict[UUID, job.JobView], show: Show) -> Event | None:
    if leaf.subject == row.queue_id and leaf.act in _QUEUE_ACTS:
        seen = row.condition
        return _named(row, leaf.id, ("printer-config-changed",), seen[0], seen[1], accepting=seen[2])
    view = jobs.get(leaf.subject) if leaf.subject is not None else None
    if view is None:
        return None
    then = _as_it_was(view, leaf)
    if then is None:
        return None
    state, reasons = show(then)
    if leaf.act == "job.hold":
        names: tuple[str, ...] = ("job-config-changed",)
    elif leaf.act in ("job.accept", "job.create"):
        names = ("job-created", *(("job-completed",) if state in (7, 8, 9) else ()), "job-state-changed")
    elif state in (7, 8, 9):
        names = ("job-completed", "job-state-changed")
    else:
        names = (*(("job-stopped",) if state == 6 else ()), "job-state-changed")
    printed = (view.pages or 0) * view.copies if state == 9 and then.outcome is job.Outcome.PRINTED else 0
    return _named(row, leaf.id, names, state, reasons, job_number=view.number, impressions=printed)


def _as_it_was(view: job.JobView, leaf: audit.Entry) -> job.JobView | None:
    """The job as the act left it; None for a move that is none to a client."""
    facts = leaf.facts
    if leaf.act == "job.hold":
        return view
    if leaf.act == "job.create":
        return replace(view, state=State.RECEIVING, why=job.Reason.NONE, outcome=job.Outcome.NONE, documents=0)
    to = State(str(facts["to"] if leaf.act == "job.move" else facts["state"]))
    if leaf.act == "job.move" and State(str(facts["from"])) in _DONE and to in _DONE:
        return None
    outcome = job.Outcome(str(facts.get("outcome") or ""))
    why = job.Reason(str(facts["why"]))
    return replace(view, state=to, why=why, outcome=outcome if to in _DONE else job.Outcome.NONE, note="")


def _named(
    row: Subscription,
    leaf: int | None,
    names: Sequence[str],
    state: int,
    reasons: Sequence[str],
    *,
    job_number: int | None = None,
    impressions: int = 0,
    accepting: bool = True,
) -> Event | None:
    """The event under the most telling of the names that were asked for; None where none was."""
    name = next((each for each in names if each in row.events), None)
    if name is None:
        return None
    return Event(
        event=name,
        leaf=leaf,
        job_number=job_number,
        state=state,
        reasons=list(reasons),
        impressions=impressions,
        accepting=accepting,
    )


def _changed(row: Subscription, now: Condition) -> list[Event]:
    before = row.condition
    if now.to_plain() == before:
        return []
    stopped = now.state == 5 and before[0] != 5
    names = (*(("printer-stopped",) if stopped else ()), "printer-state-changed")
    event = _named(row, None, names, now.state, now.reasons, accepting=now.accepting)
    return [event] if event is not None else []


def _view(row: Subscription) -> SubscriptionView:
    keys = parts.keys()
    data = keys.open_personal(row.tenant, row.id, bytes(row.user_data)) if row.user_data is not None else ""
    return SubscriptionView(
        id=row.id,
        number=row.number,
        person=row.person_id,
        queue=row.queue_id,
        job=row.job,
        job_number=row.job_number,
        events=tuple(row.events),
        user_data=bytes.fromhex(data),
        language=row.language,
        lease_s=row.lease_s,
        expires_at=row.expires_at,
        last_event=row.last_event,
        over=row.over_at is not None,
    )


def _event(view: SubscriptionView, row: Event) -> EventView:
    return EventView(
        view, row.number, row.event, row.job_number, row.state, tuple(row.reasons), row.impressions, row.accepting
    )
