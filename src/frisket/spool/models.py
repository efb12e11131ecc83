"""Tables of documents at rest: where each sealed object lies, and the wrapped key of each job."""

from django.db import models

__all__ = ["JobKey", "ReceiptRow", "SealedObject"]


class SealedObject(models.Model):
    job = models.ForeignKey("job.Job", on_delete=models.PROTECT, related_name="+")
    kind = models.SmallIntegerField()  # sealed-object kind: 1 original, 2 prepared, 4 ticket, 5 attributes
    document = models.IntegerField(default=0)
    version = models.IntegerField(default=1)
    epoch = models.IntegerField()  # in the object's header
    octets = models.BigIntegerField()  # of the plaintext
    place = models.CharField(max_length=8)  # "segment" or "file"
    name = models.CharField(max_length=40)  # of the segment or file
    offset = models.BigIntegerField(default=0)  # in a segment
    state = models.CharField(max_length=8, default="kept")  # kept, doomed

    class Meta:
        indexes = [models.Index(fields=["name", "offset"], name="object_place")]
        constraints = [
            models.UniqueConstraint(fields=["job", "kind", "document", "version"], name="object_once")
        ]


class JobKey(models.Model):
    """The job's key, wrapped under a spool epoch key. The row is gone at the moment of erasure."""

    job = models.OneToOneField("job.Job", on_delete=models.PROTECT, primary_key=True, related_name="+")
    wrapped = models.BinaryField(max_length=168)
    epoch = models.IntegerField(db_index=True)
    version = models.IntegerField(default=1)


class ReceiptRow(models.Model):
    """What is known of a job's destruction; signed when a level is reached."""

    job = models.UUIDField(primary_key=True)
    tenant = models.UUIDField()
    epoch = models.IntegerField(db_index=True)
    objects = models.IntegerField(default=0)
    octets = models.BigIntegerField(default=0)
    e1_at = models.DateTimeField(null=True)  # no live path: key gone
    overwritten_at = models.DateTimeField(null=True)  # octets overwritten in place, once, and unlinked
    e2_at = models.DateTimeField(null=True)  # database clean
    e3_at = models.DateTimeField(null=True)  # epoch key destroyed
    note = models.CharField(max_length=200, default="")  # what the storage cannot prove
    body = models.BinaryField(default=b"")
    signature = models.BinaryField(default=b"")
