"""Tables of the ground floor: work on the SQLite engine, and rising counters."""

from django.db import models

from frisket.plumbing.db import Tx

__all__ = ["Counter", "WorkItem", "take_numbers"]


class Counter(models.Model):
    """A number that only rises; rows are taken from it inside the transaction that uses them."""

    name = models.CharField(max_length=64, primary_key=True)
    last = models.BigIntegerField(default=0)


def take_numbers(name: str, count: int, *, tx: Tx) -> range:
    """The next ``count`` numbers of a counter; they are gone even when nobody uses them after commit."""
    changed = Counter.objects.filter(name=name).update(last=models.F("last") + count)
    if not changed:
        Counter.objects.create(name=name, last=count)
    last = Counter.objects.values_list("last", flat=True).get(name=name)
    return range(last - count + 1, last + 1)


class WorkItem(models.Model):
    """A unit of work on the in-process engine (SQLite). On PostgreSQL procrastinate's tables take its place."""

    kind = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=12, default="waiting")  # waiting, running, dead, done
    priority = models.SmallIntegerField(default=0)
    group = models.CharField(max_length=80, default="")
    once = models.CharField(max_length=160, null=True)
    run_at = models.DateTimeField()
    lease_until = models.FloatField(null=True)  # house seconds
    worker = models.CharField(max_length=40, default="")
    attempt = models.IntegerField(default=0)
    last_error = models.CharField(max_length=300, default="")
    cancelled = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["state", "run_at", "-priority", "id"], name="work_ready"),
            models.Index(fields=["group", "state"], name="work_group"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["once"], condition=models.Q(state="waiting"), name="work_once_while_waiting"
            )
        ]
