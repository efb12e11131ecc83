"""Sending to devices: the only room that talks to them.

What this room promises:

- The attempt is durable before the document is opened, and that an octet may leave before it does. After an
  octet has left nothing prints again by itself: a job that the device did not print is held, one that nobody
  knows about is uncertain and waits for a person (I4).
- Nothing is sent to a device that does not show its adopted certificate, and no document's title ever leaves.
- A device is served one job after the other and never holds up another device.
- Over a RAW port to a device without PJL exactly the document's octets go out, and nothing else.

`programs` calls ``ready`` before the work engine starts, ``recover`` after it, ``stop`` behind it. What
follows a move is queued by the job room in the move's own transaction.
"""

from frisket.delivery.errors import (
    ConnectionLost,
    DeviceAnswered,
    DeviceUnreachable,
    NotAdopted,
    NotDecidable,
    Stalled,
    TryAgain,
)
from frisket.delivery.recovery import decide, recover, recover_job
from frisket.delivery.sending import AttemptView, attempts, cancel, send
from frisket.delivery.service import ready, stop
from frisket.delivery.traps import TrapDoor
from frisket.delivery.values import (
    Condition,
    Driver,
    End,
    Ending,
    Evidence,
    PrintTicket,
    Probe,
    TicketDocument,
    Times,
)
from frisket.delivery.watching import adopt, adoption_of, condition, identify, keep, look_at_ways, probe

__all__ = [
    "AttemptView",
    "Condition",
    "ConnectionLost",
    "DeviceAnswered",
    "DeviceUnreachable",
    "Driver",
    "End",
    "Ending",
    "Evidence",
    "NotAdopted",
    "NotDecidable",
    "PrintTicket",
    "Probe",
    "Stalled",
    "TicketDocument",
    "Times",
    "TrapDoor",
    "TryAgain",
    "adopt",
    "adoption_of",
    "attempts",
    "cancel",
    "condition",
    "decide",
    "identify",
    "keep",
    "look_at_ways",
    "probe",
    "ready",
    "recover",
    "recover_job",
    "send",
    "stop",
]
