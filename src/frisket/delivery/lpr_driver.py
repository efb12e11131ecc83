"""Sending by LPR (RFC 1179): a device or print server takes the job into its queue and says that it did.

That is all it ever says: its answer means taken, not printed, and whether taken then means delivered is the
device's setting. A document that was sent whole and not answered is uncertain. Each document and each copy is
a job of its own there, because many print servers hold one file to a job and ignore a number of copies.
"""

import asyncio
import itertools
from contextlib import suppress
from dataclasses import replace

from frisket.delivery.errors import ConnectionLost, DeviceAnswered, DeviceUnreachable, Stalled
from frisket.delivery.prints import UNANSWERED, Cancelled, broken, connect, connection, one_after_another
from frisket.delivery.stream import Stream
from frisket.delivery.values import (
    BROKE_OFF,
    Condition,
    End,
    Ending,
    Evidence,
    PrintTicket,
    Probe,
    Source,
    TicketDocument,
    Times,
    Watch,
)
from frisket.device import RAW, DeviceView, clean
from frisket.plumbing.keys import Damaged
from frisket.wire import lpd
from frisket.wire.errors import WireError

__all__ = ["LprDriver"]

HOST = "frisket"  # what a device learns of where a job comes from
_LONGEST_STATE = 64 << 10  # octets of what a server says of its queue
_STOPPED = ("disabled", "stopped", "paused", "offline", "off line", "not ready", "jam", "out of paper", "no paper")
_IDLE = ("no entries", "ready", "idle")
_numbers = itertools.count()


class _NotTaken(Exception):
    """The device refuses the job before anything of the document left."""

    def __init__(self, step: str, said: str) -> None:
        super().__init__(step)
        self.step = step
        self.said = said


