"""Tables of hot folders and stores, and of what was picked up there."""

import uuid

from django.db import models

__all__ = ["PickUp", "Source"]


class Source(models.Model):
    """A hot folder of this machine, or a store on another server."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.UUIDField()
    site = models.UUIDField()
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=8)  # folder, smb, ftps, ftp, davs, dav
    address = models.CharField(max_length=400)  # absolute path, or URL; never with a credential inside
    user_sealed = models.BinaryField(null=True)  # kind 12, purpose pii
    secret_sealed = models.BinaryField(null=True)  # the password: a secret of the key store
    pinned_sha256 = models.BinaryField(max_length=32, null=True)  # the one certificate that is accepted
    authority = models.TextField(default="")  # or PEM of the authority that must have signed it
    queue = models.ForeignKey("device.Queue", on_delete=models.PROTECT, related_name="+")
    owner_rule = models.CharField(max_length=8)  # person, account, path
    person = models.ForeignKey("identity.Person", null=True, on_delete=models.PROTECT, related_name="+")
    copies = models.IntegerField(default=1)
    options = models.JSONField(default=dict)  # frisket.job.Options as plain values
    hold = models.BooleanField(default=False)
    afterwards = models.CharField(max_length=8, default="delete")  # delete, keep, leave
    # where original, printed form and log are written in the clear; "": nowhere
    destination = models.CharField(max_length=400, default="")
    picks_up = models.BooleanField(default=True)
    browsable = models.BooleanField(default=False)  # any signed-in person may look into it and print from it
    settle_s = models.FloatField(default=2.0)
    every_s = models.FloatField(default=30.0)
    active = models.BooleanField(default=True)
    state = models.CharField(max_length=12, default="new")  # new, watching, waiting, gone, refused, closed, off
    note = models.CharField(max_length=300, default="")
    state_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="source_name_once")]


class PickUp(models.Model):
    """One document on its way in. ``taken`` is written by the commit that makes its job."""

    id = models.UUIDField(primary_key=True, editable=False)  # also its name in the private folder
    tenant = models.UUIDField()
    source = models.ForeignKey("intake.Source", on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8)  # asked, claimed, taken, cleared, refused
    path_sealed = models.BinaryField()  # where it lay, kind 12, purpose pii
    path_index = models.BinaryField(max_length=32)  # keyed, with the source's id
    stamp_index = models.BinaryField(max_length=32)  # keyed: path, octets, times, inode or entity tag
    digest_index = models.BinaryField(max_length=32, null=True)  # keyed SHA-256 of what was read
    file = models.CharField(max_length=48, default="")  # "device:inode" where it lay on this machine
    octets = models.BigIntegerField(default=0)
    person = models.ForeignKey("identity.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    options = models.JSONField(default=dict)  # what a person asked for who chose this file
    job = models.UUIDField(null=True)
    number = models.BigIntegerField(null=True)  # of the job
    reason = models.CharField(max_length=400, default="")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["source", "state"], name="pickup_by_state"),
            models.Index(fields=["source", "path_index"], name="pickup_by_path"),
            models.Index(fields=["source", "at"], name="pickup_by_time"),
            models.Index(fields=["job"], name="pickup_by_job", condition=models.Q(job__isnull=False)),
        ]
