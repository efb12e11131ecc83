"""The mailboxes this house looks into: kept with sealed credentials, opened, tried out."""

import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django.db import IntegrityError

from frisket import audit, device, identity
from frisket.intake.mail.errors import BadMailbox, MailboxClosed, NoSuchMailbox
from frisket.intake.mail.ews import EwsStore
from frisket.intake.mail.graph import GraphStore
from frisket.intake.mail.imap import ImapStore
from frisket.intake.mail.models import Mailbox
from frisket.intake.mail.oauth import Secret, access_token, forget_token
from frisket.intake.mail.pop3 import Pop3Store
from frisket.intake.mail.stores import Login, Store
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import Actor, Scope

__all__ = [
    "KINDS",
    "MailboxView",
    "NewMailbox",
    "add_mailbox",
    "connect",
    "mailboxes",
    "named",
    "remove_mailbox",
    "set_active",
    "set_secret",
    "tell_state",
    "try_out",
]

KINDS = {"imap": 993, "pop3": 995, "graph": 443, "ews": 443}  # and the port of each
_STORES: dict[str, Callable[[Login], Store]] = {
    "imap": ImapStore,
    "pop3": Pop3Store,
    "graph": GraphStore,
    "ews": EwsStore,
}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}")
_SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class NewMailbox:
    name: str
    kind: str
    host: str
    user: str = field(repr=False)
    secret: Secret
    port: int = 0  # 0: the usual one
    folder: str = "INBOX"
    token_url: str = ""
    client: str = ""
    reach: str = ""
    pinned_sha256: str = ""
    authority: str = ""  # PEM; neither this nor a pin: the authorities this machine trusts
    queue: UUID | None = None
    afterwards: str = ""  # move, delete, seen; "": as the kind can
    done_folder: str = "Printed"
    refused_folder: str = "Refused"
    believe_results: bool = False


@dataclass(frozen=True, slots=True)
class MailboxView:
    id: UUID
    name: str
    kind: str
    host: str
    port: int
    folder: str
    queue: UUID | None
    afterwards: str
    done_folder: str
    refused_folder: str
    believe_results: bool
    oauth: bool
    token_url: str
    active: bool
    state: str  # new, watching, waiting, trouble
    note: str
    state_at: datetime | None

    @property
    def key(self) -> tuple[object, ...]:
        """What has to stay for a running look-out to stay."""
        fixed = replace(self, state="", note="", state_at=None)
        return tuple(getattr(fixed, name) for name in self.__dataclass_fields__)


def mailboxes() -> list[MailboxView]:
    """All of this house, by name."""
    return [_view(row) for row in Mailbox.objects.filter(tenant=parts.tenant()).order_by("name")]


def named(name: str) -> MailboxView:
    return _view(_row(name))


def add_mailbox(scope: Scope, new: NewMailbox, *, by: Actor, tx: Tx) -> MailboxView:
    """Raises BadMailbox, device.NoSuchQueue."""
    identity.require(by, identity.Permission.SETTINGS_MANAGE)
    _check(new)
    if new.queue is not None:
        device.queue(new.queue)
    identifier = uuid4()
    tenant, store = scope.tenant, parts.keys()
    row = Mailbox(
        id=identifier,
        tenant=tenant,
        site=parts.site(),
        name=new.name,
        kind=new.kind,
        host=new.host,
        port=new.port or KINDS[new.kind],
        folder=new.folder,
        user_sealed=store.seal_personal(tenant, identifier, new.user),
        secret_sealed=store.seal_secret(identifier, _written(new.secret)),
        token_url=new.token_url,
        client=new.client,
        reach=new.reach,
        pinned_sha256=bytes.fromhex(new.pinned_sha256) if new.pinned_sha256 else None,
        authority=new.authority,
        queue_id=new.queue,
        afterwards=new.afterwards or ("delete" if new.kind == "pop3" else "move"),
        done_folder=new.done_folder,
        refused_folder=new.refused_folder,
        believe_results=new.believe_results,
        created_at=parts.clock().now(),
    )
    try:
        with transaction():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise BadMailbox("another mailbox has this name") from error
    audit.record("mailbox.add", row.id, by=by, tx=tx, facts={"kind": row.kind, "oauth": bool(row.token_url)})
    return _view(row)


def _check(new: NewMailbox) -> None:
    """Raises BadMailbox."""
    faults = [
        ("name: a to z, 0 to 9, point, line", not _NAME.fullmatch(new.name)),
        ("kind: imap, pop3, graph or ews", new.kind not in KINDS),
        ("host: the name of the server", not _HOST.fullmatch(new.host)),
        ("port: 1 to 65535", not 0 <= new.port <= 65535),
        ("user: it is missing", not new.user or not new.user.isprintable() or len(new.user) > 254),
        ("afterwards: move, delete or seen", new.afterwards not in ("", "move", "delete", "seen")),
        ("afterwards: POP3 can only delete", new.kind == "pop3" and new.afterwards not in ("", "delete")),
        ("pin: 64 hexadecimal digits", not re.fullmatch("(?:[0-9a-f]{64})?", new.pinned_sha256)),
        ("kind: Graph needs OAuth 2.0, give token-url and client", new.kind == "graph" and not new.token_url),
        ("client: OAuth 2.0 needs it", bool(new.token_url) and not new.client),
        ("token-url: it begins with https://", bool(new.token_url) and urlsplit(new.token_url).scheme != "https"),
        ("folder: its name is too long or cannot be seen", not _folder(new.folder)),
        ("done-folder: its name is too long or cannot be seen", not _folder(new.done_folder)),
        ("refused-folder: its name is too long or cannot be seen", not _folder(new.refused_folder)),
        ("done-folder: it must not be the one looked into", new.done_folder == new.folder),
        ("refused-folder: it must not be the one looked into", new.refused_folder == new.folder),
        ("secret: it is missing", not any((new.secret.password, new.secret.client_secret, new.secret.refresh_token))),
        ("secret: a password goes without token-url", bool(new.secret.password) == bool(new.token_url)),
    ]
    for words, wrong in faults:
        if wrong:
            raise BadMailbox(words)


