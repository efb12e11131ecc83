"""The record of what is picked up: written before a file is touched, and with the very commit of its job.

    claimed   we are about to set it aside, or have; nothing of it is printed
    taken     its job is durable; the file has still to be put away
    cleared   put away; kept only to be shown
    refused   put away with its reason
    asked     a person chose it in a store; fetched by the worker

A file in the private folder is printed only while its row says ``claimed``, so nothing is taken twice whatever dies
in between. Rows of files that are left where they lie stay ``taken`` for as long as they are seen there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from frisket import audit, identity, job
from frisket.errors import Blame, FrisketError
from frisket.intake.sources.models import PickUp, Source
from frisket.intake.sources.place import Seen
from frisket.intake.sources.views import PickUpView
from frisket.plumbing import parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.paging import Slice
from frisket.plumbing.rows import rising_id
from frisket.plumbing.scope import HOUSE, Scope

__all__ = [
    "Claim",
    "ask",
    "asked",
    "claim",
    "clear",
    "drop",
    "forget_old",
    "gone",
    "history",
    "is_token",
    "known",
    "of_person",
    "open_claims",
    "path_of",
    "refuse",
    "take",
]


class TakenMeanwhile(FrisketError):
    """Its row says that it is in already: nothing is made twice."""

    blame, retry = Blame.OPERATOR, True


FIELD_PATH = 0
MOST_LEFT = 100_000  # files of one store that are remembered as left there


@dataclass(frozen=True, slots=True)
class Claim:
    """A document on its way in."""

    id: UUID
    source: UUID
    path: str
    state: str
    octets: int

    @property
    def token(self) -> str:
        """Its name in the private folder: nothing of the sender's (R9)."""
        return self.id.hex


def is_token(name: str) -> bool:
    return len(name) == 32 and not set(name) - set("0123456789abcdef")


def _index(source: UUID, text: str) -> bytes:
    return parts.keys().index(parts.tenant(), "file", source.bytes + text.encode("utf-8", "surrogateescape"))


def _stamp(source: UUID, seen: Seen) -> bytes:
    return _index(source, f"{seen.path}\0{seen.octets}\0{seen.stamp}")


def _sealed(id: UUID, path: str) -> bytes:
    # JSON-like escaping keeps names that are no Unicode: what a folder holds must be found again octet for octet.
    text = path.encode("utf-8", "surrogateescape").decode("latin-1")
    return parts.keys().seal_personal(parts.tenant(), id, text, field=FIELD_PATH)


def path_of(row: PickUp) -> str:
    text = parts.keys().open_personal(row.tenant, row.id, bytes(row.path_sealed), field=FIELD_PATH)
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def _row(source: UUID, seen: Seen, state: str) -> PickUp:
    now = parts.clock().now()
    id = rising_id(now)
    return PickUp(
        id=id,
        tenant=parts.tenant(),
        source_id=source,
        state=state,
        path_sealed=_sealed(id, seen.path),
        path_index=_index(source, seen.path),
        stamp_index=_stamp(source, seen),
        octets=seen.octets,
        at=now,
    )


def claim(source: UUID, seen: Sequence[Seen]) -> list[Claim]:
    """One durable commit for all of them, before any is touched."""
    rows = [_row(source, each, "claimed") for each in seen]
    with transaction():
        PickUp.objects.bulk_create(rows)
    return [Claim(row.id, source, each.path, "claimed", each.octets) for row, each in zip(rows, seen, strict=True)]


def open_claims(source: UUID, most: int) -> list[Claim]:
    """What is half picked up, oldest first. Files that are left where they lie are not among them."""
    rows = PickUp.objects.filter(source_id=source, state__in=("claimed", "taken"), ended_at=None).order_by("id")[:most]
    return [Claim(row.id, source, path_of(row), row.state, row.octets) for row in rows]


def take(
    claim: Claim, view: job.JobView, *, digest: bytes, file: str, octets: int, again: bool, left: bool, tx: Tx
) -> bool:
    """Beside the job, in its commit. False: the same document of this name was taken before and left there.

    again: refuse what was taken before. left: it stays where it lies, so this row is the end of it.
    """
    index = parts.keys().index(parts.tenant(), "file", digest)
    here = PickUp.objects.filter(source_id=claim.source, path_index=_index(claim.source, claim.path))
    if again and here.filter(state="taken", digest_index=index).exists():
        return False
    state = "taken" if claim.state == "claimed" else "cleared"
    changed = PickUp.objects.filter(id=claim.id, state=claim.state).update(
        state=state,
        digest_index=index,
        file=file,
        octets=octets,
        person=view.person,
        job=view.id,
        number=view.number,
        ended_at=parts.clock().now() if left else None,
    )
    if not changed:
        raise TakenMeanwhile("somebody else handed it in")
    return True


def clear(claims: Iterable[UUID]) -> None:
    """They are put away."""
    with transaction():
        PickUp.objects.filter(id__in=list(claims), state="taken").update(state="cleared", ended_at=parts.clock().now())


def drop(claims: Iterable[UUID]) -> None:
    """Nothing came of them: whoever put them there took them back, or they were known already."""
    with transaction():
        PickUp.objects.filter(id__in=list(claims), state__in=("claimed", "asked")).delete()


