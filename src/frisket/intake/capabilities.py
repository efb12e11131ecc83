"""What a queue may take and promise: worked out from its devices once per change, asked for every job."""

from functools import lru_cache
from uuid import UUID

from frisket import device

__all__ = ["capabilities_of", "formats_of"]


def capabilities_of(queue: device.QueueView) -> device.Capabilities:
    """``formats`` are those its devices print; what it takes beyond them says formats_of."""
    return _known(queue.id, device.version(), device.convertible())[0]


def formats_of(queue: device.QueueView) -> dict[str, None]:
    """What documents it takes, the preferred first; a dict for its order and its quick look-up."""
    return _known(queue.id, device.version(), device.convertible())[1]


@lru_cache(maxsize=1024)
def _known(queue: UUID, version: int, convertible: frozenset[str]) -> tuple[device.Capabilities, dict[str, None]]:
    several = [each.capabilities for each in device.behind(device.queue(queue))]
    return device.merge(several), dict.fromkeys(device.formats_taken(several))
