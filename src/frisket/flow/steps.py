"""The worker's handler: a job's next stage, whatever it is. Sending has its own, one at a time per device."""

from uuid import UUID

from frisket import device, job
from frisket.flow.itinerary import NEXT_STAGE
from frisket.plumbing import work

__all__ = ["next_stage"]


@work.handles(job.NEXT, at_once=4)
def next_stage(item: work.Item) -> None:
    try:
        view = job.get_for_stage(UUID(str(item.payload["job"])))
        device.version()  # looks at the rows where they are old, which inside a transaction each asker would do again
        stage = NEXT_STAGE.get(view.state)
        if stage is not None:
            stage(view)
    except (job.NotFound, job.WrongState):
        return  # somebody moved it first: what follows from there has its own work
