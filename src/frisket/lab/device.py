"""A virtual device: its port, its troubles, its tray."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from frisket.lab.faults import Fault, Faults, Trouble
from frisket.lab.identity import Identity
from frisket.lab.lpd import LpdService
from frisket.lab.plan import DevicePlan, Door
from frisket.lab.printer import IppService
from frisket.lab.raw import RawService
from frisket.lab.tray import Printed, Tray

__all__ = ["VirtualDevice"]


class _Service(Protocol):
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...


class VirtualDevice:
    """One device of the lab. Create, use and stop it on one event loop.

    device = VirtualDevice(DevicePlan("office"), folder)
    uri = await device.start()
    await device.put("paper-out")
    """

    def __init__(self, plan: DevicePlan, folder: Path, printed: Callable[[Printed], None] | None = None) -> None:
        """folder: the tray; made if need be. printed: told of every job when it ends."""
        self.plan = plan
        self.tray = Tray(folder, plan.name, printed)
        self.faults = Faults()
        self.port = plan.port
        self._identity = Identity(folder / ".certificate", plan.host) if plan.door is Door.IPPS else None
        self._service: _Service
        if plan.door is Door.RAW:
            self._service = RawService(plan, self.tray, self.faults)
        elif plan.door is Door.LPD:
            self._service = LpdService(plan, self.tray, self.faults)
        else:
            self._service = IppService(plan, self.tray, self.faults)
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._shows_changed = False  # whether the certificate in use is the second one

    @property
    def uri(self) -> str:
        host = f"[{self.plan.host}]" if ":" in self.plan.host else self.plan.host
        if self.plan.door is Door.RAW:
            return f"socket://{host}:{self.port}"
        if self.plan.door is Door.LPD:
            return f"lpd://{host}:{self.port}/lp"
        return f"{self.plan.door}://{host}:{self.port}/ipp/print"

    @property
    def fingerprint(self) -> bytes | None:
        """SHA-256 of the certificate it shows now; None where it has none."""
        return None if self._identity is None else self._identity.fingerprint

    async def start(self) -> str:
        """Open the port; the address to print to."""
        await self._listen()
        return self.uri

    async def stop(self) -> None:
        """Close the port and every connection, whatever it is in the middle of."""
        await self._close()
        if isinstance(self._service, IppService):
            await self._service.stop()

    async def put(self, *troubles: str | Trouble) -> None:
        """Give it these faults, in words ("slow 2000") or as values; others stay. Raises UnknownFault."""
        for trouble in troubles:
            self.faults.put(Trouble.read(trouble) if isinstance(trouble, str) else trouble)
        await self._obey()

    async def clear(self, fault: str | None = None) -> None:
        """End this fault, or all."""
        self.faults.clear(None if fault is None else Trouble.read(f"{fault} 1").fault)
        await self._obey()

    async def replace(self, troubles: list[Trouble]) -> None:
        """Have exactly these faults from now on."""
        self.faults.replace(troubles)
        await self._obey()

    async def _obey(self) -> None:
        """Bring the port in line with the faults."""
        changed = Fault.CERTIFICATE_CHANGED in self.faults
        if self._identity is not None and changed != self._shows_changed:
            self._identity.show(changed)
            self._shows_changed = changed
            if self._server is not None:
                await self._close()
        if Fault.OFFLINE in self.faults:
            await self._close()
        elif self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        if self._server is not None or Fault.OFFLINE in self.faults:
            return
        self._server = await asyncio.start_server(
            self._talk,
            self.plan.host,
            self.port,
            limit=1 << 18,
            reuse_address=True,
            ssl=None if self._identity is None else self._identity.context,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        talks = list(self._talks.items())
        for task, writer in talks:
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*(task for task, _ in talks), return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        try:
            await self._service.serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # a device that went off, or a peer that did
        finally:
            del self._talks[task]
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
