"""Tables of people and credentials. Names, mail addresses, card numbers and PINs are never here in clear."""

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

__all__ = ["Credential", "Person", "SetupToken", "Throttle"]


class Person(AbstractBaseUser):
    """Anyone known to the house. ``username`` is the id in hex: the framework's tables hold ids only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.UUIDField()
    site = models.UUIDField()
    username = models.CharField(max_length=32, unique=True)
    name_index = models.BinaryField(max_length=32)  # keyed index of the canonical name
    name_sealed = models.BinaryField()  # kind 12, purpose pii
    full_name_sealed = models.BinaryField(null=True)
    mail_index = models.BinaryField(max_length=32, null=True)
    mail_sealed = models.BinaryField(null=True)
    role = models.CharField(max_length=16, default="person")  # person, operator, administrator
    language = models.CharField(max_length=8, default="")
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    stamp = models.IntegerField(default=0)  # rises to end every session of this person at once

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = BaseUserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name_index"], name="person_name_once"),
            models.UniqueConstraint(
                fields=["tenant", "mail_index"],
                condition=models.Q(mail_index__isnull=False),
                name="person_mail_once",
            ),
        ]

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.active


class Credential(models.Model):
    """A card, PIN, queue secret, certificate or token of a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.UUIDField()
    site = models.UUIDField()
    person = models.ForeignKey("identity.Person", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16)  # card, pin, queue-secret, certificate, token
    index = models.BinaryField(max_length=32, null=True)  # keyed index for lookup; null for PINs
    verifier = models.BinaryField(null=True)  # Argon2id over a peppered HMAC, for PINs
    label = models.CharField(max_length=60, default="")  # what the person calls it; never the number
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)  # a guest's PIN or a visitor's card ends by itself
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["person", "kind"], name="credential_of_person")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "index"],
                condition=models.Q(revoked_at__isnull=True, index__isnull=False),
                name="credential_once",
            )
        ]


class Throttle(models.Model):
    """Failures counted against an identifier, terminal, network, tenant or site, in house seconds."""

    tenant = models.UUIDField()
    scope = models.CharField(max_length=16)  # identifier, terminal, network, tenant, site
    key = models.BinaryField(max_length=32)  # keyed index of what is throttled
    method = models.CharField(max_length=16)  # pin, password, card, job-password, shared-password
    failures = models.IntegerField(default=0)  # in a row; identifiers only
    recent = models.BinaryField(default=bytes)  # house seconds of each failure in the longest window, doubles
    touched = models.FloatField(default=0)  # house seconds of the last attempt
    locked_until = models.FloatField(default=0)  # house seconds
    disabled = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "scope", "key", "method"], name="throttle_once")]


class SetupToken(models.Model):
    """The one-time token with which the first administrator is made; the row goes with its use."""

    tenant = models.UUIDField(primary_key=True)
    index = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
