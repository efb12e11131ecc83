"""Sending over a RAW port (AppSocket, TCP 9100): one connection is one print.

A device that was found to speak PJL at its adoption gets the document inside a frame and says when the last
page is out. Any other gets the document's octets and nothing else, and cannot say anything: whether silence
then means delivered is the device's setting. Nothing is ever asked of such a device while a job goes out, for
it would print the question.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from frisket.delivery.errors import ConnectionLost, DeviceUnreachable, Stalled
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
from frisket.wire import pjl
from frisket.wire.errors import WireError

__all__ = ["RawDriver"]

ANSWERS_WITHIN_S = 1.5  # a device that speaks PJL answers INFO ID by then
LINGER_S = 5.0  # after the last octet is acknowledged, for a device that closes when it has read all
_PAPERS = {
    "iso_a3_297x420mm": "A3",
    "iso_a4_210x297mm": "A4",
    "iso_a5_148x210mm": "A5",
    "na_letter_8.5x11in": "LETTER",
    "na_legal_8.5x14in": "LEGAL",
    "na_ledger_11x17in": "LEDGER",
}
# Classes of PJL status codes (PJL Technical Reference, appendix D), the first that fits.
_CODES: tuple[tuple[range, str, str], ...] = (
    (range(10006, 10007), "idle", "toner-low"),
    (range(10003, 10004), "processing", ""),
    (range(10023, 10025), "processing", ""),
    (range(10002, 10003), "stopped", "other"),
    (range(10000, 20000), "idle", ""),
    (range(40010, 40011), "stopped", "toner-empty-error"),
    (range(40021, 40022), "stopped", "cover-open-error"),
    (range(40022, 40023), "stopped", "media-jam-error"),
    (range(40079, 40080), "stopped", "paused"),
    (range(41000, 42000), "stopped", "media-needed-error"),
    (range(42000, 45000), "stopped", "media-jam-error"),
    (range(30000, 60000), "stopped", "other-error"),
)


class RawDriver:
    def __init__(self, device: DeviceView, times: Times) -> None:
        self._address = device.address
        self._pjl = device.capabilities.pjl
        self._silence_is_done = device.silence_is_done
        self._times = times

    # -- the promises of a driver ----------------------------------------------------------------

    async def print(self, ticket: PrintTicket, source: Source, watch: Watch) -> Ending:
        """Each document is a print of its own; a device without PJL is given each copy by itself."""
        rounds = 1 if self._pjl else ticket.copies
        prints = [document for document in ticket.documents for _ in range(rounds)]
        return await one_after_another(
            prints, lambda document, first: self._print_one(ticket, document, source, watch, first=first)
        )

    async def ask(self, device_job: str) -> Evidence:
        """A RAW port remembers nothing of a connection that is gone."""
        return Evidence(BROKE_OFF)

    async def condition(self) -> Condition:
        """Only a device that speaks PJL is asked: to any other a connection may be an empty print."""
        if not self._pjl:
            return Condition("unknown")
        try:
            found = await self._question("INFO STATUS")
        except DeviceUnreachable:
            return Condition("unreachable")
        status = next((reply for reply in found if isinstance(reply, pjl.DeviceEvent)), None)
        return _condition(status) if status is not None else Condition("unknown")

    async def probe(self) -> Probe:
        found = await self._question("INFO ID", "INFO STATUS")
        identity = next((reply.model for reply in found if isinstance(reply, pjl.Identity)), None)
        status = next((reply for reply in found if isinstance(reply, pjl.DeviceEvent)), None)
        if identity is None:
            return Probe(replace(RAW, probed=True), Condition("unknown"))
        model = clean(identity, 120)
        return Probe(
            capabilities=replace(RAW, pjl=True, probed=True, make_and_model=model, copies_max=999),
            condition=_condition(status) if status is not None else Condition("unknown"),
            make_and_model=model,
        )

    async def page_count(self) -> int | None:
        """The engine's counter by PJL (INFO PAGECOUNT); None where it does not say."""
        try:
            found = await self._question("INFO PAGECOUNT")
        except DeviceUnreachable:
            return None
        said = next((each.lines for each in found if isinstance(each, pjl.Other) and each.lines), ())
        digits = said[0].strip().removeprefix("PAGECOUNT=").strip() if said else ""
        return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 11 else None

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
        talk = _Talk(stream, ticket.name) if self._pjl else None
        before = watch.octets
        try:
            if first:
                await watch.leaving(ticket.name if self._pjl else "")
            await self._send(stream, talk, ticket, document, source, watch)
            return await (self._heard(stream, talk, watch) if talk is not None else self._silence(stream))
        except Cancelled:
            return await self._stop(stream, talk, watch.octets > before)
        except (ConnectionLost, WireError, Damaged) as error:
            return broken(error, left=watch.octets > before, impressions=talk.pages if talk is not None else None)
        finally:
            if talk is not None:
                await talk.end()

    async def _send(
        self,
        stream: Stream,
        talk: "_Talk | None",
        ticket: PrintTicket,
        document: TicketDocument,
        source: Source,
        watch: Watch,
    ) -> None:
        pieces = source(document.number)
        piece = await anext(pieces, b"")
        if talk is not None:
            inside = piece.startswith(pjl.UEL)  # a document that brings a frame of its own enters by itself
            language = "" if inside else pjl.language_of(document.format)
            await stream.write(pjl.header(ticket.name, settings=_settings(ticket), language=language))
        while piece:
            if watch.cancelled():
                raise Cancelled
            watch.sent(len(piece))
            await stream.write(piece)
            piece = await anext(pieces, b"")
        if talk is not None:
            await stream.write(pjl.footer(ticket.name))
        await stream.flush()

    async def _heard(self, stream: Stream, talk: "_Talk", watch: Watch) -> Ending:
        """Wait for the END of our job, as long as anything of it still comes."""
        asked = False
        while not talk.over and time.monotonic() - talk.changed < self._times.follow_s:
            await talk.news(within_s=1.0)
            asked = asked or watch.cancelled()  # a whole document cannot be called back over this port
        if talk.ended is None and talk.lost:
            raise ConnectionLost("the device broke the connection off")
        if talk.ended is None:
            evidence = "closed" if talk.over else "no-answer"
            return self._quiet(evidence, stream.unsent() == 0, talk.pages)
        if talk.ended.event == "CANCEL":
            if talk.printed():
                return Ending(End.UNCERTAIN, "pjl-cancel", "It was cancelled at the device.", impressions=talk.pages)
            return Ending(End.REFUSED, "pjl-cancel", "The device did not print it. It was cancelled there.")
        if talk.ended.pages == 0 and not talk.pages:
            said = "The device says that it printed no page."
            return Ending(End.UNCERTAIN, "pjl-end pages=0", said, impressions=0)
        evidence = "pjl-end" + (" cancel-too-late" if asked else "")
        return Ending(End.DELIVERED, evidence, impressions=talk.ended.pages or talk.pages)

    async def _silence(self, stream: Stream) -> Ending:
        """Without a back channel: the end of our octets, then whatever the device does."""
        stream.end()
        left, since = stream.unsent(), time.monotonic()
        while True:
            try:
                if not await stream.read(within_s=0.25 if left else LINGER_S):
                    # Closed by the device. What it had not acknowledged by then, it has not read.
                    return self._quiet("closed", stream.unsent() == 0)
            except Stalled:
                if not left:
                    return self._quiet("acknowledged", True)
                now = stream.unsent()
                if now < left:
                    left, since = now, time.monotonic()
                elif time.monotonic() - since > self._times.stall_s:
                    raise

    def _quiet(self, evidence: str, whole: bool, pages: int | None = None) -> Ending:
        """Everything went out and nobody confirmed it."""
        if whole and self._silence_is_done:
            return Ending(End.DELIVERED, evidence, silent=True, impressions=pages)
        said = "The device took the document and does not say what became of it."
        return Ending(End.UNCERTAIN, evidence, said, impressions=pages)

    async def _stop(self, stream: Stream, talk: "_Talk | None", left: bool) -> Ending:
        """Break a document off. PJL devices say what they had printed by then."""
        if not left:
            return Ending(End.CANCELLED, "before-the-first-octet", impressions=0, sheets=0)
        if talk is None:
            stream.abort()
            return replace(BROKE_OFF, evidence="cancelled", words="It was cancelled while it was being sent.")
        with suppress(ConnectionLost):
            await stream.write(pjl.footer(talk.name))
            while not talk.over and time.monotonic() - talk.changed < self._times.stall_s:
                await talk.news(within_s=1.0)
        if talk.ended is None:
            return replace(BROKE_OFF, evidence="cancelled", impressions=talk.pages)
        pages = talk.ended.pages if talk.ended.pages is not None else talk.pages
        return Ending(End.CANCELLED, "pjl-end", "The device stopped it.", impressions=pages)

    # -- asking ----------------------------------------------------------------------------------

    async def _question(self, *commands: str) -> list[pjl.Reply]:
        """What comes back within ``ANSWERS_WITHIN_S``; nothing, where the device does not speak PJL."""
        stream = await connect(self._address, self._times)
        replies, found = pjl.Replies(), list[pjl.Reply]()
        until = time.monotonic() + ANSWERS_WITHIN_S
        try:
            await stream.write(pjl.query(*commands))
            while len(found) < len(commands) and (data := await stream.read(until - time.monotonic())):
                found += replies.feed(data)
        except (ConnectionLost, WireError):
            pass
        finally:
            await stream.close()
        return found


