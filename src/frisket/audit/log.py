"""The log's files: entries, hashes, checkpoints; opened, mended at their end, and added to.

    audit/entries/000000    65,536 leaves a file, each a u32 length (big-endian) and its body
    audit/level-0/000000    their hashes, 32 octets each; 256 of them are a tile
    audit/level-1/…         the roots of whole tiles of the level below, and so on
    audit/checkpoints       every signed note, oldest first
    audit/checkpoint        the newest one, for whoever wants to witness it
    keys/log-head           the same once more, sealed (see files.Head)

Order of a batch: entries and hashes, synced; then its notes, synced; then checkpoint; then the witness;
only then are the rows told their positions. What lies beyond the last signed note is therefore nobody's
and is cut off when the log is opened again; what lies before it is never touched.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self
from uuid import UUID

from frisket.audit import files
from frisket.audit.errors import LogDamaged
from frisket.audit.files import GENESIS, Head
from frisket.audit.leaves import LARGEST
from frisket.audit.note import LONGEST, Checkpoint, Signer
from frisket.audit.tree import TILE, TILE_HEIGHT, Frontier, subtree_root
from frisket.plumbing.keys import KeyStore, leaf_hash

__all__ = ["FRAME", "HASH", "LEVELS", "SEGMENT", "Hashes", "Log", "Places", "entries_from", "split_notes"]

SEGMENT = 65_536  # items in one file
HASH = 32
LEVELS = 8  # more than any log has: 2^64 leaves
FRAME = struct.Struct(">I")
_KEPT_TILES = 64


@dataclass(frozen=True, slots=True)
class Places:
    """Where the log lies."""

    folder: Path  # <data>/audit
    head: Path  # <data>/keys/log-head

    @classmethod
    def of(cls, data: Path) -> Self:
        return cls(data / "audit", data / "keys" / "log-head")

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    def entries(self, segment: int) -> Path:
        return self.folder / "entries" / f"{segment:06d}"

    def level(self, level: int, segment: int) -> Path:
        return self.folder / f"level-{level}" / f"{segment:06d}"


class Hashes:
    """The hashes of every level, read tile by tile; keeps the last few tiles in memory."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}

    def node(self, height: int, index: int) -> bytes:
        """The root over the leaves from ``index << height``, ``1 << height`` of them."""
        level, rest = divmod(height, TILE_HEIGHT)
        first = index << rest
        tile, place = divmod(first, TILE)
        rows = self._tiles.get((level, tile))
        if rows is None or len(rows) <= rest or (place >> rest) >= len(rows[rest]):
            rows = self._read(level, tile)
        try:
            return rows[rest][place >> rest]
        except IndexError as error:
            raise LogDamaged(f"level-{level} is shorter than the log") from error

    def _read(self, level: int, tile: int) -> list[list[bytes]]:
        segment, place = divmod(tile * TILE, SEGMENT)
        try:
            with self._places.level(level, segment).open("rb") as file:
                file.seek(place * HASH)
                octets = file.read(TILE * HASH)
        except FileNotFoundError as error:
            raise LogDamaged(f"a file of level-{level} is missing") from error
        row = [octets[at : at + HASH] for at in range(0, len(octets) - HASH + 1, HASH)]
        rows = [row]
        while len(row) > 1:
            row = [subtree_root(row[at : at + 2]) for at in range(0, len(row) - 1, 2)]
            rows.append(row)
        if len(self._tiles) >= _KEPT_TILES:
            self._tiles.pop(next(iter(self._tiles)))
        self._tiles[level, tile] = rows
        return rows

    def frontier(self, size: int) -> Frontier:
        """The right edge of the tree of the first ``size`` leaves."""
        peaks, start = [], 0
        for height in range(size.bit_length() - 1, -1, -1):
            if size >> height & 1:
                peaks.append(self.node(height, start >> height))
                start += 1 << height
        return Frontier(size, peaks)


def split_notes(file: BinaryIO, signer: Signer) -> Iterator[bytes]:
    """The notes one after the other; a piece that is none comes as it is, up to where one may begin."""
    border = b"\n" + signer.first_line
    pending = b""
    while octets := file.read(1 << 16):
        pending += octets
        while (at := pending.find(border)) >= 0:
            yield pending[: at + 1]
            pending = pending[at + 1 :]
        if len(pending) > 2 * (1 << 16):
            yield pending
            pending = b""
    if pending:
        yield pending


