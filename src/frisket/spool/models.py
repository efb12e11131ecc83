"""Tables of documents at rest: where each sealed object lies, and the wrapped key of each job."""

from django.db import models

__all__ = ["JobKey", "ReceiptRow", "SealedObject", "SpoolMark"]


class SealedObject(models.Model):
    # Its unique constraint begins with the job: no index of its own.
    job = models.ForeignKey("job.Job", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.SmallIntegerField()  # frisket.plumbing.keys.Kind: original, pages, ticket, attributes, …
    document = models.IntegerField(default=0)
    version = models.IntegerField(default=1)
    epoch = models.IntegerField()  # in the object's header
    octets = models.BigIntegerField()  # of the plaintext
    place = models.CharField(max_length=8)  # "segment" or "file"
    name = models.CharField(max_length=40)  # of the segment or file
    offset = models.BigIntegerField(default=0)  # in a segment
    state = models.CharField(max_length=8, default="kept")  # kept, doomed

    class Meta:
        indexes = [
            models.Index(fields=["name", "offset"], name="object_place"),
            models.Index(fields=["id"], condition=models.Q(state="doomed"), name="object_doomed"),
        ]
        constraints = [models.UniqueConstraint(fields=["job", "kind", "document", "version"], name="object_once")]


class JobKey(models.Model):
    """The job's key, wrapped under a spool epoch key. The row is gone at the moment of erasure.

    person and octets are here so that what somebody holds can be counted from this table alone.
    """

    job = models.OneToOneField("job.Job", on_delete=models.PROTECT, primary_key=True, related_name="+")
    tenant = models.UUIDField()
    person = models.UUIDField()
    octets = models.BigIntegerField(default=0)  # of all its documents as they came
    wrapped = models.BinaryField(max_length=168)
    epoch = models.IntegerField(db_index=True)
    version = models.IntegerField(default=1)


class ReceiptRow(models.Model):
    """What is known of a job's destruction; signed when a level is reached."""

    job = models.UUIDField(primary_key=True)
    tenant = models.UUIDField()
    person = models.UUIDField(null=True)  # whose job it was; null where the job never had a key
    epoch = models.IntegerField(db_index=True)  # the key that the last wrapping was under; 0: none
    pieces = models.IntegerField(default=0)  # sealed objects
    octets = models.BigIntegerField(default=0)  # of these, as stored
    e1_at = models.DateTimeField(null=True)  # no live path: key gone
    overwritten_at = models.DateTimeField(null=True)  # octets overwritten in place, once, and unlinked
    e2_at = models.DateTimeField(null=True)  # database clean
    e3_at = models.DateTimeField(null=True)  # epoch key destroyed
    note = models.CharField(max_length=400, default="")  # what the storage cannot prove
    body = models.BinaryField(default=b"")
    signature = models.BinaryField(default=b"")

    class Meta:
        indexes = [
            models.Index(fields=["job"], condition=models.Q(e2_at__isnull=True), name="receipt_before_e2"),
            models.Index(fields=["epoch"], condition=models.Q(e3_at__isnull=True), name="receipt_before_e3"),
        ]


class SpoolMark(models.Model):
    """One row: which spool folder belongs to this database, so that neither is swept against another."""

    mark = models.CharField(max_length=32)
