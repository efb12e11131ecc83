"""A house with people, queues and jobs; one whose folder is picked up from; one that takes mails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import House
from tests.flow.conftest import Way, way

from frisket import device, flow, identity, intake, job, spool
from frisket.intake.mail.senders import Envelope, Proof
from frisket.intake.mail.taking import Taken, take
from frisket.intake.sources import collecting, local, pickups, register, thread, views
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.plumbing.settings import Settings

__all__ = ["Desk", "Way", "way"]


@dataclass
class Desk:
    """One hot folder, and what its rounds do. Each call is a life of its own: nothing is remembered between."""

    house: House
    doors: intake.Intake
    folder: Path
    source: views.SourceView

    def collector(self) -> collecting.Collector:
        there = thread.OwnThread("test", 30)
        return collecting.Collector(self.doors, self.source, local.LocalPlace(self.folder), there)

    def rounds(self, until_idle: int = 4) -> None:
        """Look until several looks in a row find nothing that is due at once."""

        async def look() -> None:
            collector, idle = self.collector(), 0
            while idle < until_idle:
                pause = await collector.round()
                idle = 0 if pause == 0 else idle + 1
                await asyncio.sleep(min(pause, 0.3))

        asyncio.run(look())

    def jobs(self) -> list[str]:
        found = job.find(self.house.scope, job.Filter(), limit=1000).rows
        return sorted(str(each.title) for each in found)

    def log(self) -> list[views.PickUpView]:
        return list(pickups.history(self.house.scope, self.source.id).rows)

    def private(self) -> list[str]:
        return sorted(file.name for file in (self.folder / ".frisket").iterdir())

    def forget(self, after: timedelta) -> None:
        self.house.clock.pass_time(after)
        pickups.forget_old(timedelta(hours=1))


@pytest.fixture
def desk(house: House, tmp_path: Path) -> Iterator[Desk]:
    before = parts.installed()
    settings = before.settings
    folders = settings.folders.model_copy(update={"roots": [str(tmp_path)]})
    parts.install(replace(before, data=tmp_path / "data", settings=settings.model_copy(update={"folders": folders})))
    (tmp_path / "data").mkdir()
    by = house.administrator
    with transaction() as tx:
        device.add_device(house.scope, device.NewDevice("copy-1", "socket://127.0.0.1:9"), by=by, tx=tx)
        queue = device.add_queue(house.scope, device.NewQueue("secure"), by=by, tx=tx)
        alice, _ = identity.add(house.scope, identity.NewPerson("alice"), by=by, tx=tx)
        new = views.NewSource("letters", str(tmp_path / "in"), queue.id, person=alice.id, settle_s=0.2)
        source = register.add(house.scope, new, by=by, tx=tx)
    (tmp_path / "in").mkdir()
    spool.load_counters()
    doors = intake.Intake(flow.walk, on_failed_sync=lambda error: None)
    doors.start()
    try:
        yield Desk(house, doors, tmp_path / "in", source)
    finally:
        doors.stop()
        spool.close()
        parts.install(before)


# -- mails

PDF = b"%PDF-1.4\n% a document that must never be seen on the disk: MARKER-OF-A-SECRET\n" + b"%" * 300


def a_mail(*documents: tuple[str, bytes], **fields: str) -> bytes:
    """From alice, unless fields say otherwise; a field whose name begins with more_ comes beside the first of it."""
    mail = EmailMessage()
    given = {"From": "alice@office.lab", "To": "secure@print.lab", "Subject": "Please", "Message_ID": "<1@office.lab>"}
    for name, value in {**given, **fields}.items():
        if value:
            mail[name.replace("_", "-")] = value
    mail.set_content("Hello\n")
    for name, data in documents:
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


async def in_pieces(octets: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for at in range(0, len(octets), size):
        yield octets[at : at + size]


@dataclass
class Post:
    house: House
    doors: intake.Intake
    queue: device.QueueView
    alice: identity.PersonView
    secret: str

    def choose(self, **sections: dict[str, Any]) -> None:
        """Other settings for this test."""
        told = {"mail": {"domains": ["print.lab"]}, **sections}
        settings = Settings.model_validate({**told, "database": parts.settings().database.model_dump()})
        parts.install(replace(parts.installed(), settings=settings))

    def envelope(self, **values: Any) -> Envelope:
        return Envelope(
            **{"source": "smtp", "queue": self.queue, "relay_believed": True, "sender": "a@b.lab", **values}
        )

    @property
    def proved(self) -> Envelope:
        return self.envelope(person=self.alice, proof=Proof.ADDRESS, relay_believed=False)

    def take(self, mail: bytes, envelope: Envelope | None = None) -> Taken:
        return asyncio.run(take(self.doors, envelope or self.envelope(), in_pieces(mail)))

    def why(self, mail: bytes, envelope: Envelope | None = None) -> list[str]:
        """Of each part that is told about: the keyword of its refusal, or "" for a job."""
        return [each.why for each in self.take(mail, envelope).outcomes]

    def jobs(self) -> list[job.JobView]:
        return list(job.find(self.house.scope, job.Filter(oldest_first=True)).rows)


@pytest.fixture
def post(house: House) -> Iterator[Post]:
    before = parts.installed()
    with transaction() as tx:
        queue = device.add_queue(house.scope, device.NewQueue("secure", hold=True), by=house.administrator, tx=tx)
        new = identity.NewPerson("alice", mail="Alice@office.lab", role=identity.Role.OPERATOR)
        alice, shown = identity.add(house.scope, new, by=house.administrator, tx=tx)
    spool.load_counters()
    doors = intake.Intake(flow.walk, on_failed_sync=lambda error: None)
    doors.start()
    found = Post(house, doors, queue, alice, shown.queue_secret or "")
    found.choose()
    try:
        yield found
    finally:
        doors.stop()
        spool.close()
        parts.install(before)
