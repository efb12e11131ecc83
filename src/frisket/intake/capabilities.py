"""What a queue may take and promise: worked out from its devices once per change, asked for every job."""

from functools import lru_cache
from uuid import UUID

from frisket import device

__all__ = ["capabilities_of", "formats_of"]


def capabilities_of(queue: device.QueueView) -> device.Capabilities:
    return _known(queue.id, device.version(), device.convertible())[0]


def formats_of(queue: device.QueueView) -> frozenset[str]:
    """What it takes: what its devices print, and what the house makes PDF of."""
    return _known(queue.id, device.version(), device.convertible())[1]


@lru_cache(maxsize=1024)
def _known(queue: UUID, version: int, convertible: frozenset[str]) -> tuple[device.Capabilities, frozenset[str]]:
    can = device.merge([each.capabilities for each in device.behind(device.queue(queue))])
    return can, frozenset(device.taken(can.formats))
