"""The jobs of a virtual IPP device, and the print unit that works through them one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from uuid import UUID, uuid4

from frisket.lab.faults import Fault, Faults
from frisket.lab.tray import Document
from frisket.wire import ipp

__all__ = ["Job", "PrintUnit", "is_over"]

_OVER = (ipp.JobState.CANCELED, ipp.JobState.ABORTED, ipp.JobState.COMPLETED)


def is_over(state: int) -> bool:
    return state in _OVER


@dataclass
class Job:
    """state, reason, impressions: the truth. A lying device puts what it says into `lie`."""

    number: int
    printer_uri: str  # as the client wrote it, PWG 5100.14 wants it back like that
    name: str
    user: str
    template: list[ipp.Attribute]  # job template attributes as sent
    uuid: UUID = field(default_factory=uuid4)
    state: int = ipp.JobState.PENDING
    reason: str = "job-incoming"
    documents: list[Document] = field(default_factory=list)
    closed: bool = False  # no further document will come
    pages: int = 0  # of all documents, one copy
    impressions: int = 0
    sheets: int = 0
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    processing: datetime | None = None
    completed: datetime | None = None
    lie: Job | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def asked(self, name: str) -> ipp.Attribute | None:
        return next((each for each in self.template if each.name == name), None)

    def _integer(self, name: str, default: int) -> int:
        asked = self.asked(name)
        return default if asked is None or not isinstance(asked.values[0].data, int) else asked.values[0].data

    @property
    def copies(self) -> int:
        return max(1, self._integer("copies", 1))

    @property
    def two_sided(self) -> bool:
        asked = self.asked("sides")
        return asked is not None and str(asked.values[0].data).startswith("two-sided")

    def pages_to_print(self) -> int:
        """Sides of one copy, page-ranges and number-up applied."""
        asked, pages = self.asked("page-ranges"), self.pages
        if asked is not None:
            ranges = [value.data for value in asked.values if isinstance(value.data, ipp.Range)]
            pages = len({page for each in ranges for page in range(each.lower, min(each.upper, pages) + 1)})
        return ceil(pages / max(1, self._integer("number-up", 1)))

    def sheets_of(self, pages: int) -> int:
        return ceil(pages / 2) if self.two_sided else pages

    def move(self, state: int, reason: str) -> None:
        now = datetime.now(UTC)
        self.state, self.reason = state, reason
        if state == ipp.JobState.PROCESSING and self.processing is None:
            self.processing = now
        if is_over(state) and self.completed is None:
            self.completed = now
            self.over.set()

    def told(self) -> Job:
        """What clients get to see."""
        return self.lie or self

    def attributes(self, started: float) -> list[ipp.Attribute]:
        """Everything Get-Job-Attributes has. started: when the device came up, monotonic seconds."""
        shown = self.told()
        up_time = max(1, int(time.monotonic() - started) + 1)
        octets = sum(document.octets for document in self.documents)
        return [
            ipp.attribute("job-id", ipp.integer(self.number)),
            ipp.attribute("job-uri", ipp.uri(self.uri)),
            ipp.attribute("job-uuid", ipp.uri(self.uuid.urn)),
            ipp.attribute("job-printer-uri", ipp.uri(self.printer_uri)),
            ipp.attribute("job-name", ipp.name(self.name)),
            ipp.attribute("job-originating-user-name", ipp.name(self.user)),
            ipp.attribute("job-state", ipp.enum(shown.state)),
            ipp.attribute("job-state-reasons", ipp.keyword(shown.reason)),
            ipp.attribute("job-state-message", ipp.text(shown.reason.replace("-", " ").capitalize() + ".")),
            ipp.attribute("job-impressions", ipp.integer(self.pages * self.copies) if self.closed else ipp.no_value()),
            ipp.attribute("job-impressions-completed", ipp.integer(shown.impressions)),
            ipp.attribute("job-media-sheets-completed", ipp.integer(shown.sheets)),
            ipp.attribute("job-k-octets", ipp.integer(ceil(octets / 1024))),
            ipp.attribute("number-of-documents", ipp.integer(len(self.documents))),
            ipp.attribute("job-printer-up-time", ipp.integer(up_time)),
            *self._times("creation", self.created, up_time),
            *self._times("processing", self.processing, up_time),
            *self._times("completed", self.completed, up_time),
            *self.template,
        ]

    @staticmethod
    def _times(event: str, moment: datetime | None, up_time: int) -> list[ipp.Attribute]:
        if moment is None:
            dated, timed = ipp.no_value(), ipp.no_value()
        else:
            ago = int((datetime.now(UTC) - moment).total_seconds())
            dated, timed = ipp.datetime_value(moment), ipp.integer(max(1, up_time - ago))
        return [ipp.attribute(f"date-time-at-{event}", dated), ipp.attribute(f"time-at-{event}", timed)]

    @property
    def uri(self) -> str:
        return f"{self.printer_uri.rstrip('/')}/{self.number}"


class PrintUnit:
    """Prints closed jobs in the order they came. `done` is called once for every job that ends here."""

    def __init__(self, faults: Faults, pages_per_minute: float, done: Callable[[Job], None]) -> None:
        self._faults = faults
        self._seconds_per_page = 60 / pages_per_minute if pages_per_minute else 0.0
        self._done = done
        self._waiting: asyncio.Queue[Job] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.job: Job | None = None  # on the glass just now

    def add(self, job: Job) -> None:
        job.move(ipp.JobState.PENDING, "none")
        self._waiting.put_nowait(job)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            job = await self._waiting.get()
            if is_over(job.state):
                continue  # canceled while it waited
            self.job = job
            try:
                await self._print(job)
            finally:
                self.job = None

    async def _print(self, job: Job) -> None:
        job.move(ipp.JobState.PROCESSING, "job-printing")
        pages = job.pages_to_print()
        for _ in range(job.copies):
            for page in range(1, pages + 1):
                await self._paper(job)
                if self._seconds_per_page:
                    await asyncio.sleep(self._seconds_per_page)
                if is_over(job.state):
                    return  # whoever canceled it wrote its line
                job.impressions += 1
                job.sheets += 1 if not job.two_sided or page % 2 else 0
        job.move(ipp.JobState.COMPLETED, "job-completed-successfully")
        self._done(job)

    async def _paper(self, job: Job) -> None:
        if Fault.PAPER_OUT not in self._faults or is_over(job.state):
            return
        job.move(ipp.JobState.PROCESSING_STOPPED, "printer-stopped")
        waiting = asyncio.create_task(self._faults.gone(Fault.PAPER_OUT))
        canceled = asyncio.create_task(job.over.wait())
        try:
            await asyncio.wait((waiting, canceled), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            canceled.cancel()
        if not is_over(job.state):
            job.move(ipp.JobState.PROCESSING, "job-printing")
