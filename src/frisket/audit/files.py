"""Files that are only added to, the lock around them, and the witness in the key folder.

Every function here leaves what it wrote durable. An OSError of a sync is never answered by another try:
the kernel may have dropped the pages and would then call a lost write done (R27).
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from frisket.audit.errors import LogDamaged, LogFull
from frisket.plumbing.keys import EMPTY_TREE, Damaged, KeyStore, sha256

__all__ = [
    "GENESIS",
    "Head",
    "chained",
    "cut",
    "exclusive",
    "length",
    "make_folder",
    "put",
    "read_head",
    "remove",
    "size_or_none",
    "write_at",
    "write_head",
]

_ASIDE = ".new"
_WITNESS = UUID("61756469-7400-4000-8000-6865616400aa")  # names the witness among the sealed secrets


def make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def size_or_none(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def length(file: Path) -> int:
    """Octets; 0 also when it is not there."""
    return size_or_none(file) or 0


@contextmanager
def _room() -> Iterator[None]:
    """Around writes, never around syncs: a sync that finds no room has lost what it was to keep (R27)."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise LogFull("the disk of the log is full") from error


def write_at(file: Path, offset: int, data: bytes) -> None:
    """Put data at offset, which is the file's end or where a broken write began."""
    fresh = size_or_none(file) is None
    with _room():
        held = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        with _room():
            while view:
                written = os.pwrite(held, view, offset)
                view, offset = view[written:], offset + written
        os.fdatasync(held)
    finally:
        os.close(held)
    if fresh:
        _sync_folder(file.parent)


def cut(file: Path, size: int) -> None:
    held = os.open(file, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.ftruncate(held, size)
        os.fsync(held)
    finally:
        os.close(held)


def remove(file: Path) -> None:
    file.unlink()
    _sync_folder(file.parent)


def put(file: Path, data: bytes) -> None:
    """Replace the file: afterwards the new content is durable, before that the old one is whole."""
    aside = file.with_name(file.name + _ASIDE)
    with _room():
        held = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with _room():
            if os.write(held, data) != len(data):
                raise OSError(errno.ENOSPC, "a short write")
        os.fsync(held)
    finally:
        os.close(held)
    os.replace(aside, file)
    _sync_folder(file.parent)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Alone with the log among all processes and threads of this machine; waits for its turn."""
    held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest checkpoint as a second witness has it: sealed, outside the log's own folder.

    entries: octets of the newest entry file that belong to it; 0 when the next leaf begins a file.
    checkpoints: octets of the history of checkpoints; chain: a hash over its notes, one after the other.
    """

    size: int
    root: str  # hex
    entries: int
    checkpoints: int
    chain: str  # hex


GENESIS = Head(0, EMPTY_TREE.hex(), 0, 0, EMPTY_TREE.hex())


def chained(chain: bytes, note: bytes) -> bytes:
    return sha256(chain + note)


def read_head(file: Path, keys: KeyStore) -> Head | None:
    """None when there is none. Raises LogDamaged for one that this house did not seal."""
    try:
        sealed = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Head(**json.loads(keys.open_secret(_WITNESS, sealed)))
    except Damaged as error:
        raise LogDamaged("the sealed witness of the log was changed") from error


def write_head(file: Path, keys: KeyStore, head: Head) -> None:
    put(file, keys.seal_secret(_WITNESS, json.dumps(asdict(head)).encode()))
