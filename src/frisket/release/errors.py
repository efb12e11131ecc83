from frisket.errors import Blame, FrisketError

__all__ = ["NotSignedIn", "OnlyAtDevice", "Unsuitable", "WrongPin"]


class NotSignedIn(FrisketError):
    """The terminal session is over, or was never there."""

    blame = Blame.PERSON
    remedy = "Sign in again."


class WrongPin(FrisketError):
    """The job has a PIN of its own, and this is not it."""

    blame = Blame.PERSON
    remedy = "Type the PIN that was given when the job was sent."


class Unsuitable(FrisketError):
    """The device cannot print this job as it was meant, or not now. The message says why and where it would.

    why: keywords of device.Lack. instead: names of the devices that would do, the nearest first.
    """

    blame = Blame.PERSON

    def __init__(self, message: str, why: tuple[str, ...], instead: tuple[str, ...]) -> None:
        super().__init__(message)
        self.why = why
        self.instead = instead


class OnlyAtDevice(FrisketError):
    """Its sender asked that it be released by somebody who stands at a device."""

    blame = Blame.PERSON
    remedy = "Sign in at a device and print it there."
