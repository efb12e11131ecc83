"""A device behind an LPD port (RFC 1179): takes a job into its queue, says so, prints it, forgets it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from frisket.lab.counting import pages_in
from frisket.lab.faults import Fault, Faults
from frisket.lab.formats import format_of
from frisket.lab.line import Line
from frisket.lab.plan import DevicePlan
from frisket.lab.tray import Document, Receiving, Tray
from frisket.wire import lpd
from frisket.wire.errors import WireError

__all__ = ["LpdService"]

_ACCEPTED = bytes((lpd.Answer.ACCEPTED,))
_REFUSED = bytes((lpd.Answer.NOT_ACCEPTED,))


@dataclass
class _Job:
    """What came over one connection."""

    number: int
    queue: str
    control: lpd.ControlFile | None = None
    names: list[str] = field(default_factory=list)
    files: list[tuple[Receiving, Document]] = field(default_factory=list)
    open: Receiving | None = None
    kept_nothing: bool = False
    told: str = "nothing"


class LpdService:
    """Serves the connections of one LPD device. Any queue name is taken, as most devices do."""

    def __init__(self, plan: DevicePlan, tray: Tray, faults: Faults) -> None:
        self._plan = plan
        self._tray = tray
        self._faults = faults
        self._waiting: list[lpd.Listed] = []
        self._printing = asyncio.Lock()  # one print unit

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer, self._faults)
        if Fault.UNREACHABLE in self._faults:
            await line.hang_while(Fault.UNREACHABLE)
            return
        talk, job = lpd.Conversation(), _Job(0, "")
        try:
            while data := await line.read():
                for event in talk.feed(data):
                    if not await self._event(job, event, line):
                        return
            for event in talk.end():
                if not await self._event(job, event, line):
                    return
        except (ConnectionError, WireError):
            pass
        finally:
            await self._over(job)

    async def _event(self, job: _Job, event: lpd.Event, line: Line) -> bool:
        """Obey and answer; False where that ends the connection."""
        if isinstance(event, lpd.SendQueue):
            await line.write(lpd.listing(self._state(), self._waiting, long=event.long))
            return False
        if isinstance(event, lpd.Data):
            await self._data(job, event.octets, line)
            return True
        if isinstance(event, lpd.ReceiveJob):
            if self._faults.meet(Fault.BUSY):
                await line.write(_REFUSED)
                return False
            job.number, job.queue = self._tray.next_number(), event.queue
        elif isinstance(event, lpd.ControlFile):
            job.control = event
        elif isinstance(event, lpd.DataBegins):
            job.names.append(event.name)
            line.new_document()
        elif isinstance(event, lpd.DataEnds):
            return await self._whole(job, line)
        elif isinstance(event, lpd.Abort | lpd.RemoveJobs):
            await line.write(_REFUSED)
            return False
        await line.write(_ACCEPTED)
        return True

    async def _data(self, job: _Job, octets: bytes, line: Line) -> None:
        if job.open is None:
            job.open = self._tray.receive(job.number, str(len(job.files) + 1), format_of(octets[:1024]))
        job.open.write(octets)
        await line.took(len(octets))
        if Fault.PAPER_OUT in self._faults:
            await self._faults.gone(Fault.PAPER_OUT)  # the buffer is full and the window closes

    async def _whole(self, job: _Job, line: Line) -> bool:
        """A data file is in: into the queue with it, and the answer."""
        receiving = job.open or self._tray.receive(job.number, str(len(job.files) + 1), "application/octet-stream")
        job.open = None
        document = await asyncio.to_thread(receiving.close)
        if Fault.HANG in self._faults:
            job.files.append((receiving, document))
            await line.hang_while(Fault.HANG)
            return False
        if self._faults.meet(Fault.LIES_COMPLETED):
            document, job.kept_nothing = self._tray.discard(document), True
        job.files.append((receiving, document))
        lies = self._faults.meet(Fault.LIES_ABORTED)
        job.told = "refused" if lies else "accepted"
        await line.write(_REFUSED if lies else _ACCEPTED)
        return not lies

    def _state(self) -> str:
        if Fault.PAPER_OUT in self._faults:
            return f"{self._plan.name} is out of paper"
        return f"{self._plan.name} is ready and printing" if self._waiting else f"{self._plan.name} is ready"

    async def _over(self, job: _Job) -> None:
        """The connection is gone: print what came whole, and write the job's line."""
        cut = job.open is not None
        documents = [document for _, document in job.files]
        if job.open is not None:
            documents.append(job.open.close())
        if not documents:
            return
        pages = 0 if job.kept_nothing else await self._print(job)
        self._tray.record(
            job.number,
            "lpd",
            outcome="aborted" if job.kept_nothing else "cut" if cut else "completed",
            told=job.told,
            impressions=pages,
            sheets=pages,
            documents=tuple(documents),
            attributes={"queue": job.queue, **_attributes(job)},
        )

    async def _print(self, job: _Job) -> int:
        """Pages of what came whole; of a file that did not, RFC 1179 section 6.3 prints nothing."""
        listed = lpd.Listed(len(self._waiting), _text(job, "P"), job.number, tuple(job.names), 0)
        self._waiting.append(listed)
        try:
            async with self._printing:
                pages = 0
                for receiving, _ in job.files:
                    counted = await asyncio.to_thread(pages_in, receiving.path)
                    pages += counted if self._plan.pages is None else self._plan.pages
                if self._plan.pages_per_minute:
                    await asyncio.sleep(pages * 60 / self._plan.pages_per_minute)
                return pages
        finally:
            self._waiting.remove(listed)


def _text(job: _Job, letter: str) -> str:
    return lpd.text(job.control.first(letter)) if job.control is not None else ""


def _attributes(job: _Job) -> dict[str, object]:
    if job.control is None:
        return {"names": job.names}
    wishes = [(one.file, one.format, one.copies) for one in job.control.prints]
    return {
        "names": job.names,
        "job-name": _text(job, "J"),
        "user": _text(job, "P"),
        "host": _text(job, "H"),
        "prints": wishes,
    }
