"""The worker's handlers: a job's next stage, whatever it is, and sending, one at a time per device."""

from uuid import UUID

from frisket import job
from frisket.flow.itinerary import NEXT_STAGE
from frisket.plumbing import work

__all__ = ["next_stage", "send_stage"]


@work.handles(job.NEXT, at_once=4)
def next_stage(item: work.Item) -> None:
    _step(item)


@work.handles(job.SEND, at_once=16, most_attempts=9)
def send_stage(item: work.Item) -> None:
    _step(item)


def _step(item: work.Item) -> None:
    try:
        view = job.get_for_stage(UUID(str(item.payload["job"])))
        stage = NEXT_STAGE.get(view.state)
        if stage is not None:
            stage(view)
    except (job.NotFound, job.WrongState):
        return  # somebody moved it first: what follows from there has its own work