def _folder(name: str) -> bool:
    return 0 < len(name) <= 120 and name.isprintable()


def set_active(name: str, active: bool, *, by: Actor, tx: Tx) -> MailboxView:
    identity.require(by, identity.Permission.SETTINGS_MANAGE)
    row = _row(name)
    row.active = active
    row.save(update_fields=["active"])
    audit.record("mailbox.change", row.id, by=by, tx=tx, facts={"active": active})
    return _view(row)


def set_secret(name: str, secret: Secret, *, by: Actor, tx: Tx) -> MailboxView:
    """Another password or token; where the mailbox lies never changes, so no credential goes astray (R20)."""
    identity.require(by, identity.Permission.SETTINGS_MANAGE)
    row = _row(name)
    if bool(secret.password) == bool(row.token_url):
        raise BadMailbox("secret: a password goes without token-url")
    row.secret_sealed = parts.keys().seal_secret(row.id, _written(secret))
    row.save(update_fields=["secret_sealed"])
    forget_token(row.id)
    audit.record("mailbox.secret", row.id, by=by, tx=tx)
    return _view(row)


def remove_mailbox(name: str, *, by: Actor, tx: Tx) -> None:
    identity.require(by, identity.Permission.SETTINGS_MANAGE)
    row = _row(name)
    identifier = row.id
    row.delete()
    forget_token(identifier)
    audit.record("mailbox.remove", identifier, by=by, tx=tx)


def tell_state(mailbox: UUID, state: str, note: str) -> None:
    """What the look-out found, for the operator's page."""
    Mailbox.objects.filter(id=mailbox).update(state=state, note=note[:300], state_at=parts.clock().now())


def connect(view: MailboxView) -> Store:
    """A new connection to a mailbox, signed in. Blocks. Raises MailboxTrouble, MailboxClosed, NoSuchMailbox."""
    row = Mailbox.objects.filter(tenant=parts.tenant(), id=view.id).first()
    if row is None:
        raise NoSuchMailbox("there is no such mailbox")
    store = parts.keys()
    secret = Secret(**json.loads(store.open_secret(row.id, bytes(row.secret_sealed))))
    context = _context(row)

    def token() -> str:
        return access_token(
            row.id, row.token_url, row.client, row.reach, secret, _vouched(row), keep_refresh=keep_refresh
        )

    def keep_refresh(renewed: str) -> None:
        sealed = store.seal_secret(row.id, _written(replace(secret, refresh_token=renewed)))
        Mailbox.objects.filter(id=row.id).update(secret_sealed=sealed)

    login = Login(
        host=row.host,
        port=row.port,
        folder=row.folder,
        user=store.open_personal(row.tenant, row.id, bytes(row.user_sealed)),
        password=secret.password,
        token=token if row.token_url else None,
        context=context,
        afterwards=row.afterwards,
        largest=2 * parts.settings().mail.message_bytes,
    )
    return _STORES[row.kind](login)


def _context(row: Mailbox) -> ssl.SSLContext:
    if row.pinned_sha256 is not None:
        return keys.client_context(pinned_sha256=bytes(row.pinned_sha256))
    return _vouched(row)


def _vouched(row: Mailbox) -> ssl.SSLContext:
    """Any server an authority vouches for: the one that gives out tokens is another than the mailbox's."""
    try:
        ca = row.authority.encode() or Path(_SYSTEM_AUTHORITIES).read_bytes()
        return keys.client_context(ca=ca)
    except (OSError, ValueError) as error:
        raise MailboxClosed("the authorities this mailbox's server is checked by cannot be read") from error


def try_out(name: str) -> int:
    """Sign in, look into the folder, and leave everything as it is; how many mails wait there (at most 1,000)."""
    view = _view(_row(name))
    forget_token(view.id)
    store = connect(view)
    try:
        return len(store.waiting(1000))
    finally:
        store.close()


def _written(secret: Secret) -> bytes:
    said = {name: getattr(secret, name) for name in ("password", "client_secret", "refresh_token")}
    return json.dumps(said).encode()


def _row(name: str) -> Mailbox:
    row = Mailbox.objects.filter(tenant=parts.tenant(), name=name).first()
    if row is None:
        raise NoSuchMailbox("there is no mailbox of this name")
    return row


def _view(row: Mailbox) -> MailboxView:
    return MailboxView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        host=row.host,
        port=row.port,
        folder=row.folder,
        queue=row.queue_id,
        afterwards=row.afterwards,
        done_folder=row.done_folder,
        refused_folder=row.refused_folder,
        believe_results=row.believe_results,
        oauth=bool(row.token_url),
        token_url=row.token_url,
        active=row.active,
        state=row.state,
        note=row.note,
        state_at=row.state_at,
    )
