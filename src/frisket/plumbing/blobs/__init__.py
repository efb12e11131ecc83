"""Octets at rest, without a word about what they are: a folder today, an object store later.

What this room promises (``BlobPromises`` in the tests is the suite every store passes):

- What ``append`` and ``Writer.keep`` return is on stable storage; a crash before leaves garbage that
  nobody points to, never half an object under a final name.
- A failed sync is never tried again: `SyncFailed`, and from then on every write is refused.
- ``erase`` overwrites in place, synced, before anything is unlinked, and says what the storage cannot prove.
- Names on disk are made here and are random; nothing from outside becomes a path.
- What another living process has just written is never taken for garbage.
"""

from frisket.plumbing.blobs.folder import FolderBlobs, open_folder
from frisket.plumbing.blobs.promise import (
    PIECE,
    Blobs,
    Container,
    Erased,
    Missing,
    NoRoom,
    Place,
    Space,
    SyncFailed,
    Where,
    Writer,
)

__all__ = [
    "PIECE",
    "Blobs",
    "Container",
    "Erased",
    "FolderBlobs",
    "Missing",
    "NoRoom",
    "Place",
    "Space",
    "SyncFailed",
    "Where",
    "Writer",
    "open_folder",
]