class _Refused(Exception):
    """The device refuses the document while, or after, it goes out."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said


class LprDriver:
    def __init__(self, device: DeviceView, times: Times) -> None:
        self._address = device.address
        self._queue = device.address.path.removeprefix("/")
        self._silence_is_done = device.silence_is_done
        self._times = times

    # -- the promises of a driver ----------------------------------------------------------------

    async def print(self, ticket: PrintTicket, source: Source, watch: Watch) -> Ending:
        """Each document and each copy is a job of its own at the device."""
        prints = [document for document in ticket.documents for _ in range(ticket.copies)]
        return await one_after_another(
            prints, lambda document, first: self._print_one(ticket, document, source, watch, first=first)
        )

    async def ask(self, device_job: str) -> Evidence:
        """A queue forgets a job that is out, as it forgets one that it never took whole."""
        return Evidence(BROKE_OFF)

    async def condition(self) -> Condition:
        try:
            return _condition(*lpd.read_listing(await self._state()))
        except DeviceUnreachable:
            return Condition("unreachable")
        except ConnectionLost:
            return Condition("unknown")

    async def probe(self) -> Probe:
        """Asks for the state of the queue, which prints nothing."""
        words, jobs = lpd.read_listing(await self._state())
        if any("unknown" in line.lower() for line in words):
            raise DeviceAnswered("the device does not know the queue at the end of the address", 1)
        return Probe(replace(RAW, probed=True), _condition(words, jobs))

    # -- printing --------------------------------------------------------------------------------

    async def _print_one(
        self, ticket: PrintTicket, document: TicketDocument, source: Source, watch: Watch, *, first: bool
    ) -> Ending:
        if watch.cancelled():
            return Ending(End.CANCELLED, "between-two-prints")
        try:
            async with connection(self._address, self._times) as stream:
                return await self._over(stream, ticket, document, source, watch, first=first)
        except DeviceUnreachable as error:
            return Ending(End.RETRY, type(error).__name__, UNANSWERED)

    async def _over(
        self,
        stream: Stream,
        ticket: PrintTicket,
        document: TicketDocument,
        source: Source,
        watch: Watch,
        *,
        first: bool,
    ) -> Ending:
        before = watch.octets
        try:
            name = await self._offer(stream, ticket, document)
            if first:
                await watch.leaving(name)
            return await self._send(stream, document, source, watch)
        except _NotTaken as error:
            return Ending(End.RETRY, f"lpd-refused at={error.step}", _said("The device does not take it", error.said))
        except _Refused as error:
            return Ending(End.REFUSED, "lpd-refused at=end", _said("The device refused the document", error.said))
        except Cancelled:
            stream.abort()
            if watch.octets == before:
                return Ending(End.CANCELLED, "before-the-first-octet", impressions=0, sheets=0)
            return replace(BROKE_OFF, evidence="cancelled", words="It was cancelled while it was being sent.")
        except (ConnectionLost, WireError, Damaged) as error:
            return broken(error, left=watch.octets > before)

    async def _offer(self, stream: Stream, ticket: PrintTicket, document: TicketDocument) -> str:
        """Everything up to the document: queue, control file, the data file's header. The data file's name.

        Raises _NotTaken. A device that breaks off here has nothing of the document.
        """
        number = next(_numbers) + ticket.number
        data = lpd.file_name("d", 0, number, HOST)
        control = lpd.control_file(
            lpd.file_name("c", 0, number, HOST),
            host=HOST,
            user=ticket.owner,
            title=ticket.name,
            prints=[lpd.Print(data, "l", 1, ticket.name.encode())],
        )
        octets = control.write()
        await self._say(stream, "queue", lpd.receive_job(self._queue))
        await self._say(stream, "control", lpd.control_header(len(octets), control.name))
        await self._say(stream, "control", octets + lpd.WHOLE)
        await self._say(stream, "data", lpd.data_header(document.octets or None, data))
        return data

    async def _say(self, stream: Stream, step: str, octets: bytes) -> None:
        await stream.write(octets)
        accepted, said = _answer(await stream.read())
        if not accepted:
            raise _NotTaken(step, said)

    async def _send(self, stream: Stream, document: TicketDocument, source: Source, watch: Watch) -> Ending:
        answer = asyncio.ensure_future(stream.listen())
        try:
            await self._send_octets(stream, document, source, watch, answer)
            return await self._taken(answer)
        except Stalled:
            if answer.done() and not answer.exception() and answer.result():
                await _not_refused(answer)  # it had said no, and so it reads no more
            raise
        finally:
            answer.cancel()
            with suppress(asyncio.CancelledError, ConnectionLost):
                await answer

    async def _send_octets(
        self,
        stream: Stream,
        document: TicketDocument,
        source: Source,
        watch: Watch,
        answer: "asyncio.Future[bytes]",
    ) -> None:
        left = document.octets
        async for piece in source(document.number):
            if watch.cancelled():
                raise Cancelled
            if answer.done():
                await _not_refused(answer)
                raise ConnectionLost("the device answered before it had the whole document")
            if len(piece) > left:
                raise Damaged("the document is longer than its row says")
            left -= len(piece)
            watch.sent(len(piece))
            await stream.write(piece)
        if left:
            raise Damaged("the document is shorter than its row says")
        if document.octets:
            await stream.write(lpd.WHOLE)
            await stream.flush()
        else:
            await stream.flush()
            stream.end()  # without a count the end of the connection is the end of the file

    async def _taken(self, answer: "asyncio.Future[bytes]") -> Ending:
        """Wait for the last answer: some devices give it only when the paper is out."""
        await asyncio.wait({answer}, timeout=self._times.follow_s)
        if not answer.done():
            return replace(BROKE_OFF, evidence="no-answer", words="The device has the document and does not answer.")
        await _not_refused(answer)
        if self._silence_is_done:
            return Ending(End.DELIVERED, "lpd-accepted", silent=True)
        said = "The device took the document and does not say what became of it."
        return Ending(End.UNCERTAIN, "lpd-accepted", said)

    # -- asking ----------------------------------------------------------------------------------

    async def _state(self) -> bytes:
        """What the device says of its queue. Raises DeviceUnreachable, ConnectionLost."""
        stream, said = await connect(self._address, self._times), bytearray()
        try:
            await stream.write(lpd.send_queue(self._queue))
            while len(said) < _LONGEST_STATE and (data := await stream.read()):
                said += data
        except Stalled:
            if not said:
                raise
        finally:
            await stream.close()
        return bytes(said)


def _answer(octets: bytes) -> tuple[bool, str]:
    """Raises ConnectionLost where there is none."""
    try:
        return lpd.read_answer(octets)
    except WireError as error:
        raise ConnectionLost("the device closed the connection instead of answering") from error


async def _not_refused(answer: "asyncio.Future[bytes]") -> None:
    """Raises _Refused, ConnectionLost."""
    accepted, said = _answer(await answer)
    if not accepted:
        raise _Refused(said)


def _said(words: str, theirs: str) -> str:
    theirs = clean(theirs, 120)
    return f"{words}: {theirs}" if theirs else f"{words}."


def _condition(words: list[str], jobs: list[lpd.Listed]) -> Condition:
    """Every make says it in words of its own; what is not understood is not known."""
    message = clean(next(iter(words), ""), 200)
    said = " ".join(words).lower()
    if any(word in said for word in _STOPPED):
        return Condition("stopped", ("other",), message)
    if any(each.rank == 0 for each in jobs) or "printing" in said:
        return Condition("processing", (), message)
    return Condition("idle" if jobs or any(word in said for word in _IDLE) else "unknown", (), message)
