"""From a file of a source to a job: whose it is, what it is, and the one accept."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from frisket import device, identity, job
from frisket.errors import Blame, FrisketError
from frisket.intake.accept import Intake
from frisket.intake.offers import Offer, Part
from frisket.intake.sensing import UNSTATED, format_of_octets
from frisket.intake.sources import pickups
from frisket.intake.sources.errors import Nobody, SameAgain
from frisket.intake.sources.names import leaf, shown
from frisket.intake.sources.pickups import Claim
from frisket.intake.sources.place import Opened
from frisket.intake.sources.views import Owner, SourceView
from frisket.intake.upload import format_of
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import HOUSE, Actor, ActorKind, Purpose, Scope

__all__ = ["Errand", "Wish", "hand_in", "owner_of", "told"]

# Names of what is meant for a device as it is: nothing in it says what it is.
_AS_IT_IS = {"prn", "raw", "pjl", "pcl", "zpl", "epl"}


class UnknownKind(FrisketError):
    """Neither the first octets nor the name tell what a file is."""

    blame = Blame.PERSON
    remedy = "Save it as PDF, or name it .prn if it was made for the device."


class There(Protocol):
    """Runs calls in the thread of a source."""

    def __call__(self, act: Callable[..., Any], *values: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """How a document is to be printed: by its source's settings, or by the person who chose it."""

    queue: device.QueueView
    copies: int
    options: job.Options
    hold: bool
    door: str
    exports: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """One document, whose it becomes, and how. left: it stays where it lies."""

    claim: Claim
    person: identity.PersonView
    wish: Wish
    left: bool


def owner_of(source: SourceView, path: str, account: str) -> identity.PersonView:
    """The person whose job it becomes. Raises Nobody; never anybody by accident."""
    if source.owner_rule is Owner.PERSON:
        if source.person is None:
            raise Nobody("this folder has no person")
        return _active(identity.get(Scope(HOUSE, parts.tenant(), Purpose.STAGE), source.person))
    if source.owner_rule is Owner.ACCOUNT:
        return _active(identity.by_name(account) if account else None)
    first, slash, _ = path.partition("/")
    if not slash:
        raise Nobody("the file lies in no person's folder")
    return _active(identity.by_name(first))


def _active(person: identity.PersonView | None) -> identity.PersonView:
    if person is None or not person.active:
        raise Nobody("the house knows no active person whose document this would be")
    return person


def told(error: FrisketError) -> str:
    """What a reason file and the console say."""
    if error.blame is Blame.HOUSE:
        return "The print server failed. Its log says where."
    return f"{str(error)[:1].upper()}{str(error)[1:]}. {error.remedy}".replace("..", ".").strip()


async def hand_in(doors: Intake, there: There, opened: Opened, errand: Errand) -> job.JobView:
    """Seal what was opened and make its job; the record says so in the same commit.

    Raises what accept() raises, SameAgain, StillWritten, UnknownKind, PlaceGone.
    """
    claim, person, wish = errand.claim, errand.person, errand.wish
    digest = keys.Sha256()
    first = await there(opened.read)
    digest.add(first)
    name = shown(leaf(claim.path))
    format = _format(first, name)

    def beside(view: job.JobView, tx: Tx) -> None:
        fresh = pickups.take(
            claim,
            view,
            digest=digest.digest(),
            file=opened.file,
            octets=opened.octets,
            again=errand.left and claim.state == "claimed",
            left=errand.left,
            tx=tx,
        )
        if not fresh:
            raise SameAgain("the same document was picked up before")

    offer = Offer(
        queue=wish.queue,
        person=person.id,
        owner=person.name,
        by=Actor(ActorKind.PERSON, person.id, role="person", at=wish.door),
        door=wish.door,
        title=name or "untitled",
        format=format,
        copies=wish.copies,
        options=wish.options,
        hold="indefinite" if wish.hold else "",
        beside=beside,
        exports=wish.exports,
    )

    async def pieces() -> AsyncIterator[bytes]:
        piece = first
        while piece:
            yield piece
            piece = await there(opened.read)
            digest.add(piece)

    async def single() -> AsyncIterator[Part]:
        yield Part(pieces(), format, name, opened.octets)

    return (await doors.accept(offer, single())).job


def _format(first: bytes, name: str) -> str:
    """What it is by its first octets, else by its name; a name alone makes no PDF of what is none."""
    sensed = format_of_octets(first)
    if sensed != UNSTATED:
        return sensed
    end = name.rpartition(".")[2].lower()
    if first.startswith(b"\x1b") or end in _AS_IT_IS:
        return UNSTATED
    named = format_of(name, "")
    if named in (UNSTATED, "application/pdf", "image/jpeg", "application/postscript"):
        raise UnknownKind("nobody can tell what kind of document this is")
    return named
