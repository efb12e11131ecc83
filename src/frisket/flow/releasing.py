"""Letting jobs print at a device that has just been looked at again."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from frisket import delivery, device, release
from frisket.errors import FrisketError
from frisket.plumbing import parts
from frisket.plumbing.scope import Actor, Scope

__all__ = ["release_at"]

PATIENCE_S = 3.0  # somebody stands there; longer than that is a device that does not answer


def release_at(
    scope: Scope, jobs: Sequence[UUID], device_id: UUID, wish: release.Wish = release.AS_SENT, *, by: Actor
) -> list[release.Outcome]:
    """As release.release; a device known as broken is asked once more first, for whoever has just closed its door.

    Raises NoSuchDevice, NotAllowed.
    """
    if device.is_broken(device.device(scope, device_id), parts.clock().now()):
        with suppress(FrisketError):
            delivery.condition(scope, device_id, patience_s=PATIENCE_S)
    return release.release(scope, jobs, device_id, wish, by=by)
