"""The documents of a job as objects of their own (PWG 5100.5): what they are, what became of them."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid5

from frisket import device, job
from frisket.intake.accept import Intake
from frisket.intake.ipp.answering import answer, job_of
from frisket.intake.ipp.commands import Commands
from frisket.intake.ipp.jobs import state_of
from frisket.intake.ipp.printer import ticks, up_time
from frisket.intake.ipp.request import Asked
from frisket.intake.ipp.template import Conflict
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor
from frisket.wire import ipp
from frisket.wire.ipp import Operation, Tag

__all__ = ["Documents"]

_USUAL = ("document-number", "last-document")  # of Get-Documents, where nothing is asked for
_SETTABLE = frozenset({"document-name"})
_PENDING, _PROCESSING, _CANCELED, _ABORTED, _COMPLETED = 3, 5, 7, 8, 9  # document-state


class Documents:
    def __init__(self, intake: Intake, commands: Commands) -> None:
        self._intake = intake
        self._commands = commands
        self.table: dict[int, Callable[[Asked], Awaitable[bytes]]] = {
            Operation.GET_DOCUMENTS: self.get_documents,
            Operation.GET_DOCUMENT_ATTRIBUTES: self.get_document_attributes,
            Operation.CANCEL_DOCUMENT: self.cancel_document,
            Operation.SET_DOCUMENT_ATTRIBUTES: self.set_document_attributes,
        }

    async def get_documents(self, asked: Asked) -> bytes:
        view = await job_of(self._intake, asked)
        found = await self._intake.ask(_all_of, view.id)
        limit = asked.message.operation.integer("limit")
        if limit is not None and limit < 1:
            raise Conflict(0x0400, "limit must be 1 or more.")
        wanted = asked.message.operation.texts("requested-attributes") or _USUAL
        return answer(asked, 0, *[_group(asked, view, each, len(found), wanted) for each in found[:limit]])

    async def get_document_attributes(self, asked: Asked) -> bytes:
        view, document, count = await self._document(asked)
        wanted = asked.message.operation.texts("requested-attributes") or ["all"]
        return answer(asked, 0, _group(asked, view, document, count, wanted))

    async def cancel_document(self, asked: Asked) -> bytes:
        """Of a job that has no other document the job is cancelled: it has nothing to print then."""
        view, document, _ = await self._document(asked)
        others = [each for each in await self._intake.ask(_all_of, view.id) if not each.cancelled]
        waits = view.state in (job.State.HELD, job.State.RELEASED)
        if waits and [each.number for each in others] == [document.number]:
            await self._intake.ask(lambda: self._commands.cancel(asked.scope, view.id, by=asked.by))
        else:
            await self._intake.ask(_cancel, view.id, document.number, asked.by)
        return answer(asked)

    async def set_document_attributes(self, asked: Asked) -> bytes:
        view, document, _ = await self._document(asked)
        group = asked.message.group(Tag.DOCUMENT_GROUP)
        if group is None or not len(group):
            raise Conflict(0x0400, "This request sets nothing.")
        for each in group:
            if each.name not in _SETTABLE:
                status = int(ipp.Status.ATTRIBUTES_NOT_SETTABLE)
                raise Conflict(status, f"{each.name} cannot be set.", ipp.attribute(each.name, ipp.not_settable()))
        name = device.clean(group.text("document-name") or "", 255)
        await self._intake.ask(_rename, view.id, document.number, name, asked.by)
        return answer(asked)

    async def _document(self, asked: Asked) -> tuple[job.JobView, job.DocumentView, int]:
        """Raises job.NotFound, Conflict where none is named."""
        number = asked.message.operation.integer("document-number")
        if number is None:
            raise Conflict(0x0400, "This operation needs document-number.")
        view = await job_of(self._intake, asked)
        found = await self._intake.ask(_all_of, view.id)
        for each in found:
            if each.number == number:
                return view, each, len(found)
        raise job.NotFound("The job has no such document.")


def _all_of(identifier: UUID) -> list[job.DocumentView]:
    return job.documents(identifier, cancelled=True)


def _cancel(identifier: UUID, number: int, by: Actor) -> None:
    with transaction() as tx:
        job.cancel_document(identifier, number, by=by, tx=tx)


def _rename(identifier: UUID, number: int, name: str, by: Actor) -> None:
    with transaction() as tx:
        job.rename_document(identifier, number, name, by=by, tx=tx)


def _state(view: job.JobView, document: job.DocumentView) -> tuple[int, str]:
    """document-state and its reason: a document fares as its job does, unless it was taken out."""
    if document.cancelled:
        return _CANCELED, "canceled-by-user"
    if view.state is job.State.RECEIVING:
        return _PENDING, "none"
    state = state_of(view)
    return {
        3: (_PENDING, "none"),
        4: (_PENDING, "none"),
        5: (_PROCESSING, "printing"),
        6: (_PROCESSING, "printer-stopped"),
        7: (_CANCELED, "canceled-by-user"),
        8: (_ABORTED, "aborted-by-system"),
        9: (_COMPLETED, "completed-successfully"),
    }[state]


def _group(asked: Asked, view: job.JobView, document: job.DocumentView, count: int, wanted: Sequence[str]) -> bytes:
    state, reason = _state(view, document)
    done = state == _COMPLETED
    pages = ipp.integer(document.pages) if document.pages is not None else ipp.no_value()
    kib = min((document.octets + 1023) // 1024, 2**31 - 1)
    listed = [
        ("document-number", ipp.integer(document.number)),
        ("document-job-id", ipp.integer(view.number)),
        ("document-job-uri", ipp.uri(asked.address.job(view.number))),
        ("document-printer-uri", ipp.uri(asked.printer_uri_of(view))),
        ("document-uuid", ipp.uri(f"urn:uuid:{uuid5(view.id, str(document.number))}")),
        ("document-name", ipp.name(document.name)),
        ("document-format", ipp.mime(document.format)),
        ("document-state", ipp.enum(state)),
        ("document-state-reasons", ipp.keyword(reason)),
        ("k-octets", ipp.integer(kib)),
        ("k-octets-processed", ipp.integer(kib if done else 0)),
        ("impressions", pages),
        ("impressions-completed", ipp.integer((document.pages or 0) * view.copies if done else 0)),
        ("last-document", ipp.boolean(document.number == count and view.state is not job.State.RECEIVING)),
        ("time-at-creation", ipp.integer(ticks(view.created_at))),
        ("time-at-processing", ipp.integer(ticks(view.processing_at)) if view.processing_at else ipp.no_value()),
        ("time-at-completed", ipp.integer(ticks(view.completed_at)) if view.completed_at else ipp.no_value()),
        ("printer-up-time", ipp.integer(up_time())),
        ("attributes-charset", ipp.charset("utf-8")),
        ("attributes-natural-language", ipp.natural_language("en")),
    ]
    everything = {"all", "document-description"} & set(wanted)
    chosen = [ipp.attribute(name, value) for name, value in listed if everything or name in wanted]
    return ipp.encode_group(ipp.Group(Tag.DOCUMENT_GROUP, chosen))
