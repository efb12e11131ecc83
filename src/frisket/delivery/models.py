"""Tables of sending: every attempt, committed before its first octet."""

from django.db import models

__all__ = ["Attempt"]


class Attempt(models.Model):
    job = models.ForeignKey("job.Job", on_delete=models.CASCADE, related_name="+")
    device = models.ForeignKey("device.Device", on_delete=models.SET_NULL, null=True, related_name="+")
    number = models.IntegerField()  # from 1 within the job
    fence = models.IntegerField()
    started_at = models.DateTimeField()
    first_octet_at = models.DateTimeField(null=True)
    octets_sent = models.BigIntegerField(default=0)
    device_job = models.CharField(max_length=300, default="")  # the device's job-id or PJL job name
    impressions = models.IntegerField(null=True)  # as the device counted
    sheets = models.IntegerField(null=True)
    counter = models.IntegerField(null=True)  # what the device's own counter rose by meanwhile
    counter_unit = models.CharField(max_length=12, default="")  # impressions, sheets
    cancel_why = models.CharField(max_length=24, default="")  # frisket.job.Reason, once somebody asked
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=12, default="")  # frisket.delivery.values.End
    evidence = models.CharField(max_length=300, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="attempt_once")]
