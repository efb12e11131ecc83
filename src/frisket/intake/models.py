"""Tables of the doors: who wants to hear of what, and what there was to hear (RFC 3995); what is looked into."""

import uuid

from django.db import models

from frisket.intake.mail.models import Mail, Mailbox, MailPart
from frisket.intake.sources.models import PickUp, Source

__all__ = ["Access", "Event", "Mail", "MailPart", "Mailbox", "PickUp", "PrinterNumber", "Source", "Subscription"]


class Access(models.Model):
    """Who may come to the doors at all, and to the upload page; no row: everybody may."""

    tenant = models.UUIDField(primary_key=True)
    networks = models.JSONField(default=list)  # CIDR; empty: from everywhere
    upload_by = models.CharField(max_length=12, default="everybody")  # everybody, operators, nobody
    upload_verifier = models.CharField(max_length=200, default="")  # of the upload page's own password; "": it has none
    upload_stamp = models.IntegerField(default=0)  # rises with each change of that password


class Subscription(models.Model):
    """One client's wish to be told of events of a queue or of one job."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(unique=True)  # notify-subscription-id
    tenant = models.UUIDField()
    person = models.ForeignKey("identity.Person", on_delete=models.CASCADE, related_name="+")
    queue = models.ForeignKey("device.Queue", on_delete=models.CASCADE, related_name="+")
    job = models.UUIDField(null=True)  # None: every job of the queue the person may see, and the queue itself
    job_number = models.BigIntegerField(null=True)
    events = models.JSONField(default=list)  # keywords of notify-events
    user_data = models.BinaryField(null=True)  # notify-user-data, sealed under pii
    language = models.CharField(max_length=63, default="en")
    lease_s = models.IntegerField(default=0)
    expires_at = models.FloatField(null=True)  # house seconds; None: it lasts as long as its job
    read_to = models.BigIntegerField(default=0)  # the leaf of the log up to which events are made
    condition = models.JSONField(default=list)  # of the queue when it was last looked at
    last_event = models.IntegerField(default=0)  # notify-sequence-number of the newest event
    over_at = models.FloatField(null=True)  # house seconds: its job has ended, no event will come

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="subscription_lease")]


class Event(models.Model):
    """What a subscription has to tell; gone after its life."""

    subscription = models.ForeignKey("intake.Subscription", on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.IntegerField()  # notify-sequence-number, from 1
    event = models.CharField(max_length=40)
    leaf = models.BigIntegerField(null=True)  # of the log; None: a change of the queue's condition
    job_number = models.BigIntegerField(null=True)
    state = models.SmallIntegerField()  # job-state or printer-state
    reasons = models.JSONField(default=list)
    impressions = models.IntegerField(default=0)
    accepting = models.BooleanField(default=True)
    at = models.FloatField()  # house seconds

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "number"], name="event_once"),
            models.UniqueConstraint(
                fields=["subscription", "leaf"], condition=models.Q(leaf__isnull=False), name="event_of_leaf_once"
            ),
        ]


class PrinterNumber(models.Model):
    """printer-id of a queue (PWG 5100.22): 1 to 65535, kept as long as the queue."""

    number = models.IntegerField(primary_key=True)
    queue = models.OneToOneField("device.Queue", on_delete=models.CASCADE, related_name="+")
