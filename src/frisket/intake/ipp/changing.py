"""Setting attributes of jobs and queues (RFC 3380): all that a request sets is set, or nothing is."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from frisket import device, job
from frisket.intake.accept import Intake
from frisket.intake.capabilities import capabilities_of
from frisket.intake.ipp.answering import Refusal, answer, job_of, queue_of
from frisket.intake.ipp.commands import Commands
from frisket.intake.ipp.description import SETTABLE_OF_PRINTER
from frisket.intake.ipp.request import Asked
from frisket.intake.ipp.supported import SETTABLE
from frisket.intake.ipp.template import Conflict, Ticket, read_ticket
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, Scope
from frisket.wire import ipp
from frisket.wire.ipp import Operation, Tag

__all__ = ["Changing", "changed"]

_FIELDS = {
    "finishings": "finishings",
    "media": "media",
    "number-up": "number_up",
    "orientation-requested": "orientation",
    "output-bin": "output_bin",
    "page-ranges": "page_ranges",
    "print-color-mode": "color_mode",
    "print-quality": "quality",
    "printer-resolution": "resolution",
    "sides": "sides",
}
_PAIRS = ({"media", "media-col"}, {"finishings", "finishings-col"})  # two ways to say one thing


class Changing:
    def __init__(self, intake: Intake, commands: Commands) -> None:
        self._intake = intake
        self._commands = commands
        self.table: dict[int, Callable[[Asked], Awaitable[bytes]]] = {
            Operation.SET_JOB_ATTRIBUTES: self.set_job_attributes,
            Operation.SET_PRINTER_ATTRIBUTES: self.set_printer_attributes,
            Operation.GET_PRINTER_SUPPORTED_VALUES: self.get_printer_supported_values,
        }

    async def set_job_attributes(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        names = _named(asked, Tag.JOB_GROUP, SETTABLE)
        ticket = read_ticket(_without_deleted(asked.message), capabilities_of(device.queue(view.queue)))
        if ticket.unsupported:
            raise Refusal(ticket)
        if names - {"job-hold-until"}:
            options = changed(view.options, ticket, names)
            copies = ticket.copies if "copies" in names else view.copies
            await self._intake.ask(_change_ticket, view.id, options, copies, asked.by)
        if "job-hold-until" in names:
            await self._intake.ask(self._hold, asked.scope, view, ticket, asked.by)
        return answer(asked)

    def _hold(self, scope: Scope, view: job.JobView, ticket: Ticket, by: Actor) -> None:
        if not ticket.hold:
            self._commands.let_go(scope, view.id, by=by)
            return
        self._commands.hold(scope, view.id, by=by)
        if ticket.hold == "until":
            with transaction() as tx:
                until, word = ticket.hold_until, ticket.terms.hold_word
                job.change_held(view.id, hold="until", hold_until=until, word=word, by=by, tx=tx)

    async def set_printer_attributes(self, asked: Asked) -> bytes:
        queue = queue_of(asked)
        names = _named(asked, Tag.PRINTER_GROUP, SETTABLE_OF_PRINTER)
        group = asked.message.group(Tag.PRINTER_GROUP) or ipp.Group(Tag.PRINTER_GROUP)
        texts = {name: group.text(name) or "" for name in names}
        change = device.QueueChange(
            info=texts.get("printer-info"),
            location=texts.get("printer-location"),
            message=texts.get("printer-message-from-operator"),
        )
        await self._intake.ask(_change_queue, asked.scope, queue.id, change, asked.by)
        return answer(asked)

    async def get_printer_supported_values(self, asked: Asked) -> bytes:
        """What Set-Printer-Attributes takes: any words an operator likes (RFC 3380 section 4.3)."""
        queue_of(asked)
        wanted = asked.message.operation.texts("requested-attributes") or ["all"]
        everything = {"all", "printer-description"} & set(wanted)
        listed = [
            ipp.attribute(name, ipp.admin_define()) for name in SETTABLE_OF_PRINTER if everything or name in wanted
        ]
        return answer(asked, 0, ipp.encode_group(ipp.Group(Tag.PRINTER_GROUP, listed)))


def changed(options: job.Options, ticket: Ticket, names: Iterable[str]) -> job.Options:
    """A job's options with these attributes as the ticket has them; what it has not goes back to the usual."""
    set_anew = set(names)
    for pair in _PAIRS:
        if pair & set_anew:
            set_anew |= pair
    values: dict[str, Any] = {
        field: getattr(ticket.options, field) for name, field in _FIELDS.items() if name in set_anew
    }
    kept = [each for each in options.as_sent if each[0] not in set_anew]
    insists = [name for name in options.must if name not in set_anew]
    return replace(
        options,
        **values,
        as_sent=(*kept, *ticket.options.as_sent),
        must=(*insists, *ticket.options.must),
    )


def _named(asked: Asked, tag: int, settable: tuple[str, ...]) -> set[str]:
    """The attributes a request sets. Raises Conflict for one that cannot be set, or when there is none."""
    group = asked.message.group(tag)
    if group is None or not len(group):
        raise Conflict(0x0400, "This request sets nothing.")
    foreign = [each.name for each in group if each.name not in settable]
    if foreign:
        text = f"{foreign[0]} cannot be set here."
        raise Conflict(int(ipp.Status.ATTRIBUTES_NOT_SETTABLE), text, ipp.attribute(foreign[0], ipp.not_settable()))
    return {each.name for each in group}


def _without_deleted(message: ipp.Message) -> ipp.Message:
    """The request without those attributes that shall merely go back to what is usual."""
    kept = [each for each in message.job if not each.values[0].out_of_band]
    return replace(message, groups=[message.operation, ipp.Group(Tag.JOB_GROUP, kept)])


def _change_ticket(identifier: UUID, options: job.Options, copies: int, by: Actor) -> None:
    with transaction() as tx:
        job.change_ticket(identifier, options=options, copies=copies, by=by, tx=tx)


def _change_queue(scope: Scope, queue: UUID, change: device.QueueChange, by: Actor) -> None:
    with transaction() as tx:
        device.change_queue(scope, queue, change, by=by, tx=tx)
