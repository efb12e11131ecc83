"""Tables of devices and queues."""

import uuid

from django.db import models

__all__ = ["Device", "Queue", "QueueDevice", "Said"]


class Device(models.Model):
    """A printer or multifunction machine that a person has adopted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.UUIDField()
    site = models.UUIDField()
    name = models.CharField(max_length=60)
    uri = models.CharField(max_length=300)  # socket://, lpd://, ipp://, ipps://; never with a credential inside
    location = models.CharField(max_length=120, default="")
    pinned_sha256 = models.BinaryField(max_length=32, null=True)  # certificate seen at adoption
    uuid_seen = models.CharField(max_length=60, default="")  # printer-uuid seen at adoption
    capabilities = models.JSONField(default=dict)  # frisket.device.Capabilities as plain values
    silence_is_done = models.BooleanField(default=False)  # RAW without read-back: sent means delivered
    shows_owner = models.BooleanField(default=False)  # else a neutral name travels to the device
    secret_index = models.BinaryField(max_length=32, null=True)  # a terminal's enrolment token, keyed
    active = models.BooleanField(default=True)
    state = models.CharField(max_length=12, default="unknown")  # idle, processing, stopped, unreachable, unknown
    state_reasons = models.JSONField(default=list)
    state_message = models.CharField(max_length=200, default="")
    state_at = models.DateTimeField(null=True)
    adopted_at = models.DateTimeField()
    tags = models.JSONField(default=list)  # words an operator gives: devices that share some stand near each other
    ways = models.JSONField(default=list)  # further connections in order: {"uri", "pin" (hex or null)}
    snmp = models.JSONField(default=dict)  # how its agent is asked, without secrets; empty: not at all
    snmp_secret = models.BinaryField(null=True)  # community or keys, sealed by the key store

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="device_name_once")]


class Said(models.Model):
    """What one source last said of a device: its print port (ipp, pjl), its SNMP agent, or a job that was sent."""

    device = models.ForeignKey("device.Device", on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=8)
    at = models.DateTimeField()
    facts = models.JSONField(default=dict)  # frisket.device.Facts as plain values

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "source"], name="device_said_once")]


class Queue(models.Model):
    """Where jobs are sent, with its rules; devices stand behind it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.UUIDField()
    site = models.UUIDField()
    name = models.CharField(max_length=60)  # one path segment
    info = models.CharField(max_length=120, default="")
    location = models.CharField(max_length=120, default="")
    hold = models.BooleanField(default=True)  # jobs wait for their person
    is_default = models.BooleanField(default=False)
    accepting = models.BooleanField(default=True)
    halt = models.CharField(max_length=8, default="")  # "", paused, shutdown: nothing more goes to a device
    hold_new = models.BooleanField(default=False)  # an operator holds what comes in (RFC 3998 Hold-New-Jobs)
    message = models.CharField(max_length=127, default="")  # printer-message-from-operator
    trusted_networks = models.JSONField(default=list)  # requesting-user-name is believed from there
    held_s = models.BigIntegerField(default=72 * 3600)
    printed_s = models.BigIntegerField(default=0)
    history_s = models.BigIntegerField(default=24 * 3600)  # at least 60
    uncertain_reprints = models.BooleanField(default=False)  # else hold and ask
    raw_port = models.PositiveIntegerField(null=True)  # a RAW port of its own
    default_person = models.UUIDField(null=True)  # whose the jobs are that LPD and RAW bring without a believed name
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField(null=True)  # printer-config-change-date-time; null: never since it was made

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="queue_name_once"),
            models.UniqueConstraint(fields=["tenant", "raw_port"], name="queue_raw_port_once"),
            models.UniqueConstraint(fields=["tenant"], condition=models.Q(is_default=True), name="queue_default_once"),
        ]


class QueueDevice(models.Model):
    """A device behind a queue; a queue without any row has every active device of its tenant behind it."""

    queue = models.ForeignKey("device.Queue", on_delete=models.CASCADE, related_name="+")
    device = models.ForeignKey("device.Device", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["queue", "device"], name="queue_device_once")]
