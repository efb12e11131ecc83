"""The table of leaves: the outbox of the log, then its searchable copy."""

from django.db import models

__all__ = ["Leaf"]


class Leaf(models.Model):
    """One act. ``body`` is what is hashed; the other columns repeat parts of it for searching."""

    tenant = models.UUIDField()
    position = models.BigIntegerField(null=True, unique=True)  # in the log, once sequenced
    at = models.DateTimeField()
    act = models.CharField(max_length=40)
    subject = models.UUIDField(null=True)
    actor = models.UUIDField(null=True)
    body = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["subject", "id"], name="leaf_subject"),
            models.Index(fields=["tenant", "-id"], name="leaf_recent"),
            models.Index(fields=["id"], condition=models.Q(position__isnull=True), name="leaf_unsequenced"),
        ]
