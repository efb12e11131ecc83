"""What was printed. Entries stand alone: they outlive the job and hold no title."""

from django.db import models

__all__ = ["Entry"]


class Entry(models.Model):
    tenant = models.UUIDField()
    site = models.UUIDField()
    job = models.UUIDField()
    number = models.BigIntegerField()
    person = models.UUIDField()
    queue = models.UUIDField()
    device = models.UUIDField(null=True)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=12)
    pages = models.IntegerField(null=True)  # of the documents once
    copies = models.IntegerField(default=1)
    impressions = models.IntegerField(null=True)  # marked sides
    sheets = models.IntegerField(null=True)
    colour = models.BooleanField(null=True)
    counted_from = models.CharField(max_length=12)  # "device", "counter", "document" or "none"
    confidence = models.CharField(max_length=10, default="none")  # frisket.ledger.Confidence
    counts = models.JSONField(default=dict)  # impressions by each source that said a number
    marks = models.JSONField(default=list)  # e.g. "reprint"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "at"], name="entry_once")]
        indexes = [
            models.Index(fields=["tenant", "at"], name="entry_when"),
            models.Index(fields=["person", "at"], name="entry_whose"),
        ]
