"""Subscriptions over IPP: RFC 3995 and the ippget pull method of RFC 3996.

A plain person hears of their own jobs, whoever operates the house of all. Waiting for events is bounded: a
client that asks to wait gets one answer as soon as there is something to tell, or an empty one after
``WAIT_S`` with the interval after which it may ask again (RFC 3996 section 5.2 lets a Printer leave wait mode).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from frisket import audit, device, identity, job
from frisket.intake import subscriptions
from frisket.intake.accept import Intake
from frisket.intake.errors import TooManySubscriptions
from frisket.intake.ipp.answering import job_of
from frisket.intake.ipp.condition import condition
from frisket.intake.ipp.jobs import reasons_of, state_of
from frisket.intake.ipp.notices import LEASE_S, LONGEST_LEASE_S, SHORTEST_LEASE_S
from frisket.intake.ipp.printer import up_time
from frisket.intake.ipp.request import Asked
from frisket.intake.ipp.template import Conflict
from frisket.intake.subscriptions import EVENTS, NewSubscription, SubscriptionView
from frisket.plumbing import parts
from frisket.wire import ipp

__all__ = ["Subscribing"]

WAIT_S = 30.0  # below what proxies and our own listeners call idle
LOOK_S = 0.5  # between two looks at the log while anybody waits
INTERVAL_S = 5  # notify-get-interval
MOST_EVENTS = 100  # in one answer
MOST_NEW = 10  # subscriptions of one request
MOST_LISTED = 1000
USER_DATA = 63  # octets (RFC 3995 section 5.3.9)

_S = ipp.Status
a = ipp.attribute


class _Refused(Exception):
    """One subscription group is refused; the others of its request are not."""

    def __init__(self, status: int, *unsupported: ipp.Attribute) -> None:
        super().__init__(status)
        self.status = int(status)
        self.unsupported = unsupported


class _Watch:
    """One look at the log for all who wait, whatever their number."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._changed = asyncio.Condition()
        self._last = 0
        self._looking: asyncio.Task[None] | None = None
        self._closing = False
        self.waiting = 0

    async def wait(self, until: float) -> bool:
        """Until something is on record that was not, or ``until`` (of the loop's clock), or the house closes."""
        loop = asyncio.get_running_loop()
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look())
        try:
            async with asyncio.timeout_at(until), self._changed:
                if not self._closing:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return not self._closing

    async def _look(self) -> None:
        self._last = await self._intake.ask(audit.last_id)
        while self.waiting and not self._closing:
            await asyncio.sleep(LOOK_S)
            last = await self._intake.ask(audit.last_id)
            if last != self._last:
                self._last = last
                await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def close(self) -> None:
        self._closing = True
        await self._tell()


