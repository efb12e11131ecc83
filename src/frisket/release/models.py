"""Tables of standing at a device."""

import uuid

from django.db import models

__all__ = ["TerminalSession"]


class TerminalSession(models.Model):
    """One person at one terminal; a terminal has at most one that is open."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.UUIDField()
    site = models.UUIDField()
    device = models.ForeignKey("device.Device", on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey("identity.Person", on_delete=models.CASCADE, related_name="+")
    factor = models.CharField(max_length=16)
    token_index = models.BinaryField(max_length=32)  # keyed index of the cookie
    created_at = models.DateTimeField()
    seen_at = models.FloatField()  # house seconds
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device"], condition=models.Q(ended_at__isnull=True), name="terminal_session_once"
            )
        ]