def entries_from(places: Places, start: int, end: int, *, offset: int | None = None) -> Iterator[bytes]:
    """Bodies of the entries from start up to end. Raises LogDamaged when there are fewer.

    offset: where start lies in its file, when that is known.
    """
    position = start - start % SEGMENT if offset is None else start
    while position < end:
        segment = position // SEGMENT
        stop = min(end, (segment + 1) * SEGMENT)
        try:
            with places.entries(segment).open("rb") as file:
                file.seek(offset or 0)
                for body in _frames(file, stop - position):
                    if position >= start:
                        yield body
                    position += 1
        except FileNotFoundError as error:
            raise LogDamaged("a file of entries is missing") from error
        offset = None


def _frames(file: BinaryIO, count: int) -> Iterator[bytes]:
    for _ in range(count):
        start = file.read(FRAME.size)
        if len(start) == FRAME.size:
            (size,) = FRAME.unpack(start)
            body = file.read(size) if size <= LARGEST else b""
            if size and len(body) == size:
                yield body
                continue
        raise LogDamaged("a file of entries is shorter than the log")


class Log:
    """The log, open for adding. Made by ``open`` while the caller holds the lock."""

    def __init__(self, places: Places, keys: KeyStore, signer: Signer, head: Head) -> None:
        self._places, self._keys, self._signer = places, keys, signer
        self._frontier = Frontier()
        self._head = head

    @property
    def size(self) -> int:
        return self._frontier.size

    @classmethod
    def open(cls, places: Places, keys: KeyStore, tenant: UUID) -> Self:
        """Open the log, begin it if there is none, cut off what a crash left unsigned.

        Raises LogDamaged when the files are not what was signed: then nothing is changed.
        """
        head = files.read_head(places.head, keys)
        if head is None:
            if files.length(places.checkpoints):
                raise LogDamaged("the sealed witness of the log is gone")
            files.write_head(places.head, keys, GENESIS)
            head = GENESIS
        log = cls(places, keys, Signer(keys, tenant), head)
        log._settle()
        return log

    # -- opening ---------------------------------------------------------------------------------

    def _settle(self) -> None:
        known = self._head
        newest = self._newest()
        self._frontier = Hashes(self._places).frontier(newest.size)
        if self._frontier.root().hex() != newest.root:
            raise LogDamaged("the hashes of the log are not those that were signed")
        self._mend(newest)
        if newest != known:
            self._announce(newest)

    def _newest(self) -> Head:
        """The last signed state: the witness, or what was signed just before a crash kept it from it."""
        head = self._head
        if files.length(self._places.checkpoints) < head.checkpoints:
            raise LogDamaged("the history of checkpoints was cut")
        if not head.checkpoints and not files.length(self._places.checkpoints):
            return head
        with self._places.checkpoints.open("rb") as file:
            file.seek(head.checkpoints)
            for note in split_notes(file, self._signer):
                said = self._signer.read(note)
                if said is None or said.size <= head.size or not self._signer.genuine(note, said):
                    break
                head = self._after(head, note, said)
        return head

    def _after(self, head: Head, note: bytes, said: Checkpoint) -> Head:
        octets = head.entries
        position = head.size
        for body in entries_from(self._places, head.size, said.size, offset=head.entries):
            octets = (octets if position % SEGMENT else 0) + FRAME.size + len(body)
            position += 1
        return Head(
            said.size,
            said.root.hex(),
            octets if said.size % SEGMENT else 0,
            head.checkpoints + len(note),
            files.chained(bytes.fromhex(head.chain), note).hex(),
        )

    def _mend(self, newest: Head) -> None:
        """Cut every file to what was signed; a file that is shorter than that is damage."""
        self._cut_series(self._places.folder / "entries", newest.size, newest.entries)
        for level in range(LEVELS):
            count = newest.size >> (TILE_HEIGHT * level)
            self._cut_series(self._places.folder / f"level-{level}", count, count % SEGMENT * HASH)
        if files.length(self._places.checkpoints) > newest.checkpoints:
            files.cut(self._places.checkpoints, newest.checkpoints)
        for aside in self._places.folder.glob("*.new"):
            files.remove(aside)

    def _cut_series(self, folder: Path, count: int, last: int) -> None:
        """count: items in the whole series; last: octets of its last, unfinished file."""
        current = count // SEGMENT
        for file in sorted(folder.glob("[0-9]*")):
            if int(file.name) > current or (int(file.name) == current and not last):
                files.remove(file)
        if last:
            have = files.length(folder / f"{current:06d}")
            if have < last:
                raise LogDamaged(f"a file of {folder.name} is shorter than the log")
            if have > last:
                files.cut(folder / f"{current:06d}", last)

    # -- adding ----------------------------------------------------------------------------------

    def append(self, bodies: Sequence[bytes]) -> int:
        """Add leaves, sign, make all of it durable; the position of the first one.

        There is a checkpoint for every 256 leaves and one at the end. After an error the log must be
        opened anew.
        """
        first = self.size
        hashes = [leaf_hash(body) for body in bodies]
        self._write_entries(first, bodies)
        added: dict[int, list[bytes]] = {0: hashes}
        starts = [first >> (TILE_HEIGHT * level) for level in range(LEVELS)]
        notes: list[bytes] = []
        for at in _steps(first, len(bodies)):
            for level, node in self._frontier.add(hashes[at.start : at.stop]):
                added.setdefault(level, []).append(node)
            notes.append(self._signer.sign(Checkpoint(self.size, self._frontier.root())))
        for level, nodes in added.items():
            self._write_hashes(level, starts[level], nodes)
        self._write_notes(notes, self._entry_octets(first, bodies))
        return first

    def _write_entries(self, first: int, bodies: Sequence[bytes]) -> None:
        files.make_folder(self._places.folder / "entries")
        offset = self._head.entries
        for segment, part in _by_segment(first, len(bodies)):
            framed = b"".join(FRAME.pack(len(body)) + body for body in bodies[part.start : part.stop])
            files.write_at(self._places.entries(segment), offset, framed)
            offset = 0

    def _entry_octets(self, first: int, bodies: Sequence[bytes]) -> int:
        """Of the newest entry file, once these are in it."""
        end = first + len(bodies)
        inside = min(len(bodies), end % SEGMENT)  # of these, how many lie in the newest file
        before = self._head.entries if inside == len(bodies) and first % SEGMENT else 0
        return before + sum(FRAME.size + len(body) for body in bodies[len(bodies) - inside :])

    def _write_hashes(self, level: int, first: int, nodes: Sequence[bytes]) -> None:
        files.make_folder(self._places.folder / f"level-{level}")
        for segment, part in _by_segment(first, len(nodes)):
            offset = (first + part.start) % SEGMENT * HASH
            files.write_at(self._places.level(level, segment), offset, b"".join(nodes[part.start : part.stop]))

    def _write_notes(self, notes: Sequence[bytes], entries: int) -> None:
        files.write_at(self._places.checkpoints, self._head.checkpoints, b"".join(notes))
        chain = bytes.fromhex(self._head.chain)
        for note in notes:
            chain = files.chained(chain, note)
        octets = self._head.checkpoints + sum(len(note) for note in notes)
        self._announce(Head(self.size, self._frontier.root().hex(), entries, octets, chain.hex()))

    def _announce(self, head: Head) -> None:
        with self._places.checkpoints.open("rb") as file:
            file.seek(max(0, head.checkpoints - LONGEST))
            tail = file.read(head.checkpoints - file.tell())
        start = tail.rfind(b"\n" + self._signer.first_line) + 1
        files.put(self._places.checkpoint, tail[start:])
        files.write_head(self._places.head, self._keys, head)
        self._head = head


def _by_segment(first: int, count: int) -> Iterator[tuple[int, range]]:
    """Which of count items, numbered from first, go into which file."""
    at = 0
    while at < count:
        segment, place = divmod(first + at, SEGMENT)
        stop = min(count, at + SEGMENT - place)
        yield segment, range(at, stop)
        at = stop


def _steps(first: int, count: int) -> Iterator[range]:
    """The items cut where a tile ends."""
    at = 0
    while at < count:
        stop = min(count, at + TILE - (first + at) % TILE)
        yield range(at, stop)
        at = stop
