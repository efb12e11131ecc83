"""One connection to a virtual device, with the troubles that happen to octets."""

from __future__ import annotations

import asyncio
import socket
import struct

from frisket.lab.faults import Fault, Faults

__all__ = ["CutOff", "Line"]

_PIECE = 64 << 10
_LINGER_AFTER_FIN_S = 5.0


class CutOff(ConnectionError):
    """The device itself ended the connection, as it was told to, or the peer did inside a document."""


class Line:
    """Reads and writes; `took` counts document octets and is where faults of the line strike."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: Faults) -> None:
        self._reader = reader
        self._writer = writer
        self._faults = faults
        self._document = 0  # octets of the document that is coming in

    async def read(self) -> bytes:
        """The next octets, b"" at the end; slowly when the device is slow."""
        rate = self._faults.amount(Fault.SLOW)
        data = await self._reader.read(_PIECE if rate is None else max(1, min(_PIECE, rate // 10)))
        if rate is not None and data:
            await asyncio.sleep(len(data) / rate)
        return data

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def new_document(self) -> None:
        self._document = 0

    async def took(self, octets: int) -> None:
        """Say that so many document octets came. Raises CutOff when that was enough for a fault."""
        self._document += octets
        limit = self._faults.amount(Fault.DROP)
        if limit is not None and self._document >= limit and self._faults.meet(Fault.DROP):
            self.reset()
            raise CutOff("reset, as asked for")
        limit = self._faults.amount(Fault.EARLY_FIN)
        if limit is not None and self._document >= limit and self._faults.meet(Fault.EARLY_FIN):
            await self.finish_early()
            raise CutOff("ended, as asked for")

    def reset(self) -> None:
        """End with RST: no time for what is in the buffers."""
        raw = self._writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def finish_early(self) -> None:
        """End our side with FIN; unread octets would turn it into a reset, so they are read and lost."""
        if not self._writer.can_write_eof():
            self._writer.close()  # TLS: its close is the end of both sides
            return
        self._writer.write_eof()
        try:
            async with asyncio.timeout(_LINGER_AFTER_FIN_S):
                while await self._reader.read(_PIECE):
                    pass
        except TimeoutError:
            pass

    async def hang_while(self, fault: Fault) -> None:
        """Answer nothing as long as the device has this fault."""
        await self._faults.gone(fault)
