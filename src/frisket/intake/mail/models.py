"""Tables of mail: mailboxes that are looked into, and mails that came."""

import uuid

from django.db import models

__all__ = ["Mail", "MailPart", "Mailbox"]


class Mailbox(models.Model):
    """A mailbox on another server whose mails are printed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.UUIDField()
    site = models.UUIDField()
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=8)  # imap, pop3, graph, ews
    host = models.CharField(max_length=253)
    port = models.IntegerField()
    folder = models.CharField(max_length=120, default="INBOX")
    user_sealed = models.BinaryField()  # kind 12, purpose pii
    secret_sealed = models.BinaryField()  # a secret of the key store: password, or what OAuth 2.0 needs
    token_url = models.CharField(max_length=300, default="")  # of the server that gives out access tokens; "": password
    client = models.CharField(max_length=120, default="")  # OAuth 2.0 client_id
    reach = models.CharField(max_length=300, default="")  # OAuth 2.0 scope
    pinned_sha256 = models.BinaryField(max_length=32, null=True)  # the one certificate that is accepted
    authority = models.TextField(default="")  # PEM of authorities it may be from instead
    queue = models.ForeignKey("device.Queue", null=True, on_delete=models.SET_NULL, related_name="+")
    afterwards = models.CharField(max_length=8, default="move")  # move, delete, seen
    done_folder = models.CharField(max_length=120, default="Printed")
    refused_folder = models.CharField(max_length=120, default="Refused")
    believe_results = models.BooleanField(default=False)  # its server adds Authentication-Results we look at
    active = models.BooleanField(default=True)
    state = models.CharField(max_length=12, default="new")  # new, watching, waiting, trouble
    note = models.CharField(max_length=300, default="")
    state_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="mailbox_name_once")]


class Mail(models.Model):
    """A mail that was read to its end, so that it is never printed or answered twice. The mail itself is not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.UUIDField()
    digest = models.BinaryField(max_length=32)  # keyed: what makes it this mail
    source = models.CharField(max_length=8)  # smtp, imap, pop3, graph, ews
    mailbox = models.ForeignKey("intake.Mailbox", null=True, on_delete=models.SET_NULL, related_name="+")
    person = models.ForeignKey("identity.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    proof = models.CharField(max_length=12, default="")  # signed-in, address, relay, results
    jobs = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    why = models.CharField(max_length=40, default="")  # keyword of the first refusal
    answer = models.CharField(max_length=12, default="none")  # none, due, sent, kept-back, given-up
    answered_at = models.DateTimeField(null=True)
    facts = models.BinaryField(null=True)  # sealed under pii: what the answer says; goes when it was sent
    at = models.DateTimeField()
    seen_at = models.DateTimeField()  # when it last came

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-at"], name="mail_by_time"),
            models.Index(fields=["seen_at"], name="mail_by_seen"),
        ]
        constraints = [models.UniqueConstraint(fields=["tenant", "digest"], name="mail_once")]


class MailPart(models.Model):
    """One attachment that became a job; written by that job's own commit."""

    tenant = models.UUIDField()
    digest = models.BinaryField(max_length=32)  # of its mail
    part = models.IntegerField()
    job = models.UUIDField()
    number = models.BigIntegerField()  # of the job
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="mail_part_by_time")]
        constraints = [models.UniqueConstraint(fields=["tenant", "digest", "part"], name="mail_part_once")]
