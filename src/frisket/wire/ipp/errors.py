"""What can go wrong with an IPP message, and what to answer."""

from frisket.errors import FrisketError
from frisket.wire.errors import WireError

__all__ = ["Malformed", "MessageError", "TooLarge", "TooShort", "Unencodable"]


class MessageError(WireError):
    """A message that cannot be taken; the base of the three below and never raised itself.

    status: the IPP status code to answer with.
    version, code, request_id: the head of the message as far as it was read, else None. When they are
    known, answer in IPP; when not, HTTP is all there is.
    """

    status = 0x0400
    version: tuple[int, int] | None = None
    code: int | None = None
    request_id: int | None = None


class Malformed(MessageError):
    """The octets are not a message of RFC 8010 section 3.

    repeated: True when the fault is one attribute named twice in a group (RFC 8011 section 4.1.3).
    """

    remedy = "Update the printing client: it sent a request that does not follow RFC 8010."

    def __init__(self, message: str, *, repeated: bool = False) -> None:
        super().__init__(message)
        self.repeated = repeated


class TooShort(Malformed):
    """The octets ended inside the eight of the head: there is no request to answer, HTTP 400 is due."""


class TooLarge(MessageError):
    """The message passes one of our limits (`Limits`), be it well-formed or not."""

    status = 0x0408
    remedy = "Send fewer attributes or values in one request."


class Unencodable(FrisketError, ValueError):
    """We built a value that IPP cannot carry: our bug."""
