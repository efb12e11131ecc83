"""A device behind a raw port: one connection is one job, its end is FIN; PJL back channel or mute."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from frisket.lab.backchannel import BackChannel, Splitter, StatusLine, job_name
from frisket.lab.counting import pages_in
from frisket.lab.faults import Fault, Faults
from frisket.lab.formats import format_of
from frisket.lab.line import Line
from frisket.lab.plan import DevicePlan, Make
from frisket.lab.tray import Document, Receiving, Tray

__all__ = ["RawService"]

_MODELS = {Make.COLOUR: "Frisket Lab C450", Make.MONO: "Frisket Lab M40", Make.PRESS: "Frisket Lab P900"}
_READY = StatusLine(10001, "READY", True)
_PRINTING = StatusLine(10023, "PRINTING", True)
_NO_PAPER = StatusLine(41201, "LOAD PAPER", False)
_MOST_COMMANDS_KEPT = 200


@dataclass
class _Connection:
    """What came over one connection. Octets outside PJL are its document."""

    number: int
    stream: Receiving
    line: Line
    back: BackChannel
    document: Receiving | None = None
    documents: list[Document] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    name: str = ""
    open_job: bool = False
    pages: int = 0  # printed in truth
    told: str = "nothing"
    kept_nothing: bool = False


class RawService:
    """Serves the connections of one raw device."""

    def __init__(self, plan: DevicePlan, tray: Tray, faults: Faults) -> None:
        self._plan = plan
        self._tray = tray
        self._faults = faults
        self._printing = asyncio.Lock()  # one print unit
        self._page_count = 1000

    @property
    def model(self) -> str:
        return _MODELS[self._plan.make]

    def _status(self) -> StatusLine:
        if Fault.PAPER_OUT in self._faults:
            return _NO_PAPER
        return _PRINTING if self._printing.locked() else _READY

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer, self._faults)
        if Fault.UNREACHABLE in self._faults:
            await line.hang_while(Fault.UNREACHABLE)
            return
        if self._faults.meet(Fault.BUSY):
            return  # taken and closed at once: how a raw device says that it has a job already
        number = self._tray.next_number()
        stream = self._tray.receive(number, "stream", "application/octet-stream")
        back = BackChannel(self.model, self._status, lambda: self._page_count)
        held = _Connection(number, stream, line, back)
        outcome = "cut"
        try:
            await self._take(held)
            if Fault.HANG in self._faults:
                await line.hang_while(Fault.HANG)
            await self._finish(held)
            outcome = "completed"
        except ConnectionError:
            pass
        finally:
            self._keep(held, outcome)

    async def _take(self, held: _Connection) -> None:
        splitter = Splitter()
        while data := await held.line.read():
            held.stream.write(data)
            for part in splitter.feed(data):
                await self._part(held, part)
        for part in splitter.end():
            await self._part(held, part)

    async def _part(self, held: _Connection, part: str | bytes) -> None:
        if isinstance(part, str):
            if len(held.commands) < _MOST_COMMANDS_KEPT:
                held.commands.append(part[:200])
            await self._command(held, part)
            return
        if held.document is None:
            held.line.new_document()
            held.document = self._tray.receive(held.number, str(len(held.documents) + 1), format_of(part[:1024]))
        held.document.write(part)
        await held.line.took(len(part))
        if Fault.PAPER_OUT in self._faults:
            await self._wait_for_paper(held)  # the buffer is full and the window closes

    async def _command(self, held: _Connection, command: str) -> None:
        upper = command.upper()
        if upper.startswith("JOB") and not upper.startswith("JOBATTR"):
            await self._finish(held)
            held.name, held.open_job = job_name(command), True
            await self._say(held, held.back.job_event("START", held.name))
        elif upper.startswith("EOJ"):
            await self._finish(held)
        else:
            await self._say(held, held.back.answer(command))

    async def _say(self, held: _Connection, reply: bytes) -> None:
        if reply and self._plan.talks:
            await held.line.write(reply)

    async def _wait_for_paper(self, held: _Connection) -> None:
        await self._say(held, held.back.device_changed())
        await self._faults.gone(Fault.PAPER_OUT)
        await self._say(held, held.back.device_changed())

    async def _finish(self, held: _Connection) -> None:
        """Print what came since the last job, if anything did, and say so."""
        if held.document is None and not held.open_job:
            return
        receiving, held.document, held.open_job = held.document, None, False
        pages = 0
        if receiving is not None:
            document = await asyncio.to_thread(receiving.close)
            fixed = self._plan.pages
            pages = await asyncio.to_thread(pages_in, receiving.path) if fixed is None else fixed
            if self._faults.meet(Fault.LIES_COMPLETED):
                document, held.kept_nothing = self._tray.discard(document), True
            held.documents.append(document)
        await self._print(held, pages)

    async def _print(self, held: _Connection, pages: int) -> None:
        async with self._printing:
            for page in range(1, pages + 1):
                if Fault.PAPER_OUT in self._faults:
                    await self._wait_for_paper(held)
                if self._plan.pages_per_minute:
                    await asyncio.sleep(60 / self._plan.pages_per_minute)
                self._page_count += 1
                held.pages += not held.kept_nothing
                await self._say(held, held.back.page_done(page))
        if self._faults.meet(Fault.LIES_ABORTED):
            held.told = "canceled"
            await self._say(held, held.back.job_event("CANCEL", held.name, 0))
            return
        told = self._faults.amount(Fault.LIES_PAGES)
        self._faults.meet(Fault.LIES_PAGES)
        if "JOB" in held.back.wants and self._plan.talks:
            held.told = "completed"
        await self._say(held, held.back.job_event("END", held.name, pages if told is None else told))

    def _keep(self, held: _Connection, outcome: str) -> None:
        """The job's line; a connection that brought no document was a question, not a job."""
        if held.document is not None:
            held.documents.append(held.document.close())
        if not held.documents:
            held.stream.drop()
            return
        if held.kept_nothing:
            held.stream.drop()
            outcome = "aborted"
        self._tray.record(
            held.number,
            "raw",
            outcome=outcome,
            told=held.told,
            impressions=held.pages,
            sheets=held.pages,
            documents=tuple(held.documents),
            stream=None if held.kept_nothing else held.stream.close(),
            attributes={"job-name": held.name, "pjl": held.commands},
        )
