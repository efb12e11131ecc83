"""A connection to a device: opened under a deadline, pinned, written to under back-pressure.

Boundary B10: every device is hostile. It gets nothing before it has shown the adopted certificate (R20), and
whatever it does costs us a bounded time and a bounded memory (R23).
"""

import asyncio
import fcntl
import socket
import ssl
import struct
import termios

from frisket.delivery.errors import ConnectionLost, DeviceUnreachable, NotAdopted, Stalled
from frisket.device import Address
from frisket.plumbing import keys

__all__ = ["Stream", "open_stream"]

WRITE_BUFFER = 256 << 10  # octets in our hands that the kernel has not taken
PIECE = 64 << 10


class Stream:
    """Reading and writing octets; every wait ends after ``stall_s`` without progress."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        stall_s: float,
        fingerprint: bytes | None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._stall_s = stall_s
        self.fingerprint = fingerprint  # SHA-256 of the certificate; None without TLS
        writer.transport.set_write_buffer_limits(high=WRITE_BUFFER, low=WRITE_BUFFER // 4)

    async def write(self, data: bytes) -> None:
        """Hand octets to the network. Raises ConnectionLost, Stalled."""
        try:
            self._writer.write(data)
            if self._writer.transport.get_write_buffer_size() > WRITE_BUFFER:
                await self._progress()
            else:
                await self._writer.drain()  # raises what the connection died of
        except OSError as error:
            raise ConnectionLost("the device broke the connection off") from error

    async def flush(self) -> None:
        """Wait until the kernel has taken everything. Raises ConnectionLost, Stalled."""
        self._writer.transport.set_write_buffer_limits(high=0)
        try:
            await self._progress()
        except OSError as error:
            raise ConnectionLost("the device broke the connection off") from error
        finally:
            self._writer.transport.set_write_buffer_limits(high=WRITE_BUFFER, low=WRITE_BUFFER // 4)

    async def _progress(self) -> None:
        # A slow device is no stalled one: what counts is that octets go, not that all are gone.
        draining = asyncio.ensure_future(self._writer.drain())
        try:
            left = self.unsent()
            while True:
                done, _ = await asyncio.wait({draining}, timeout=self._stall_s)
                if done:
                    await draining
                    return
                before, left = left, self.unsent()
                if left >= before:
                    raise Stalled("the device takes no more octets")
        finally:
            draining.cancel()

    async def read(self, within_s: float | None = None) -> bytes:
        """Some octets, b"" at the end. Raises ConnectionLost, Stalled (nothing came within the time)."""
        try:
            async with asyncio.timeout(self._stall_s if within_s is None else within_s):
                return await self._reader.read(PIECE)
        except TimeoutError as error:
            raise Stalled("the device says nothing") from error
        except OSError as error:
            raise ConnectionLost("the device broke the connection off") from error

    async def listen(self) -> bytes:
        """As ``read`` for as long as it takes; for a task beside the writing, whose waits are bounded."""
        try:
            return await self._reader.read(PIECE)
        except OSError as error:
            raise ConnectionLost("the device broke the connection off") from error

    def end(self) -> None:
        """No more octets from us; the other direction stays open."""
        if self._writer.can_write_eof():
            self._writer.write_eof()

    def unsent(self) -> int:
        """Octets that the device has not acknowledged yet, in our buffer and the kernel's."""
        held = self._writer.transport.get_write_buffer_size()
        sock: socket.socket | None = self._writer.get_extra_info("socket")
        if sock is None or sock.fileno() < 0:
            return held
        try:
            # TIOCOUTQ on a TCP socket counts what the other end's kernel has not acknowledged.
            in_kernel: int = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
        except OSError:
            return held
        return held + in_kernel

    async def close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(2):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    def abort(self) -> None:
        """Break off at once: what is still in our hands is not sent."""
        self._writer.transport.abort()


async def open_stream(
    address: Address, *, pinned: bytes | None, connect_s: float, stall_s: float, looking: bool = False
) -> Stream:
    """Connect; with TLS only to the device whose certificate was adopted.

    looking: for a probe, which sends nothing of anybody's and takes whatever certificate there is.
    Raises DeviceUnreachable, NotAdopted, keys.TlsRefused.
    """
    context = _context(address, pinned, looking)
    try:
        async with asyncio.timeout(connect_s):
            reader, writer = await asyncio.open_connection(
                address.host,
                address.port,
                ssl=context,
                server_hostname=address.host if context is not None else None,
                limit=PIECE,
            )
    except keys.TlsRefused:
        raise  # it is an OSError too, so that the event loop ends the handshake in order
    except (OSError, TimeoutError) as error:
        raise DeviceUnreachable("nobody answers at the device's address") from error
    fingerprint = None
    if context is not None:
        fingerprint = keys.peer_fingerprint(writer.get_extra_info("ssl_object"))
    return Stream(reader, writer, stall_s, fingerprint)


def _context(address: Address, pinned: bytes | None, looking: bool) -> ssl.SSLContext | None:
    if not address.secure:
        return None
    if looking:
        return keys.looking_context()
    if pinned is None:
        raise NotAdopted("nobody has confirmed this device's certificate yet")
    return keys.client_context(pinned_sha256=pinned)
