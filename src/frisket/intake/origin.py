"""Who is printing: one fixed list of proofs, the strongest first (R4, boundary B1).

A secret queue path, a client certificate, name and password over TLS, and, for queues and networks where the
operator allows it, the name the client merely states. Anything else is nobody.
"""

import base64
import binascii
from dataclasses import dataclass

from frisket import device, identity

__all__ = ["Asking", "Known", "recall", "resolve"]


@dataclass(frozen=True, slots=True)
class Asking:
    """What a request brings that may say who is behind it."""

    queue: device.QueueView | None
    secret: str = ""  # last segment of a personal queue address
    authorization: bytes = b""
    certificate: bytes | None = None
    stated_name: str = ""  # requesting-user-name: a claim
    address: str = ""  # of the peer
    encrypted: bool = False
    door: str = "ipp"


@dataclass(frozen=True, slots=True)
class Known:
    person: identity.PersonView
    by: str  # secret, certificate, password, stated


class BasicNeedsTls(identity.Refused):
    remedy = "A password is taken over IPPS or HTTPS only."


def resolve(asking: Asking) -> Known | None:
    """The person behind a request, or None. Raises identity.Refused or Throttled for a wrong proof.

    A wrong proof is never passed over for a weaker one.
    """
    trusted = asking.queue is not None and device.trusts(asking.queue, asking.address)
    origin = identity.Origin(asking.door, asking.address, trusted)
    if asking.secret:
        return _known(identity.person_by_claim(identity.QueueSecret(asking.secret), origin=origin), "secret")
    if asking.certificate is not None:
        found = identity.person_by_claim(identity.Certificate(asking.certificate), origin=origin)
        if found is not None:
            return Known(found, "certificate")
    if asking.authorization:
        return Known(_by_password(asking), "password")
    if asking.stated_name and trusted:
        return _known(identity.person_by_claim(identity.TrustedName(asking.stated_name), origin=origin), "stated")
    return None


def recall(asking: Asking) -> Known | None:
    """What memory knows of a merely stated name or a queue secret, for the event loop; None says nothing."""
    if asking.authorization and not asking.secret:
        return None
    trusted = asking.queue is not None and device.trusts(asking.queue, asking.address)
    origin = identity.Origin(asking.door, asking.address, trusted)
    if asking.secret:
        return _known(identity.recall(identity.QueueSecret(asking.secret), origin=origin), "secret")
    if asking.certificate is not None or not asking.stated_name or not trusted:
        return None
    return _known(identity.recall(identity.TrustedName(asking.stated_name), origin=origin), "stated")


def _known(person: identity.PersonView | None, by: str) -> Known | None:
    return Known(person, by) if person is not None else None


def _by_password(asking: Asking) -> identity.PersonView:
    if not asking.encrypted:
        raise BasicNeedsTls("a password over a connection that is not encrypted")
    scheme, _, token = asking.authorization.partition(b" ")
    if scheme.lower() != b"basic":
        raise identity.Refused("this way of signing in is not offered here")
    try:
        name, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise identity.Refused("the credentials cannot be read") from error
    if not colon:
        raise identity.Refused("the credentials cannot be read")
    place = identity.Place(asking.door, asking.address)
    return identity.check(identity.PasswordOffered(name, password), at=place)
