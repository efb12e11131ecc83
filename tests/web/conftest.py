"""A house with people in it, and browsers that speak to its pages without a network."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from frisket import device, identity, job
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from tests.conftest import House

PASSWORD = "a quiet walk by the river"


@dataclass
class Town:
    """The house, and one person of each role."""

    house: House
    shown: dict[str, identity.Shown] = field(default_factory=dict)
    people: dict[str, identity.PersonView] = field(default_factory=dict)

    def person(self, name: str, role: identity.Role = identity.Role.PERSON) -> identity.PersonView:
        new = identity.NewPerson(name, f"{name.title()} Example", role=role, password=PASSWORD)
        with transaction() as tx:
            person, self.shown[name] = identity.add(self.house.scope, new, by=self.house.administrator, tx=tx)
        self.people[name] = person
        return person

    def add_queue(self, name: str = "secure", *, hold: bool = True) -> device.QueueView:
        with transaction() as tx:
            new = device.NewQueue(name, hold=hold)
            return device.add_queue(self.house.scope, new, by=self.house.administrator, tx=tx)

    def add_device(self, name: str = "copy-1", uri: str = "socket://127.0.0.1:9") -> device.DeviceView:
        with transaction() as tx:
            new = device.NewDevice(name, uri, location="second floor")
            return device.add_device(self.house.scope, new, by=self.house.administrator, tx=tx)

    def send(
        self,
        person: str,
        title: str = "Letter to the council.pdf",
        state: job.State = job.State.HELD,
        **more: Any,
    ) -> job.JobView:
        owner = self.people[person]
        queue = device.default_queue() or self.add_queue()
        new = job.NewJob(
            id=uuid4(),
            queue=queue.id,
            person=owner.id,
            door="upload",
            title=title,
            owner=owner.name,
            state=state,
            why=job.Reason.FOR_RELEASE if state is job.State.HELD else job.Reason.ACCEPTED,
            documents=(job.NewDocument(1, "application/pdf", 20_000),),
            format="application/pdf",
            **more,
        )
        with transaction() as tx:
            return job.create_many([new], by=[identity.actor_for(owner, "upload")], tx=tx)[0]

    def browser(self, name: str | None = None, **options: Any) -> Client:
        """A browser on this server's pages; signed in when a name is given."""
        browser = Client(headers={"host": "localhost"}, **options)
        if name is not None:
            answer = browser.post("/sign-in", {"name": name, "password": PASSWORD}, secure=True)
            assert answer.status_code == 302, answer.content.decode()
        return browser

    def job_now(self, job_id: UUID) -> job.JobView:
        return job.get(self.house.scope, job_id)


@pytest.fixture
def town(house: House) -> Iterator[Town]:
    """Roomy limits: tests ask faster than people do."""
    before = parts.installed()
    settings = before.settings
    quick = settings.model_copy(update={"limits": settings.limits.model_copy(update={"pages_per_second": 10_000})})
    parts.install(replace(before, settings=quick))
    town = Town(house)
    town.person("alice")
    town.person("olga", identity.Role.OPERATOR)
    town.person("adam", identity.Role.ADMINISTRATOR)
    yield town
    parts.install(before)