class Subscribing:
    """The operations of RFC 3995 and RFC 3996."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._watch: _Watch | None = None
        self.table: dict[int, Callable[[Asked], Awaitable[bytes]]] = {
            int(ipp.Operation.CREATE_PRINTER_SUBSCRIPTIONS): self.create_printer_subscriptions,
            int(ipp.Operation.CREATE_JOB_SUBSCRIPTIONS): self.create_job_subscriptions,
            int(ipp.Operation.GET_SUBSCRIPTION_ATTRIBUTES): self.get_subscription_attributes,
            int(ipp.Operation.GET_SUBSCRIPTIONS): self.get_subscriptions,
            int(ipp.Operation.RENEW_SUBSCRIPTION): self.renew_subscription,
            int(ipp.Operation.CANCEL_SUBSCRIPTION): self.cancel_subscription,
            int(ipp.Operation.GET_NOTIFICATIONS): self.get_notifications,
        }

    async def close(self) -> None:
        """Whoever waits is answered now."""
        if self._watch is not None:
            await self._watch.close()

    # -- made

    async def create_printer_subscriptions(self, asked: Asked) -> bytes:
        return await self._created(asked, None)

    async def create_job_subscriptions(self, asked: Asked) -> bytes:
        number = asked.message.operation.integer("notify-job-id")
        if number is None and asked.job_number is None:
            raise Conflict(int(_S.BAD_REQUEST), "Create-Job-Subscriptions needs notify-job-id.")
        if number is not None:
            asked.job_number = number
        view = await job_of(self._intake, asked)
        if state_of(view) in (7, 8, 9):
            raise job.WrongState("This job has ended already.")
        return await self._created(asked, view)

    async def _created(self, asked: Asked, view: job.JobView | None) -> bytes:
        wanted = _groups(asked.message)
        if not wanted:
            raise Conflict(int(_S.BAD_REQUEST), "A subscription needs a subscription-attributes group.")
        groups, made = await self._make(asked, wanted, view, new=False)
        status = _S.OK if made == len(wanted) else _S.OK_IGNORED_SUBSCRIPTIONS if made else _S.IGNORED_ALL_SUBSCRIPTIONS
        return _answer(asked, int(status), [], *groups)

    async def of_new_job(self, asked: Asked, view: job.JobView) -> list[bytes]:
        """Subscriptions that came with the request that made a job; they never keep it from being made."""
        groups, _ = await self._make(asked, _groups(asked.message), view, new=True)
        return groups

    async def _make(
        self, asked: Asked, wanted: Sequence[ipp.Group], view: job.JobView | None, *, new: bool
    ) -> tuple[list[bytes], int]:
        groups, made = [], 0
        for index, group in enumerate(wanted):
            try:
                if index >= MOST_NEW:
                    raise _Refused(_S.TOO_MANY_SUBSCRIPTIONS)
                given = _read(group, asked, view, new=new)
                told = await self._intake.ask(lambda each: subscriptions.create(each, _look, by=asked.by), given)
            except _Refused as refused:
                groups.append(_group([a("notify-status-code", ipp.enum(refused.status)), *refused.unsupported]))
            except TooManySubscriptions:
                groups.append(_group([a("notify-status-code", ipp.enum(int(_S.TOO_MANY_SUBSCRIPTIONS)))]))
            else:
                made += 1
                lease = [a("notify-lease-duration", ipp.integer(told.lease_s))] if view is None else []
                groups.append(_group([a("notify-subscription-id", ipp.integer(told.number)), *lease]))
        return groups, made

    # -- looked at and changed

    async def get_subscription_attributes(self, asked: Asked) -> bytes:
        view = await self._subscription(asked)
        wanted = asked.message.operation.texts("requested-attributes")
        return _answer(asked, 0, [], await self._shown(asked, view, wanted))

    async def get_subscriptions(self, asked: Asked) -> bytes:
        operation = asked.message.operation
        limit = operation.integer("limit")
        if limit is not None and limit < 1:
            raise Conflict(int(_S.BAD_REQUEST), "limit must be 1 or more.")
        about = None
        number = operation.integer("notify-job-id")
        if number is not None:
            asked.job_number = number
            about = (await job_of(self._intake, asked)).id
        mine = asked.person.id if operation.boolean("my-subscriptions") else None
        queue = asked.queue.id if asked.queue is not None and about is None else None
        most = min(limit or MOST_LISTED, MOST_LISTED)
        found = await self._intake.ask(
            lambda: subscriptions.find(asked.scope, queue=queue, about=about, mine=mine, limit=most)
        )
        wanted = operation.texts("requested-attributes") or ["notify-subscription-id"]
        return _answer(asked, 0, [], *[await self._shown(asked, view, wanted) for view in found])

    async def renew_subscription(self, asked: Asked) -> bytes:
        view = await self._subscription(asked)
        lease = _lease(asked.message.operation.integer("notify-lease-duration"), asked.message)
        done = await self._intake.ask(subscriptions.renew, asked.scope, view.number, lease)
        return _answer(asked, 0, [], _group([a("notify-lease-duration", ipp.integer(done.lease_s))]))

    async def cancel_subscription(self, asked: Asked) -> bytes:
        view = await self._subscription(asked)
        await self._intake.ask(subscriptions.cancel, asked.scope, view.number)
        return _answer(asked, 0, [])

    async def _subscription(self, asked: Asked) -> SubscriptionView:
        number = asked.message.operation.integer("notify-subscription-id")
        if number is None:
            raise Conflict(int(_S.BAD_REQUEST), "This operation needs notify-subscription-id.")
        return await self._intake.ask(subscriptions.get, asked.scope, number)

    async def _shown(self, asked: Asked, view: SubscriptionView, wanted: Sequence[str]) -> bytes:
        names = await self._intake.ask(identity.names_of, asked.house, [view.person])
        listed = _attributes(asked, view, names.get(view.person) or "unknown")
        everything = not wanted or {"all", "subscription-template", "subscription-description"} & set(wanted)
        return _group([each for each in listed if everything or each.name in wanted])

    # -- heard

    async def get_notifications(self, asked: Asked) -> bytes:
        wanted = _wanted(asked.message)
        deadline = asyncio.get_running_loop().time() + WAIT_S
        heard = await self._hear(asked, wanted)
        if asked.message.operation.boolean("notify-wait") and not heard.events and not heard.complete:
            heard = await self._wait(asked, wanted, deadline)
        shown = [a("printer-up-time", ipp.integer(up_time()))]
        if not heard.complete:
            shown.append(a("notify-get-interval", ipp.integer(0 if heard.more else INTERVAL_S)))
        status = _S.OK_TOO_MANY_EVENTS if heard.more else _S.OK_EVENTS_COMPLETE if heard.complete else _S.OK
        return _answer(asked, int(status), shown, *[_told(asked, event) for event in heard.events])

    async def _hear(self, asked: Asked, wanted: Sequence[tuple[int, int]]) -> subscriptions.Heard:
        return await self._intake.ask(
            lambda: subscriptions.hear(asked.scope, wanted, look=_look, show=_show, limit=MOST_EVENTS)
        )

    async def _wait(self, asked: Asked, wanted: Sequence[tuple[int, int]], deadline: float) -> subscriptions.Heard:
        watch = self._watch = self._watch or _Watch(self._intake)
        heard = subscriptions.Heard([], more=False, complete=False)
        if watch.waiting >= parts.settings().limits.waiting_for_events:
            return heard
        watch.waiting += 1
        try:
            while not heard.events and not heard.complete and await watch.wait(deadline):
                heard = await self._hear(asked, wanted)
        finally:
            watch.waiting -= 1
        return heard


def _look(queue: device.QueueView) -> subscriptions.Condition:
    state, reasons = condition(queue)
    return subscriptions.Condition(state, tuple(reasons), queue.accepting)


def _show(view: job.JobView) -> tuple[int, list[str]]:
    return state_of(view), reasons_of(view)


def _groups(message: ipp.Message) -> list[ipp.Group]:
    return [group for group in message.groups if group.tag == int(ipp.Tag.SUBSCRIPTION_GROUP)]


_KNOWN = frozenset(
    {
        "notify-attributes",
        "notify-charset",
        "notify-events",
        "notify-lease-duration",
        "notify-natural-language",
        "notify-pull-method",
        "notify-recipient-uri",
        "notify-time-interval",
        "notify-user-data",
    }
)


def _read(group: ipp.Group, asked: Asked, view: job.JobView | None, *, new: bool) -> NewSubscription:
    """Raises _Refused."""
    recipient = group.get("notify-recipient-uri")
    if recipient is not None:  # the house calls nobody
        raise _Refused(_S.URI_SCHEME_NOT_SUPPORTED, recipient)
    method = group.get("notify-pull-method")
    if method is None or group.text("notify-pull-method") != "ippget":
        given = [method] if method is not None else []
        raise _Refused(_S.ATTRIBUTES_OR_VALUES_NOT_SUPPORTED if given else _S.BAD_REQUEST, *given)
    data = group.first("notify-user-data", b"")
    if not isinstance(data, bytes) or len(data) > USER_DATA:
        raise _Refused(_S.REQUEST_VALUE_TOO_LONG)
    asked_for = group.texts("notify-events") or ["job-completed"]
    events = tuple(each for each in dict.fromkeys(asked_for) if each in EVENTS)
    if not events and asked_for != ["none"]:
        raise _Refused(_S.ATTRIBUTES_OR_VALUES_NOT_SUPPORTED, group.get("notify-events") or a("notify-events"))
    queue = asked.queue.id if view is None and asked.queue is not None else view.queue if view is not None else None
    if queue is None:
        raise _Refused(_S.NOT_FOUND)
    return NewSubscription(
        queue=queue,
        events=events,
        lease_s=_lease(group.integer("notify-lease-duration"), None),
        about=view,
        from_the_start=new,
        user_data=data,
        language=group.text("notify-natural-language") or "en",
    )


def _lease(wanted: int | None, message: ipp.Message | None) -> int:
    """The nearest lease we give; 0, which means for ever, gets the longest (RFC 3995 section 5.3.8)."""
    if message is not None:
        named = _groups(message)
        wanted = named[0].integer("notify-lease-duration") if named and wanted is None else wanted
    if wanted is None:
        return LEASE_S
    return LONGEST_LEASE_S if wanted <= 0 else max(SHORTEST_LEASE_S, min(wanted, LONGEST_LEASE_S))


def _wanted(message: ipp.Message) -> list[tuple[int, int]]:
    """Pairs of subscription and first sequence number."""
    numbers = [each.data for each in message.operation.values("notify-subscription-ids")]
    firsts = [each.data for each in message.operation.values("notify-sequence-numbers")]
    if not numbers or not all(isinstance(each, int) for each in (*numbers, *firsts)):
        raise Conflict(int(_S.BAD_REQUEST), "Get-Notifications needs notify-subscription-ids.")
    if len(numbers) > MOST_NEW * 2:
        raise Conflict(int(_S.BAD_REQUEST), "Ask for fewer subscriptions at once.")
    return [(number, firsts[index] if index < len(firsts) else 1) for index, number in enumerate(numbers)]


def _attributes(asked: Asked, view: SubscriptionView, subscriber: str) -> list[ipp.Attribute]:
    listed = [
        a("notify-subscription-id", ipp.integer(view.number)),
        a("notify-subscription-uuid", ipp.uri(f"urn:uuid:{view.id}")),
        a("notify-events", *[ipp.keyword(each) for each in view.events or ("none",)]),
        a("notify-pull-method", ipp.keyword("ippget")),
        a("notify-charset", ipp.charset("utf-8")),
        a("notify-natural-language", ipp.natural_language(view.language)),
        a("notify-sequence-number", ipp.integer(view.last_event)),
        a("notify-printer-uri", ipp.uri(_printer_uri(asked, view))),
        a("notify-subscriber-user-name", ipp.name(subscriber)),
    ]
    if view.user_data:
        listed.append(a("notify-user-data", ipp.octets(view.user_data)))
    if view.expires_at is None:
        listed.append(a("notify-job-id", ipp.integer(view.job_number or 0)))
    else:
        listed.append(a("notify-printer-up-time", ipp.integer(up_time())))  # of queues' subscriptions only
        listed.append(a("notify-lease-duration", ipp.integer(view.lease_s)))
        listed.append(a("notify-lease-expiration-time", ipp.integer(int(view.expires_at) + 1)))
    return listed


def _printer_uri(asked: Asked, view: SubscriptionView) -> str:
    return asked.printer_uri or asked.address.printer(device.queue(view.queue).name)


def _told(asked: Asked, event: subscriptions.EventView) -> bytes:
    """One event-notification group (RFC 3996 section 9)."""
    view = event.subscription
    listed = [
        a("notify-charset", ipp.charset("utf-8")),
        a("notify-natural-language", ipp.natural_language("en")),
        a("notify-subscription-id", ipp.integer(view.number)),
        a("notify-sequence-number", ipp.integer(event.number)),
        a("notify-subscribed-event", ipp.keyword(event.event)),
        a("notify-printer-uri", ipp.uri(_printer_uri(asked, view))),
        a("notify-user-data", ipp.octets(view.user_data)),
        a("notify-text", ipp.text(_words(event))),
        a("printer-up-time", ipp.integer(up_time())),
    ]
    if event.job_number is None:
        listed += [
            a("printer-state", ipp.enum(event.state)),
            a("printer-state-reasons", *[ipp.keyword(each) for each in event.reasons]),
            a("printer-is-accepting-jobs", ipp.boolean(event.accepting)),
        ]
    else:
        listed += [
            a("notify-job-id", ipp.integer(event.job_number)),
            a("job-id", ipp.integer(event.job_number)),
            a("job-state", ipp.enum(event.state)),
            a("job-state-reasons", *[ipp.keyword(each) for each in event.reasons]),
            a("job-impressions-completed", ipp.integer(event.impressions)),
        ]
    return _group(listed, ipp.Tag.EVENT_NOTIFICATION_GROUP)


_STATES = {
    3: "is pending",
    4: "is held",
    5: "is printing",
    6: "has stopped",
    7: "was canceled",
    8: "was aborted",
    9: "is done",
}


def _words(event: subscriptions.EventView) -> str:
    """No title: an event tells where a job stands, not what is in it."""
    if event.job_number is not None:
        return f"Job {event.job_number} {_STATES[event.state]}."
    if event.event == "printer-config-changed":
        return "The queue was changed by its operator."
    return {3: "The queue is ready.", 4: "The queue is printing.", 5: "The queue has stopped."}[event.state]


def _group(listed: Sequence[ipp.Attribute], tag: int = ipp.Tag.SUBSCRIPTION_GROUP) -> bytes:
    return ipp.encode_group(ipp.Group(int(tag), list(listed)))


def _answer(asked: Asked, status: int, shown: Sequence[ipp.Attribute], *groups: bytes) -> bytes:
    message = asked.message
    opening = ipp.encode_group(ipp.Group(ipp.Tag.OPERATION_GROUP, [*ipp.opening(), *shown]))
    return ipp.assemble(ipp.answer_version(message.version), status, message.request_id, [opening, *groups])
