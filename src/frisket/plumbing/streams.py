"""Listeners for plain octet streams, for protocols that are not HTTP (R16, R23).

A connection is a ``Stream`` that a handler reads and answers. The peer has ``first_s`` for its first complete
request. From then on it may fall behind ``slowest_bytes_per_s`` by ``patience_s`` seconds: a steady slow peer
and one that rests are the same thing, and one that has been quick may rest as long again. Its clock stands
still while the handler does not wait for octets. What it does not read of our answers for ``stall_s`` ends it
too. No more than ``MOST_HELD`` octets wait for the handler; then the kernel's window tells the peer to wait.

A handler that returns closes the connection in order. One that raises resets it, so that a peer whose protocol
has no acknowledgement sees that its octets were not taken.

A connection may go on in TLS (``encrypt``). Its end counts then only where the peer said so inside TLS: one that
merely closes was broken off.
"""

import asyncio
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from frisket.errors import Blame, FrisketError
from frisket.plumbing.listening import CROWD, Welcome, anybody, bind, reset

__all__ = ["Bounds", "BrokenOff", "Handler", "Invitation", "Listener", "Stream", "TooSlow"]

log = logging.getLogger("frisket.streams")
SWEEP_S = 1.0
MOST_HELD = 256 << 10  # octets read ahead of the handler
LINGER_S = 2.0
LINGER_OCTETS = 1 << 20  # read and forgotten behind a refusal, so that the peer can read it
HANDSHAKE_S = 30.0  # an FTP client may begin it some time after it connected


class BrokenOff(FrisketError):
    """The peer went away, or was sent away, in the middle of something."""

    blame, retry = Blame.PEER, True
    remedy = "Send the job again."


class TooSlow(BrokenOff):
    """The peer rested too long; its connection is still there to be answered."""


@dataclass(frozen=True, slots=True)
class Bounds:
    first_s: float
    patience_s: float
    slowest_bytes_per_s: int
    stall_s: float
    connections: int  # of the process
    waiting_per_address: int  # connections without a complete request
    per_address: int  # connections, working ones too


Handler = Callable[["Stream"], Awaitable[None]]


class Invitation(Protocol):
    """What a door knows of a connection before its first octet. context: TLS comes first."""

    greeting: asyncio.Task[None] | None  # while it begins; may be cancelled

    @property
    def context(self) -> ssl.SSLContext | None: ...

    def missed(self) -> None:
        """It came to nothing before it was served."""


