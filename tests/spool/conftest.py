"""A house with a person, a queue, and jobs whose documents come in as they would by a door."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from frisket import device, identity, job, spool
from frisket.plumbing import crashpoints, parts, work
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE
from frisket.plumbing.settings import Settings


@dataclass
class Spooler:
    """What the doors do, in one place. ``house``: the built house."""

    house: object
    queue: UUID
    person: UUID
    state: job.State = job.State.HELD
    title: str = "a title"

    def accept(self, *documents: bytes, person: UUID | None = None, piece: int = 65536) -> UUID:
        return asyncio.run(self.accepting(*documents, person=person, piece=piece))

    async def accepting(self, *documents: bytes, person: UUID | None = None, piece: int = 65536) -> UUID:
        key = spool.new_key(uuid4())
        sealed = [
            await spool.seal(pieces_of(octets, piece), key, limit=1 << 40, document=number)
            for number, octets in enumerate(documents, 1)
        ]
        await asyncio.to_thread(self.keep, key, sealed, person or self.person)
        return key.job

    def keep(self, key: spool.HeldKey, sealed: list[spool.SealedDoc], person: UUID | None = None) -> None:
        spool.place_many(sealed)
        with transaction() as tx:
            self.write_job(key.job, sealed, person or self.person, tx=tx)
            spool.keep_many([spool.Keep(person or self.person, key, sealed)], tx=tx)

    def write_job(self, key: UUID, sealed: list[spool.SealedDoc], person: UUID, *, tx) -> None:
        new = job.NewJob(
            id=key,
            queue=self.queue,
            person=person,
            door="tests",
            title=self.title,
            owner="alice",
            state=self.state,
            why=job.Reason.FOR_RELEASE,
            documents=tuple(job.NewDocument(doc.document, "application/pdf", doc.octets) for doc in sealed),
        )
        job.create_many([new], by=[HOUSE], tx=tx)

    def read(self, job_id: UUID, document: int = 1, **more) -> bytes:
        with transaction() as tx:
            ticket = spool.ticket(job_id, "deliver", by=HOUSE, tx=tx, **more)
        return b"".join(spool.read_sync(job_id, document=document, ticket=ticket))

    def shred(self, job_id: UUID) -> None:
        with transaction() as tx:
            spool.shred(job_id, tx=tx)

    def restart(self) -> None:
        """As far as the spool can tell, another process."""
        spool.close()


async def pieces_of(octets: bytes, piece: int = 65536) -> AsyncIterator[bytes]:
    for start in range(0, len(octets), piece):
        yield octets[start : start + piece]


def set_settings(**sections: dict[str, object]) -> None:
    """Install the house's parts again with other settings."""
    now = parts.installed()
    tree = now.settings.model_dump()
    for section, values in sections.items():
        tree[section].update(values)
    parts.install(parts.Parts(now.data, Settings.model_validate(tree), now.clock, now.keys, now.tenant, now.site))


def next_day(house) -> None:
    house.clock.pass_time(timedelta(days=1))


@pytest.fixture(scope="session")
def queues(database: None) -> None:
    work.prepare_database()


@pytest.fixture
def spooler(queues: None, house) -> Iterator[Spooler]:
    gc.collect()  # keys that earlier tests gave up keep their epoch alive until nobody refers to them
    set_settings(space={"reserve_bytes": 1 << 16})
    with transaction() as tx:
        person, _ = identity.add(house.scope, identity.NewPerson(name="alice"), by=house.administrator, tx=tx)
        queue = device.add_queue(house.scope, device.NewQueue("secure"), by=house.administrator, tx=tx)
    spool.load_counters()
    yield Spooler(house, queue.id, person.id)
    crashpoints.arm("")
    spool.close()
