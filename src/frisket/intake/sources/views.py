"""What other rooms see of folders and stores, and what they give to make or change one."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from frisket import job

__all__ = ["REMOTE", "WEB", "After", "Kind", "NewSource", "Owner", "PickUpView", "SourceChange", "SourceView"]


class Kind(StrEnum):
    FOLDER = "folder"
    SMB = "smb"
    FTPS = "ftps"
    FTP = "ftp"
    DAVS = "davs"
    DAV = "dav"
    USB = "usb"  # storage plugged into this machine


REMOTE = frozenset(Kind) - {Kind.FOLDER, Kind.USB}
WEB = frozenset({Kind.DAVS, Kind.DAV})


class Owner(StrEnum):
    PERSON = "person"  # everything in it is this person's
    ACCOUNT = "account"  # whoever owns the file on this machine
    PATH = "path"  # the first folder below the root is called like its person


class After(StrEnum):
    DELETE = "delete"
    KEEP = "keep"  # moved into the folder done
    LEAVE = "leave"  # left where it lies and remembered


@dataclass(frozen=True, slots=True)
class SourceView:
    id: UUID
    name: str
    kind: Kind
    address: str
    user: str
    has_password: bool
    pinned_sha256: bytes | None
    authority: str
    queue: UUID
    owner_rule: Owner
    person: UUID | None
    copies: int
    options: job.Options
    hold: bool
    afterwards: After
    destination: str
    picks_up: bool
    browsable: bool
    settle_s: float
    every_s: float
    active: bool
    state: str
    note: str
    state_at: datetime | None
    created_at: datetime

    def __repr__(self) -> str:
        return f"SourceView({self.id})"


@dataclass(frozen=True, slots=True)
class NewSource:
    """A folder or store to be made; ``address`` says by its form which kind it is."""

    name: str
    address: str
    queue: UUID
    owner_rule: Owner = Owner.PERSON
    person: UUID | None = None
    copies: int = 1
    options: job.Options = field(default_factory=job.Options)
    hold: bool = False
    afterwards: After = After.DELETE
    destination: str = ""  # an absolute path: original, printed form and log of each document are written there
    picks_up: bool = True
    browsable: bool = False
    settle_s: float | None = None  # None: two seconds for a folder, ten for a store
    every_s: float = 30.0
    user: str = ""
    password: str = ""
    pinned_sha256: bytes | None = None
    authority: str = ""


@dataclass(frozen=True, slots=True)
class SourceChange:
    """None leaves a field as it is."""

    name: str | None = None
    address: str | None = None
    queue: UUID | None = None
    owner_rule: Owner | None = None
    person: UUID | None = None
    copies: int | None = None
    options: job.Options | None = None
    hold: bool | None = None
    afterwards: After | None = None
    destination: str | None = None
    picks_up: bool | None = None
    browsable: bool | None = None
    settle_s: float | None = None
    every_s: float | None = None
    user: str | None = None
    password: str | None = None
    pinned_sha256: bytes | None = None
    authority: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class PickUpView:
    id: UUID
    source: UUID
    state: str  # asked, claimed, taken, cleared, refused
    path: str
    octets: int
    person: UUID | None
    options: dict[str, str]
    job: UUID | None
    number: int | None
    reason: str
    at: datetime
    ended_at: datetime | None

    def __repr__(self) -> str:
        return f"PickUpView({self.id})"
