"""A mail as doors read it: its header first, then one part after the other, nothing held."""

from collections import deque
from collections.abc import AsyncIterator

from frisket.intake.errors import CutOff
from frisket.wire import mime

__all__ = ["MailReader"]


class MailReader:
    """Call top(), then next(), and data() or nothing, then next() again, to None. Raises mime.MimeError."""

    def __init__(self, pieces: AsyncIterator[bytes], limits: mime.Limits) -> None:
        self._pieces = pieces
        self._reader = mime.Reader(limits)
        self._events: deque[mime.Event] = deque()
        self._ended = False
        self.damaged = False  # the part read last: octets of it are missing

    async def top(self) -> mime.Headers:
        event = await self._event()
        if not isinstance(event, mime.Top):
            raise CutOff("there is no mail")
        return event.headers

    async def next(self) -> mime.Part | None:
        while (event := await self._event()) is not None:
            if isinstance(event, mime.Begin):
                self.damaged = False
                return event.part
        return None

    async def data(self) -> AsyncIterator[bytes]:
        """The decoded octets of the part; at its end ``damaged`` is known."""
        while (event := await self._event()) is not None:
            if isinstance(event, mime.Data):
                yield event.octets
            elif isinstance(event, mime.End):
                self.damaged = event.damaged
                return

    async def drain(self) -> None:
        """Read the rest of the mail, so that its sender can be answered."""
        async for _ in self._pieces:
            pass

    async def _event(self) -> mime.Event | None:
        while not self._events:
            if self._ended:
                return None
            piece = await anext(self._pieces, None)
            if piece is None:
                self._ended = True
                self._events.extend(self._reader.finish())
            else:
                self._events.extend(self._reader.feed(piece))
        return self._events.popleft()
