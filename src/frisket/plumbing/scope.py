"""Who acts, for which tenant, and why: what every read and every change is given."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

__all__ = ["HOUSE", "Actor", "ActorKind", "Purpose", "Scope"]


class ActorKind(StrEnum):
    PERSON = "person"
    DEVICE = "device"
    RULE = "rule"
    HOUSE = "house"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts. ``id`` is None for the house itself."""

    kind: ActorKind
    id: UUID | None = None
    role: str = ""  # a person's role at the moment of the act
    at: str = ""  # where: "console", "terminal:<device id>", "ipp", "control", …; never an address


HOUSE = Actor(ActorKind.HOUSE)


class Purpose(StrEnum):
    OWN = "own"  # a person looks at what is theirs
    OPERATE = "operate"  # an operator or administrator runs the house
    STAGE = "stage"  # the house itself takes a job to its next stage


@dataclass(frozen=True, slots=True)
class Scope:
    """What a read may see: one tenant, and for OWN only what belongs to the acting person."""

    actor: Actor
    tenant: UUID
    purpose: Purpose

    @property
    def own_only(self) -> bool:
        return self.purpose is Purpose.OWN
