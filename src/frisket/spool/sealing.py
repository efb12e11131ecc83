"""Sealing documents as they come in: small ones in memory, large ones streamed into a file.

Nothing readable ever reaches the disk, and never more than a few MiB of a document are in memory.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from frisket.plumbing import blobs, keys, parts
from frisket.plumbing.keys import Kind
from frisket.spool.errors import Incomplete, SpoolFull, TooLarge
from frisket.spool.jobkeys import HeldKey
from frisket.spool.store import store, threads

__all__ = ["SealedDoc", "seal", "seal_octets", "seal_pieces"]

_STEP = 1 << 20  # octets sealed and written at once; two of these are in memory


@dataclass(slots=True, eq=False)
class SealedDoc:
    """One sealed object. place is None while it waits in memory for place_many."""

    kind: Kind
    document: int
    version: int
    epoch: int  # in its header
    octets: int  # of the plaintext
    sealed: bytes
    place: blobs.Place | None


async def seal(
    source: AsyncIterator[bytes],
    key: HeldKey,
    *,
    limit: int,
    kind: Kind = Kind.ORIGINAL,
    document: int = 1,
    expected: int | None = None,
) -> SealedDoc:
    """Seal a document while it arrives.

    limit: most octets; expected: what the sender announced, if it did.
    Small: sealed in memory, without leaving the loop. Large: synced in a file of its own when this
    returns. Raises TooLarge, Incomplete, SpoolFull, SyncFailed; nothing of the document is kept then.
    """
    if expected is not None and expected > limit:
        raise TooLarge("the document is larger than it may be")
    small = parts.settings().space.small_bytes
    size = 0
    pending = bytearray()
    async for piece in source:
        size += len(piece)
        if size > limit:
            raise TooLarge("the document is larger than it may be")
        pending += piece
        if size > small:
            return await _seal_large(source, pending, key, limit, kind, document, expected)
    if expected is not None and size != expected:
        raise Incomplete("the document does not have the announced length")
    return seal_octets(pending, key, kind=kind, document=document)


def seal_octets(
    data: bytes | bytearray | memoryview,
    key: HeldKey,
    *,
    kind: Kind = Kind.ORIGINAL,
    document: int = 1,
    version: int = 1,
) -> SealedDoc:
    """Seal what is in memory already. It is durable once place_many has placed it."""
    header = keys.Header(kind, document, parts.tenant(), key.job, version, key.epoch)
    return SealedDoc(kind, document, version, key.epoch, len(data), keys.seal(key.key, header, data), None)


def seal_pieces(
    source: Iterable[bytes], key: HeldKey, *, kind: Kind, document: int, limit: int, version: int = 1
) -> SealedDoc:
    """As seal, for a source in a thread: the pages that prepress made, for instance."""
    small = parts.settings().space.small_bytes
    size = 0
    pending = bytearray()
    large: _Large | None = None
    try:
        for piece in source:
            size += len(piece)
            if size > limit:
                raise TooLarge("the document is larger than it may be")
            pending += piece
            if size > small and len(pending) >= _STEP:
                large = large or _Large(key, kind, document, version)
                large.push(pending)
                pending = bytearray()
        if size <= small:
            return seal_octets(pending, key, kind=kind, document=document, version=version)
        large = large or _Large(key, kind, document, version)
        return large.finish(pending, size)
    except BaseException:
        if large is not None:
            large.drop()
        raise


async def _seal_large(
    source: AsyncIterator[bytes],
    pending: bytearray,
    key: HeldKey,
    limit: int,
    kind: Kind,
    document: int,
    expected: int | None,
) -> SealedDoc:
    large = _Large(key, kind, document, 1)
    size = len(pending)
    busy: Future[None] | None = None
    try:
        async for piece in source:
            size += len(piece)
            if size > limit:
                raise TooLarge("the document is larger than it may be")
            pending += piece
            if len(pending) >= _STEP:
                if busy is not None:
                    await asyncio.wrap_future(busy)
                busy, pending = threads().submit(large.push, pending), bytearray()
        if expected is not None and size != expected:
            raise Incomplete("the document does not have the announced length")
        if busy is not None:
            await asyncio.wrap_future(busy)
        return await asyncio.wrap_future(threads().submit(large.finish, pending, size))
    except BaseException:
        # Also when the sender is gone: dropping waits for what a thread is writing, this does not.
        threads().submit(large.drop)
        raise


class _Large:
    """A document on its way into a file of its own; used by one thread at a time."""

    def __init__(self, key: HeldKey, kind: Kind, document: int, version: int) -> None:
        self._header = keys.Header(kind, document, parts.tenant(), key.job, version, key.epoch)
        self._sealer = keys.Sealer(key.key, self._header)
        self._lock = threading.Lock()
        self._writer: blobs.Writer | None = None
        self._place: blobs.Place | None = None
        self._dropped = False

    def push(self, data: bytearray) -> None:
        with self._lock:
            self._write(data)

    def finish(self, data: bytearray, octets: int) -> SealedDoc:
        """Write the authenticated end and make the file durable."""
        with self._lock:
            self._place = self._write(data, last=True).keep()
        header = self._header
        return SealedDoc(header.kind, header.document, header.version, header.epoch, octets, b"", self._place)

    def _write(self, data: bytearray, *, last: bool = False) -> blobs.Writer:
        if self._dropped:
            raise Incomplete("the document was given up")
        try:
            writer = self._writer
            if writer is None:
                writer = self._writer = store().writer()
                writer.write(self._sealer.start())
            writer.write(self._sealer.update(data))
            if last:
                writer.write(self._sealer.finish())
        except blobs.NoRoom as error:
            raise SpoolFull("the disk of the spool has no room for this document") from error
        return writer

    def drop(self) -> None:
        with self._lock:
            self._dropped = True
            if self._place is not None:
                store().erase([self._place])
            elif self._writer is not None:
                self._writer.drop()
