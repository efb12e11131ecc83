"""A house with an Intake of its own and no listeners: jobs come in as doors bring them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from tests.conftest import House

from frisket import device, flow, identity, intake, job, spool
from frisket.plumbing.db import transaction


@dataclass
class Way:
    house: House
    doors: intake.Intake
    alice: identity.PersonView
    queues: dict[str, device.QueueView]

    def offer(self, queue: str = "secure", **more: object) -> intake.Offer:
        by = identity.actor_for(self.alice, "tests")
        values: dict[str, object] = {"title": "A letter", "format": "application/pdf", **more}
        return intake.Offer(self.queues[queue], self.alice.id, self.alice.name, by, "ipp", **values)  # type: ignore[arg-type]

    def accept(self, document: bytes = b"%PDF-1.4 small", queue: str = "secure", **more: object) -> job.JobView:
        async def parts() -> AsyncIterator[intake.Part]:
            yield intake.Part(_pieces(document), "application/pdf")

        return asyncio.run(self.doors.accept(self.offer(queue, **more), parts())).job

    def create(self, queue: str = "secure", **more: object) -> job.JobView:
        return asyncio.run(self.doors.create(self.offer(queue, **more))).job

    def add(self, view: job.JobView, document: bytes | None, *, last: bool) -> job.JobView:
        part = intake.Part(_pieces(document), "application/pdf") if document is not None else None
        return asyncio.run(self.doors.add(self.now(view), self.offer(), part, last=last))

    def now(self, view: job.JobView) -> job.JobView:
        return job.get(self.house.scope, view.id)

    def settle(self, view: job.JobView) -> job.JobView:
        """Take it through its stages until it waits for somebody."""
        while (stage := flow.NEXT_STAGE.get(self.now(view).state)) and self.now(view).state is not job.State.RELEASED:
            stage(self.now(view))
        return self.now(view)


async def _pieces(document: bytes) -> AsyncIterator[bytes]:
    yield document


@pytest.fixture
def way(house: House) -> Iterator[Way]:
    by = house.administrator
    with transaction() as tx:
        device.add_device(house.scope, device.NewDevice("copy-1", "socket://127.0.0.1:9"), by=by, tx=tx)
        queues = {
            name: device.add_queue(house.scope, device.NewQueue(name, hold=hold), by=by, tx=tx)
            for name, hold in (("secure", True), ("straight", False))
        }
        alice, _ = identity.add(house.scope, identity.NewPerson("alice"), by=by, tx=tx)
    spool.load_counters()
    doors = intake.Intake(flow.walk, on_failed_sync=lambda error: None)
    doors.start()
    try:
        yield Way(house, doors, alice, queues)
    finally:
        doors.stop()
        spool.close()