class Stream(asyncio.Protocol):
    """One connection. ``address`` is the peer's, ``port`` the one it came to, ``local`` the address it came to."""

    def __init__(self, listener: "Listener", invitation: Invitation | None = None) -> None:
        self.bounds = listener.bounds
        self.invitation = invitation
        self.address = ""
        self.local = ""
        self.port = 0
        self.tls: ssl.SSLObject | None = None
        self.resting = False  # between two requests: nothing is lost when it ends here
        self._listener = listener
        self._transport: asyncio.Transport
        self._held = bytearray()
        self._ended = False
        self._lost: BrokenOff | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._stirring: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None  # while the peer takes no more of our answer
        self._stalled_since = 0.0
        self._began = time.monotonic()
        self._behind_s = 0.0
        self._paused = False
        self._working = False
        self._closing_since = 0.0
        self._task: asyncio.Task[None] | None = None

    # -- for the handler

    async def read(self) -> bytes:
        """What has come, at least one octet; b"" when the peer has ended its side. Raises BrokenOff, TooSlow."""
        while not self._held:
            if self._ended and self.tls is not None:  # the connection itself goes right behind the end
                return b""
            if self._lost is not None:
                raise self._lost
            if self._ended:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = bytes(self._held)
        self._held.clear()
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        return data

    @property
    def ended(self) -> bool:
        """The peer has ended its side, or is gone; what it sent before may still be there to read."""
        return self._ended or self._lost is not None

    @property
    def unread(self) -> bool:
        return bool(self._held)

    async def stirred(self) -> None:
        """Wait, without the clock that ``read`` is under, until there is something to read or the peer has ended."""
        if not self._held and not self.ended:
            self._stirring = asyncio.get_running_loop().create_future()
            try:
                await self._stirring
            finally:
                self._stirring = None

    def again(self) -> None:
        """Something whole is in: how long the peer rested before it does not count any more."""
        self._behind_s = 0.0

    async def encrypt(self, context: ssl.SSLContext, *, first: bytes = b"") -> None:
        """Write ``first`` and go on in TLS, as its server. Raises BrokenOff.

        What the peer sent before is dropped: nothing said in clear is taken for something said inside.
        """
        self._transport.pause_reading()
        self._held.clear()
        self.write(first)
        try:
            inside = await asyncio.get_running_loop().start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
            if inside is None:
                raise ConnectionError
        except (OSError, RuntimeError) as error:  # RuntimeError: uvloop, of a transport that closed meanwhile
            self.connection_lost(None)
            raise BrokenOff("the connection did not go on in TLS") from error
        except BaseException:
            self.connection_lost(None)
            raise
        self._transport = inside
        self.tls = inside.get_extra_info("ssl_object")
        self._paused = False
        inside.resume_reading()

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def offer(self, data: bytes) -> None:
        """Write what may be lost: dropped where the peer has not read what was written before."""
        if self._room is None:
            self.write(data)

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was written. Raises BrokenOff."""
        if self._room is not None:
            await self._room
        if self._transport.is_closing():
            raise self._lost or BrokenOff("the connection is gone")

    def served(self) -> None:
        """A complete request is in: this connection is no longer the first to make room for others."""
        self._working = True
        CROWD.served(self)

    async def part(self) -> None:
        """End our side and forget what the peer still sends, for a while, so that it reads what was written."""
        if self._transport.is_closing():
            return
        forgotten = 0
        with suppress(BrokenOff, TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await self.drain()
                if self._transport.can_write_eof():  # TLS cannot
                    self._transport.write_eof()
                while forgotten < LINGER_OCTETS and (data := await self.read()):
                    forgotten += len(data)

    def reset(self) -> None:
        """Tell the peer, by a reset, that its octets were not taken."""
        if self._transport.is_closing():
            return
        reset(self._transport.get_extra_info("socket"))
        self._transport.abort()

    # -- for the loop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.address = peer[0] if peer else ""
        self.local = local[0] if local else ""
        self.port = self._listener.port
        self.tls = transport.get_extra_info("ssl_object")
        if not self._listener.enter(self):
            self.reset()
            return
        self._task = asyncio.get_running_loop().create_task(self._listener.run(self))

    def data_received(self, data: bytes) -> None:
        self._held += data
        self._behind_s = max(0.0, self._behind_s - len(data) / self.bounds.slowest_bytes_per_s)
        if len(self._held) > MOST_HELD and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return self.tls is None  # the answer is still to be written; TLS always ends both sides

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._lost or BrokenOff("the connection broke off")
        self._listener.leave(self)
        self.resume_writing()
        self._wake()

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()
        self._stalled_since = time.monotonic()

    def resume_writing(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._stirring is not None and not self._stirring.done():
            self._stirring.set_result(None)

    # -- for the listener and the crowd

    def watch(self, now: float, passed_s: float) -> None:
        stalled_since = self._closing_since or (self._stalled_since if self._room is not None else now)
        if now - stalled_since > self.bounds.stall_s:
            self.drop()
        elif self._waiter is not None and not self._waiter.done() and self._lost is None:
            self._behind_s += passed_s
            late = not self._working and now - self._began > self.bounds.first_s
            if late or self._behind_s > self.bounds.patience_s:
                self._lost = TooSlow("nothing came for too long")
                self._wake()

    def drop(self) -> None:
        self._lost = self._lost or BrokenOff("the connection had to make room")
        self._listener.leave(self)
        self.reset()
        self._wake()

    def stop(self, *, working_too: bool) -> None:
        if self._task is not None and (working_too or self.resting or not self._working):
            self._task.cancel()

    def close(self) -> None:
        """Close once the peer has taken what was written."""
        self._closing_since = time.monotonic()
        self._transport.close()


class Listener:
    """One open port whose connections ``serve`` handles."""

    _by_address: Counter[str] = Counter()  # of all listeners of the process

    def __init__(
        self,
        serve: Handler,
        bounds: Bounds,
        *,
        welcome: Welcome = anybody,
        invite: Callable[[str], Invitation | None] | None = None,
    ) -> None:
        """welcome: whether an address may connect at all; others get no answer.
        invite: asked of the address of each connection, which says whether TLS comes first; None resets it.
        """
        self.bounds = bounds
        self._invite = invite
        self._greetings: set[asyncio.Task[None]] = set()
        self._knocked: list[socket.socket] = []
        self._welcome = welcome
        self.port = 0
        self._serve = serve
        self._streams: set[Stream] = set()
        self._servers: list[asyncio.Server] = []
        self._beat: asyncio.Task[None] | None = None

    async def open(self, address: str, port: int) -> None:
        """Bind and listen; ``port`` 0 takes any free one, found in ``.port`` afterwards. Raises CannotListen."""
        loop = asyncio.get_running_loop()
        sockets = list(bind(address, port))
        self.port = sockets[0].getsockname()[1]
        if self._invite is not None:
            for sock in sockets:
                self._knocked.append(sock)
                sock.listen(512)
                loop.add_reader(sock, self._accept, sock, self._invite)
            sockets = []
        for sock in sockets:
            self._servers.append(await loop.create_server(lambda: Stream(self), sock=sock, backlog=512))
        self._beat = asyncio.create_task(self._watch())

    def _accept(self, listening: socket.socket, invite: Callable[[str], Invitation | None]) -> None:
        """A server of the loop reads before anybody could say that TLS comes first."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no handle or memory left: the port would only go on saying that somebody knocks
                loop.remove_reader(listening)
                loop.call_later(SWEEP_S, self._accept_again, listening, invite)
                return
            peer.setblocking(False)
            invitation = invite(address[0]) if self._welcome(address[0]) else None
            if invitation is None:
                reset(peer)
                peer.close()
                continue
            invitation.greeting = loop.create_task(self._greet(peer, invitation))
            self._greetings.add(invitation.greeting)
            invitation.greeting.add_done_callback(self._greetings.discard)

    def _accept_again(self, listening: socket.socket, invite: Callable[[str], Invitation | None]) -> None:
        if listening in self._knocked:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening, invite)

    async def _greet(self, peer: socket.socket, invitation: Invitation) -> None:
        stream = Stream(self, invitation)
        within = HANDSHAKE_S if invitation.context is not None else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: stream, peer, ssl=invitation.context, ssl_handshake_timeout=within
            )
        except OSError:  # ssl.SSLError and TimeoutError too
            invitation.missed()
            peer.close()
        except BaseException:
            invitation.missed()
            peer.close()
            raise

    def enter(self, stream: Stream) -> bool:
        if not self._welcome(stream.address) or self._by_address[stream.address] >= self.bounds.per_address:
            return False
        if not CROWD.enter(stream):
            return False
        self._by_address[stream.address] += 1
        self._streams.add(stream)
        return True

    def leave(self, stream: Stream) -> None:
        CROWD.leave(stream)
        if stream in self._streams:
            self._streams.discard(stream)
            self._by_address[stream.address] -= 1
            if not self._by_address[stream.address]:
                del self._by_address[stream.address]

    async def run(self, stream: Stream) -> None:
        """The top of one connection."""
        try:
            await self._serve(stream)
        except FrisketError:
            stream.reset()  # the handler has said and logged what there was to say
        except asyncio.CancelledError:
            stream.reset()
            raise
        except Exception:
            log.exception("a connection to port %d failed", self.port)
            stream.reset()
        else:
            stream.close()

    async def _watch(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            for stream in list(self._streams):
                stream.watch(now, now - before)
            before = now

    async def close(self, *, patience_s: float = 10.0) -> None:
        """Take no new connection, let those at work finish for a while, then reset what is left."""
        for server in self._servers:
            server.close()
        knocked, self._knocked = self._knocked, []
        for sock in knocked:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        for greeting in list(self._greetings):
            greeting.cancel()
        await asyncio.gather(*self._greetings, return_exceptions=True)
        for stream in list(self._streams):
            stream.stop(working_too=False)
        deadline = time.monotonic() + patience_s
        while self._streams and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for stream in list(self._streams):
            stream.stop(working_too=True)
        if self._beat is not None:
            self._beat.cancel()