def refuse(claim: Claim, reason: str, person: UUID | None, stays: bool) -> None:
    """stays: it is left where it lies and must not be looked at again while it does."""
    with transaction() as tx:
        changed = PickUp.objects.filter(id=claim.id, state__in=("claimed", "asked")).update(
            state="refused", reason=reason[:400], person=person, ended_at=parts.clock().now()
        )
        if changed:
            audit.record("source.refuse", claim.id, by=HOUSE, tx=tx, facts={"left": stays})


def known(source: UUID, seen: Sequence[Seen]) -> list[Seen]:
    """Of files that are left where they lie: those not yet picked up or refused as they are now."""
    wanted = {_stamp(source, each): each for each in seen}
    held: set[bytes] = set()
    stamps = list(wanted)
    for start in range(0, len(stamps), 500):
        rows = PickUp.objects.filter(source_id=source, state__in=("taken", "refused", "claimed"))
        rows = rows.filter(stamp_index__in=stamps[start : start + 500])
        held.update(bytes(each) for each in rows.values_list("stamp_index", flat=True))
    return [each for stamp, each in wanted.items() if stamp not in held]


def gone(source: UUID, seen: Sequence[Seen]) -> None:
    """Forget what was left in a store and is not there any more. ``seen``: everything that is."""
    there = {_index(source, each.path) for each in seen}
    rows = PickUp.objects.filter(source_id=source, state="taken").exclude(ended_at=None)
    lost = [id for id, path in rows.values_list("id", "path_index")[:MOST_LEFT] if bytes(path) not in there]
    for start in range(0, len(lost), 500):
        with transaction():
            PickUp.objects.filter(id__in=lost[start : start + 500]).update(state="cleared")


def forget_old(lasting: timedelta) -> None:
    """What is only shown goes; what still says that a document is not to be taken again stays."""
    before = parts.clock().now() - lasting
    with transaction():
        PickUp.objects.filter(tenant=parts.tenant(), state="cleared", at__lt=before).delete()
        rows = PickUp.objects.filter(tenant=parts.tenant(), state="refused", at__lt=before)
        rows.exclude(source__afterwards="leave").delete()


# -- files that a person chose


def ask(source: UUID, path: str, person: UUID, options: dict[str, str], *, tx: Tx) -> UUID:
    """A person wants this file of a store printed. The worker fetches it."""
    row = _row(source, Seen(path, 0, "asked"), "asked")
    row.person_id, row.options = person, options
    row.save(force_insert=True)
    return row.id


def asked(id: UUID) -> tuple[Claim, UUID, dict[str, str]] | None:
    """The claim, its person and what was asked for; None when it was fetched or refused already."""
    row = PickUp.objects.filter(id=id, tenant=parts.tenant(), state="asked").first()
    if row is None or row.person_id is None:
        return None
    return Claim(row.id, row.source_id, path_of(row), "asked", row.octets), row.person_id, dict(row.options)


def of_person(scope: Scope, source: UUID, most: int = 20) -> list[PickUpView]:
    """What the acting person chose in a store, newest first."""
    rows = PickUp.objects.filter(tenant=scope.tenant, source_id=source, person=scope.actor.id).exclude(options={})
    return [_view(row) for row in rows.order_by("-id")[:most]]


def history(
    scope: Scope, source: UUID, *, refused: bool = False, after: str | None = None, limit: int = 50
) -> Slice[PickUpView]:
    """What was picked up and refused there, newest first, with the names of files. Raises NotAllowed."""
    identity.require(scope.actor, identity.Permission.SETTINGS_MANAGE)
    identity.require(scope.actor, identity.Permission.JOBS_TITLES)
    rows = PickUp.objects.filter(tenant=scope.tenant, source_id=source)
    if refused:
        rows = rows.filter(state="refused")
    if after:
        rows = rows.filter(id__lt=UUID(after))
    found = list(rows.order_by("-id")[: limit + 1])
    more = str(found[limit - 1].id) if len(found) > limit else None
    return Slice([_view(row) for row in found[:limit]], more)


def counts(scope: Scope) -> dict[UUID, dict[str, int]]:
    """Of each source: how many rows in each state."""
    identity.require(scope.actor, identity.Permission.SETTINGS_MANAGE)
    told: dict[UUID, dict[str, int]] = {}
    for source in Source.objects.filter(tenant=scope.tenant).values_list("id", flat=True):
        rows = PickUp.objects.filter(source_id=source)
        told[source] = {
            "in": rows.filter(state__in=("taken", "cleared")).count(),
            "refused": rows.filter(state="refused").count(),
            "open": rows.filter(state__in=("asked", "claimed")).count(),
        }
    return told


def _view(row: PickUp) -> PickUpView:
    return PickUpView(
        id=row.id,
        source=row.source_id,
        state=row.state,
        path=path_of(row),
        octets=row.octets,
        person=row.person_id,
        options=dict(row.options),
        job=row.job,
        number=row.number,
        reason=row.reason,
        at=row.at,
        ended_at=row.ended_at,
    )
