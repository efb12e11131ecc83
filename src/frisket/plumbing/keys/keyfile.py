"""Small secret files that survive a power cut, are read by their owner only, and can be destroyed."""

import os
import secrets
from pathlib import Path

from frisket.plumbing.keys.errors import KeyStoreUnusable

__all__ = ["destroy", "make_folder", "put", "put_new", "read", "rename", "sync_folder"]

_LARGEST = 1 << 20  # octets; nothing of ours comes near, so more is not ours


def make_folder(folder: Path) -> None:
    """The folder, mode 0700, durable. Raises KeyStoreUnusable when others may enter one that is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        raise KeyStoreUnusable("others may enter the key folder; its mode must be 0700")
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def _write_aside(path: Path, data: bytes) -> Path:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    held = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(held, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return aside


def put(path: Path, data: bytes) -> None:
    """Write or replace: after return the new content is durable, before it the old one is whole."""
    aside = _write_aside(path, data)
    try:
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def put_new(path: Path, data: bytes) -> bool:
    """Write unless it is there already; False when another process was first."""
    aside = _write_aside(path, data)
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
        sync_folder(path.parent)
    return True


def read(path: Path) -> bytes:
    """Raises FileNotFoundError when it is not there, KeyStoreUnusable when it cannot be ours."""
    held = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(held, "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise KeyStoreUnusable(f"others may read {path.name}; its mode must be 0600")
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise KeyStoreUnusable(f"{path.name} is too large for a key file")
    return data


def rename(old: Path, new: Path) -> None:
    os.replace(old, new)
    sync_folder(new.parent)


def destroy(path: Path) -> None:
    """Overwrite in place, remove, make both durable; nothing happens when it is already gone.

    On flash and on copy-on-write storage the overwriting proves nothing; what counts there is that
    the file held a wrapped key only.
    """
    try:
        held = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with os.fdopen(held, "wb") as file:  # a descriptor is taken as it is: "wb" cuts nothing here
        file.write(secrets.token_bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
