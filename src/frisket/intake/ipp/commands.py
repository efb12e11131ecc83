"""What other rooms do for this door."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from frisket import device, job
from frisket.plumbing.scope import Actor, Scope

__all__ = ["Commands"]


class Commands(Protocol):
    """To a job or a device; programs hands it in."""

    def cancel(self, scope: Scope, job: UUID, *, by: Actor) -> None: ...

    def hold(self, scope: Scope, job: UUID, *, by: Actor) -> None: ...

    def let_go(
        self,
        scope: Scope,
        job: UUID,
        *,
        by: Actor,
        password: bytes = b"",
        encryption: str = "none",
        network: str = "",
    ) -> None:
        """password: job-password as the client sent it, b"" where it sent none; network: where it came from."""

    def let_print(self, view: job.JobView, *, by: Actor) -> None:
        """To the device that was chosen for it before."""

    def password_verifier(self, job_password: bytes, encryption: str) -> bytes: ...

    def identify(self, devices: Sequence[device.DeviceView], actions: Sequence[str], message: str) -> int:
        """Have devices show themselves; how many did."""
