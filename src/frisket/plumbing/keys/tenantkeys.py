"""The keys of one tenant: purpose keys, made once, and a spool epoch key for each UTC day.

Every file is a kind-10 sealed object under the tenant key; its subject field is the name of the
purpose, so that no file can stand in for another.
"""

import hmac
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from frisket.plumbing.keys import keyfile
from frisket.plumbing.keys.errors import Damaged, EpochGone, KeyStoreUnusable, Sealed
from frisket.plumbing.keys.sealed import Header, Key, Kind, open_sealed, seal

__all__ = ["PURPOSES", "TenantKeys", "wrap_tenant_key"]

PURPOSES = ("secrets", "pii", "audit-pii", "backup", "pepper", "log-signing")
_SPOOL = "spool-epoch"
_DAY_S = 86_400
_NEXT = "tenant.key.next"  # only while the root key is being changed
_DESTROYED = "destroyed"  # one epoch number a line: these never come back


def _wrapped_header(tenant: UUID, name: str, epoch: int = 0) -> Header:
    return Header(Kind.WRAPPED_KEY, 0, tenant, UUID(bytes=name.encode().ljust(16, b"\0")), 1, epoch)


def wrap_tenant_key(root: Key, tenant: UUID, key: Key) -> bytes:
    return seal(root, _wrapped_header(tenant, "tenant"), key.octets())


