"""The key store: every key of the house, each wrapped by the one above it.

    root key -> tenant key -> purpose keys and one spool epoch key a day -> job keys

A folder per tenant holds the wrapped keys, each a sealed object in a file of its own, outside the
database and its backups. Job keys are not kept here: they lie, wrapped, beside their job's row.
"""

import hmac
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, Self
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from frisket.plumbing.keys import argon, keyfile
from frisket.plumbing.keys.errors import KeyStoreUnusable, Sealed
from frisket.plumbing.keys.sealed import Header, JobKey, Key, Kind, Opener, Sealer, open_sealed, seal
from frisket.plumbing.keys.tenantkeys import TenantKeys

__all__ = ["IndexPurpose", "KeyStore", "PersonalPurpose", "verify_signature"]

PersonalPurpose = Literal["pii", "audit-pii"]
IndexPurpose = Literal["card", "name", "mail", "pin", "queue-secret", "token", "file"]
_ROOT_FILE = "root.key"


def _read_root(file: Path) -> Key:
    try:
        return Key(bytes.fromhex(keyfile.read(file).decode("ascii")))
    except FileNotFoundError as error:
        raise KeyStoreUnusable("the root key is missing") from error
    except ValueError as error:
        raise KeyStoreUnusable("the root key file must hold 64 hexadecimal digits") from error


def _root_text(root: Key) -> bytes:
    return root.octets().hex().encode() + b"\n"


def _tenant_folder(folder: Path, tenant: UUID) -> Path:
    return folder / f"tenant-{tenant.hex}"


