"""A house that takes mails, without listeners: mails come in as the door and the look-out bring them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from typing import Any

import pytest
from tests.conftest import House

from frisket import device, flow, identity, intake, job, spool
from frisket.intake.mail.senders import Envelope, Proof
from frisket.intake.mail.taking import Taken, take
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.plumbing.settings import Settings

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
