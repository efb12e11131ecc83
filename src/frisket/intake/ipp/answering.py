"""What every operation of this door needs: its queue, its job, an answer."""

from frisket import device, job
from frisket.intake.accept import Intake
from frisket.intake.ipp.request import Asked
from frisket.intake.ipp.template import Conflict, Ticket
from frisket.wire import ipp

__all__ = ["Refusal", "answer", "job_of", "ok", "queue_of", "unsupported"]


class Refusal(Conflict):
    """The client would rather not print than print without what we cannot do."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(0x040B, "Some of what the job insists on cannot be done here.")
        self.ticket = ticket


def queue_of(asked: Asked) -> device.QueueView:
    if asked.queue is None:
        raise device.NoSuchQueue("No such queue.")
    return asked.queue


async def job_of(intake: Intake, asked: Asked) -> job.JobView:
    """The job that was named, if whoever asks may see it. Raises job.NotFound."""
    if asked.job_number is None:
        raise job.NotFound("No such job.")
    return await intake.ask(job.get, asked.scope, asked.job_number)


def ok(ticket: Ticket) -> int:
    """successful-ok, or with ignored attributes."""
    return 1 if ticket.unsupported else 0


def unsupported(ticket: Ticket) -> bytes:
    if not ticket.unsupported:
        return b""
    return ipp.encode_group(ipp.Group(ipp.Tag.UNSUPPORTED_GROUP, ticket.unsupported))


_OPENING = ipp.encode_group(ipp.Group(ipp.Tag.OPERATION_GROUP, ipp.opening()))


def answer(asked: Asked, status: int = 0, *groups: bytes) -> bytes:
    message = asked.message
    return ipp.assemble(ipp.answer_version(message.version), status, message.request_id, [_OPENING, *groups])
