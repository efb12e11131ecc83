"""Tables of jobs and their documents. Titles, owners and what the client sent are sealed elsewhere or here."""

import uuid

from django.db import models

__all__ = ["Document", "Job"]


class Job(models.Model):
    """What someone asked us to print."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(unique=True)  # IPP job-id: 1 to 2^31-1, rising, never used twice
    tenant = models.UUIDField()
    site = models.UUIDField()
    queue = models.ForeignKey("device.Queue", on_delete=models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey("identity.Person", on_delete=models.PROTECT, related_name="+", db_index=False)
    device = models.ForeignKey("device.Device", on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=12)
    # 1 once ended or erased: lists of live jobs stay short however long history is. A number, because the
    # framework asks SQLite "NOT over" of a truth value, which no index answers.
    over = models.SmallIntegerField(default=0)
    why = models.CharField(max_length=24, default="")  # frisket.job.Reason: of the state it is in
    note = models.CharField(max_length=200, default="")  # a device's reason in words; nothing of the client's
    outcome = models.CharField(max_length=12, default="")  # printed, cancelled, expired, refused, failed
    door = models.CharField(max_length=12)  # ipp, upload, control, …
    format = models.CharField(max_length=80)  # mime type of the first document
    octets = models.BigIntegerField(default=0)
    documents = models.IntegerField(default=0)
    pages = models.IntegerField(null=True)  # of the documents once, before copies
    colour = models.BooleanField(null=True)  # any page with colour
    media = models.CharField(max_length=60, default="")  # size of the first page, PWG 5101.1 name
    counted = models.CharField(max_length=10, default="due")  # due, done, unknown
    # "" nothing to do; due: PDF is to be made of it; done: it was; locked: a password is wanted first.
    conversion = models.CharField(max_length=8, default="")
    copies = models.IntegerField(default=1)
    options = models.JSONField(default=dict)  # frisket.job.Options as plain values: sides, colour, quality, …
    hold = models.CharField(max_length=12, default="")  # asked by the client: "" or a key of frisket.job.HOLDS
    hold_until = models.DateTimeField(null=True)
    password_verifier = models.BinaryField(null=True)  # of a job's own PIN
    terms = models.JSONField(default=dict)  # frisket.job.Terms as plain values: times, release, storage, proof
    stored = models.SmallIntegerField(default=0)  # 1: ended and stored for its owner, 2: for everybody
    cancel_at = models.FloatField(null=True)  # house seconds: job-cancel-after, while it prints
    history = models.BinaryField()  # sealed under pii: title, owner's name as shown; goes with the history
    client_key = models.CharField(max_length=64, null=True)  # a sender's own id of this job, for retries
    fence = models.IntegerField(default=0)  # rises with each lease
    rank = models.IntegerField(db_default=0)  # of released jobs that wait for one device, the highest goes first
    lease_until = models.FloatField(null=True)  # house seconds
    created_at = models.DateTimeField()
    state_at = models.DateTimeField()  # when the state was reached
    processing_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # when this state runs out: held expires, ended is erased, history goes

    class Meta:
        # The foreign keys have no index of their own: the planner would take it and sort.
        indexes = [
            models.Index(fields=["person", "over", "-number"], name="job_of_person"),
            models.Index(fields=["queue", "over", "-number"], name="job_of_queue"),
            models.Index(fields=["over", "-number"], name="job_recent"),
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="job_due"),
            models.Index(fields=["number"], condition=models.Q(counted="due"), name="job_uncounted"),
            models.Index(fields=["person", "-number"], condition=models.Q(stored__gt=0), name="job_stored"),
            models.Index(fields=["cancel_at"], condition=models.Q(cancel_at__isnull=False), name="job_timed"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "person", "client_key"],
                condition=models.Q(client_key__isnull=False),
                name="job_client_key_once",
            )
        ]


class Document(models.Model):
    """One file inside a job."""

    job = models.ForeignKey(
        "job.Job", on_delete=models.CASCADE, related_name="+", db_index=False
    )  # document_once has it
    number = models.IntegerField()  # from 1
    format = models.CharField(max_length=80)
    octets = models.BigIntegerField()
    pages = models.IntegerField(null=True)
    came_as = models.CharField(max_length=80, default="", db_default="")  # its format before PDF was made of it
    name_sealed = models.BinaryField(null=True)  # document-name, under pii
    cancelled = models.BooleanField(db_default=False)  # taken out of its job before it printed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="document_once")]
