"""What this room refuses, and whose move it is."""

from frisket.errors import Blame, FrisketError

__all__ = [
    "BadCredential",
    "BadName",
    "CredentialTaken",
    "InsideTransaction",
    "LastAdministrator",
    "NameTaken",
    "NotAllowed",
    "NotFound",
    "PersonInUse",
    "Refused",
    "SetupRefused",
    "Throttled",
]


class NotAllowed(FrisketError):
    """The actor's role does not carry this permission."""

    blame = Blame.PERSON
    remedy = "Ask an administrator to do it, or to give you the role for it."


class NotFound(FrisketError):
    """No such person or credential, or none that this scope may see."""

    blame = Blame.PERSON
    remedy = "Check the name or the id."


class BadName(FrisketError):
    """A name or mail address that cannot be one."""

    blame = Blame.PERSON
    remedy = "Use letters, digits and the usual signs, at most 128 characters."


class NameTaken(FrisketError):
    """Somebody has this name or mail address already, perhaps written another way."""

    blame = Blame.OPERATOR
    remedy = "Choose another name; case, width and the domain make no difference."


class CredentialTaken(FrisketError):
    """The card or certificate belongs to somebody already."""

    blame = Blame.OPERATOR
    remedy = "Revoke it where it is now, then enrol it again."


class BadCredential(FrisketError):
    """A PIN that is easy to guess or too short, or a card number that is none."""

    blame = Blame.PERSON
    remedy = "Let the house make the PIN; read the card again."


class PersonInUse(FrisketError):
    """The person still has jobs, so the record cannot go yet."""

    blame = Blame.OPERATOR
    remedy = "Disable the person now; remove the record when the jobs are gone."


class LastAdministrator(FrisketError):
    """After this nobody could administer the house any more."""

    blame = Blame.OPERATOR
    remedy = "Make somebody else administrator first."


class Refused(FrisketError):
    """Not signed in. One error and one price for every reason, so that nothing is learned from it."""

    blame = Blame.PERSON
    remedy = "Check what you entered and try again."


class Throttled(FrisketError):
    """Too many failures; nothing was checked.

    until_s: house seconds at which the next try is looked at. wait_s: seconds from now, at least 1.
    """

    blame, retry = Blame.PERSON, True
    remedy = "Wait a little, or use another way to sign in."

    def __init__(self, until_s: float, wait_s: int) -> None:
        super().__init__("too many failed attempts")
        self.until_s = until_s
        self.wait_s = wait_s


class SetupRefused(FrisketError):
    """The set-up token is wrong or used, or there is an administrator already."""

    blame = Blame.PERSON
    remedy = "Use the newest token on the server's console."


class InsideTransaction(FrisketError):
    """A sign-in was tried inside a transaction, whose rollback would forget the failure."""
