"""Making, changing and removing folders and stores. Every change writes its audit leaf in the same transaction."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from frisket import audit, device, identity, job
from frisket.intake.sources.address import Address
from frisket.intake.sources.errors import BadSource, LooseTrust, NoSuchSource, SourceBusy, SourceTaken
from frisket.intake.sources.models import PickUp, Source
from frisket.intake.sources.views import After, Kind, NewSource, Owner, SourceChange, SourceView
from frisket.plumbing import parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope

__all__ = [
    "add",
    "browsable",
    "by_name",
    "change",
    "changes",
    "every",
    "get",
    "off_change",
    "on_change",
    "password_of",
    "remove",
    "say_state",
    "sources",
]

FIELD_USER = 0
_OPEN = ("claimed", "taken", "asked")
_PLAIN = ("queue_id", "copies", "hold", "picks_up", "browsable", "settle_s", "every_s", "active")
_bells: list[Callable[[], None]] = []
changes = 0  # rises with every change this process committed


def on_change(ring: Callable[[], None]) -> None:
    """Have ``ring`` called, in whatever thread, when a folder or store was changed here."""
    _bells.append(ring)


def off_change(ring: Callable[[], None]) -> None:
    if ring in _bells:
        _bells.remove(ring)


def _changed(tx: Tx) -> None:
    tx.on_commit(_ring)


def _ring() -> None:
    global changes
    changes += 1
    for ring in list(_bells):
        ring()


def view(row: Source) -> SourceView:
    user = ""
    if row.user_sealed is not None:
        user = parts.keys().open_personal(row.tenant, row.id, bytes(row.user_sealed), field=FIELD_USER)
    return SourceView(
        id=row.id,
        name=row.name,
        kind=Kind(row.kind),
        address=row.address,
        user=user,
        has_password=row.secret_sealed is not None,
        pinned_sha256=bytes(row.pinned_sha256) if row.pinned_sha256 is not None else None,
        authority=row.authority,
        queue=row.queue_id,
        owner_rule=Owner(row.owner_rule),
        person=row.person_id,
        copies=row.copies,
        options=job.Options.from_plain(row.options),
        hold=row.hold,
        afterwards=After(row.afterwards),
        destination=row.destination,
        picks_up=row.picks_up,
        browsable=row.browsable,
        settle_s=row.settle_s,
        every_s=row.every_s,
        active=row.active,
        state=row.state,
        note=row.note,
        state_at=row.state_at,
        created_at=row.created_at,
    )


def every() -> list[SourceView]:
    """All of this house, for the house itself."""
    return [view(row) for row in Source.objects.filter(tenant=parts.tenant()).order_by("created_at", "name")]


def sources(scope: Scope) -> list[SourceView]:
    """All of the tenant, the oldest first; only for whoever may manage them. Raises NotAllowed."""
    identity.require(scope.actor, identity.Permission.SETTINGS_MANAGE)
    return [view(row) for row in Source.objects.filter(tenant=scope.tenant).order_by("created_at", "name")]


def browsable(scope: Scope) -> list[SourceView]:
    """The stores that everybody may look into."""
    identity.require(scope.actor, identity.Permission.JOBS_OWN)
    rows = Source.objects.filter(tenant=scope.tenant, browsable=True, active=True).order_by("name")
    return [view(row) for row in rows]


def by_name(scope: Scope, name: str) -> SourceView:
    """Raises NoSuchSource."""
    row = Source.objects.filter(tenant=scope.tenant, name=name.strip().casefold()).first()
    if row is None:
        raise NoSuchSource("there is no folder or store of this name")
    return view(row)


def get(id: UUID) -> SourceView | None:
    """For the house itself."""
    row = Source.objects.filter(tenant=parts.tenant(), id=id).first()
    return view(row) if row is not None else None


def password_of(id: UUID) -> str:
    """For whoever is about to sign in there; "" without one."""
    sealed = Source.objects.filter(tenant=parts.tenant(), id=id).values_list("secret_sealed", flat=True).first()
    return parts.keys().open_secret(id, bytes(sealed)).decode() if sealed is not None else ""


def add(scope: Scope, new: NewSource, *, by: Actor, tx: Tx) -> SourceView:
    """Raises BadSource, LooseTrust, SourceTaken, device.BadName, device.NoSuchQueue, identity.NotFound."""
    identity.require(by, identity.Permission.SETTINGS_MANAGE)
    if Source.objects.filter(tenant=scope.tenant).count() >= parts.settings().folders.sources:
        raise BadSource("there are as many folders and stores as folders.sources allows")
    address = Address.read(new.address)
    settle = new.settle_s if new.settle_s is not None else (2.0 if address.kind is Kind.FOLDER else 10.0)
    row = Source(
        tenant=scope.tenant,
        site=parts.site(),
        name=device.canonical(new.name),
        kind=address.kind.value,
        address=address.text,
        queue_id=device.queue(new.queue).id,
        owner_rule=new.owner_rule.value,
        person_id=new.person,
        copies=new.copies,
        options=new.options.to_plain(),
        hold=new.hold,
        afterwards=new.afterwards.value,
        destination=new.destination.strip(),
        picks_up=new.picks_up,
        browsable=new.browsable,
        settle_s=settle,
        every_s=new.every_s,
        pinned_sha256=new.pinned_sha256,
        authority=new.authority,
        created_at=parts.clock().now(),
    )
    _put_credential(row, new.user, new.password)
    _check(row)
    _save(row, insert=True)
    audit.record("source.add", row.id, by=by, tx=tx, facts=_added(row))
    _changed(tx)
    return view(row)


def _added(row: Source) -> dict[str, str | int | bool | None]:
    return {"kind": row.kind, "owner": row.owner_rule, "exports": bool(row.destination)}


def change(scope: Scope, id: UUID, told: SourceChange, *, by: Actor, tx: Tx) -> SourceView:
    """Another kind, host or port forgets password, certificate and authority, unless they come along (R20).

    Raises as add, and NoSuchSource.
    """
    identity.require(by, identity.Permission.SETTINGS_MANAGE)
    row = _row(scope, id)
    facts: dict[str, str | int | bool | None] = {}
    if told.address is not None and Address.read(told.address).text != row.address:
        _move(row, Address.read(told.address))
        facts["address"] = True
    if told.name is not None:
        row.name = device.canonical(told.name)
    if told.queue is not None:
        told = replace(told, queue=device.queue(told.queue).id)
    for column in _PLAIN:
        wanted = getattr(told, column.removesuffix("_id"))
        if wanted is not None and wanted != getattr(row, column):
            setattr(row, column, wanted)
            facts[column.removesuffix("_id")] = str(wanted) if isinstance(wanted, UUID | float) else wanted
    _change_rules(row, told, facts)
    _change_trust(row, told, facts)
    if facts.keys() & {"active", "address", "credential", "certificate", "exports"}:
        row.state, row.note, row.state_at = "new", "", parts.clock().now()
    _check(row)
    _save(row)
    audit.record("source.change", row.id, by=by, tx=tx, facts=facts)
    _changed(tx)
    return view(row)


def _change_rules(row: Source, told: SourceChange, facts: dict[str, Any]) -> None:
    if told.owner_rule is not None:
        row.owner_rule = told.owner_rule.value
        facts["owner"] = row.owner_rule
    if told.person is not None:
        row.person_id = told.person
        facts["person"] = True
    if told.options is not None:
        row.options = told.options.to_plain()
        facts["options"] = True
    if told.afterwards is not None:
        row.afterwards = told.afterwards.value
        facts["afterwards"] = row.afterwards
    if told.destination is not None and told.destination.strip() != row.destination:
        row.destination = told.destination.strip()
        facts["exports"] = bool(row.destination)


def _change_trust(row: Source, told: SourceChange, facts: dict[str, Any]) -> None:
    if told.pinned_sha256 is not None or told.authority is not None:
        row.pinned_sha256, row.authority = told.pinned_sha256, told.authority or ""
        facts["certificate"] = True
    if told.user is not None or told.password is not None:
        user = told.user if told.user is not None else view(row).user
        _put_credential(row, user, told.password if told.password is not None else None)
        facts["credential"] = True


def _move(row: Source, address: Address) -> None:
    before = Address.read(row.address)
    row.kind, row.address = address.kind.value, address.text
    if (before.kind, before.host, before.port) != (address.kind, address.host, address.port):
        row.secret_sealed, row.pinned_sha256, row.authority = None, None, ""


def _put_credential(row: Source, user: str, password: str | None) -> None:
    if any(ord(char) < 32 or ord(char) == 127 for char in user + (password or "")):
        raise BadSource("a name or password holds control characters")
    if len(user) > 256 or len(password or "") > 256:
        raise BadSource("a name or password is longer than 256 characters")
    keys = parts.keys()
    row.user_sealed = keys.seal_personal(row.tenant, row.id, user, field=FIELD_USER) if user else None
    if password is not None:
        row.secret_sealed = keys.seal_secret(row.id, password.encode()) if password else None


def remove(scope: Scope, id: UUID, *, anyway: bool = False, by: Actor, tx: Tx) -> None:
    """Raises SourceBusy while documents of it are half picked up, unless ``anyway``."""
    identity.require(by, identity.Permission.SETTINGS_MANAGE)
    row = _row(scope, id)
    if not anyway and PickUp.objects.filter(source=row, state__in=_OPEN).exists():
        raise SourceBusy("documents of it are being picked up")
    row.delete()
    audit.record("source.remove", id, by=by, tx=tx)
    _changed(tx)


def say_state(id: UUID, state: str, note: str, at: datetime) -> None:
    """What a watcher found; no act of anybody."""
    Source.objects.filter(id=id).update(state=state, note=note[:300], state_at=at)


def _row(scope: Scope, id: UUID) -> Source:
    row = Source.objects.select_for_update().filter(tenant=scope.tenant, id=id).first()
    if row is None:
        raise NoSuchSource("there is no such folder or store")
    return row


def _save(row: Source, *, insert: bool = False) -> None:
    others = Source.objects.filter(tenant=row.tenant, name=row.name).exclude(id=row.id)
    if others.exists():
        raise SourceTaken("another folder or store has this name")
    try:
        row.save(force_insert=insert)
    except IntegrityError as error:  # two administrators in the same moment
        raise SourceTaken("another folder or store has this name") from error


def _check(row: Source) -> None:
    """What goes together and what does not."""
    kind = Kind(row.kind)
    if not 1 <= row.copies <= 999:
        raise BadSource("copies must be a number from 1 to 999")
    if not 0.2 <= row.settle_s <= 3600 or not 1 <= row.every_s <= 86400:
        raise BadSource("a file rests 0.2 to 3600 seconds, and every look comes after 1 to 86400 seconds")
    if row.picks_up and Owner(row.owner_rule) is Owner.PERSON and row.person_id is None:
        raise BadSource("say whose documents they are: a person, or a rule that finds one")
    if row.person_id is not None:
        identity.get(Scope(HOUSE, row.tenant, Purpose.STAGE), row.person_id)  # raises NotFound
    if row.destination:
        _check_destination(row)
    if kind is Kind.FOLDER:
        _check_folder(row)
    elif kind is Kind.USB:
        _check_removable(row)
    elif Owner(row.owner_rule) is Owner.ACCOUNT:
        raise BadSource("a store tells no account of this machine; name a person, or go by the first folder")
    if kind in (Kind.FTPS, Kind.DAVS) and row.pinned_sha256 is None and not row.authority:
        raise LooseTrust("nobody said which certificate the store has")
    if row.authority and "-----BEGIN CERTIFICATE-----" not in row.authority:
        raise BadSource("the authority is no certificate in PEM form")


def _check_folder(row: Source) -> None:
    path = Path(row.address)
    _check_place(path)
    if row.browsable:
        raise BadSource("only a store can be opened for browsing, not a folder of this machine")
    if After(row.afterwards) is After.LEAVE:
        raise BadSource("from a folder of this machine documents are moved or deleted, never left")
    _check_place(path)
    if any(_overlap(path, each) for each in _other_folders(row)):
        raise BadSource("another hot folder is this one, lies in it, or around it")
    for other in Source.objects.exclude(destination="").exclude(id=row.id):
        if _overlap(path, Path(other.destination)):
            raise BadSource("what was printed is written here from another hot folder, and would be printed again")


def _other_folders(row: Source) -> list[Path]:
    """Of other tenants too: they have the same machine, and a folder around theirs would take their documents."""
    return [Path(each.address) for each in Source.objects.filter(kind=Kind.FOLDER.value).exclude(id=row.id)]


def _check_destination(row: Source) -> None:
    """What is written there must never be picked up."""
    path = Path(row.destination)
    if not path.is_absolute() or path.resolve() != path:
        raise BadSource("the destination is an absolute path without links")
    if not row.picks_up:
        raise BadSource("only what is picked up can be written to a destination")
    _check_place(path)
    hot = _other_folders(row)
    if row.kind == Kind.FOLDER.value:
        hot.append(Path(row.address))
    if any(_overlap(path, each) for each in hot):
        raise BadSource("the destination is a hot folder, lies in one, or around one")


def _check_removable(row: Source) -> None:
    if row.picks_up:
        raise BadSource("nothing is picked up from removable storage: people look into it and choose")
    place = Address.read(row.address).place
    _check_place(place)
    if any(_overlap(place, each) for each in _other_folders(row)):
        raise BadSource("a hot folder is no storage to look into")


def _check_place(path: Path) -> None:
    roots = [Path(root) for root in parts.settings().folders.roots]
    if not any(root in path.parents for root in roots):
        raise BadSource("hot folders lie below one of folders.roots: " + ", ".join(map(str, roots)))
    if _overlap(path, parts.data().resolve()):
        raise BadSource("a hot folder and the data folder of this house must not contain each other")


def _overlap(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents
