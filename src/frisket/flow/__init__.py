"""The itinerary: which stage a job visits next; the worker's loop, timers and recovery.

A stage never calls the next one. It moves the job's state, and the move queues the work that follows in the
same transaction; so a crash anywhere is recovered by reading states.
"""

from frisket.flow.copying import copies_through, make_copy
from frisket.flow.counting import count, own_count
from frisket.flow.ending import cancel
from frisket.flow.errors import DocumentLocked, NothingToUnlock
from frisket.flow.itinerary import NEXT_STAGE, WAITS_FOR_SOMEBODY
from frisket.flow.preparing import ready, unlock
from frisket.flow.queues import change_queue
from frisket.flow.recovery import Recovered, recover
from frisket.flow.releasing import release_at
from frisket.flow.steps import next_stage
from frisket.flow.timers import look_at_the_clock
from frisket.flow.walking import walk

__all__ = [
    "NEXT_STAGE",
    "WAITS_FOR_SOMEBODY",
    "DocumentLocked",
    "NothingToUnlock",
    "Recovered",
    "cancel",
    "change_queue",
    "copies_through",
    "count",
    "look_at_the_clock",
    "make_copy",
    "next_stage",
    "own_count",
    "ready",
    "recover",
    "release_at",
    "unlock",
    "walk",
]
