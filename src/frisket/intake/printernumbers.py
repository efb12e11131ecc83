"""printer-id of every queue: small numbers for clients of the System service, kept as long as the queue."""

from collections.abc import Sequence
from uuid import UUID

from frisket.errors import Blame, FrisketError
from frisket.intake.models import PrinterNumber
from frisket.plumbing.db import transaction

__all__ = ["NoNumberLeft", "printer_numbers"]

HIGHEST = 65535


class NoNumberLeft(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Remove queues that nobody uses."


def printer_numbers(queues: Sequence[UUID]) -> dict[UUID, int]:
    """The number of each queue; one seen for the first time gets the next. Raises NoNumberLeft."""
    known = _known(queues)
    if len(known) < len(set(queues)):
        with transaction():
            _number(queues)
        known = _known(queues)
    return known


def _known(queues: Sequence[UUID]) -> dict[UUID, int]:
    rows = PrinterNumber.objects.filter(queue_id__in=list(queues))
    return {queue: number for number, queue in rows.values_list("number", "queue_id")}


def _number(queues: Sequence[UUID]) -> None:
    """A number that is free again is used again only once the highest is reached."""
    taken = set(PrinterNumber.objects.values_list("number", flat=True))
    known = _known(queues)
    following = max(taken, default=0) + 1
    for queue in queues:
        if queue in known:
            continue
        number = following if following <= HIGHEST else next((n for n in range(1, HIGHEST + 1) if n not in taken), 0)
        if not number:
            raise NoNumberLeft(f"there are {HIGHEST} queues already")
        # Another process may number the same queue in this moment: the row that is there counts.
        PrinterNumber.objects.bulk_create([PrinterNumber(number=number, queue_id=queue)], ignore_conflicts=True)
        taken.add(number)
        following += 1
