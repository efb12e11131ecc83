"""Sealed objects: the one format in which anything readable is stored.

A 64-octet header in clear, then C2SP chunked encryption, instance Cobblestone-256, whose context is
that header. The header binds what is sealed to its tenant, its subject and its kind; whoever reads
builds the header from the facts it knows and compares, so a stored header is never believed.
"""

import secrets
import struct
from dataclasses import dataclass
from enum import IntEnum
from hmac import compare_digest
from typing import NoReturn, Self
from uuid import UUID

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import AlreadyFinalized, InvalidTag

from frisket.plumbing.keys.errors import Damaged, Sealed

__all__ = [
    "CHUNK",
    "HEADER_LENGTH",
    "Header",
    "JobKey",
    "Key",
    "Kind",
    "Opener",
    "Sealer",
    "open_sealed",
    "seal",
    "sealed_length",
]

HEADER_LENGTH = 64
CHUNK = 16_384  # octets of plaintext in a full chunk
KEY_LENGTH = 32

_TAG = 16
_START = 24 + 32  # salt, commitment
_LAYOUT = struct.Struct(">7sBBB2sI16s16sI4sQ")
_MAGIC, _FORMAT, _SUITE = b"FRISKET", 1, 1
_NOTHING = b""


class Kind(IntEnum):
    """What lies in a sealed object; an object of one kind never opens as another."""

    ORIGINAL = 0x01
    PAGES = 0x02
    PREVIEW = 0x03
    TICKET = 0x04
    ATTRIBUTES = 0x05
    RECEIPT = 0x06
    WRAPPED_KEY = 0x10
    SECRET = 0x11
    PERSONAL = 0x12
    BACKUP_PART = 0x13


class Key:
    """32 secret octets that can be overwritten, are never shown and are compared in constant time."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes | bytearray) -> None:
        if len(octets) != KEY_LENGTH:
            # The derivation would take any length; only full-strength keys are wanted.
            raise ValueError(f"a key has {KEY_LENGTH} octets")
        self._octets = bytearray(octets)

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_bytes(KEY_LENGTH))

    def octets(self) -> bytearray:
        """The live buffer. Raises Sealed once the key was wiped."""
        if not self._octets:
            raise Sealed("this key has been dropped")
        return self._octets

    def holds(self, octets: bytearray) -> bool:
        """False when the key was wiped since `octets` was taken from it.

        Whoever derives from the buffer asks this afterwards: a wipe in another thread could have
        turned it to zeros just before, and nothing may ever be sealed under a key of zeros.
        """
        return self._octets is octets

    def wipe(self) -> None:
        """Overwrite the key. Copies that Python made on the way are beyond reach."""
        octets, self._octets = self._octets, bytearray()
        octets[:] = bytes(len(octets))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return compare_digest(self._octets, other._octets)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never written out in clear")


class JobKey(Key):
    """The key of one job; everything the job holds is sealed under it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Header:
    """What a sealed object is.

    document: number inside the job from 1; 0 for the whole job or where there is no job.
    subject: the job; for secrets, personal fields and backups the id of that.
    version: from 1, rising when the same object is written again.
    epoch: the epoch key in force when it was sealed (days since 1970-01-01 UTC), else 0.
    """

    kind: Kind
    document: int
    tenant: UUID
    subject: UUID
    version: int = 1
    epoch: int = 0

    def octets(self) -> bytes:
        """The 64 octets. Raises ValueError for a number that does not fit its field."""
        if self.version < 1:
            raise ValueError("versions of sealed objects begin at 1")
        try:
            return _LAYOUT.pack(
                _MAGIC,
                _FORMAT,
                _SUITE,
                self.kind,
                _NOTHING,
                self.document,
                self.tenant.bytes,
                self.subject.bytes,
                self.version,
                _NOTHING,
                self.epoch,
            )
        except struct.error as error:
            raise ValueError("a number does not fit the header of a sealed object") from error

    @classmethod
    def parse(cls, octets: bytes) -> "Header":
        """Read a stored header, for the sweep that looks for objects without a row; nothing else.

        Raises Damaged for anything unknown: format, suite, kind, a reserved octet that is not 0.
        """
        if len(octets) != HEADER_LENGTH:
            raise Damaged("a sealed object's header is cut")
        magic, form, suite, kind, gap, document, tenant, subject, version, rest, epoch = _LAYOUT.unpack(octets)
        if (magic, form, suite) != (_MAGIC, _FORMAT, _SUITE) or any(gap) or any(rest) or version < 1:
            raise Damaged("this is no sealed object of a known format")
        try:
            return cls(Kind(kind), document, UUID(bytes=tenant), UUID(bytes=subject), version, epoch)
        except ValueError as error:
            raise Damaged("a sealed object of unknown kind") from error


