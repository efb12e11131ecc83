from frisket.errors import Blame, FrisketError

__all__ = [
    "BadSource",
    "ClosedByLevel",
    "LooseTrust",
    "NoRights",
    "NoSuchSource",
    "Nobody",
    "NotADocument",
    "NotYours",
    "PlaceGone",
    "PlaceRefuses",
    "SameAgain",
    "SourceBusy",
    "SourceTaken",
    "StillWritten",
    "Vanished",
]


class NoSuchSource(FrisketError):
    """There is no hot folder or store of this name."""

    blame = Blame.PERSON
    remedy = "Look at the list of folders and stores."


class SourceTaken(FrisketError):
    blame = Blame.OPERATOR
    remedy = "Choose another name."


class BadSource(FrisketError):
    """A setting of a folder or store that cannot be."""

    blame = Blame.OPERATOR
    remedy = "Correct the setting that is named."


class LooseTrust(BadSource):
    """Nobody said by what the store's certificate is known."""

    remedy = "Give the authority's certificate, or the fingerprint after you have compared it with the server's own."


class SourceBusy(FrisketError):
    """Documents of it are half picked up."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Wait until they are in, then remove it; or remove it with what lies in its folder .frisket left there."


class PlaceGone(FrisketError):
    """The folder or server cannot be reached: not there, not mounted, no answer."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check that it is mounted, switched on and reachable from this server."


class PlaceRefuses(FrisketError):
    """It can be reached, and does not let us do what picking up needs."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Check the name and password, and that it may be read and changed by them."


class NoRights(PlaceRefuses):
    """The same of a folder of this machine."""

    remedy = "Give this server's account the right to read and change the folder, or mount it so that it may."


class ClosedByLevel(FrisketError):
    """The security level forbids this kind of connection."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Use FTPS, WebDAV over HTTPS or SMB; above level medium nothing is fetched in clear text."


class Vanished(FrisketError):
    """What was listed is not there any more: its sender took it back."""

    blame = Blame.PERSON
    remedy = "Put the file there again."


class NotADocument(FrisketError):
    """A link, a device, or a file that has another name elsewhere."""

    blame = Blame.PERSON
    remedy = "Put a copy of the file there, not a link."


class StillWritten(FrisketError):
    """The file changed while it was read; it is read again once it rests."""

    blame, retry = Blame.PERSON, True


class SameAgain(FrisketError):
    """The same document of the same name was picked up before and left where it lies."""

    blame = Blame.PERSON
    remedy = "Save it under another name to print it again."


class Nobody(FrisketError):
    """No person known to the house stands behind a file."""

    blame = Blame.PERSON
    remedy = "Ask an operator which folder is yours, and whether the house knows you."


class NotYours(FrisketError):
    """This store is not open to whoever asks."""

    blame = Blame.PERSON
    remedy = "Ask an administrator to open the store for browsing."
