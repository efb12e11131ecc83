"""Data connections on their way in: one passive port for everybody.

Which session a connection belongs to is told by the address it comes from, so one is expected from an address at
a time; other sessions of that address wait for their turn. Inside TLS it has to go on with the TLS session of its
control connection, whose context is nobody else's: that cannot be done by another client of the same address.
"""

import asyncio
import ssl

from frisket.errors import Blame, FrisketError
from frisket.plumbing.streams import BrokenOff, Stream

__all__ = ["Expected", "Lobby", "NoDataConnection"]

ARRIVE_S = 10.0
_TURN_S = 10.0


class NoDataConnection(FrisketError):
    blame, retry = Blame.PEER, True


class Expected:
    """A data connection that a session has asked its client for. context: it begins with TLS."""

    def __init__(self, address: str, context: ssl.SSLContext | None, *, same_session: bool) -> None:
        self.address = address
        self.context = context
        self.greeting: asyncio.Task[None] | None = None
        self.gone = asyncio.Event()  # nobody waits for it any longer
        self._same_session = same_session
        loop = asyncio.get_running_loop()
        self._come: asyncio.Future[None] = loop.create_future()
        self._ready: asyncio.Future[Stream] = loop.create_future()
        self._over: asyncio.Future[bool] = loop.create_future()

    @property
    def has_come(self) -> bool:
        return self._come.done()

    def arrive(self) -> None:
        self._come.set_result(None)

    async def come(self) -> None:
        """Until it is there; nothing was said on it. Raises NoDataConnection."""
        try:
            async with asyncio.timeout(ARRIVE_S):
                await asyncio.shield(self._come)
        except TimeoutError as error:
            raise NoDataConnection("no data connection came") from error

    async def ready(self) -> Stream:
        """It, once TLS stands where it has to. Raises NoDataConnection."""
        return await asyncio.shield(self._ready)

    def end(self, *, well: bool) -> None:
        """The transfer is over: close in order, or reset."""
        if not self._over.done():
            self._over.set_result(well)
        if not well and self.greeting is not None:
            self.greeting.cancel()

    def missed(self) -> None:
        self._fail("the data connection did not go on in TLS")

    async def serve(self, stream: Stream) -> None:
        """The life of the data connection; what a session does with it happens meanwhile."""
        if self.context is not None and self._same_session and not (stream.tls and stream.tls.session_reused):
            words = "the data connection has to go on with the TLS session of the control connection"
            self._fail(words)
            raise NoDataConnection(words)
        if not self._ready.done():
            self._ready.set_result(stream)
        if not await self._over:
            raise BrokenOff("the transfer did not end well")

    def _fail(self, words: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(NoDataConnection(words))
            self._ready.exception()  # nobody may be asking


class Lobby:
    def __init__(self) -> None:
        self._expected: dict[str, Expected] = {}

    async def expect(self, address: str, context: ssl.SSLContext | None, *, same_session: bool) -> Expected:
        """Ask for one. Raises NoDataConnection when others of this address do not come to an end."""
        try:
            async with asyncio.timeout(_TURN_S):
                while (other := self._expected.get(address)) is not None:
                    await other.gone.wait()
        except TimeoutError as error:
            raise NoDataConnection("another transfer of your address is being begun, try again") from error
        expected = self._expected[address] = Expected(address, context, same_session=same_session)
        return expected

    def forget(self, expected: Expected) -> None:
        """It is not waited for any longer, or has come."""
        if self._expected.get(expected.address) is expected:
            del self._expected[expected.address]
        expected.gone.set()

    def invite(self, address: str) -> Expected | None:
        """Who a connection to the passive port is of; None where nobody expects one."""
        expected = self._expected.get(address)
        if expected is None or expected.has_come:
            return None
        expected.arrive()
        self.forget(expected)
        return expected
