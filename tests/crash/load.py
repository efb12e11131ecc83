"""Work for a house that is going to die, and the exact record of what it promised until then."""

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.crash.client import Answer, Gone, Sender
from tests.crash.lives import MARK, House

__all__ = ["CANARIES", "LARGE", "SMALL", "Document", "Job", "Record", "each_act_once", "under_load"]

SMALL, LARGE = 3_000, 150_000  # below and above space.small_bytes
# What no disk may show: every document has the first in each of its blocks, every job the second as its title.
CANARIES: dict[str, str | bytes] = {name: f"canary{name}{os.urandom(8).hex()}" for name in ("document", "title")}
_CONTENT, _TITLE = (str(word) for word in CANARIES.values())


@dataclass(frozen=True, slots=True)
class Document:
    """mark: in its first line, so that a device's paper is known again even when it was cut off."""

    mark: str
    octets: bytes
    digest: str

    @classmethod
    def fresh(cls, size: int) -> "Document":
        mark = os.urandom(12).hex()
        block = _CONTENT.encode() + os.urandom(500).hex().encode()
        octets = b"%!PS\n" + MARK + mark.encode() + b"\n" + (block * (size // len(block) + 1))[:size]
        return cls(mark, octets, hashlib.sha256(octets).hexdigest())


@dataclass(slots=True)
class Job:
    """What we asked about a job and what we were told. number None: it was refused, or never answered."""

    documents: list[Document] = field(default_factory=list)  # acknowledged
    number: int | None = None
    closed: bool = True  # its last document is acknowledged
    end_asked: bool = False  # with a last document that may not have been acknowledged
    asked: set[str] = field(default_factory=set)  # "release", "cancel"
    told: set[str] = field(default_factory=set)  # of these, what was answered with yes


class Record:
    """Every job of one or more lives, until somebody has looked at what became of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.jobs: list[Job] = []
        self.known: set[int] = set()  # numbers of all jobs that were ever acknowledged
        self.unanswered = 0  # asked for, and the house was gone before it answered
        self.refused: list[Answer] = []

    @property
    def promises(self) -> int:
        return len(self.known)

    def begin(self) -> Job:
        job = Job()
        with self._lock:
            self.jobs.append(job)
        return job

    def open_to(self, act: str) -> Job | None:
        """A promised job nobody has asked anything of yet, now asked this."""
        with self._lock:
            able = [job for job in self.jobs if job.number is not None and job.closed and not job.asked]
            if not able:
                return None
            job = random.choice(able)
            job.asked.add(act)
            return job

    # -- the acts; each raises Gone when the house ends before it answers -------------------------

    def print_job(self, sender: Sender, size: int) -> Job:
        """The job; its number is None when it was refused."""
        job, document = self.begin(), Document.fresh(size)
        answer = self._unless_gone(lambda: sender.print_job(document.octets, title=_TITLE))
        if answer.ok and answer.number is not None:
            job.documents, job.number = [document], answer.number
            self.known.add(answer.number)
        else:
            self.refused.append(answer)
        return job

    def create_and_send(self, sender: Sender, sizes: tuple[int, ...]) -> None:
        job = self.begin()
        job.closed = False
        answer = self._unless_gone(lambda: sender.create_job(title=_TITLE))
        if not answer.ok or answer.number is None:
            self.refused.append(answer)
            return
        number = job.number = answer.number
        self.known.add(number)
        for position, size in enumerate(sizes, 1):
            document, last = Document.fresh(size), position == len(sizes)
            job.end_asked = last
            sent = sender.send_document(number, document.octets, last=last)
            if not sent.ok:
                job.end_asked = False
                self.refused.append(sent)
                return
            job.documents.append(document)
            job.closed = last

    def _unless_gone(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except Gone:
            self.unanswered += 1
            raise

    def release(self, house: House, device: str, job: Job | None = None) -> None:
        job = job or self.open_to("release")
        if job is None or job.number is None:
            return
        job.asked.add("release")
        if house.release(job.number, device):
            job.told.add("release")

    def cancel(self, sender: Sender, job: Job | None = None) -> None:
        job = job or self.open_to("cancel")
        if job is None or job.number is None:
            return
        job.asked.add("cancel")
        if sender.cancel(job.number).ok:
            job.told.add("cancel")


def each_act_once(house: House, record: Record) -> bool:
    """A little of everything a house does; False when it died on the way."""
    try:
        with house.sender() as sender:
            taken = [record.print_job(sender, size) for size in (SMALL, LARGE, SMALL, LARGE, SMALL, SMALL)]
            record.create_and_send(sender, (SMALL, LARGE))
            small, large, away, to_port, to_net, _ = taken
            for job in (large, away):
                record.cancel(sender, job)
            record.release(house, "port", to_port)
            record.release(house, "net", to_net)
            record.release(house, "port", small)
    except Gone:
        return False
    return True


def under_load(house: House, record: Record, *, threads: int = 3, ends: threading.Event) -> list[threading.Thread]:
    """Senders that go on until told, or until the house is gone."""

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            with house.sender() as sender:
                while not ends.is_set():
                    _something(house, record, sender, chance)
        except Gone:
            pass

    seeds = [random.randrange(1 << 30) for _ in range(threads)]
    started = [threading.Thread(target=work, args=(seed,), name=f"load-{seed}") for seed in seeds]
    for thread in started:
        thread.start()
    return started


def _something(house: House, record: Record, sender: Sender, chance: random.Random) -> None:
    lot = chance.random()
    if lot < 0.5:
        record.print_job(sender, chance.choice((200, SMALL, SMALL, 40_000)))
    elif lot < 0.62:
        record.print_job(sender, LARGE)
    elif lot < 0.72:
        record.create_and_send(sender, chance.choice(((SMALL,), (SMALL, LARGE), (LARGE, SMALL, SMALL))))
    elif lot < 0.92:
        record.release(house, chance.choice(("net", "port")))
    else:
        record.cancel(sender)
    if chance.random() < 0.2:
        time.sleep(chance.random() * 0.02)