class _Talk:
    """Reads the back channel beside the document that goes out."""

    def __init__(self, stream: Stream, name: str) -> None:
        self.name = name
        self.ended: pjl.JobEvent | None = None
        self.pages: int | None = None
        self.over = False
        self.lost = False  # the connection ended in disorder: what the device had not read is gone
        self.changed = time.monotonic()
        self._stream = stream
        self._replies = pjl.Replies()
        self._news = asyncio.Event()
        self._task = asyncio.ensure_future(self._listen())

    async def news(self, within_s: float) -> None:
        """Wait until something came, at most so long."""
        self._news.clear()
        if not self.over:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._news.wait()

    def printed(self) -> bool:
        return bool(self.pages or (self.ended is not None and self.ended.pages))

    async def end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _listen(self) -> None:
        try:
            while self.ended is None:
                try:
                    data = await self._stream.read()
                except Stalled:
                    continue  # silence while a page is being drawn is no fault; whoever waits has the time
                if not data:
                    break
                for reply in self._replies.feed(data):
                    self._take(reply)
        except (ConnectionLost, WireError):
            self.lost = True
        self.over = True
        self._news.set()

    def _take(self, reply: pjl.Reply) -> None:
        self.changed = time.monotonic()
        self._news.set()
        if isinstance(reply, pjl.PageEvent):
            self.pages = max(self.pages or 0, reply.page)
        elif isinstance(reply, pjl.JobEvent) and reply.event in ("END", "CANCEL"):
            # A document with a frame of its own ends a job of its own inside ours.
            ours = reply.name in ("", self.name) and self.ended is None
            self.ended = reply if ours else self.ended


def _settings(ticket: PrintTicket) -> Mapping[str, str | int]:
    wanted, found = ticket.options, dict[str, str | int]()
    if ticket.copies > 1:
        found["COPIES"] = min(ticket.copies, 999)
    if wanted.sides:
        found["DUPLEX"] = "OFF" if wanted.sides == "one-sided" else "ON"
    if wanted.sides.startswith("two-sided"):
        found["BINDING"] = "SHORTEDGE" if wanted.sides.endswith("short-edge") else "LONGEDGE"
    if wanted.color_mode in ("color", "monochrome"):
        found["RENDERMODE"] = "COLOR" if wanted.color_mode == "color" else "GRAYSCALE"
    if wanted.media in _PAPERS:
        found["PAPER"] = _PAPERS[wanted.media]
    return found


def _condition(status: pjl.DeviceEvent) -> Condition:
    for codes, state, reason in _CODES:
        if status.code in codes:
            stopped = "stopped" if status.online is False else state
            return Condition(stopped, (reason,) if reason else (), clean(status.display, 200))
    return Condition("unknown", (), clean(status.display, 200))
