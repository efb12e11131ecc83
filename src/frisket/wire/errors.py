"""The one error every codec raises about a peer."""

from frisket.errors import Blame, FrisketError

__all__ = ["WireError"]


class WireError(FrisketError):
    """The program at the other end broke its protocol.

    The message tells what is wrong and where, never what the octets said.
    """

    blame = Blame.PEER
