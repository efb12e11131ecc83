"""Documents out of a stream of octets that may be framed in PJL, as drivers send them to RAW ports and LPD.

The frame is read and left behind: what it asks for becomes the job's options, and delivery writes a frame of
its own. So no command of a client reaches a device; what would reach files, memory or firmware of one is refused
with all that came with it (R19). What is inside the frame is given octet for octet.
"""

import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from frisket.intake.errors import CutOff, Unfit
from frisket.intake.sensing import UNSTATED, format_of_octets
from frisket.plumbing.streams import BrokenOff, TooSlow
from frisket.wire import pjl
from frisket.wire.strangers import other_protocol

__all__ = ["Found", "Framed"]

log = logging.getLogger("frisket.intake")
_LOOK_AT = 1024  # octets that tell what a document is; and behind which a PDF's %%EOF does not stand
_BLANK = b"\0\t\r\n \x04"  # PostScript drivers end with an end of transmission
_EOF = b"%%EOF"
_TEXT = bytes({7, 8, 9, 10, 12, 13, 27, 26} | set(range(0x20, 0x7F)) | set(range(0x80, 0x100)))


@dataclass(slots=True)
class Found:
    """The next document. told: what the commands before it say. begins: it is named apart from the one before."""

    told: pjl.Job
    begins: bool
    format: str
    data: AsyncIterator[bytes]


@dataclass(slots=True)
class _Heard:
    """What was said since the last document."""

    commands: list[pjl.Command] = field(default_factory=list)
    language: str = ""


def _nothing(_: pjl.Command) -> None:
    pass


class Framed:
    """``source``: the octets, as they come. ``hear`` is told every command at once, to answer a question.

    to_the_end: the source itself cannot say whether its end is the end, so a document has to.
    """

    def __init__(
        self,
        source: AsyncIterator[bytes],
        *,
        most: int,
        code_page: str,
        hear: Callable[[pjl.Command], None] = _nothing,
        to_the_end: bool,
    ) -> None:
        self._source = source
        self._hear = hear
        self._to_the_end = to_the_end
        self._most = most
        self._padding = 0  # octets between documents that are none
        self._frame = pjl.Unframer(longest=min(most, 1 << 16), most=most, code_page=code_page)
        self._events: deque[pjl.Event] = deque()
        self._over = False
        self._cut = False  # the peer rested too long; whether that was the end is the document's to say
        self._name = ""
        self._first = True
        self._tail = b""
        self._data: AsyncIterator[bytes] | None = None

    async def next(self) -> Found | None:
        """The next document, once the one before was taken whole; None at the end.

        Raises Unfit, CutOff, wire.errors.WireError.
        """
        heard = _Heard()
        while True:
            event = await self._event()
            if event is None:
                return None
            if isinstance(event, pjl.Command):
                self._listen(event, heard)
            elif isinstance(event, pjl.Data):
                first = await self._beginning(event.octets)
                if first.strip(_BLANK):
                    self._padding = 0
                    return self._found(heard, first)
                self._padding += len(first)
                if self._padding > self._most:
                    raise Unfit(f"more than {self._most} octets of padding without a document")

    def _listen(self, command: pjl.Command, heard: _Heard) -> None:
        if pjl.is_dangerous(command):
            raise Unfit("a PJL command that reaches the files, the memory or the firmware of a device")
        if pjl.is_permanent(command):
            log.info("a PJL command that would change a device was left out")
        self._hear(command)
        heard.commands.append(command)
        if command.verb == "ENTER":
            heard.language = command.options.get("LANGUAGE", "")

    def _found(self, heard: _Heard, first: bytes) -> Found:
        stated = pjl.format_of(heard.language) if heard.language else ""
        if stated is None:
            raise Unfit("a PJL language that is not one of documents")
        format = format_of_octets(first)
        if format == UNSTATED:
            format = stated or (UNSTATED if first.translate(None, _TEXT) else "text/plain")
        told = pjl.job_of(heard.commands)
        names = [each.options["NAME"] for each in heard.commands if each.verb == "JOB" and "NAME" in each.options]
        begins = bool(names) and names[-1] != self._name
        self._name = names[-1] if names else self._name
        return Found(told, begins, format, self._document(first, format))

    async def _beginning(self, first: bytes) -> bytes:
        """Enough octets to tell a document by, fewer when it ends before."""
        while len(first) < _LOOK_AT:
            self._is_ours(first)
            event = await self._event()
            if not isinstance(event, pjl.Data):
                if event is not None:
                    self._events.appendleft(event)
                break
            first += event.octets
        self._is_ours(first)
        self._first = False
        return first

    def _is_ours(self, first: bytes) -> None:
        """How a connection begins, as soon as it shows: such a peer waits for an answer first."""
        if self._first and (protocol := other_protocol(first)):
            raise Unfit(f"the peer speaks {protocol}")

    async def _document(self, first: bytes, format: str) -> AsyncIterator[bytes]:
        piece: bytes = first
        while True:
            self._tail = (self._tail + piece[-_LOOK_AT:])[-_LOOK_AT:]
            yield piece
            event = await self._event()
            if not isinstance(event, pjl.Data):
                break
            piece = event.octets
        if event is None:
            self._has_its_end(format)
        else:
            self._events.appendleft(event)
        self._tail = b""

    def _has_its_end(self, format: str) -> None:
        """The stream ended within a document. A PDF that lost its end is known by it, others are not."""
        ends = _EOF in self._tail
        if (self._cut and not ends) or (self._to_the_end and format == "application/pdf" and not ends):
            raise CutOff("the stream ended within a document")

    async def _event(self) -> pjl.Event | None:
        """Raises CutOff."""
        while not self._events:
            if self._over:
                return None
            try:
                data = await anext(self._source)
            except StopAsyncIteration:
                self._over = True
                self._events += self._frame.end()
            except TooSlow:
                self._over = self._cut = True
                self._events += self._frame.end()
            except BrokenOff as error:
                raise CutOff("the connection broke off") from error
            else:
                self._events += self._frame.feed(data)
        return self._events.popleft()
