"""Tables of the ground floor: work on the SQLite engine, periods of work, rising counters."""

from django.db import connection, models

from frisket.plumbing.db import Tx

__all__ = ["Counter", "WorkItem", "WorkPeriod", "take_numbers"]


class Counter(models.Model):
    """A number that only rises; rows are taken from it inside the transaction that uses them."""

    name = models.CharField(max_length=64, primary_key=True)
    last = models.BigIntegerField(default=0)


def take_numbers(name: str, count: int, *, tx: Tx) -> range:
    """The next ``count`` numbers of a counter; they are gone even when nobody uses them after commit."""
    last = _raise_by(name, count)
    if last is None:
        # Another process may make it in the same moment; the row's lock then puts us behind it.
        Counter.objects.bulk_create([Counter(name=name)], ignore_conflicts=True)
        last = _raise_by(name, count)
        assert last is not None
    return range(last - count + 1, last + 1)


def _raise_by(name: str, count: int) -> int | None:
    """The new last number; None where there is no such counter. Asked for every batch of jobs: one statement."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE plumbing_counter SET last = last + %s WHERE name = %s RETURNING last", (count, name))
        rows = cursor.fetchall()
    return int(rows[0][0]) if rows else None


class WorkItem(models.Model):
    """A unit of work on the in-process engine (SQLite). On PostgreSQL procrastinate's tables take its place.

    Work that ended well leaves the table; dead letters stay until somebody decides.
    """

    kind = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=12, default="waiting")  # waiting, later, running, dead
    priority = models.SmallIntegerField(default=0)
    group = models.CharField(max_length=80, default="")
    once = models.CharField(max_length=160, null=True)
    run_at = models.DateTimeField()
    lease_until = models.FloatField(null=True)  # house seconds
    worker = models.CharField(max_length=40, default="")
    attempt = models.IntegerField(default=0)
    last_error = models.CharField(max_length=300, default="")  # an error's class, never its words
    cancelled = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            # In this order the head of each group is one step away, however many wait behind it.
            models.Index(fields=["state", "kind", "group", "-priority", "id"], name="work_ready"),
            models.Index(fields=["state", "run_at"], name="work_due"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["once"],
                condition=models.Q(state__in=["waiting", "later"]),
                name="work_once_while_waiting",
            )
        ]


class WorkPeriod(models.Model):
    """When periodic work was last queued; on both engines."""

    kind = models.CharField(max_length=64, primary_key=True)
    last_at = models.DateTimeField()
