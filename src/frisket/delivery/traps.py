"""Devices that say of themselves that something happened (SNMP traps and informs, UDP).

A notification is a hint and nothing more: its sender's address may be forged, so all that follows is that the device
is asked at once what the next round would ask it anyway. Only addresses of active devices are heard; a device is asked
once in a while at most, however much is sent in its name, and the last hint is never lost.
"""

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

from frisket import device
from frisket.delivery.sending import stage_scope
from frisket.delivery.watching import look_soon
from frisket.plumbing import db
from frisket.plumbing.listening import CannotListen
from frisket.wire import snmp
from frisket.wire.errors import WireError

__all__ = ["TrapDoor"]

log = logging.getLogger("frisket.traps")
PAUSE_S = 5.0  # between two looks at one device that are due to hints
KNOWN_S = 10.0  # how long the list of addresses is believed
MOST_A_SECOND = 20  # datagrams of one address that are looked at
MOST_BEHIND = 8  # devices at one address

Peer = tuple[str, int]
T = TypeVar("T")


class TrapDoor(asyncio.DatagramProtocol):
    """Open and close it in an event loop."""

    def __init__(self, *, pause_s: float = PAUSE_S, known_s: float = KNOWN_S) -> None:
        self._pause_s, self._known_s = pause_s, known_s
        self._known: dict[str, tuple[UUID, ...]] = {}
        self._due: set[UUID] = set()
        self._looked: dict[UUID, float] = {}
        self._heard: dict[str, tuple[int, int]] = {}  # address: the second, and how many came in it
        self._ring = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self.port = 0
        self.dropped = 0  # datagrams of strangers, too many at once, and what is no notification

    async def open(self, address: str, port: int) -> None:
        """Raises CannotListen."""
        loop = asyncio.get_running_loop()
        sock = _bound(address, port)
        self.port = sock.getsockname()[1]
        await self._learn()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        self._task = asyncio.create_task(self._keep_asking())

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    # -- hearing

    def datagram_received(self, data: bytes, peer: Peer) -> None:
        where = _plain(peer[0])
        devices = self._known.get(where, ())
        if not devices or not self._has_room(where):
            self.dropped += 1
            return
        try:
            notice = snmp.read(data)
        except WireError:
            self.dropped += 1
            return
        if notice.answer and self._transport is not None:
            self._transport.sendto(notice.answer, peer)
        self._due.update(devices)
        self._ring.set()

    def error_received(self, exc: Exception) -> None:
        """A port that is closed at the other end: nobody waits for our acknowledgement."""

    def _has_room(self, where: str) -> bool:
        second = int(time.monotonic())
        then, count = self._heard.get(where, (second, 0))
        count = count + 1 if then == second else 1
        self._heard[where] = (second, count)
        return count <= MOST_A_SECOND

    # -- asking

    async def _keep_asking(self) -> None:
        learned = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s(learned)):
                    await self._ring.wait()
            self._ring.clear()
            try:
                if time.monotonic() - learned >= self._known_s:
                    await self._learn()
                    learned = time.monotonic()
                await self._ask_those_due()
            except Exception:  # one look that failed must not be the last
                log.exception("devices could not be asked after a notification")
                await asyncio.sleep(1)

    def _wait_s(self, learned: float) -> float:
        now = time.monotonic()
        waits = [self._looked[each] + self._pause_s - now for each in self._due if each in self._looked]
        return max(0.05, min([*waits, learned + self._known_s - now]))

    async def _ask_those_due(self) -> None:
        now = time.monotonic()
        ready = {each for each in self._due if now - self._looked.get(each, -self._pause_s) >= self._pause_s}
        if ready:
            self._due -= ready
            self._looked |= dict.fromkeys(ready, now)
            await asyncio.to_thread(_with_database, lambda: look_soon(ready))

    async def _learn(self) -> None:
        self._known = await asyncio.to_thread(_with_database, _addresses)
        here = {id for ids in self._known.values() for id in ids}
        self._looked = {id: at for id, at in self._looked.items() if id in here}
        self._heard = {where: seen for where, seen in self._heard.items() if where in self._known}


def _addresses() -> dict[str, tuple[UUID, ...]]:
    """Where active devices are, as addresses. Resolves names: in a thread."""
    found: dict[str, list[UUID]] = {}
    for each in device.devices(stage_scope()):
        if each.active:
            for where in _resolved(each.address.host):
                found.setdefault(where, []).append(each.id)
    return {where: tuple(ids[:MOST_BEHIND]) for where, ids in found.items()}


def _resolved(host: str) -> set[str]:
    try:
        return {_plain(str(info[4][0])) for info in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)}
    except OSError:
        return set()


def _plain(address: str) -> str:
    """One form: an IPv4 address is one, also where an IPv6 socket received it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(getattr(found, "ipv4_mapped", None) or found)


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address or (not address and socket.has_dualstack_ipv6()) else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6 and not address:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise CannotListen(f"UDP port {port} of {address} cannot be opened: {error.strerror}") from error
    sock.setblocking(False)
    return sock


def _with_database(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        db.close_connections()
