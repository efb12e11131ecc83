"""Hot folders and stores over the API. Paths travel in bodies, so that names of files stay out of addresses."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Schema, Status
from pydantic import Field

from frisket.identity import Permission
from frisket.intake import sources as room
from frisket.job import Options
from frisket.plumbing.db import transaction
from frisket.web.api.entry import operation
from frisket.web.api.shapes import ColorMode, In, Octets32, Sides
from frisket.web.visits import visit

__all__ = ["sources", "stores"]

OwnerWord = Literal["person", "path", "account"]
AfterWord = Literal["delete", "keep", "leave"]


class SourceOut(Schema):
    id: UUID
    name: str
    kind: str
    address: str
    user: str
    has_password: bool
    certificate_sha256: str | None
    queue: UUID
    owner: OwnerWord
    person: UUID | None
    copies: int
    sides: str
    color_mode: str
    hold: bool
    afterwards: AfterWord
    destination: str
    picks_up: bool
    browsable: bool
    settle_s: float
    every_s: float
    active: bool
    state: str
    note: str

    @classmethod
    def of(cls, view: room.SourceView) -> "SourceOut":
        return cls(
            id=view.id,
            name=view.name,
            kind=view.kind.value,
            address=view.address,
            user=view.user,
            has_password=view.has_password,
            certificate_sha256=view.pinned_sha256.hex() if view.pinned_sha256 else None,
            queue=view.queue,
            owner=view.owner_rule.value,
            person=view.person,
            copies=view.copies,
            sides=view.options.sides,
            color_mode=view.options.color_mode,
            hold=view.hold,
            afterwards=view.afterwards.value,
            destination=view.destination,
            picks_up=view.picks_up,
            browsable=view.browsable,
            settle_s=view.settle_s,
            every_s=view.every_s,
            active=view.active,
            state=view.state,
            note=view.note,
        )


class SourceIn(In):
    name: str = Field(max_length=60)
    address: str = Field(max_length=400, description="/folder, smb://, ftps://, davs://, ftp://, dav://, usb:/folder")
    queue: UUID
    owner: OwnerWord = "person"
    person: UUID | None = None
    copies: int = Field(1, ge=1, le=999)
    sides: Sides | None = None
    color_mode: ColorMode | None = None
    hold: bool = False
    afterwards: AfterWord = "delete"
    destination: str = Field("", max_length=400, description="Folder for original, printed form and log, in clear")
    picks_up: bool = True
    browsable: bool = False
    settle_s: float | None = Field(None, ge=0.2, le=3600)
    every_s: float = Field(30, ge=1, le=86400)
    user: str = Field("", max_length=256)
    password: str = Field("", max_length=256, description="Kept in the key store; no answer has it")
    certificate_sha256: str | None = Octets32
    authority: str = Field("", max_length=20_000, description="PEM of the authority that signed the certificate")


class SourceChangeIn(In):
    """What is left out stays as it is. Another server forgets password, certificate and authority."""

    name: str | None = Field(None, max_length=60)
    address: str | None = Field(None, max_length=400)
    queue: UUID | None = None
    owner: OwnerWord | None = None
    person: UUID | None = None
    copies: int | None = Field(None, ge=1, le=999)
    hold: bool | None = None
    afterwards: AfterWord | None = None
    destination: str | None = Field(None, max_length=400)
    picks_up: bool | None = None
    browsable: bool | None = None
    settle_s: float | None = Field(None, ge=0.2, le=3600)
    every_s: float | None = Field(None, ge=1, le=86400)
    user: str | None = Field(None, max_length=256)
    password: str | None = Field(None, max_length=256)
    certificate_sha256: str | None = Octets32
    authority: str | None = Field(None, max_length=20_000)
    active: bool | None = None


class PickUpOut(Schema):
    id: UUID
    at: datetime
    state: str
    file: str
    octets: int
    person: UUID | None
    job: UUID | None
    number: int | None
    reason: str

    @classmethod
    def of(cls, view: room.PickUpView) -> "PickUpOut":
        return cls(
            id=view.id,
            at=view.at,
            state=view.state,
            file=view.path.encode("utf-8", "replace").decode(),
            octets=view.octets,
            person=view.person,
            job=view.job,
            number=view.number,
            reason=view.reason,
        )


class PickUpsOut(Schema):
    rows: list[PickUpOut]
    after: str | None


@operation("GET", "/sources", needs=Permission.SETTINGS_MANAGE, tag="sources", response=list[SourceOut])
def sources(request: HttpRequest) -> list[SourceOut]:
    """Hot folders and stores."""
    return [SourceOut.of(each) for each in room.sources(visit(request).scope)]


@operation("POST", "/sources", needs=Permission.SETTINGS_MANAGE, fresh=True, tag="sources", response={201: SourceOut})
def source_add(request: HttpRequest, told: SourceIn) -> Status[SourceOut]:
    who = visit(request)
    new = room.NewSource(
        name=told.name,
        address=told.address,
        queue=told.queue,
        owner_rule=room.Owner(told.owner),
        person=told.person,
        copies=told.copies,
        options=Options(sides=told.sides or "", color_mode=told.color_mode or ""),
        hold=told.hold,
        afterwards=room.After(told.afterwards),
        destination=told.destination,
        picks_up=told.picks_up,
        browsable=told.browsable,
        settle_s=told.settle_s,
        every_s=told.every_s,
        user=told.user,
        password=told.password,
        pinned_sha256=bytes.fromhex(told.certificate_sha256) if told.certificate_sha256 else None,
        authority=told.authority,
    )
    with transaction() as tx:
        return Status(201, SourceOut.of(room.add(who.scope, new, by=who.actor, tx=tx)))


@operation("PATCH", "/sources/{name}", needs=Permission.SETTINGS_MANAGE, fresh=True, tag="sources", response=SourceOut)
def source_change(request: HttpRequest, name: str, told: SourceChangeIn) -> SourceOut:
    who = visit(request)
    change = room.SourceChange(
        name=told.name,
        address=told.address,
        queue=told.queue,
        owner_rule=room.Owner(told.owner) if told.owner else None,
        person=told.person,
        copies=told.copies,
        hold=told.hold,
        afterwards=room.After(told.afterwards) if told.afterwards else None,
        destination=told.destination,
        picks_up=told.picks_up,
        browsable=told.browsable,
        settle_s=told.settle_s,
        every_s=told.every_s,
        user=told.user,
        password=told.password,
        pinned_sha256=bytes.fromhex(told.certificate_sha256) if told.certificate_sha256 else None,
        authority=told.authority,
        active=told.active,
    )
    with transaction() as tx:
        found = room.by_name(who.scope, name)
        return SourceOut.of(room.change(who.scope, found.id, change, by=who.actor, tx=tx))


@operation("DELETE", "/sources/{name}", needs=Permission.SETTINGS_MANAGE, tag="sources", response={204: None})
def source_remove(request: HttpRequest, name: str) -> Status[None]:
    who = visit(request)
    with transaction() as tx:
        room.remove(who.scope, room.by_name(who.scope, name).id, by=who.actor, tx=tx)
    return Status(204, None)


@operation("GET", "/sources/{name}/pick-ups", needs=Permission.SETTINGS_MANAGE, tag="sources", response=PickUpsOut)
def source_pick_ups(
    request: HttpRequest, name: str, refused: bool = False, after: UUID | None = None, limit: int = 100
) -> PickUpsOut:
    """What came in there and what was refused and why, newest first."""
    who = visit(request)
    found = room.by_name(who.scope, name)
    cursor = str(after) if after is not None else None
    most = max(1, min(limit, 1000))
    cut = room.history(who.scope, found.id, refused=refused, after=cursor, limit=most)
    return PickUpsOut(rows=[PickUpOut.of(each) for each in cut.rows], after=cut.after)


# -- for everybody


class StoreOut(Schema):
    name: str
    address: str


class FolderIn(In):
    path: str = Field("", max_length=1024)
    after: str = Field("", max_length=2048)


class MemberOut(Schema):
    name: str
    folder: bool
    octets: int
    changed: str


class FolderOut(Schema):
    members: list[MemberOut]
    after: str | None


class ChooseIn(In):
    path: str = Field(max_length=1024)
    queue: str = Field("", max_length=60)
    copies: int = Field(1, ge=1, le=999)
    sides: Sides | None = None
    color_mode: ColorMode | None = None
    hold: bool = False


class ChosenOut(Schema):
    id: UUID


@operation("GET", "/stores", needs=Permission.JOBS_OWN, tag="stores", response=list[StoreOut])
def stores(request: HttpRequest) -> list[StoreOut]:
    """File servers that everybody may print from."""
    return [StoreOut(name=each.name, address=each.address) for each in room.browsable(visit(request).own)]


@operation("POST", "/stores/{name}/folder", needs=Permission.JOBS_OWN, tag="stores", response=FolderOut)
def store_folder(request: HttpRequest, name: str, told: FolderIn) -> FolderOut:
    """What lies in a folder of a store, a hundred at a time."""
    found = room.store_of(visit(request).own, name)
    cut = room.browse(found, told.path, after=told.after)
    members = [
        MemberOut(name=each.name, folder=each.folder, octets=each.octets, changed=each.changed) for each in cut.rows
    ]
    return FolderOut(members=members, after=cut.after)


@operation("POST", "/stores/{name}/print", needs=Permission.JOBS_OWN, tag="stores", response={202: ChosenOut})
def store_print(request: HttpRequest, name: str, told: ChooseIn) -> Status[ChosenOut]:
    """Have one file fetched and printed; ``/stores/{name}/chosen`` tells what became of it."""
    who = visit(request)
    found = room.store_of(who.own, name)
    values = {
        "queue": told.queue,
        "copies": str(told.copies),
        "sides": told.sides or "",
        "color_mode": told.color_mode or "",
        "hold": "1" if told.hold else "",
    }
    return Status(202, ChosenOut(id=room.choose(found, told.path, who.known, who.actor, values)))


@operation("GET", "/stores/{name}/chosen", needs=Permission.JOBS_OWN, tag="stores", response=list[PickUpOut])
def store_chosen(request: HttpRequest, name: str) -> list[PickUpOut]:
    """What the person chose there lately, newest first."""
    who = visit(request)
    found = room.store_of(who.own, name)
    return [PickUpOut.of(each) for each in room.of_person(who.own, found.id)]
