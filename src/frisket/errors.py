"""The base error, and whose move it is."""

from enum import Enum

__all__ = ["Blame", "FrisketError"]


class Blame(Enum):
    PEER = "peer"  # the program at the other end broke the protocol
    PERSON = "person"  # whoever sent the job can put it right
    OPERATOR = "operator"  # whoever runs this site can put it right
    HOUSE = "house"  # our bug


class FrisketError(Exception):
    """Base of every error the house raises on purpose.

    The message never holds anything secret: no credential, no document title, no page content.
    """

    blame = Blame.HOUSE
    retry = False  # True when the very same call may succeed later
    remedy = ""  # one sentence to the one who has to move
