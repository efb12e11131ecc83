"""Print addresses: queue@domain, queue+secret@domain, and those the operator lists."""

from dataclasses import dataclass

from frisket import device, identity
from frisket.plumbing import parts

__all__ = ["Target", "secret_person", "target_of"]


@dataclass(frozen=True, slots=True)
class Target:
    queue: device.QueueView
    person: identity.PersonView | None  # whose personal address it is


def target_of(address: str, peer: str) -> Target | None:
    """Where a mail to this address goes; None for an address that is none of ours.

    The part behind the plus sign is the secret of a personal print address; a wrong one is nobody's address.
    """
    settings = parts.settings()
    local, _, domain = address.rpartition("@")
    listed = dict(each.split("=", 1) for each in settings.mail.recipients)
    plain, plus, secret = local.partition("+")
    queue = None
    for known, name in listed.items():
        if known.strip().casefold() == f"{plain}@{domain}".casefold():
            queue = device.queue_by_name(name.strip())
    domains = {each.casefold() for each in settings.mail.domains or settings.house.host_names or ["localhost"]}
    if queue is None and domain.casefold() in domains:
        queue = device.queue_by_name(plain)
    if queue is None:
        return None
    if not plus:
        return Target(queue, None)
    person = secret_person(secret, peer)
    return None if person is None else Target(queue, person)


def secret_person(secret: str, peer: str) -> identity.PersonView | None:
    return identity.person_by_claim(identity.QueueSecret(secret), origin=identity.Origin("mail", peer))
