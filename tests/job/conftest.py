"""Jobs without doors: a person, a queue, and jobs written straight into the house."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from tests.conftest import House

from frisket import device, identity, job
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE, Actor


@dataclass
class Desk:
    house: House
    queue: device.QueueView
    alice: identity.PersonView
    bob: identity.PersonView

    def actor(self, person: identity.PersonView) -> Actor:
        return identity.actor_for(person, "tests")

    def new(self, state: job.State = job.State.HELD, **more: object) -> job.JobView:
        values: dict[str, object] = {
            "id": uuid4(),
            "queue": self.queue.id,
            "person": self.alice.id,
            "door": "ipp",
            "title": "A letter",
            "owner": self.alice.name,
            "state": state,
            "why": job.Reason.FOR_RELEASE if state is job.State.HELD else job.Reason.NONE,
            "documents": (job.NewDocument(1, "application/pdf", 1000),),
            "format": "application/pdf",
            **more,
        }
        with transaction() as tx:
            return job.create_many([job.NewJob(**values)], by=[self.actor(self.alice)], tx=tx)[0]  # type: ignore[arg-type]

    def move(self, identifier: UUID, to: job.State, expected: job.State, **more: object) -> job.JobView:
        why = more.pop("why", job.Reason.STAGE)
        with transaction() as tx:
            return job.move(identifier, to, expected=expected, why=why, by=HOUSE, tx=tx, **more)  # type: ignore[arg-type]


@pytest.fixture
def desk(house: House) -> Desk:
    with transaction() as tx:
        queue = device.add_queue(house.scope, device.NewQueue("secure", hold=True), by=house.administrator, tx=tx)
        alice, _ = identity.add(house.scope, identity.NewPerson("alice"), by=house.administrator, tx=tx)
        bob, _ = identity.add(house.scope, identity.NewPerson("bob"), by=house.administrator, tx=tx)
    return Desk(house, queue, alice, bob)
