"""What all doors on TCP share: binding, and one crowd of connections whatever they speak (R16, R23)."""

import socket
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from frisket.errors import Blame, FrisketError

__all__ = ["CROWD", "CannotListen", "Crowd", "Guest", "Welcome", "anybody", "bind", "reset"]

Welcome = Callable[[str], bool]  # whether a peer at this address may connect at all; others get no answer
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


def anybody(address: str) -> bool:
    return True


def reset(connected: Any) -> None:
    """Have this socket's end told by a reset: its octets were not taken. Nothing for one that is gone already."""
    with suppress(OSError, ValueError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


class CannotListen(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Choose another port or address for the door in frisket.toml, or stop the program that has it."


class Caps(Protocol):
    """How many there may be."""

    @property
    def connections(self) -> int: ...

    @property
    def waiting_per_address(self) -> int: ...


class Guest(Protocol):
    """A connection, as the crowd knows it."""

    address: str

    @property
    def bounds(self) -> Caps: ...

    def drop(self) -> None:
        """Close at once and leave the crowd."""


class Crowd:
    """Every connection of the process, whatever listener it came by."""

    def __init__(self) -> None:
        self.all: set[Guest] = set()
        self.waiting: dict[str, OrderedDict[Guest, None]] = {}  # none of its requests is complete
        self.resting: OrderedDict[Guest, None] = OrderedDict()  # between two requests

    def enter(self, connection: Guest) -> bool:
        """Take a connection in, to wait for its first request. False when there is no room for it."""
        bounds = connection.bounds
        if len(self.all) >= bounds.connections and not self._make_room():
            return False
        self.all.add(connection)
        line = self.waiting.setdefault(connection.address, OrderedDict())
        line[connection] = None
        if len(line) > bounds.waiting_per_address:
            next(iter(line)).drop()
        return True

    def _make_room(self) -> bool:
        """Close the one whose owner misses it least; False when all of them work."""
        if self.resting:
            next(iter(self.resting)).drop()
        elif self.waiting:
            longest = max(self.waiting, key=lambda address: len(self.waiting[address]))
            next(iter(self.waiting[longest])).drop()
        else:
            return False
        return True

    def served(self, connection: Guest) -> None:
        line = self.waiting.get(connection.address)
        if line is not None:
            line.pop(connection, None)
            if not line:
                del self.waiting[connection.address]

    def leave(self, connection: Guest) -> None:
        self.all.discard(connection)
        self.resting.pop(connection, None)
        self.served(connection)


CROWD = Crowd()


def bind(address: str, port: int) -> Iterable[socket.socket]:
    """Sockets for an address; none given means all addresses, IPv6 and IPv4 on one port. Raises CannotListen."""
    if address:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [_bound(family, address, port)]
    if not _has_ipv6():
        return [_bound(socket.AF_INET, "0.0.0.0", port)]
    six = _bound(socket.AF_INET6, "::", port)
    try:
        return [six, _bound(socket.AF_INET, "0.0.0.0", six.getsockname()[1])]
    except CannotListen:
        six.close()
        raise


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::", 0))
    except OSError:
        return False
    return True


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise CannotListen(f"port {port} of {address} cannot be opened: {error.strerror}") from error
    sock.setblocking(False)
    return sock