class TenantKeys:
    """Safe to use from several threads, and from several processes on the same folder."""

    def __init__(self, folder: Path, tenant: UUID, root: Key, clock: Callable[[], datetime]) -> None:
        """Raises KeyStoreUnusable when a key is missing or does not open under this root key."""
        self.tenant = tenant
        self._folder = folder
        self._clock = clock
        self._lock = threading.RLock()
        self._sealed = False
        self._epochs: dict[int, Key] = {}
        self._current: tuple[int, int, Key] | None = None  # day of the clock, epoch, its key
        self._peppers: dict[str, Key] = {}
        self._settle_rewrap(root)
        try:
            wrapped = keyfile.read(folder / "tenant.key")
            self._tenant_key = Key(open_sealed(root, _wrapped_header(tenant, "tenant"), wrapped))
            self._purposes = {name: self._read(name) for name in PURPOSES}
        except (FileNotFoundError, Damaged) as error:
            raise KeyStoreUnusable("a key is missing or belongs to another root key") from error
        self._signing: Ed25519PrivateKey | None = Ed25519PrivateKey.from_private_bytes(
            self._purposes["log-signing"].octets()
        )
        self._finish_destroying()

    @classmethod
    def create(cls, folder: Path, tenant: UUID, root: Key, clock: Callable[[], datetime]) -> "TenantKeys":
        """The tenant key is written last: without it the folder is no tenant and may be made again."""
        keyfile.make_folder(folder)
        if (folder / "tenant.key").exists():
            raise KeyStoreUnusable("this tenant has keys already")
        key = Key.new()
        for name in PURPOSES:
            purpose = Key.new()
            keyfile.put(folder / f"{name}.key", seal(key, _wrapped_header(tenant, name), purpose.octets()))
            purpose.wipe()
        keyfile.put(folder / "tenant.key", wrap_tenant_key(root, tenant, key))
        key.wipe()
        return cls(folder, tenant, root, clock)

    def _read(self, name: str) -> Key:
        wrapped = keyfile.read(self._folder / f"{name}.key")
        return Key(open_sealed(self._tenant_key, _wrapped_header(self.tenant, name), wrapped))

    def prepare_rewrap(self, root: Key) -> None:
        """Lay the tenant key, under the root key to come, beside the one in force."""
        with self._lock:
            wrapped = wrap_tenant_key(root, self.tenant, self._live_tenant_key())
            keyfile.put(self._folder / _NEXT, wrapped)

    def finish_rewrap(self) -> None:
        """The root key was changed: what lies beside takes its place."""
        keyfile.rename(self._folder / _NEXT, self._folder / "tenant.key")

    def _settle_rewrap(self, root: Key) -> None:
        """After a crash in between: it counts if the root key was changed already, else it never was."""
        try:
            open_sealed(root, _wrapped_header(self.tenant, "tenant"), keyfile.read(self._folder / _NEXT))
        except FileNotFoundError:
            return
        except Damaged:
            keyfile.destroy(self._folder / _NEXT)
        else:
            self.finish_rewrap()

    def purpose(self, name: str) -> Key:
        if self._sealed:
            raise Sealed("the key store is sealed")
        return self._purposes[name]

    def signing(self) -> Ed25519PrivateKey:
        signing = self._signing
        if signing is None:
            raise Sealed("the key store is sealed")
        return signing

    def pepper(self, purpose: str) -> Key:
        """A key of its own for each kind of index or verifier, derived from the pepper."""
        found = self._peppers.get(purpose)
        if found is None:
            with self._lock:
                pepper = self.purpose("pepper").octets()
                found = Key(hmac.digest(pepper, b"frisket pepper 1 " + purpose.encode(), "sha256"))
                self._peppers[purpose] = found
        return found

    # -- spool epochs ----------------------------------------------------------------------------

    def _epoch_file(self, epoch: int) -> Path:
        return self._folder / f"spool-{epoch}.key"

    def current(self) -> tuple[int, Key]:
        """The epoch to wrap under now, and its key; made on the first call of a UTC day."""
        day = int(self._clock().timestamp() // _DAY_S)
        current = self._current
        if current is not None and current[0] == day:
            return current[1], current[2]
        with self._lock:
            epoch, key = self._begin(day)
            self._current = day, epoch, key
        return epoch, key

    def _begin(self, day: int) -> tuple[int, Key]:
        # After the wall clock went back, today's number may already have been destroyed for good.
        epoch, gone = day, self.destroyed()
        while epoch in gone:
            epoch += 1
        if not self._epoch_file(epoch).exists():
            fresh = Key.new()
            wrapped = seal(self._live_tenant_key(), _wrapped_header(self.tenant, _SPOOL, epoch), fresh.octets())
            keyfile.put_new(self._epoch_file(epoch), wrapped)
            fresh.wipe()  # another process may have been first: only what lies in the file counts
        return epoch, self.epoch(epoch)

    def _live_tenant_key(self) -> Key:
        if self._sealed:
            raise Sealed("the key store is sealed")
        return self._tenant_key

    def epoch(self, epoch: int) -> Key:
        """Raises EpochGone when it was destroyed, here or by another process, or never was."""
        if self._sealed:
            raise Sealed("the key store is sealed")
        file = self._epoch_file(epoch)
        with self._lock:
            if not file.exists():
                self._forget(epoch)
                raise EpochGone("the epoch key of this job no longer exists")
            if epoch not in self._epochs:
                header = _wrapped_header(self.tenant, _SPOOL, epoch)
                self._epochs[epoch] = Key(open_sealed(self._live_tenant_key(), header, keyfile.read(file)))
            return self._epochs[epoch]

    def epochs(self) -> list[int]:
        """The epochs whose keys exist, oldest first."""
        return sorted(int(file.stem.removeprefix("spool-")) for file in self._folder.glob("spool-*.key"))

    def destroyed(self) -> set[int]:
        try:
            return {int(line) for line in keyfile.read(self._folder / _DESTROYED).split()}
        except FileNotFoundError:
            return set()

    def destroy(self, epoch: int) -> None:
        """Written down first, so that a crash in between is finished at the next opening."""
        with self._lock:
            if epoch == self.current()[0]:
                raise ValueError("the epoch in use cannot be destroyed")
            if not self._epoch_file(epoch).exists():
                return
            lines = sorted(self.destroyed() | {epoch})
            keyfile.put(self._folder / _DESTROYED, "".join(f"{line}\n" for line in lines).encode())
            self._forget(epoch)
            keyfile.destroy(self._epoch_file(epoch))

    def _finish_destroying(self) -> None:
        for epoch in self.destroyed():
            keyfile.destroy(self._epoch_file(epoch))

    def _forget(self, epoch: int) -> None:
        key = self._epochs.pop(epoch, None)
        if key is not None:
            key.wipe()

    def seal(self) -> None:
        """Drop everything. The signing key is an object of the library and can only be let go."""
        with self._lock:
            self._sealed = True
            self._current = None
            for key in (
                self._tenant_key,
                *self._purposes.values(),
                *self._epochs.values(),
                *self._peppers.values(),
            ):
                key.wipe()
            self._epochs.clear()
            self._peppers.clear()
            self._signing = None
