from frisket.errors import Blame, FrisketError

__all__ = ["NotSignedIn", "OnlyAtDevice", "WrongPin"]


class NotSignedIn(FrisketError):
    """The terminal session is over, or was never there."""

    blame = Blame.PERSON
    remedy = "Sign in again."


class WrongPin(FrisketError):
    """The job has a PIN of its own, and this is not it."""

    blame = Blame.PERSON
    remedy = "Type the PIN that was given when the job was sent."


class OnlyAtDevice(FrisketError):
    """Its sender asked that it be released by somebody who stands at a device."""

    blame = Blame.PERSON
    remedy = "Sign in at a device and print it there."
