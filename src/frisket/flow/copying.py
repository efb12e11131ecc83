"""Copies: a proof, or another print of a stored job. Each is a new job that goes to its device at once."""

import asyncio
import logging
from uuid import UUID

from frisket import audit, device, identity, intake, job, spool
from frisket.errors import FrisketError
from frisket.plumbing import parts, work
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE, Purpose, Scope

__all__ = ["copies_through", "make_copy"]

log = logging.getLogger("frisket.flow")
_doors: list[intake.Intake] = []  # of this process


def copies_through(doors: intake.Intake | None) -> None:
    """The intake that seals copies, handed in once by programs; None: no longer."""
    _doors[:] = [doors] if doors is not None else []


class NotOpenYet(FrisketError):
    """The house is still opening, or closing."""

    retry = True


@work.handles(job.COPY, at_once=2)
def make_copy(item: work.Item) -> None:
    """Once for each key, however often this is tried: the copy carries it as its sender's own id."""
    if not _doors:
        raise NotOpenYet("copies are made once the doors are open")
    try:
        view = job.get_for_stage(UUID(str(item.payload["job"])))
        asyncio.run(_copy(_doors[0], view, job.CopyAsked.from_payload(dict(item.payload), view.options)))
    except (job.NotFound, spool.NotHere):
        return  # deleted meanwhile
    except FrisketError as error:
        if error.retry:
            raise
        log.warning("a copy of job %s could not be made: %s", view.number, type(error).__name__)
        with transaction() as tx:
            audit.record("job.copy-failed", view.id, by=HOUSE, tx=tx, facts={"why": error.blame.value})


async def _copy(doors: intake.Intake, view: job.JobView, asked: job.CopyAsked) -> None:
    person = asked.by.id if view.stored == 2 and asked.by.id is not None else view.person
    owner = view.owner or ""
    if person != view.person:  # what everybody may print is counted to whoever prints it
        owner = (await doors.ask(identity.get, Scope(HOUSE, parts.tenant(), Purpose.STAGE), person)).name
    offer = intake.Offer(
        queue=device.queue(view.queue),
        person=person,
        owner=owner,
        by=asked.by,
        door="copy",
        title=view.title or "untitled",
        format=view.format,
        copies=asked.copies,
        options=asked.options,
        terms=job.Terms(cancel_after_s=view.terms.cancel_after_s, parent=view.number, parent_id=str(view.id)),
        client_key=asked.key,
        device=asked.device,
    )
    await doors.accept(offer, doors.documents_again(view, by=asked.by))
