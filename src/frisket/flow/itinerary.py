"""The map: which stage a job visits next. Nothing else in the house knows the order."""

from collections.abc import Callable

from frisket import job
from frisket.flow.stages import admit, prepare, send, settle, shelve, shred

__all__ = ["NEXT_STAGE", "WAITS_FOR_SOMEBODY"]

State = job.State

NEXT_STAGE: dict[State, Callable[[job.JobView], None]] = {
    State.RECEIVED: admit,  # policy: may it come in, and changed how?
    State.ADMITTED: prepare,  # prepress: in the form to be printed
    State.PREPARED: shelve,  # release: hold it for its person, or let it pass
    State.RELEASED: send,  # delivery: to the device
    State.DELIVERED: settle,  # ledger: count and charge
    State.ENDED: shred,  # spool: the key, then the octets
}

# Only a person, a sender, a running delivery or time moves these on.
WAITS_FOR_SOMEBODY = frozenset(
    {State.RECEIVING, State.HELD, State.SENDING, State.UNCERTAIN, State.QUARANTINED, State.ERASED}
)
