"""The states of a job and the moves between them: one table for all pages, doors and documents.

A lease, a running stage and a device's condition are rows beside the job, not states.
"""

from enum import StrEnum
from itertools import pairwise

__all__ = ["HOLDS", "MOVES", "ONWARD", "OVER", "Outcome", "Reason", "State", "allowed"]


class State(StrEnum):
    RECEIVING = "receiving"  # made by Create-Job, documents still coming
    RECEIVED = "received"  # accepted, sealed and acknowledged
    ADMITTED = "admitted"  # policy let it in
    PREPARED = "prepared"  # in the form to be printed
    HELD = "held"  # waits for its person, a time, a PIN or a better device
    RELEASED = "released"  # may print, waits for its device
    SENDING = "sending"  # bytes may leave the house
    UNCERTAIN = "uncertain"  # it may have printed, nobody knows
    DELIVERED = "delivered"  # the device confirmed, or its policy takes silence for it
    ENDED = "ended"  # nothing more will be printed; counted and charged
    ERASED = "erased"  # key gone, overwriting follows
    QUARANTINED = "quarantined"  # row and object disagree, or malware


S = State

MOVES: dict[State, frozenset[State]] = {
    S.RECEIVING: frozenset({S.RECEIVED, S.ENDED}),
    S.RECEIVED: frozenset({S.ADMITTED, S.ENDED, S.QUARANTINED}),
    S.ADMITTED: frozenset({S.PREPARED, S.HELD, S.ENDED, S.QUARANTINED}),
    S.PREPARED: frozenset({S.HELD, S.RELEASED, S.ENDED, S.QUARANTINED}),
    S.HELD: frozenset({S.ADMITTED, S.RELEASED, S.ENDED, S.QUARANTINED}),
    S.RELEASED: frozenset({S.SENDING, S.HELD, S.ENDED, S.QUARANTINED}),
    S.SENDING: frozenset({S.DELIVERED, S.RELEASED, S.HELD, S.UNCERTAIN}),
    S.UNCERTAIN: frozenset({S.DELIVERED, S.HELD, S.ENDED}),
    S.DELIVERED: frozenset({S.ENDED}),
    S.ENDED: frozenset({S.ERASED}),
    S.ERASED: frozenset(),
    S.QUARANTINED: frozenset({S.HELD, S.ENDED}),
}


# States a job does not rest in: reaching one queues the work that takes it on, in the same transaction.
ONWARD = frozenset({S.RECEIVED, S.ADMITTED, S.PREPARED, S.RELEASED, S.DELIVERED})


OVER = frozenset({State.ENDED, State.ERASED})


class Reason(StrEnum):
    """Why a job is in the state it is in."""

    NONE = ""
    # held
    FOR_RELEASE = "for-release"  # waits for its person
    PASSWORD = "password"  # waits for its own PIN
    UNTIL = "until"  # waits for a time
    INDEFINITE = "indefinite"  # its sender asked for a hold without end
    NEW_HELD = "new-held"  # an operator holds what comes in
    DEVICE_FAILED = "device-failed"  # the device says it did not print
    WITHDRAWN = "withdrawn"  # released, then taken back
    SUSPENDED = "suspended"  # taken back for others to go first, its device still chosen
    LEASE_OVER = "lease-over"
    INTERRUPTED = "interrupted"  # the upload broke off
    REVIEWED = "reviewed"  # an operator let it out of quarantine
    SETTLED = "settled"  # a person decided about an uncertain job
    LOCKED = "locked"  # its document opens with a password only
    FORBIDDEN = "forbidden"  # its document's author does not allow printing
    BUTTON = "button-press"  # waits for a press at a device
    OWNER_ONLY = "owner-only"  # waits for its owner, signed in at a device
    PROOF = "proof"  # its proof is printed first; the rest waits for a word
    # forward
    ACCEPTED = "accepted"
    STAGE = "stage"  # the next stage did its part
    BY_PERSON = "by-person"  # released
    NOT_HELD = "not-held"  # its queue holds nothing
    TIME_CAME = "time-came"
    CONVERTED = "converted"  # PDF was made of it
    UNLOCKED = "unlocked"  # somebody typed the document's password
    LOOK = "look"  # the page count found something that has to be looked at
    RETRY = "retry"  # not one octet had left
    CONFIRMED = "confirmed"  # the device confirmed
    SILENCE = "silence"  # the device's policy takes silence for confirmation
    # uncertain
    LOST_TOUCH = "lost-touch"  # the connection broke after the first octet
    CRASHED = "crashed"  # the house stopped while sending
    # ended
    PRINTED = "printed"
    CANCELLED_BY_OWNER = "by-owner"
    CANCELLED_BY_OPERATOR = "by-operator"
    CANCELLED_AT_DEVICE = "at-device"
    EXPIRED = "expired"
    REFUSED = "refused"
    EMPTY = "empty"  # Create-Job that never got a document
    FAILED = "failed"
    UNREADABLE = "unreadable"  # nobody could open its document
    TOO_MUCH = "too-much"  # its document unpacks to more than a document may
    TOO_SLOW = "too-slow"  # its document was not ready in the time a document may take
    NO_CONVERTER = "no-converter"  # nothing here makes of it what the devices take
    STORED = "stored"  # kept without printing, as its sender asked
    TIMED_OUT = "timed-out"  # it printed for longer than its sender allowed
    SHREDDED = "shredded"
    # quarantined
    DAMAGED = "damaged"  # row and object disagree
    INFECTED = "infected"  # the virus scanner knows it


class Outcome(StrEnum):
    NONE = ""
    PRINTED = "printed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    FAILED = "failed"
    STORED = "stored"  # nothing was printed, nothing was to be


HOLDS = {
    "password": Reason.PASSWORD,
    "until": Reason.UNTIL,
    "indefinite": Reason.INDEFINITE,
    "button-press": Reason.BUTTON,
    "owner": Reason.OWNER_ONLY,
    "proof": Reason.PROOF,
}
"""What a sender asked for that keeps a job back, and the reason a held job then shows."""


def allowed(before: State, after: State, passed: tuple[State, ...] = ()) -> bool:
    """Whether a walk ``before`` → passed… → ``after`` uses only moves of the table."""
    walk = (before, *passed, after)
    return all(there in MOVES[here] for here, there in pairwise(walk))
