"""HTTP/1.1 towards a device, as IPP needs it: one POST at a time, chunked, Expect: 100-continue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import h11

from frisket.delivery.errors import ConnectionLost, DeviceAnswered, Stalled
from frisket.delivery.stream import Stream

__all__ = ["Exchange"]

LARGEST_ANSWER = 4 << 20  # octets; a media-col-database of a large machine is some 300 KiB
PATIENCE_S = 1.0  # for 100 Continue; RFC 9110 section 10.1.1 says not to wait for ever
LOOK_S = 0.05  # after the attributes: a device that is busy says so before it wants the document
HTTP = 0x10000  # added to an HTTP status in DeviceAnswered


class Exchange:
    """One connection to one device, used for one request after the other."""

    def __init__(self, stream: Stream, host: str, path: str) -> None:
        self._stream = stream
        self._host = host
        self._path = path
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=64 << 10)

    @property
    def reusable(self) -> bool:
        """Whether another request can go over this connection."""
        return self._http.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}

    async def post(self, message: bytes) -> bytes:
        """A request without document: its answer. Raises ConnectionLost, Stalled, DeviceAnswered."""
        headers = [*self._headers(), ("Content-Length", str(len(message)))]
        await self._send(h11.Request(method="POST", target=self._path, headers=headers))
        await self._send(h11.Data(data=message))
        await self._send(h11.EndOfMessage())
        return await self._answer()

    async def post_document(self, message: bytes, document: AsyncIterator[bytes]) -> bytes:
        """A request with a document behind it. The first octet of the document is asked for only when the
        device has not refused what came before it.

        Raises as ``post``, and whatever the document's source raises.
        """
        headers = [*self._headers(), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue")]
        go_on = asyncio.Event()
        answer = asyncio.ensure_future(self._answer(go_on))
        try:
            await self._send(h11.Request(method="POST", target=self._path, headers=headers))
            await _first(answer, asyncio.ensure_future(go_on.wait()), PATIENCE_S)
            if not answer.done():
                await self._send(h11.Data(data=message))
                await _first(answer, None, LOOK_S)
            if not answer.done():
                await self._send_document(document, answer)
            return await answer
        except (ConnectionLost, h11.LocalProtocolError):
            # The device may have said why before it closed; its words are worth more than the reset.
            return await _said(answer)
        finally:
            answer.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await answer

    async def _send_document(self, document: AsyncIterator[bytes], answer: "asyncio.Future[bytes]") -> None:
        async for piece in document:
            await self._send(h11.Data(data=piece))
            if answer.done():
                return  # it has decided without reading the rest
        await self._send(h11.EndOfMessage())

    def _headers(self) -> list[tuple[str, str]]:
        return [
            ("Host", self._host),
            ("User-Agent", "Frisket"),
            ("Content-Type", "application/ipp"),
            ("Accept", "application/ipp"),
        ]

    async def _send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        octets = self._http.send(event)
        if octets:
            await self._stream.write(octets)

    async def _answer(self, go_on: asyncio.Event | None = None) -> bytes:
        """Read until the answer is whole. Raises ConnectionLost, Stalled, DeviceAnswered."""
        status, body = 0, bytearray()
        try:
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    # While a document goes out the device has nothing to say yet: the writing side watches.
                    self._http.receive_data(await self._read(waiting=go_on is None))
                elif isinstance(event, h11.InformationalResponse):
                    if go_on is not None and event.status_code == 100:
                        go_on.set()
                elif isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > LARGEST_ANSWER:
                        raise ConnectionLost("the device's answer is longer than any answer is")
                elif isinstance(event, h11.EndOfMessage):
                    break
                else:
                    raise ConnectionLost("the device closed the connection instead of answering")
        except h11.RemoteProtocolError as error:
            raise ConnectionLost("the device does not speak HTTP") from error
        self._recycle()
        if status != 200:
            raise DeviceAnswered(f"HTTP status {status}", HTTP + status)
        return bytes(body)

    async def _read(self, *, waiting: bool) -> bytes:
        while True:
            try:
                return await self._stream.read()
            except Stalled:
                if waiting or self._http.our_state is h11.DONE:
                    raise

    def _recycle(self) -> None:
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()


async def _first(answer: "asyncio.Future[bytes]", other: "asyncio.Future[bool] | None", within_s: float) -> None:
    """Wait for either, at most so long."""
    waiting = {answer} if other is None else {answer, other}
    try:
        await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
    finally:
        if other is not None:
            other.cancel()


async def _said(answer: "asyncio.Future[bytes]") -> bytes:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await answer
    except TimeoutError as error:
        raise ConnectionLost("the device broke the connection off") from error
