"""What goes wrong between the house and a device, and whose move it is."""

from frisket.errors import Blame, FrisketError

__all__ = [
    "ConnectionLost",
    "DeviceAnswered",
    "DeviceUnreachable",
    "NotAdopted",
    "NotDecidable",
    "Stalled",
    "TryAgain",
]


class DeviceUnreachable(FrisketError):
    """Nobody answers at the device's address."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check that the device is on and that its print port is open to this server."


class ConnectionLost(FrisketError):
    """The device broke the connection off, or stopped making sense on it."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Look at the device's panel; if this happens often, look at its network connection."


class Stalled(ConnectionLost):
    """The device took no octet, or said nothing, for longer than ``delivery.stall_s``."""


class DeviceAnswered(FrisketError):
    """The device answered that it will not do what was asked.

    status: the IPP status code, or 0x10000 + the HTTP status when it did not get as far as IPP.
    """

    blame = Blame.OPERATOR
    remedy = "Compare what the device accepts with what was sent; `frisket device probe` asks it again."

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotAdopted(FrisketError):
    """A device with TLS whose certificate nobody has looked at: nothing is sent to it."""

    blame = Blame.OPERATOR
    remedy = "Adopt the device: compare its certificate's fingerprint and confirm it."


class TryAgain(FrisketError):
    """Not one octet of the document left; the work engine sends it again after a pause."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check that the device is on, idle and reachable."


class NotDecidable(FrisketError):
    """Only an uncertain job can be decided on, and only by a person."""

    blame = Blame.PERSON
    remedy = "Look at the job again; somebody may have decided already."
