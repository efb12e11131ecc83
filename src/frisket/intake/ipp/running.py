"""Running a queue over IPP: stopping it, letting it go on, clearing it, choosing who goes first (RFC 8011, RFC 3998).

Who may ask what stands in ``offered``; a job that is somebody else's is reached by who may see it, no further.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from frisket import device, identity, job
from frisket.intake.accept import Intake
from frisket.intake.ipp import releasing
from frisket.intake.ipp.answering import answer, job_of, queue_of
from frisket.intake.ipp.commands import Commands
from frisket.intake.ipp.jobs import ANSWER_NAMES, job_group
from frisket.intake.ipp.request import Asked
from frisket.intake.ipp.template import Conflict
from frisket.plumbing.db import transaction
from frisket.plumbing.paging import Slice
from frisket.plumbing.scope import Actor, Scope
from frisket.wire import ipp
from frisket.wire.ipp import Operation

__all__ = ["Running"]

_PAGE = 200
_LIVE = (job.State.RELEASED, job.State.SENDING)  # on the way to a device


class Running:
    def __init__(self, intake: Intake, commands: Commands) -> None:
        self._intake = intake
        self._commands = commands
        paused, going = device.QueueChange(halt="paused"), device.QueueChange(halt="")
        self.table: dict[int, Callable[[Asked], Awaitable[bytes]]] = {
            Operation.PAUSE_PRINTER: self._changing(paused),
            # What is on its way to a device is never broken off, so this is no different from the other.
            Operation.PAUSE_PRINTER_AFTER_CURRENT_JOB: self._changing(paused),
            Operation.RESUME_PRINTER: self._changing(going),
            Operation.ENABLE_PRINTER: self._changing(device.QueueChange(accepting=True)),
            Operation.DISABLE_PRINTER: self._changing(device.QueueChange(accepting=False)),
            Operation.SHUTDOWN_PRINTER: self._changing(device.QueueChange(accepting=False, halt="shutdown")),
            Operation.STARTUP_PRINTER: self._changing(device.QueueChange(accepting=True, halt="")),
            Operation.RESTART_PRINTER: self._changing(device.QueueChange(accepting=True, halt="")),
            Operation.HOLD_NEW_JOBS: self._changing(device.QueueChange(hold_new=True)),
            Operation.RELEASE_HELD_NEW_JOBS: self.release_held_new_jobs,
            Operation.CANCEL_JOBS: self.cancel_jobs,
            Operation.PURGE_JOBS: self.purge_jobs,
            Operation.CANCEL_CURRENT_JOB: self.cancel_current_job,
            Operation.SUSPEND_CURRENT_JOB: self.suspend_current_job,
            Operation.RESUME_JOB: self.resume_job,
            Operation.PROMOTE_JOB: self.promote_job,
            Operation.SCHEDULE_JOB_AFTER: self.schedule_job_after,
            Operation.IDENTIFY_PRINTER: self.identify_printer,
        }

    # -- the queue

    def _changing(self, change: device.QueueChange) -> Callable[[Asked], Awaitable[bytes]]:
        async def operation(asked: Asked) -> bytes:
            said = asked.message.operation.text("printer-message-from-operator")  # RFC 3380 section 6
            wanted = change if said is None else replace(change, message=said)
            await self._intake.ask(_change, asked.scope, queue_of(asked).id, wanted, asked.by)
            return answer(asked)

        return operation

    async def release_held_new_jobs(self, asked: Asked) -> bytes:
        queue = queue_of(asked)
        await self._intake.ask(_change, asked.scope, queue.id, device.QueueChange(hold_new=False), asked.by)
        async for view in self._each(asked, job.State.HELD):
            if view.why is job.Reason.NEW_HELD:
                await self._intake.ask(self._let_go, asked.scope, view.id, asked.by)
        return answer(asked)

    def _let_go(self, scope: Scope, identifier: UUID, by: Actor) -> None:
        self._commands.let_go(scope, identifier, by=by)

    async def identify_printer(self, asked: Asked) -> bytes:
        """Passed on to the devices behind the queue that can show themselves (PWG 5100.13 section 3.1)."""
        queue = queue_of(asked)
        behind = device.behind(queue)
        wanted = asked.message.operation.texts("identify-actions")
        able = list(dict.fromkeys(action for each in behind for action in each.capabilities.identify))
        actions = [action for action in wanted if action in able] or able[:1]
        message = device.clean(asked.message.operation.text("message") or "", 127)
        if not actions or not await self._intake.ask(self._commands.identify, behind, actions, message):
            raise job.WrongState("No device of this queue can show itself just now.")
        ignored = [action for action in wanted if action not in able]
        if not ignored:
            return answer(asked)
        group = ipp.Group(ipp.Tag.UNSUPPORTED_GROUP, [ipp.attribute("identify-actions", *map(ipp.keyword, ignored))])
        return answer(asked, 1, ipp.encode_group(group))

    # -- its jobs

    def _cancel(self, scope: Scope, identifier: UUID, by: Actor) -> None:
        self._commands.cancel(scope, identifier, by=by)

    async def _each(self, asked: Asked, *states: job.State) -> AsyncIterator[job.JobView]:
        """The queue's jobs in these states, oldest first, however many; those that change meanwhile are not missed."""
        where = job.Filter(queue=queue_of(asked).id, states=states, oldest_first=True)
        after: str | None = None
        while True:
            page = await self._intake.ask(_page, asked.scope, where, after)
            for view in page.rows:
                yield view
            after = page.after
            if after is None:
                return

    async def cancel_jobs(self, asked: Asked) -> bytes:
        """Everybody's, or those that are named (PWG 5100.7 section 4.1): all of them or none."""
        numbers = {value.data for value in asked.message.operation.values("job-ids")}
        found = [view async for view in self._each(asked, *job.LIVE) if not numbers or view.number in numbers]
        if numbers and len(found) != len(numbers):
            unknown = numbers - {view.number for view in found}
            named = ipp.attribute("job-ids", *(ipp.integer(each) for each in unknown if isinstance(each, int)))
            raise Conflict(0x0404, "Not all of these jobs are waiting or printing here.", named)
        for view in found:
            await self._cancel_if_it_can(asked, view)
        return answer(asked)

    async def purge_jobs(self, asked: Asked) -> bytes:
        """Every job of the queue ends, kept ones too; their history goes by its own time, as ever.

        A job that may have printed waits for a person's word even so.
        """
        identity.require(asked.by, identity.Permission.JOBS_ALL)
        async for view in self._each(asked, *job.LIVE):
            await self._cancel_if_it_can(asked, view)
        async for view in self._each(asked, job.State.ENDED):
            await self._intake.ask(_let_expire, view.id, asked.by)
        return answer(asked)

    async def _cancel_if_it_can(self, asked: Asked, view: job.JobView) -> None:
        with suppress(job.WrongState):  # it ended meanwhile, or only a person can settle it
            await self._intake.ask(self._cancel, asked.scope, view.id, asked.by)

    async def cancel_current_job(self, asked: Asked) -> bytes:
        await self._intake.ask(self._cancel, asked.scope, (await self._current(asked)).id, asked.by)
        return answer(asked)

    async def suspend_current_job(self, asked: Asked) -> bytes:
        """Possible until its first octet leaves: a device that has half a document is no place to wait."""
        view = await self._current(asked)
        if view.state is not job.State.RELEASED:
            raise job.WrongState("The device has this job already; it can be cancelled, not suspended.")
        await self._intake.ask(_suspend, view.id, asked.by)
        return answer(asked)

    async def _current(self, asked: Asked) -> job.JobView:
        """What goes to a device now, else what goes next; the one that is named, where it is one of these."""
        named = asked.message.operation.integer("job-id")
        found = [view async for view in self._each(asked, *_LIVE) if named is None or view.number == named]
        found.sort(key=lambda view: view.state is not job.State.SENDING)
        if not found:
            raise job.WrongState("No such job is on its way to a device.")
        return found[0]

    async def resume_job(self, asked: Asked) -> bytes:
        """Also the word a job waits for after its proof (PWG 5100.11).

        What a PIN or a person at a device held back before is held back by them again.
        """
        view = await job_of(self._intake, asked)
        if view.state is not job.State.HELD or view.why not in (job.Reason.SUSPENDED, job.Reason.PROOF):
            raise job.WrongState("This job is not suspended.")
        if view.why is job.Reason.PROOF or view.residual_hold:
            await releasing.let_go(self._intake, self._commands, asked, view)
        else:
            await self._intake.ask(lambda: self._commands.let_print(view, by=asked.by))
        return self._shown(asked, await job_of(self._intake, asked))

    async def promote_job(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        await self._intake.ask(_put_forward, view.id, None, asked.by)
        return answer(asked)

    async def schedule_job_after(self, asked: Asked) -> bytes:
        """Behind predecessor-job-id; without it like Promote-Job (RFC 3998 section 4.5)."""
        view = await job_of(self._intake, asked)
        number = asked.message.operation.integer("predecessor-job-id")
        before = await self._intake.ask(job.get, asked.scope, number) if number is not None else None
        await self._intake.ask(_put_forward, view.id, before.id if before is not None else None, asked.by)
        return answer(asked)

    def _shown(self, asked: Asked, view: job.JobView) -> bytes:
        return answer(asked, 0, job_group(view, asked.address, ANSWER_NAMES, asked.printer_uri_of(view)))


def _page(scope: Scope, where: job.Filter, after: str | None) -> Slice[job.JobView]:
    return job.find(scope, where, after=after, limit=_PAGE)


def _change(scope: Scope, queue: UUID, change: device.QueueChange, by: Actor) -> None:
    with transaction() as tx:
        device.change_queue(scope, queue, change, by=by, tx=tx)
        if change.halt == "":
            job.onward_again(queue=queue, tx=tx)


def _suspend(identifier: UUID, by: Actor) -> None:
    released, held = job.State.RELEASED, job.State.HELD
    with transaction() as tx:
        job.move(identifier, held, expected=released, why=job.Reason.SUSPENDED, by=by, tx=tx)


def _put_forward(identifier: UUID, behind: UUID | None, by: Actor) -> None:
    with transaction() as tx:
        job.put_forward(identifier, behind=behind, by=by, tx=tx)


def _let_expire(identifier: UUID, by: Actor) -> None:
    with transaction() as tx:
        job.no_longer_kept(identifier, by=by, tx=tx)
