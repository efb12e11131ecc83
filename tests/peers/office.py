"""A served house with people, queues and virtual devices: where most journeys begin."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.peers.client import Printing
from tests.peers.served import Served, serving

from frisket import lab

__all__ = ["CARDS", "DEVICES", "Office", "arrived_at", "office_running"]

CARDS = {"alice": "04A1B2C3D4E5F6", "bob": "04FFEEDDCCBBAA"}
DEVICES = (
    lab.DevicePlan("tls", lab.Door.IPPS),
    lab.DevicePlan("plain", lab.Door.IPP),
    lab.DevicePlan("raw", lab.Door.RAW),
)


def arrived_at(running: lab.Running, device: str) -> list[bytes]:
    """The documents a virtual device was sent, oldest first."""
    folder = running[device].tray.folder
    return [(folder / doc.file).read_bytes() for job in running.jobs(device) for doc in job.documents if doc.file]


@dataclass
class Office:
    """Queues ``secure`` (holds) and ``straight`` (does not), both believing names from this machine."""

    served: Served
    lab: lab.Running
    people: dict[str, dict[str, Any]] = field(default_factory=dict)

    def client(self, person: str, queue: str = "secure", door: str = "ipp") -> Printing:
        """A client that merely states a name."""
        return Printing(f"{self.served.urls[door]}/{queue}", person)

    def arrived(self, device: str) -> list[bytes]:
        """What a virtual device was sent, job by job, oldest first; of RAW devices the documents alone."""
        return arrived_at(self.lab, device)

    def print_held(self, person: str, document: bytes, **more: Any) -> int:
        """Print to the queue that holds; the job's number."""
        answer = self.client(person).print(document, **more)
        assert answer.status < 0x0100, answer.words
        return answer.job


@contextmanager
def office_running(
    settings: Mapping[str, str] | None = None, *devices: lab.DevicePlan, silent: bool = False
) -> Iterator[Office]:
    plans = devices or DEVICES
    with (
        tempfile.TemporaryDirectory(prefix="frisket-lab-") as folder,
        serving(settings) as served,
        lab.running(Path(folder), *plans) as running,
    ):
        office = Office(served, running)
        for name, hold in (("secure", True), ("straight", False)):
            served.ask("queue.add", name=name, hold=hold, trust_network=["127.0.0.0/8"])
        for name, card in CARDS.items():
            office.people[name] = served.person(name, full_name=f"{name.title()} Example", card=card)
        for plan in plans:
            served.ask("device.add", name=plan.name, uri=running.uri(plan.name), silence_is_done=silent)
            if plan.door is lab.Door.RAW:
                served.ask("device.probe", name=plan.name)  # adding alone sends nothing to a RAW port
        yield office