class KeyStore:
    """All keys of a house. Every method may be called from any thread.

    Once `seal` was called every method that needs a key raises Sealed. Methods that take a tenant
    raise KeyStoreUnusable for one that has no keys here.
    """

    def __init__(self, folder: Path, tenant: UUID, root_file: Path, clock: Callable[[], datetime]) -> None:
        """Use create or open."""
        self.folder = folder
        self.clock = clock
        self._root_file = root_file
        self._root = _read_root(root_file)
        self._tenants: dict[UUID, TenantKeys] = {}
        self._is_sealed = False
        self.tenant = tenant  # the tenant of the house itself: secrets, the log's signature
        self.pin_cost = argon.PERSON

    @classmethod
    def create(
        cls, folder: Path, tenant: UUID, *, clock: Callable[[], datetime], root_file: Path | None = None
    ) -> Self:
        """Make the folder, the root key (unless its file is there already) and the tenant's keys.

        Raises KeyStoreUnusable when the tenant has keys here already.
        """
        keyfile.make_folder(folder)
        file = root_file or folder / _ROOT_FILE
        if not file.exists():
            keyfile.put_new(file, _root_text(Key.new()))
        store = cls(folder, tenant, file, clock)
        store.add_tenant(tenant)
        return store

    @classmethod
    def open(cls, folder: Path, tenant: UUID, *, clock: Callable[[], datetime], root_file: Path | None = None) -> Self:
        """Open what create made. Raises KeyStoreUnusable when a key is missing or does not fit."""
        store = cls(folder, tenant, root_file or folder / _ROOT_FILE, clock)
        store._of(tenant)
        return store

    def add_tenant(self, tenant: UUID) -> None:
        self._check()
        made = TenantKeys.create(_tenant_folder(self.folder, tenant), tenant, self._root, self.clock)
        self._tenants[tenant] = made

    def rotate_root(self) -> None:
        """Another root key in the same file; every tenant key is wrapped anew, nothing below changes.

        Replacing that file is the moment it counts: a crash before leaves the old root key in force,
        after it the new one, and opening tidies up. Other running processes notice nothing.
        """
        self._check()
        tenants = [
            self._of(UUID(path.parent.name.removeprefix("tenant-"))) for path in self.folder.glob("tenant-*/tenant.key")
        ]
        root = Key.new()
        for tenant in tenants:
            tenant.prepare_rewrap(root)
        keyfile.put(self._root_file, _root_text(root))
        for tenant in tenants:
            tenant.finish_rewrap()
        old, self._root = self._root, root
        old.wipe()

    @property
    def is_sealed(self) -> bool:
        return self._is_sealed

    def seal(self) -> None:
        """Drop every key. From here on nothing can be stored or read; only a new open helps."""
        self._is_sealed = True
        for keys in list(self._tenants.values()):
            keys.seal()
        self._root.wipe()

    def _check(self) -> None:
        if self._is_sealed:
            raise Sealed("the key store is sealed")

    def _of(self, tenant: UUID) -> TenantKeys:
        self._check()
        keys = self._tenants.get(tenant)
        if keys is None:
            opened = TenantKeys(_tenant_folder(self.folder, tenant), tenant, self._root, self.clock)
            keys = self._tenants.setdefault(tenant, opened)
        return keys

    # -- job keys --------------------------------------------------------------------------------

    def new_job_key(self, tenant: UUID, job: UUID) -> tuple[JobKey, bytes, int]:
        """A fresh key; the same, wrapped, for the job's row; and the epoch it is wrapped under.

        The wrapped key has version 1. It opens only for this tenant, job, epoch and version.
        """
        epoch, wrapping = self._of(tenant).current()
        key = JobKey.new()
        return key, seal(wrapping, Header(Kind.WRAPPED_KEY, 0, tenant, job, 1, epoch), key.octets()), epoch

    def unwrap_job_key(self, tenant: UUID, job: UUID, wrapped: bytes, epoch: int, version: int = 1) -> JobKey:
        """Raises Damaged when it is not that job's key, EpochGone when nobody can open it any more."""
        wrapping = self._of(tenant).epoch(epoch)
        octets = open_sealed(wrapping, Header(Kind.WRAPPED_KEY, 0, tenant, job, version, epoch), wrapped)
        return JobKey(octets)

    def rewrap_job_key(
        self, tenant: UUID, job: UUID, wrapped: bytes, epoch: int, version: int
    ) -> tuple[bytes, int, int]:
        """The same key under the current epoch: wrapped, epoch, version. The objects stay as they are."""
        key = self.unwrap_job_key(tenant, job, wrapped, epoch, version)
        now, wrapping = self._of(tenant).current()
        header = Header(Kind.WRAPPED_KEY, 0, tenant, job, version + 1, now)
        again = seal(wrapping, header, key.octets())
        key.wipe()
        return again, now, version + 1

    def current_epoch(self, tenant: UUID) -> int:
        """Days since 1970-01-01 UTC; makes the day's key if it is not there yet."""
        return self._of(tenant).current()[0]

    def epochs(self, tenant: UUID) -> list[int]:
        """The epochs whose keys still exist, oldest first."""
        return self._of(tenant).epochs()

    def destroy_epoch(self, tenant: UUID, epoch: int) -> None:
        """Overwrite and remove an epoch key: what is wrapped under it can never be read again.

        Idempotent. Raises ValueError for the epoch in use.
        """
        self._of(tenant).destroy(epoch)

    # -- personal fields and secrets -------------------------------------------------------------

    def seal_personal(
        self,
        tenant: UUID,
        subject: UUID,
        text: str,
        version: int = 1,
        *,
        purpose: PersonalPurpose = "pii",
        field: int = 0,
    ) -> bytes:
        """A name, a title, an address at rest. field tells fields of one subject apart, so that
        nobody can exchange them in the database."""
        header = Header(Kind.PERSONAL, field, tenant, subject, version)
        return seal(self._of(tenant).purpose(purpose), header, text.encode())

    def open_personal(
        self,
        tenant: UUID,
        subject: UUID,
        sealed: bytes,
        version: int = 1,
        *,
        purpose: PersonalPurpose = "pii",
        field: int = 0,
    ) -> str:
        header = Header(Kind.PERSONAL, field, tenant, subject, version)
        return open_sealed(self._of(tenant).purpose(purpose), header, sealed).decode()

    def new_subject_key(
        self, tenant: UUID, subject: UUID, *, purpose: PersonalPurpose = "audit-pii"
    ) -> tuple[JobKey, bytes]:
        """A key for one person's fields, and the same wrapped: remove it and they are gone, while
        a log that holds them stays whole."""
        key = JobKey.new()
        header = Header(Kind.WRAPPED_KEY, 0, tenant, subject)
        return key, seal(self._of(tenant).purpose(purpose), header, key.octets())

    def unwrap_subject_key(
        self, tenant: UUID, subject: UUID, wrapped: bytes, *, purpose: PersonalPurpose = "audit-pii"
    ) -> JobKey:
        header = Header(Kind.WRAPPED_KEY, 0, tenant, subject)
        return JobKey(open_sealed(self._of(tenant).purpose(purpose), header, wrapped))

    def seal_secret(self, name: UUID, value: bytes, version: int = 1) -> bytes:
        """A credential of the house (a device's password, a private key) at rest."""
        header = Header(Kind.SECRET, 0, self.tenant, name, version)
        return seal(self._of(self.tenant).purpose("secrets"), header, value)

    def open_secret(self, name: UUID, sealed: bytes, version: int = 1) -> bytes:
        header = Header(Kind.SECRET, 0, self.tenant, name, version)
        return open_sealed(self._of(self.tenant).purpose("secrets"), header, sealed)

    def backup_sealer(self, tenant: UUID, backup: UUID, part: int) -> tuple[Sealer, Header]:
        """For one part (from 1) of a backup set, and the header that will open it again."""
        header = Header(Kind.BACKUP_PART, part, tenant, backup)
        return Sealer(self._of(tenant).purpose("backup"), header), header

    def backup_opener(self, tenant: UUID, backup: UUID, part: int) -> Opener:
        header = Header(Kind.BACKUP_PART, part, tenant, backup)
        return Opener(self._of(tenant).purpose("backup"), header)

    # -- indexes and verifiers -------------------------------------------------------------------

    def index(self, tenant: UUID, purpose: IndexPurpose, value: str | bytes) -> bytes:
        """32 octets by which an exact value is found again, useless without the pepper.

        The caller brings names and numbers into their one form first.
        """
        octets = value.encode() if isinstance(value, str) else value
        return self._peppered(tenant, purpose, octets)

    def _peppered(self, tenant: UUID, purpose: str, octets: bytes) -> bytes:
        key = self._of(tenant).pepper(purpose)
        buffer = key.octets()
        digest = hmac.digest(buffer, octets, "sha256")
        if not key.holds(buffer):
            raise Sealed("the keys were dropped")
        return digest

    def hash_pin(self, tenant: UUID, person: UUID, pin: str) -> bytes:
        """A verifier of a person's PIN: Argon2id over the peppered PIN, so that neither a stolen
        database nor the pepper alone gives six digits away."""
        return self._slow(self._peppered(tenant, "person-pin", person.bytes + pin.encode()))

    def check_pin(self, tenant: UUID, person: UUID, pin: str, verifier: bytes | None) -> bool:
        """Does it fit? Without a verifier the answer is no, at the same price.

        Whoever asks keeps the throttle: this answers as often as it is asked.
        """
        return self._check_slow(self._peppered(tenant, "person-pin", person.bytes + pin.encode()), verifier)

    def hash_job_password(self, tenant: UUID, job: UUID, keyword: str, octets: bytes) -> bytes:
        """A verifier of a job's own PIN: octets as the client sent them under this keyword."""
        return self._slow(self._job_password(tenant, job, keyword, octets))

    def check_job_password(self, tenant: UUID, job: UUID, keyword: str, octets: bytes, verifier: bytes | None) -> bool:
        return self._check_slow(self._job_password(tenant, job, keyword, octets), verifier)

    def _job_password(self, tenant: UUID, job: UUID, keyword: str, octets: bytes) -> bytes:
        return self._peppered(tenant, "job-password", job.bytes + keyword.encode() + b"\0" + octets)

    def _slow(self, peppered: bytes) -> bytes:
        return argon.hash_octets(peppered, self.pin_cost).encode()

    def _check_slow(self, peppered: bytes, verifier: bytes | None) -> bool:
        if verifier is None:
            self._slow(peppered)
            return False
        return argon.verify_octets(peppered, verifier.decode("ascii", "replace"))

    # -- signatures ------------------------------------------------------------------------------

    def sign(self, data: bytes) -> bytes:
        """Ed25519, for the log's checkpoints and for receipts; 64 octets."""
        return self._of(self.tenant).signing().sign(data)

    def public_key(self) -> bytes:
        """32 octets, for whoever checks a signature without us."""
        public = self._of(self.tenant).signing().public_key()
        return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def verify_signature(public: bytes, data: bytes, signature: bytes) -> bool:
    """False also for a public key that is none."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
