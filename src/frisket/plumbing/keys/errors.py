"""What the key store refuses, and whose move it is."""

import ssl

from frisket.errors import Blame, FrisketError

__all__ = ["Damaged", "EpochGone", "KeyStoreUnusable", "Sealed", "TlsRefused", "WeakPassword"]


class Damaged(FrisketError):
    """A sealed object is not what its row says: cut, changed, exchanged, or under another key.

    There is one error for all of these on purpose: which of them it was would only help whoever
    changed the object.
    """

    blame = Blame.OPERATOR
    remedy = "Take the job out of quarantine only after the disk and the alarm have been looked at."


class Sealed(FrisketError):
    """The keys have been dropped; nothing can be stored or read until the house is opened again."""

    blame, retry = Blame.OPERATOR, True
    remedy = "Open the key store again, then repeat."


class EpochGone(FrisketError):
    """The epoch key that wrapped this job key was destroyed, so the job can never be read again."""

    blame = Blame.OPERATOR
    remedy = "The job was erased for good; ask its sender for it again."


class KeyStoreUnusable(FrisketError):
    """The key folder is missing, incomplete, already made, or open to others."""

    blame = Blame.OPERATOR
    remedy = "Check the key folder and the root key; restore them from the key backup if they are gone."


class WeakPassword(FrisketError):
    """The password is too short, too long, or one that everybody tries first."""

    blame = Blame.PERSON
    remedy = "Choose a longer password; several unrelated words are fine."


class TlsRefused(FrisketError, ssl.SSLCertVerificationError):
    """The other end of a TLS connection is not the one that was agreed on.

    Also an error of `ssl`, because asyncio ends a handshake in good order for those only.
    """

    blame = Blame.OPERATOR
    remedy = "Compare the fingerprint at the device itself, then adopt the new certificate or find the impostor."
