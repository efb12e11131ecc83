"""Who hears of what: events made from the record when somebody asks for them."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flow.conftest import Way

from frisket import device, identity, job, release
from frisket.intake import subscriptions
from frisket.intake.errors import NoSuchSubscription, TooManySubscriptions
from frisket.intake.ipp.jobs import reasons_of, state_of
from frisket.intake.ipp.looking import collect
from frisket.intake.ipp.notices import LONGEST_LEASE_S, SHORTEST_LEASE_S
from frisket.intake.ipp.printer import state_filter
from frisket.intake.ipp.subscribing import _read, _Refused
from frisket.intake.models import Subscription
from frisket.intake.subscriptions import EVENT_LIFE_S, Condition, NewSubscription, SubscriptionView
from frisket.job import Reason, State
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope
from frisket.wire import ipp

IDLE = Condition(3, ("none",), True)


def show(view: job.JobView) -> tuple[int, list[str]]:
    return state_of(view), reasons_of(view)


def actor(way: Way, person: identity.PersonView | None = None, role: str = "person") -> Actor:
    return Actor(HOUSE.kind.PERSON, (person or way.alice).id, role=role, at="ipp")


def scope(way: Way, person: identity.PersonView | None = None) -> Scope:
    return Scope(actor(way, person), way.house.tenant, Purpose.OWN)


def subscribe(way: Way, *events: str, queue: str = "straight", **more: object) -> SubscriptionView:
    given = NewSubscription(way.queues[queue].id, events or subscriptions.EVENTS, **{"lease_s": 600, **more})  # type: ignore[arg-type]
    return subscriptions.create(given, lambda queue: IDLE, by=actor(way))


def hear(
    way: Way,
    view: SubscriptionView,
    first: int = 1,
    *,
    look: Callable[[device.QueueView], Condition] = lambda queue: IDLE,
    by: Scope | None = None,
    limit: int = 100,
) -> subscriptions.Heard:
    return subscriptions.hear(by or scope(way), [(view.number, first)], look=look, show=show, limit=limit)


def told(heard: subscriptions.Heard) -> list[tuple[int, str, int]]:
    return [(each.number, each.event, each.state) for each in heard.events]


def move(view: job.JobView, *steps: State, why: Reason = Reason.STAGE) -> None:
    before = view.state
    for to in steps:
        with transaction() as tx:
            job.move(view.id, to, expected=before, why=why, by=HOUSE, tx=tx)
        before = to


def printed(way: Way, view: job.JobView) -> None:
    move(view, State.SENDING)
    move(way.now(view), State.DELIVERED, why=Reason.CONFIRMED)
    with transaction() as tx:
        changes = job.Changes(outcome=job.Outcome.PRINTED)
        job.move(view.id, State.ENDED, expected=State.DELIVERED, why=Reason.PRINTED, by=HOUSE, tx=tx, changes=changes)


def test_a_job_is_told_of_once_for_each_state_a_client_knows_under_its_most_telling_name(way: Way) -> None:
    subscription = subscribe(way)
    printed(way, way.accept(queue="straight"))
    wanted = [(1, "job-created", 3), (2, "job-state-changed", 5), (3, "job-completed", 9)]
    assert told(hear(way, subscription)) == wanted
    assert told(hear(way, subscription)) == wanted, "asked again, told again"
    assert told(hear(way, subscription, 3)) == wanted[2:]


def test_only_what_was_subscribed_to_is_told(way: Way) -> None:
    subscription = subscribe(way, "job-completed")
    view = way.accept(queue="straight")
    printed(way, view)
    heard = hear(way, subscription)
    assert told(heard) == [(1, "job-completed", 9)]
    assert (heard.events[0].job_number, heard.events[0].reasons) == (view.number, ("job-completed-successfully",))


def test_a_change_of_a_hold_is_a_change_of_the_job(way: Way) -> None:
    subscription = subscribe(way, "job-config-changed", "job-state-changed", queue="secure")
    view = way.accept()
    release.hold(way.house.scope, view.id, by=way.house.administrator)
    assert told(hear(way, subscription)) == [(1, "job-state-changed", 4), (2, "job-config-changed", 4)]


def test_nobody_hears_of_the_jobs_of_another_but_an_operator_does(way: Way) -> None:
    with transaction() as tx:
        bob, _ = identity.add(way.house.scope, identity.NewPerson("bob"), by=way.house.administrator, tx=tx)
    given = NewSubscription(way.queues["straight"].id, ("job-created",), lease_s=600)
    plain = subscriptions.create(given, lambda queue: IDLE, by=actor(way, bob))
    wide = subscriptions.create(given, lambda queue: IDLE, by=actor(way, bob))
    way.accept(queue="straight")
    assert hear(way, plain, by=scope(way, bob)).events == []
    everything = Scope(actor(way, bob, "operator"), way.house.tenant, Purpose.OPERATE)
    assert len(hear(way, wide, by=everything).events) == 1
    for act in (
        lambda: hear(way, plain),
        lambda: subscriptions.get(scope(way), plain.number),
        lambda: subscriptions.renew(scope(way), plain.number, 600),
        lambda: subscriptions.cancel(scope(way), plain.number),
    ):
        with pytest.raises(NoSuchSubscription):
            act()
    assert subscriptions.find(scope(way), queue=None, about=None, mine=None, limit=10) == []


def test_jobs_of_other_queues_are_not_told(way: Way) -> None:
    subscription = subscribe(way)
    way.accept(queue="secure")
    assert hear(way, subscription).events == []


def test_a_queue_that_stops_or_is_changed_is_told_of(way: Way) -> None:
    subscription = subscribe(way)
    stopped = Condition(5, ("media-jam",), True)
    assert told(hear(way, subscription, look=lambda queue: stopped)) == [(1, "printer-stopped", 5)]
    assert len(hear(way, subscription, look=lambda queue: stopped).events) == 1, "told once"
    assert told(hear(way, subscription, 2)) == [(2, "printer-state-changed", 3)]
    with transaction() as tx:
        queue = way.queues["straight"].id
        device.change_queue(way.house.scope, queue, device.QueueChange(info="new"), by=way.house.administrator, tx=tx)
    assert told(hear(way, subscription, 3)) == [(3, "printer-config-changed", 3)]


def test_a_subscription_of_a_job_ends_with_it_and_says_that_nothing_follows(way: Way) -> None:
    view = way.accept(queue="straight")
    subscription = subscribe(way, about=view, from_the_start=True)
    heard = hear(way, subscription)
    assert told(heard) == [(1, "job-created", 3)] and not heard.complete
    printed(way, view)
    way.accept(queue="straight")
    heard = hear(way, subscription, 2)
    assert told(heard) == [(2, "job-state-changed", 5), (3, "job-completed", 9)] and heard.complete
    way.house.clock.pass_time(timedelta(seconds=EVENT_LIFE_S + 1))
    subscriptions.tidy()
    with pytest.raises(NoSuchSubscription):
        hear(way, subscription)


def test_an_event_is_kept_for_its_life_and_numbers_never_come_twice(way: Way) -> None:
    subscription = subscribe(way, "job-created")
    way.accept(queue="straight")
    assert told(hear(way, subscription)) == [(1, "job-created", 3)]
    way.house.clock.pass_time(timedelta(seconds=EVENT_LIFE_S - 1))
    assert len(hear(way, subscription).events) == 1
    way.house.clock.pass_time(timedelta(seconds=2))
    assert hear(way, subscription).events == []
    way.accept(queue="straight")
    assert told(hear(way, subscription)) == [(2, "job-created", 3)]


def test_a_lease_ends_by_house_seconds_unless_it_is_renewed(way: Way) -> None:
    kept, lost = subscribe(way), subscribe(way)
    way.house.clock.set_wall(way.house.clock.now() + timedelta(days=30))
    way.house.clock.pass_time(timedelta(seconds=599))
    assert subscriptions.renew(scope(way), kept.number, 600).lease_s == 600
    way.house.clock.pass_time(timedelta(seconds=2))
    assert subscriptions.get(scope(way), kept.number).number == kept.number
    with pytest.raises(NoSuchSubscription):
        subscriptions.get(scope(way), lost.number)
    with pytest.raises(job.WrongState):
        view = way.accept()
        subscriptions.renew(scope(way), subscribe(way, queue="secure", about=view).number, 60)


def test_nobody_has_more_subscriptions_than_the_settings_allow_and_old_ones_make_room(way: Way) -> None:
    for _ in range(20):
        subscribe(way)
    with pytest.raises(TooManySubscriptions):
        subscribe(way)
    way.house.clock.pass_time(timedelta(seconds=601))
    assert subscribe(way)


def test_more_events_than_an_answer_holds_come_with_the_next_one(way: Way) -> None:
    subscription = subscribe(way, "job-created")
    for _ in range(5):
        way.accept(queue="straight")
    heard = hear(way, subscription, limit=3)
    assert [each.number for each in heard.events] == [1, 2, 3] and heard.more
    heard = hear(way, subscription, 4, limit=3)
    assert [each.number for each in heard.events] == [4, 5] and not heard.more


def test_what_a_client_wants_back_lies_sealed(way: Way) -> None:
    view = subscribe(way, user_data=b"canary-of-a-client")
    assert view.user_data == b"canary-of-a-client"
    row = Subscription.objects.get(number=view.number)
    assert row.user_data is not None and b"canary" not in bytes(row.user_data)
    assert b"canary".hex().encode() not in bytes(row.user_data)


VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(ipp.integer),
    st.sampled_from(["ippget", "job-completed", "none", "de"]).map(ipp.keyword),
    st.binary(max_size=70).map(ipp.octets),
    st.booleans().map(ipp.boolean),
    st.just(ipp.no_value()),
    st.just(ipp.uri("mailto:somebody@example.org")),
)
NAMES = ("notify-pull-method", "notify-events", "notify-lease-duration", "notify-user-data", "notify-recipient-uri")


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, min_size=1, max_size=3)))
def test_whatever_a_subscription_asks_it_is_read_within_limits_or_refused(asked: dict[str, Any]) -> None:
    group = ipp.Group(int(ipp.Tag.SUBSCRIPTION_GROUP), [ipp.Attribute(name, values) for name, values in asked.items()])
    here = SimpleNamespace(queue=SimpleNamespace(id=uuid4()))
    try:
        given = _read(group, here, None, new=False)  # type: ignore[arg-type]
    except _Refused as refused:
        assert refused.status >= 0x0400
        return
    assert given.events and set(given.events) <= set(subscriptions.EVENTS)
    assert SHORTEST_LEASE_S <= given.lease_s <= LONGEST_LEASE_S and len(given.user_data) <= 63


def test_asking_when_nothing_happened_writes_nothing(way: Way) -> None:
    subscription = subscribe(way)
    way.accept(queue="straight")
    hear(way, subscription)
    with CaptureQueriesContext(connection) as asked:
        hear(way, subscription)
    assert not [each["sql"] for each in asked if not each["sql"].upper().startswith("SELECT")]


def test_a_job_its_device_has_is_completed_to_a_client_before_it_is_counted(way: Way) -> None:
    view = way.accept(queue="straight")
    move(view, State.SENDING)
    move(way.now(view), State.DELIVERED, why=Reason.CONFIRMED)
    for which, there in (("completed", [view.number]), ("not-completed", [])):
        where = job.Filter(states=state_filter(which))
        assert [each.number for each in collect(scope(way), where, 10, which)] == there
