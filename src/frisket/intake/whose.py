"""Whose a job is that comes over a protocol without proofs: LPD and RAW (boundary B2).

Never nobody's, and never anybody's by accident: the name the peer states, where the queue believes its network;
else the person the queue says such jobs are of; else the job is refused. A stated name that is nobody's is
refused where names are believed: it may be mistyped, and its document is not for somebody else.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from frisket import device, identity, job
from frisket.intake.capabilities import capabilities_of
from frisket.intake.errors import NotWelcome, Unfit
from frisket.intake.offers import MOST_COPIES, Offer
from frisket.intake.origin import Known
from frisket.plumbing import parts
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope
from frisket.wire import pjl

__all__ = ["Peer", "actor", "offer", "somebody_may", "whose"]

_KEY = re.compile(r"[0-9]{4,32}")
Verifier = Callable[[bytes, str], bytes]  # of release: what is kept of a job's own PIN


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a job comes from: the door's name, and the address of the program at the other end."""

    door: str
    address: str


class NobodyKnown(NotWelcome):
    remedy = (
        "Let the queue believe the names of this network, or give it a person whose such jobs are:"
        " frisket queue set NAME --trust-network NET, or --default-person PERSON"
    )


def somebody_may(queue: device.QueueView, peer: Peer) -> bool:
    """Whether any job of this peer can be somebody's, before its name is known."""
    return queue.default_person is not None or device.trusts(queue, peer.address)


def whose(queue: device.QueueView, peer: Peer, stated: str) -> Known:
    """In a thread. Raises NotWelcome."""
    if stated and device.trusts(queue, peer.address):
        origin = identity.Origin(peer.door, peer.address, trusted=True)
        found = identity.person_by_claim(identity.TrustedName(stated), origin=origin)
        if found is None:
            raise NobodyKnown("nobody here has the name that was stated")
        return Known(found, "stated")
    if queue.default_person is not None:
        by_rule = _active(queue)
        if by_rule is not None:
            return Known(by_rule, "queue")
    raise NobodyKnown("no name was stated that is believed")


def _active(queue: device.QueueView) -> identity.PersonView | None:
    assert queue.default_person is not None
    try:
        found = identity.get(Scope(HOUSE, parts.tenant(), Purpose.STAGE), queue.default_person)
    except identity.NotFound:
        return None
    return found if found.active else None


def actor(known: Known, peer: Peer) -> Actor:
    """Who acts: as a plain person, whatever role the person has, for nothing was proved."""
    return replace(identity.actor_for(known.person, peer.door), role=identity.Role.PERSON.value)


def offer(
    queue: device.QueueView, known: Known, peer: Peer, told: pjl.Job, verifier: Verifier, *, title: str = ""
) -> Offer:
    """In a thread: a PIN costs time. told: what the job's own commands say. Raises Unfit."""
    if told.copies > MOST_COPIES:
        raise Unfit(f"more than {MOST_COPIES} copies")
    if told.key and not _KEY.fullmatch(told.key):
        raise Unfit("a key to release the job with has 4 to 32 digits")
    can = capabilities_of(queue)
    hold = "password" if told.key else "indefinite" if told.hold else ""
    return Offer(
        queue=queue,
        person=known.person.id,
        owner=known.person.name,
        by=actor(known, peer),
        door=peer.door,
        title=device.clean(title or told.title, 255) or "untitled",
        copies=told.copies,
        options=job.Options(
            sides=told.sides if told.sides in can.sides else "",
            color_mode=told.color_mode,
            media=told.media if told.media in can.media else "",
        ),
        hold=hold,
        password_verifier=verifier(told.key.encode(), "none") if told.key else None,
    )
