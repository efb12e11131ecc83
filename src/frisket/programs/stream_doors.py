"""The doors that are plain streams, LPD, RAW and FTP: their listeners, and who may come to them at all.

RAW has the port of the settings, which is the default queue's, and one for each queue that has its own. Those
come and go while the house runs: the queues are looked at once a second.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable

from frisket import device, intake
from frisket.plumbing import listening, networks, streams
from frisket.plumbing.settings import Settings, StreamDoor, may_open

__all__ = ["StreamDoors"]

log = logging.getLogger("frisket.serve")
LOOK_S = 1.0
FIRST_COMMAND_S = 30.0  # of LPD
_TELLING = ("normal", "medium")  # levels with a status dialogue over LPD


class StreamDoors:
    """changed: told which addresses the open doors have, by name, whenever that changes."""

    def __init__(
        self,
        settings: Settings,
        doors: intake.Intake,
        commands: intake.Commands,
        *,
        tls: Callable[[], ssl.SSLContext],
        host_of: Callable[[StreamDoor], str],
        changed: Callable[[dict[str, str]], None],
    ) -> None:
        tells = settings.house.level in _TELLING
        self._settings = settings
        self._lpd = intake.LpdDoor(doors, commands, tells=tells)
        self._raw = intake.RawDoor(doors, commands)
        self._ftp = intake.FtpDoor(doors, commands, tls=tls, clear=settings.house.level == "normal")
        self._host_of = host_of
        self._changed = changed
        self._line: streams.Listener | None = None
        self._first: streams.Listener | None = None
        self._put: streams.Listener | None = None  # FTP, and where its documents come in
        self._passive: streams.Listener | None = None
        self._own: dict[int, streams.Listener] = {}
        self._shut: set[int] = set()  # ports that could not be opened; told once
        self._closing: set[asyncio.Task[None]] = set()
        self._told: dict[str, str] = {}
        self._look: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Raises CannotListen for the ports of the settings; those of queues are tried again and again."""
        lpd, raw = self._settings.doors.lpd, self._settings.doors.raw
        if self._opens("lpd", lpd):
            self._line = await self._listen(lpd, self._lpd.serve, "lpd", lpd.port)
        if self._opens("raw", raw):
            self._first = await self._listen(raw, self._raw.serve, "raw", raw.port)
            await self._follow()
            self._look = asyncio.create_task(self._keep_following())
        ftp = self._settings.doors.ftp
        if self._opens("ftp", ftp):
            self._passive = await self._listen(ftp, self._ftp.arrived, "ftp", ftp.passive_port, invite=self._ftp.invite)
            self._ftp.passive_port = self._passive.port
            self._put = await self._listen(ftp, self._ftp.serve, "ftp", ftp.port)
        self._tell()

    def _opens(self, name: str, door: StreamDoor) -> bool:
        if door.on and not may_open(self._settings, name):
            needs = "a lower level" if name == "ftp" else f"doors.{name}.networks"
            log.warning("the door %s stays shut: at this level it needs %s", name, needs)
        return door.on and may_open(self._settings, name)

    async def _listen(
        self,
        door: StreamDoor,
        serve: streams.Handler,
        name: str,
        port: int,
        *,
        invite: Callable[[str], streams.Invitation | None] | None = None,
    ) -> streams.Listener:
        limits = self._settings.limits
        pause_s = {"lpd": limits.lpd_pause_s, "raw": limits.raw_pause_s, "ftp": limits.idle_s}[name]
        bounds = streams.Bounds(
            first_s=min(FIRST_COMMAND_S, pause_s) if name == "lpd" else pause_s,
            patience_s=pause_s,
            slowest_bytes_per_s=limits.slowest_bytes_per_s,
            stall_s=limits.idle_s,
            connections=limits.connections,
            waiting_per_address=limits.waiting_connections_per_address,
            per_address=limits.stream_connections_per_address,
        )
        listener = streams.Listener(serve, bounds, welcome=_welcome(door), invite=invite)
        await listener.open(door.address, port)
        return listener

    async def _keep_following(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._follow()
                self._tell()
            except Exception:  # one look that failed must not be the last
                log.exception("the RAW ports of queues could not be looked at")

    async def _follow(self) -> None:
        """Open and close so that each queue has the port it wants."""
        assert self._first is not None
        wanted = {port for port in device.raw_ports() if port != self._first.port}
        for port in [port for port in self._own if port not in wanted]:
            closing = asyncio.create_task(self._own.pop(port).close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self._shut &= wanted
        for port in wanted - set(self._own):
            try:
                self._own[port] = await self._listen(self._settings.doors.raw, self._raw.serve, "raw", port)
            except listening.CannotListen as error:
                if port not in self._shut:
                    log.error("a queue's RAW port is shut: %s", error)
                self._shut.add(port)
            else:
                self._shut.discard(port)

    def _tell(self) -> None:
        lpd, raw = self._settings.doors.lpd, self._settings.doors.raw
        urls: dict[str, str] = {}
        if self._line is not None:
            urls["lpd"] = f"lpd://{self._host_of(lpd)}:{self._line.port}"
        if self._first is not None:
            urls["raw"] = f"socket://{self._host_of(raw)}:{self._first.port}"
            own = device.raw_ports()
            for port in sorted({*self._own, self._first.port} & set(own)):
                urls[f"raw:{own[port].name}"] = f"socket://{self._host_of(raw)}:{port}"
        if self._put is not None and self._passive is not None:
            host = self._host_of(self._settings.doors.ftp)
            urls["ftp"] = f"ftp://{host}:{self._put.port}"
            urls["ftp-data"] = f"tcp://{host}:{self._passive.port}"
        if urls != self._told:
            self._told = urls
            self._changed(urls)

    async def close(self) -> None:
        if self._look is not None:
            self._look.cancel()
        listeners = [self._line, self._first, self._put, self._passive, *self._own.values()]
        await asyncio.gather(*[each.close() for each in listeners if each is not None])


def _welcome(door: StreamDoor) -> Callable[[str], bool]:
    """Whether an address is on the house's list and on the door's; without a list everybody is."""
    listed = networks.read(door.networks)
    return lambda address: intake.welcome(address) and (not listed or networks.within(address, listed))