def sealed_length(plain_length: int) -> int:
    """Octets of the whole object, header included, for a message of this many octets."""
    return HEADER_LENGTH + _START + plain_length + _TAG * (plain_length // CHUNK + 1)


class Sealer:
    """Seals one object as it streams by: start, update as often as needed, finish.

    Each Sealer has its own random salt, so the same message seals differently every time.
    """

    __slots__ = ("_header", "_lock")

    def __init__(self, key: Key, header: Header) -> None:
        self._header = header.octets()
        octets = key.octets()
        self._lock = Cobblestone256Encryptor(octets, self._header)
        if not key.holds(octets):
            raise Sealed("the keys were dropped")

    def start(self) -> bytes:
        """Header, salt and commitment: the first octets of the object."""
        return self._header + self._lock.update(_NOTHING)

    def update(self, data: bytes | bytearray | memoryview) -> bytes:
        return self._lock.update(data)

    def finish(self) -> bytes:
        """The last chunk, which proves the end. Without it the object never opens."""
        return self._lock.finalize()


def seal(key: Key, header: Header, data: bytes | bytearray | memoryview) -> bytes:
    """A whole small object at once."""
    context = header.octets()
    octets = key.octets()
    lock = Cobblestone256Encryptor(octets, context)
    if not key.holds(octets):
        raise Sealed("the keys were dropped")
    return b"".join((context, lock.update(data), lock.finalize()))


class Opener:
    """Opens one object as it streams by, in pieces of any size; gives out verified plaintext only.

    header: built from what the row says; the stored one must be the same in all 64 octets.
    plain_length: the length of the message where the row knows it; a longer object is refused as
    soon as it is too long, a shorter one at the end.
    Every failure is Damaged, and the opener is of no use after it.
    """

    __slots__ = ("_expected", "_left", "_lock", "_seen")

    def __init__(self, key: Key, header: Header, *, plain_length: int | None = None) -> None:
        self._expected = header.octets()
        octets = key.octets()
        self._lock = Cobblestone256Decryptor(octets, self._expected)
        if not key.holds(octets):
            raise Sealed("the keys were dropped")
        self._seen: bytes | None = _NOTHING  # of the header; None once it was compared
        self._left = None if plain_length is None else sealed_length(plain_length)

    def update(self, data: bytes | bytearray | memoryview) -> bytes:
        """The plaintext that is now proven; the end is proven by finish alone."""
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise Damaged("a sealed object is longer than its row says")
        if self._seen is not None:
            wanted = HEADER_LENGTH - len(self._seen)
            self._seen += bytes(data[:wanted])
            if len(self._seen) < HEADER_LENGTH:
                return _NOTHING
            if not compare_digest(self._seen, self._expected):
                raise Damaged("a sealed object belongs to something else")
            self._seen = None
            data = memoryview(data)[wanted:]
        try:
            return self._lock.update(data)
        except (InvalidTag, AlreadyFinalized) as error:
            raise Damaged("a sealed object does not open") from error

    def finish(self) -> bytes:
        """The last plaintext, once the end has been proven. Raises Damaged for a cut object."""
        if self._seen is not None or self._left:
            raise Damaged("a sealed object is cut")
        try:
            return self._lock.finalize()
        except (InvalidTag, AlreadyFinalized) as error:
            raise Damaged("a sealed object is cut or changed") from error


def open_sealed(key: Key, header: Header, blob: bytes | bytearray | memoryview) -> bytes:
    """The message of a whole object. Raises Damaged for anything but that very object."""
    expected = header.octets()
    view = memoryview(blob)
    if len(view) < HEADER_LENGTH or not compare_digest(view[:HEADER_LENGTH], expected):
        raise Damaged("a sealed object belongs to something else")
    octets = key.octets()
    lock = Cobblestone256Decryptor(octets, expected)
    if not key.holds(octets):
        raise Sealed("the keys were dropped")
    try:
        return lock.update(view[HEADER_LENGTH:]) + lock.finalize()
    except (InvalidTag, AlreadyFinalized) as error:
        raise Damaged("a sealed object does not open") from error
