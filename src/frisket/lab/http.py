"""The HTTP/1.1 of a virtual device: as much as IPP needs (RFC 8010 section 4), on h11."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

from frisket.lab.line import CutOff, Line

__all__ = ["Reply", "Request", "converse"]

_LARGEST_HEADER = 64 << 10


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "application/ipp"


class Request:
    """A request whose body is read as it comes. The first read lets a waiting client go on (Expect)."""

    def __init__(self, head: h11.Request, connection: h11.Connection, line: Line) -> None:
        self.method = head.method.decode("ascii")
        self.target = head.target.decode("ascii", "replace")
        self._headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        self._connection = connection
        self._line = line
        self.finished = False

    def header(self, name: str) -> str:
        return self._headers.get(name, "")

    async def read(self) -> bytes:
        """More of the body, b"" at its end. Raises CutOff when the peer goes away inside it."""
        while not self.finished:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                await self._more()
            elif isinstance(event, h11.Data):
                return bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.finished = True
            else:
                raise CutOff("the peer went away inside a request")
        return b""

    async def _more(self) -> None:
        if self._connection.they_are_waiting_for_100_continue:
            go_on = self._connection.send(h11.InformationalResponse(status_code=100, headers=[]))
            await self._line.write(go_on or b"")
        try:
            self._connection.receive_data(await self._line.read())
        except h11.RemoteProtocolError as error:
            raise CutOff("the peer broke HTTP") from error


async def converse(line: Line, answer: Callable[[Request], Awaitable[Reply]]) -> None:
    """Answer requests until the peer has none left, or must not send more."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEADER)
    try:
        while (head := await _next_head(connection, line)) is not None:
            request = Request(head, connection, line)
            reply = await answer(request)
            if not await _send(connection, line, request, reply):
                return
    except h11.RemoteProtocolError as error:
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await line.write(_octets(connection, Reply(error.error_status_hint, b"", "text/plain"), keep=False))


async def _next_head(connection: h11.Connection, line: Line) -> h11.Request | None:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await line.read())
        elif isinstance(event, h11.Request):
            return event
        else:
            return None


def _octets(connection: h11.Connection, reply: Reply, *, keep: bool) -> bytes:
    headers = [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))]
    if not keep:
        headers.append(("Connection", "close"))
    head = connection.send(h11.Response(status_code=reply.status, headers=headers)) or b""
    body = connection.send(h11.Data(data=reply.body)) or b""
    return head + body + (connection.send(h11.EndOfMessage()) or b"")


async def _send(connection: h11.Connection, line: Line, request: Request, reply: Reply) -> bool:
    """Whether another request may follow; not when a body was refused before its end."""
    if not request.finished and not connection.they_are_waiting_for_100_continue:
        await _look_for_end(connection, request)
    await line.write(_octets(connection, reply, keep=request.finished))
    if not request.finished:
        await line.finish_early()
        return False
    if connection.our_state is h11.MUST_CLOSE or connection.their_state is h11.MUST_CLOSE:
        return False
    connection.start_next_cycle()
    return True


async def _look_for_end(connection: h11.Connection, request: Request) -> None:
    """The end of a body may be in already without anybody having asked for it."""
    while not request.finished:
        event = connection.next_event()
        if isinstance(event, h11.EndOfMessage):
            request.finished = True
        elif not isinstance(event, h11.Data):
            return
