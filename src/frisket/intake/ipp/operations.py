"""The operations of the IPP door (RFC 8011 section 4, PWG 5100.7): each takes a request, gives an answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from frisket import device, identity, job
from frisket.intake.accept import Intake
from frisket.intake.capabilities import capabilities_of, formats_of
from frisket.intake.ipp import releasing
from frisket.intake.ipp.answering import Refusal, answer, job_of, ok, queue_of, unsupported
from frisket.intake.ipp.changing import Changing
from frisket.intake.ipp.commands import Commands
from frisket.intake.ipp.documents import Documents
from frisket.intake.ipp.jobs import ANSWER_NAMES, job_group, restartable, state_of
from frisket.intake.ipp.looking import collect
from frisket.intake.ipp.printer import printer_group, state_filter
from frisket.intake.ipp.request import Asked, unpacked
from frisket.intake.ipp.running import Running
from frisket.intake.ipp.subscribing import Subscribing
from frisket.intake.ipp.system import SystemService
from frisket.intake.ipp.template import Conflict, Ticket, read_ticket, which_jobs
from frisket.intake.offers import Offer, Part
from frisket.intake.sensing import UNSTATED, put_back
from frisket.plumbing import parts
from frisket.plumbing.scope import Actor, Scope
from frisket.wire import ipp

__all__ = ["Commands", "Operations"]

_MOST_JOBS = 10_000  # in one Get-Jobs answer


class Operations:
    def __init__(self, intake: Intake, commands: Commands) -> None:
        self._intake = intake
        self._commands = commands
        running, changing = Running(intake, commands), Changing(intake, commands)
        documents = Documents(intake, commands)
        self.table: dict[int, Callable[[Asked], Awaitable[bytes]]] = {
            int(ipp.Operation.PRINT_JOB): self.print_job,
            int(ipp.Operation.VALIDATE_JOB): self.validate_job,
            int(ipp.Operation.VALIDATE_DOCUMENT): self.validate_job,
            int(ipp.Operation.CREATE_JOB): self.create_job,
            int(ipp.Operation.SEND_DOCUMENT): self.send_document,
            int(ipp.Operation.CLOSE_JOB): self.close_job,
            int(ipp.Operation.CANCEL_JOB): self.cancel_job,
            int(ipp.Operation.CANCEL_MY_JOBS): self.cancel_my_jobs,
            int(ipp.Operation.GET_JOB_ATTRIBUTES): self.get_job_attributes,
            int(ipp.Operation.GET_JOBS): self.get_jobs,
            int(ipp.Operation.GET_PRINTER_ATTRIBUTES): self.get_printer_attributes,
            int(ipp.Operation.HOLD_JOB): self.hold_job,
            int(ipp.Operation.RELEASE_JOB): self.release_job,
            int(ipp.Operation.RESUBMIT_JOB): self.resubmit_job,
            int(ipp.Operation.CUPS_GET_DEFAULT): self.cups_get_default,
            int(ipp.Operation.CUPS_GET_PRINTERS): self.cups_get_printers,
            int(ipp.Operation.RESTART_JOB): self.resubmit_job,
            int(ipp.Operation.REPROCESS_JOB): self.resubmit_job,
            int(ipp.Operation.CUPS_GET_CLASSES): self.cups_get_classes,
            **running.table,
            **changing.table,
            **documents.table,
            **SystemService(intake).table,
        }
        self.subscribing = Subscribing(intake)
        self.table.update(self.subscribing.table)

    # -- jobs come in

    async def print_job(self, asked: Asked) -> bytes:
        offer, ticket = await self._offer(asked)
        part = self._part(asked, offer)
        accepted = await self._intake.accept(offer, _one(part))
        return self._job_answer(asked, accepted.job, ticket, *await self._subscribed(asked, accepted.job))

    async def validate_job(self, asked: Asked) -> bytes:
        """Validate-Document (PWG 5100.13) is answered alike: what may be said of a document is of its job."""
        offer, ticket = await self._offer(asked)
        _compression_of(asked)
        self._intake.admit(offer, offer.format, None)
        return answer(asked, ok(ticket), unsupported(ticket))

    async def create_job(self, asked: Asked) -> bytes:
        offer, ticket = await self._offer(asked)
        accepted = await self._intake.create(offer)
        return self._job_answer(asked, accepted.job, ticket, *await self._subscribed(asked, accepted.job))

    async def _subscribed(self, asked: Asked, view: job.JobView) -> list[bytes]:
        return await self.subscribing.of_new_job(asked, view) if len(asked.message.groups) > 1 else []

    async def send_document(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        last = asked.message.operation.boolean("last-document")
        if last is None:
            raise Conflict(0x0400, "Send-Document needs last-document.")
        if view.state is not job.State.RECEIVING:
            raise job.WrongState("This job takes no more documents.")
        offer = self._offer_again(asked, view)
        first, body = await _peek(asked.body)
        part = None
        if first or not last:
            part = self._part(replace(asked, body=put_back(first, body)), offer)
        done = await self._intake.add(view, offer, part, last=last)
        return self._job_answer(asked, done, Ticket())

    async def close_job(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        if view.state is not job.State.RECEIVING:
            return answer(asked, 0)
        await self._intake.add(view, self._offer_again(asked, view), None, last=True)
        return answer(asked, 0)

    async def resubmit_job(self, asked: Asked) -> bytes:
        """A new job with the documents of one that was kept after printing (PWG 5100.7 section 4.5).

        Restart-Job (RFC 8011 section 4.3.7) and Reprocess-Job (RFC 3998 section 4.1) are answered alike: a job
        that has ended never starts again, so what is said of it stays true.
        """
        view = await job_of(self._intake, asked)
        if not restartable(view):
            raise job.WrongState("Only a job that was kept after printing can be printed again.")
        if view.person != asked.by.id and view.stored != 2:
            identity.require(asked.by, identity.Permission.JOBS_RELEASE)
        queue = device.queue(view.queue)
        ticket = read_ticket(asked.message, capabilities_of(queue))
        if ticket.must:
            raise Refusal(ticket)
        asks = ticket.options != job.Options() or ticket.copies != 1
        offer = Offer(
            queue=queue,
            person=view.person,
            owner=view.owner or "",
            by=asked.by,
            door=asked.door,
            title=view.title or "untitled",
            format=view.format,
            copies=ticket.copies if asks else view.copies,
            options=ticket.options if asks else view.options,
            hold=ticket.hold,
            hold_until=ticket.hold_until,
            terms=ticket.terms,
            printer_uri=asked.printer_uri_of(view),
        )
        verifier = await self._intake.ask(job.password_verifier, view.id)
        offer = releasing.again(offer, view, verifier, asked.person)
        accepted = await self._intake.accept(offer, self._intake.documents_again(view, by=asked.by))
        return self._job_answer(asked, accepted.job, ticket)

    # -- jobs are looked at

    async def get_job_attributes(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        wanted = asked.message.operation.texts("requested-attributes") or ["all"]
        return answer(asked, 0, job_group(view, asked.address, wanted, asked.printer_uri_of(view)))

    async def get_jobs(self, asked: Asked) -> bytes:
        which = which_jobs(asked.message)
        operation = asked.message.operation
        limit, first = operation.integer("limit"), operation.integer("first-index")
        first = 1 if first is None else first
        if (limit is not None and limit < 1) or first < 1:
            raise Conflict(0x0400, "limit and first-index must be 1 or more.")
        wanted = operation.texts("requested-attributes") or ["job-id", "job-uri"]
        if asked.known is None or self._asks_for_another(asked):
            return answer(asked, 0)
        mine = operation.boolean("my-jobs") or False
        where = job.Filter(
            person=asked.person.id if mine else None,
            queue=asked.queue.id if asked.queue is not None and not asked.everywhere else None,
            states=state_filter(which),
            oldest_first=which != "completed",
        )
        most = min(limit or _MOST_JOBS, _MOST_JOBS)
        where = releasing.which_stored(which, asked.person, where.queue) or where
        found = await self._intake.ask(collect, asked.scope, where, min(most + first - 1, _MOST_JOBS), which)
        if asked.everywhere and asked.known.by == "stated":  # a name believed on one queue is a claim on another
            found = [view for view in found if device.trusts(device.queue(view.queue), asked.network)]
        listed = found[first - 1 :]
        return answer(
            asked, 0, *[job_group(view, asked.address, wanted, asked.printer_uri_of(view)) for view in listed]
        )

    def _asks_for_another(self, asked: Asked) -> bool:
        """my-jobs with another's name: there is no such "my", whoever the proof says is asking."""
        operation = asked.message.operation
        stated = operation.text("requesting-user-name")
        if not operation.boolean("my-jobs") or not stated or asked.known is None:
            return False
        return asked.known.by == "stated" and identity.canonical(stated) != identity.canonical(asked.person.name)

    # -- jobs are changed

    async def cancel_job(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        if state_of(view) in (7, 8, 9) and not view.stored:
            raise job.WrongState("This job has ended already.")
        await self._intake.ask(self._cancel, asked.scope, view.id, asked.by)
        return answer(asked, 0)

    def _cancel(self, scope: Scope, identifier: UUID, by: Actor) -> None:
        self._commands.cancel(scope, identifier, by=by)

    async def cancel_my_jobs(self, asked: Asked) -> bytes:
        scope = asked.scope
        numbers = [value.data for value in asked.message.operation.values("job-ids")]
        where = job.Filter(
            person=asked.person.id,
            queue=asked.queue.id if asked.queue else None,
            states=state_filter("not-completed"),
        )
        found = await self._intake.ask(collect, scope, where, _MOST_JOBS)
        if numbers:
            found = [view for view in found if view.number in numbers]
            if len(found) != len(set(numbers)):
                raise job.NotFound("Not all of these are your jobs.")
        for view in found:
            await self._intake.ask(self._cancel, scope, view.id, asked.by)
        return answer(asked, 0)

    async def hold_job(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        if state_of(view) not in (3, 4):
            raise job.WrongState("Only a waiting job can be held.")
        await self._intake.ask(lambda: self._commands.hold(asked.scope, view.id, by=asked.by))
        return answer(asked, 0)

    async def release_job(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        if view.state is job.State.QUARANTINED or state_of(view) in (7, 8, 9):
            raise job.WrongState("This job cannot be released.")
        if view.state is job.State.HELD:
            await releasing.let_go(self._intake, self._commands, asked, view)
        return answer(asked, 0)

    # -- printers

    async def get_printer_attributes(self, asked: Asked) -> bytes:
        queue = queue_of(asked)
        format = asked.message.operation.text("document-format")
        if format and format != UNSTATED and format.lower() not in formats_of(queue):
            words = "This queue takes no such documents."
            named = ipp.attribute("document-format", ipp.mime(format))
            raise Conflict(int(ipp.Status.DOCUMENT_FORMAT_NOT_SUPPORTED), words, named)
        queued = await self._intake.ask(job.count_live, queue.id)
        wanted = asked.message.operation.texts("requested-attributes")
        believed = device.trusts(queue, asked.network)
        return answer(asked, 0, printer_group(queue, asked.address, wanted, queued=queued, believed=believed))

    async def cups_get_default(self, asked: Asked) -> bytes:
        queue = device.default_queue()
        if queue is None:
            raise device.NoSuchQueue("There is no queue yet.")
        return await self._printers(asked, [queue])

    async def cups_get_printers(self, asked: Asked) -> bytes:
        queues = await self._intake.ask(device.queues, asked.house)
        first = asked.message.operation.text("first-printer-name")
        if first:
            names = [queue.name for queue in queues]
            queues = queues[names.index(first) :] if first in names else []
        limit = asked.message.operation.integer("limit")
        if not queues:
            raise device.NoSuchQueue("There is no queue yet.")
        return await self._printers(asked, queues[:limit] if limit and limit > 0 else queues)

    async def cups_get_classes(self, asked: Asked) -> bytes:
        return answer(asked, 0)  # there are none; an error here ends lpstat -t before it shows any job

    async def _printers(self, asked: Asked, queues: list[device.QueueView]) -> bytes:
        wanted = asked.message.operation.texts("requested-attributes")
        groups = []
        for queue in queues:
            queued = await self._intake.ask(job.count_live, queue.id)
            believed = device.trusts(queue, asked.network)
            groups.append(printer_group(queue, asked.address, wanted, queued=queued, believed=believed))
        return answer(asked, 0, *groups)

    # -- shared

    async def _offer(self, asked: Asked) -> tuple[Offer, Ticket]:
        queue = queue_of(asked)
        person = asked.person
        can = capabilities_of(queue)
        ticket = read_ticket(asked.message, can)
        if ticket.must:
            raise Refusal(ticket)
        operation = asked.message.operation
        format = (operation.text("document-format") or next(iter(formats_of(queue)))).lower()
        title = operation.text("job-name") or _document_name(asked.message) or "untitled"
        offer = Offer(
            queue=queue,
            person=person.id,
            owner=person.name,
            by=asked.by,
            door=asked.door,
            title=device.clean(title, 255),
            format=format,
            copies=ticket.copies,
            options=ticket.options,
            printer_uri=asked.printer_uri,
        )
        return await releasing.bound(offer, ticket, asked.message, self._verifier), ticket

    async def _verifier(self, secret: bytes, encryption: str) -> bytes:
        return await self._intake.ask(self._commands.password_verifier, secret, encryption)

    def _offer_again(self, asked: Asked, view: job.JobView) -> Offer:
        """The offer of a job that Create-Job began, for its documents."""
        return Offer(
            queue=device.queue(view.queue),
            person=view.person,
            owner=view.owner or "",
            by=asked.by,
            door=asked.door,
            format=(asked.message.operation.text("document-format") or view.format).lower(),
            hold=view.hold,
            hold_until=view.hold_until,
        )

    def _part(self, asked: Asked, offer: Offer) -> Part:
        compression = _compression_of(asked)
        most = parts.settings().limits.job_bytes
        return Part(
            data=unpacked(_something(asked.body), compression, most),
            format=offer.format,
            name=device.clean(_document_name(asked.message), 255),
            expected=asked.body_length if compression == "none" else None,
        )

    def _job_answer(self, asked: Asked, view: job.JobView, ticket: Ticket, *more: bytes) -> bytes:
        return answer(
            asked,
            ok(ticket),
            unsupported(ticket),
            job_group(view, asked.address, ANSWER_NAMES, asked.printer_uri_of(view)),
            *more,
        )


def _document_name(message: ipp.Message) -> str:
    """An operation attribute; some clients put it among those of the job."""
    return message.operation.text("document-name") or message.job.text("document-name") or ""


def _compression_of(asked: Asked) -> str:
    compression = asked.message.operation.text("compression") or "none"
    if compression not in ("none", "gzip", "deflate"):
        raise Conflict(int(ipp.Status.COMPRESSION_NOT_SUPPORTED), "This compression is not supported.", None)
    return compression


async def _one(part: Part) -> AsyncIterator[Part]:
    yield part


async def _something(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body; raises Conflict where there is none (RFC 8011 section 4.2.1): no device prints nothing."""
    octets = 0
    async for piece in body:
        octets += len(piece)
        yield piece
    if not octets:
        raise Conflict(int(ipp.Status.BAD_REQUEST), "This request brings no document.")


async def _peek(body: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first octets of a body, b"" when it has none."""
    async for piece in body:
        if piece:
            return piece, body
    return b"", body
