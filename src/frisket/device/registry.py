"""The committed devices and queues of this house in memory, for the doors' hot path.

Reading costs a dictionary look-up. A change made by this process is seen from its commit on, one made by
another process within ``STALE_S``. Inside a transaction the registry shows what was committed before it.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from frisket.device.models import Device, Queue, QueueDevice
from frisket.device.views import DeviceView, QueueView, device_view, queue_view
from frisket.plumbing import parts
from frisket.plumbing.db import Tx, close_connections

__all__ = ["Snapshot", "changed", "current", "version"]

STALE_S = 2.0


@dataclass(slots=True)
class Snapshot:
    house: parts.Parts
    version: int
    read_at: float  # monotonic
    queues: dict[UUID, QueueView]
    queue_names: dict[str, QueueView]
    raw_ports: dict[int, QueueView]
    default: QueueView | None
    devices: dict[UUID, DeviceView]
    device_names: dict[str, DeviceView]


_version = 1
_held: Snapshot | None = None
_lock = threading.Lock()
_reading: Future[Snapshot] | None = None
_reader = ThreadPoolExecutor(1, thread_name_prefix="device-registry")


def version() -> int:
    """Rises with every change of a queue or device that this process has noticed."""
    current()
    return _version


def changed(tx: Tx) -> None:
    """Have the change of this transaction seen as soon as it is committed."""
    tx.on_commit(_after_commit)


def _after_commit() -> None:
    global _version
    with _lock:
        _version += 1
    # Read in the committing thread, so that an event loop never has to.
    if not _in_event_loop():
        _read()


def current() -> Snapshot:
    held = _held
    house = parts.installed()
    if held is not None and held.house is house and held.version == _version:
        if time.monotonic() - held.read_at < STALE_S:
            return held
        if _in_event_loop():
            _read_aside()
            return held
    return _read_aside().result() if _in_event_loop() else _read()


def _in_event_loop() -> bool:
    # Not get_running_loop(): it raises, and this is asked on the way of every stale read.
    return asyncio._get_running_loop() is not None


def _read_aside() -> "Future[Snapshot]":
    """Read in the registry's own thread: the database layer refuses to be waited for in an event loop."""
    global _reading
    with _lock:
        if _reading is None or _reading.done():
            _reading = _reader.submit(_closing(_read))
        return _reading


def _closing(act: Callable[[], Snapshot]) -> Callable[[], Snapshot]:
    def closing() -> Snapshot:
        try:
            return act()
        finally:
            close_connections()

    return closing


def _read() -> Snapshot:
    global _held, _version
    house, before = parts.installed(), _version
    fresh = _load(house, before)
    if connection.in_atomic_block:
        return fresh  # may hold what is never committed
    with _lock:
        held = _held
        known = held is not None and held.house is house and held.version == before == _version
        if known and held is not None and not _same(held, fresh):
            _version += 1  # another process changed something
            fresh.version = _version
        if held is None or held.house is not house or held.version <= fresh.version:
            _held = fresh
    return fresh


def _same(one: Snapshot, other: Snapshot) -> bool:
    return one.queues == other.queues and one.devices == other.devices


def _load(house: parts.Parts, at_version: int) -> Snapshot:
    behind: dict[UUID, list[UUID]] = {}
    for queue, device in QueueDevice.objects.filter(queue__tenant=house.tenant).values_list("queue_id", "device_id"):
        behind.setdefault(queue, []).append(device)
    queues = [
        queue_view(row, tuple(behind.get(row.id, ())))
        for row in Queue.objects.filter(tenant=house.tenant).order_by("created_at", "name")
    ]
    devices = [device_view(row) for row in Device.objects.filter(tenant=house.tenant).order_by("name")]
    return Snapshot(
        house=house,
        version=at_version,
        read_at=time.monotonic(),
        queues={each.id: each for each in queues},
        queue_names={each.name: each for each in queues},
        raw_ports={each.raw_port: each for each in queues if each.raw_port is not None},
        default=next((each for each in queues if each.is_default), None),
        devices={each.id: each for each in devices},
        device_names={each.name: each for each in devices},
    )
