"""Is the record what was signed? Everything is computed again; every octet of every file counts.

Three copies of each leaf are compared: the row, the entry in the log, and the hash that the signed roots
were made from. Two that agree convict the third, so a finding names the place that was changed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from frisket.audit import files
from frisket.audit.errors import LogDamaged
from frisket.audit.files import GENESIS, Head, exclusive
from frisket.audit.log import HASH, LEVELS, SEGMENT, Places, split_notes
from frisket.audit.note import Checkpoint, Signer
from frisket.audit.sequencing import BATCH, every_waiting, overview
from frisket.audit.sources import EntryTape, HashTape, Row, RowTape
from frisket.audit.tree import TILE, TILE_HEIGHT, Frontier
from frisket.plumbing import parts
from frisket.plumbing.keys import leaf_hash

__all__ = ["Problem", "ProblemKind", "Verdict", "verify"]

MOST_PROBLEMS = 200  # listed; the rest is counted


class ProblemKind(StrEnum):
    EDITED = "edited"  # octets are not those that were signed
    DELETED = "deleted"  # something is missing in between
    REORDERED = "reordered"  # everything is there, elsewhere
    TRUNCATED = "truncated"  # something is missing at the end
    FORGED = "forged"  # something is there that this house did not write


@dataclass(frozen=True, slots=True)
class Problem:
    kind: ProblemKind
    place: str  # "rows", or a file below the data folder, and where in it
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verify found.

    size: leaves under the newest checkpoint. checkpoints: how many were checked. waiting: leaves that
    are recorded but not signed yet. unlisted: problems beyond those that are listed.
    """

    ok: bool
    size: int
    checkpoints: int
    waiting: int
    problems: list[Problem]
    unlisted: int = 0


def verify() -> Verdict:
    """Check the whole record. Reads only; the sequencer waits meanwhile, recording does not."""
    places = Places.of(parts.data())
    if not places.folder.is_dir():
        return _Check(places).without_log()
    with exclusive(places.folder):
        return _Check(places).run()


class _Check:
    def __init__(self, places: Places) -> None:
        self._places = places
        self._signer = Signer(parts.keys(), parts.tenant())
        self._problems: list[Problem] = []
        self._unlisted = 0
        self._found: dict[int, bytes] = {}  # number of a problem: the hash that was found there
        self._wanted: set[bytes] = set()  # the hashes that should have been in those places
        self._frontier = Frontier()
        self._entries = EntryTape(places)
        self._levels = [HashTape(places, level) for level in range(LEVELS)]
        self._rows = RowTape()
        self._missing: tuple[int, int] | None = None  # rows: the first and last of a run
        self._missed: list[bytes] = []  # the hashes of that run, as many as a crash can explain
        self._root_failed = False
        self._checkpoints = 0
        self._last_note = b""
        self._waiting = overview().waiting

    # -- the whole -------------------------------------------------------------------------------

    def without_log(self) -> Verdict:
        head = self._read_head()
        if head.size or overview().size:
            self._add(ProblemKind.TRUNCATED, "audit", "the log's folder is gone")
        return self._verdict()

    def run(self) -> Verdict:
        head = self._read_head()
        self._walk(head)
        self._check_rest()
        self._check_newest(head)
        return self._verdict()

    def _verdict(self) -> Verdict:
        self._end_run(at_end=True)
        for number, found in self._found.items():
            if found in self._wanted:
                self._problems[number] = replace(self._problems[number], kind=ProblemKind.REORDERED)
        ok = not self._problems
        size = self._frontier.size
        return Verdict(ok, size, self._checkpoints, self._waiting, self._problems, self._unlisted)

    def _add(self, kind: ProblemKind, place: str, text: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(Problem(kind, place, text))
        else:
            self._unlisted += 1

    def _add_exchange(self, place: str, text: str, found: bytes, wanted: bytes) -> None:
        """Something else stands here; whether it is a neighbour's is known at the end."""
        if len(self._problems) < MOST_PROBLEMS:
            self._found[len(self._problems)] = found
        self._wanted.add(wanted)
        self._add(ProblemKind.EDITED, place, text)

    # -- checkpoints -----------------------------------------------------------------------------

    def _read_head(self) -> Head:
        try:
            head = files.read_head(self._places.head, parts.keys())
        except LogDamaged as error:
            self._add(ProblemKind.FORGED, "keys/log-head", str(error))
            return GENESIS
        if head is None:
            if self._places.folder.is_dir() and files.length(self._places.checkpoints):
                self._add(ProblemKind.TRUNCATED, "keys/log-head", "the sealed witness of the log is gone")
            return GENESIS
        return head

    def _walk(self, head: Head) -> None:
        """Every note in the order of the history, the leaves below it in step."""
        offset, chain = 0, bytes.fromhex(GENESIS.chain)
        witnessed = head == GENESIS
        for note in self._notes():
            place = f"audit/checkpoints octet {offset}"
            offset += len(note)
            chain = files.chained(chain, note)
            if not self._check_note(place, note, signed=offset <= head.checkpoints):
                continue
            if offset == head.checkpoints:
                witnessed = chain.hex() == head.chain
        if offset < head.checkpoints:
            text = "checkpoints at the end are missing: the sealed witness has more"
            self._add(ProblemKind.TRUNCATED, "audit/checkpoints", text)
        elif not witnessed:
            text = "the history is not the one that the sealed witness has seen"
            self._add(ProblemKind.EDITED, "audit/checkpoints", text)
        if self._frontier.size < head.size:
            self._advance(head.size)

    def _notes(self) -> Iterator[bytes]:
        try:
            with self._places.checkpoints.open("rb") as file:
                yield from split_notes(file, self._signer)
        except FileNotFoundError:
            return

    def _check_note(self, place: str, note: bytes, *, signed: bool) -> bool:
        said = self._signer.read(note)
        if said is None:
            if signed or not self._waiting:
                self._add(ProblemKind.EDITED, place, "this is not a checkpoint as it was written")
            return False  # else: half a note, of a write that a crash broke off
        if not self._signer.genuine(note, said):
            self._add(ProblemKind.FORGED, place, f"the signature of the checkpoint at {said.size} is not ours")
            return False
        if said.size <= self._frontier.size:
            text = f"the checkpoint at {said.size} comes after one at {self._frontier.size}"
            self._add(ProblemKind.REORDERED, place, text)
            return False
        self._checkpoints += 1
        self._last_note = note
        self._advance(said.size)
        self._check_root(place, said)
        return True

    def _check_root(self, place: str, said: Checkpoint) -> None:
        if self._frontier.root() == said.root or self._root_failed:
            return
        # Every later root is wrong as well then; the first says where to look.
        self._root_failed = True
        self._add(ProblemKind.EDITED, place, f"the leaves before {said.size} are not those that were signed")

    # -- leaves ----------------------------------------------------------------------------------

    def _advance(self, size: int) -> None:
        while self._frontier.size < size:
            start = self._frontier.size
            count = min(TILE - start % TILE, size - start)
            bodies = self._entries.take(start, count)
            stored = self._levels[0].take(start, count)
            rows = self._rows.take(start, count)
            hashes = [b"" if body is None else leaf_hash(body) for body in bodies]
            if hashes != stored or bodies != [row and row.body for row in rows] or not _true(rows):
                self._entries.rewind()
                hashes = [self._judge(start + at, self._entries.one(), stored[at], rows[at]) for at in range(count)]
            elif self._missing:
                self._end_run(at_end=False)
            self._add_to_tree(hashes)

    def _add_to_tree(self, hashes: list[bytes]) -> None:
        for level, node in self._frontier.add(hashes):
            tape = self._levels[level]
            at = tape.position
            (stored,) = tape.take(at, 1)
            if stored is not None and stored != node and not self._root_failed:
                text = f"hash {at} is not that of the tile below it"
                self._add(ProblemKind.EDITED, f"audit/level-{level}/{at // SEGMENT:06d}", text)

    def _judge(self, at: int, body: bytes | None, stored: bytes | None, row: Row | None) -> bytes:
        """Find out which of the three is not like the others; the hash to go on with."""
        entry = None if body is None else leaf_hash(body)
        own = None if row is None else leaf_hash(row.body)
        agreed = entry if entry in (stored, own) and entry else (stored or own or entry or bytes(HASH))
        if row is None:
            self._extend_run(at, agreed)
        else:
            self._end_run(at_end=False)
            if own != agreed:
                text = f"row {row.id} at position {at} is not what was signed there"
                self._add_exchange("rows", text, own or b"", agreed)
            elif not row.true:
                text = f"row {row.id} at position {at} shows other facts than its body"
                self._add(ProblemKind.EDITED, "rows", text)
        if entry != agreed:
            resumed = row is not None and own == agreed and self._entries.resume(len(row.body))
            if resumed or entry is not None:  # else the file ends here, which is told once
                place = f"audit/entries/{at // SEGMENT:06d}"
                self._add_exchange(place, f"entry {at} is not what was signed", entry or b"", agreed)
        if stored is not None and stored != agreed:
            place = f"audit/level-0/{at // SEGMENT:06d}"
            self._add_exchange(place, f"hash {at} is not that of its entry", stored, agreed)
        return agreed

    def _extend_run(self, at: int, wanted: bytes) -> None:
        if self._missing is None:
            self._missed = []
        self._missing = (self._missing[0] if self._missing else at, at)
        if len(self._missed) <= BATCH:
            self._missed.append(wanted)

    def _end_run(self, *, at_end: bool) -> None:
        if self._missing is None:
            return
        first, last = self._missing
        self._missing = None
        if at_end and self._not_told_yet():
            return
        kind = ProblemKind.TRUNCATED if at_end else ProblemKind.DELETED
        self._add(kind, "rows", f"the rows of positions {first} to {last} are missing")

    def _not_told_yet(self) -> bool:
        """Are the rows there after all, and a crash kept their positions from them?"""
        if not self._waiting or len(self._missed) > BATCH:
            return False
        missed = Counter(self._missed)
        missed.subtract(leaf_hash(bytes(body)) for _, body in every_waiting())
        return all(count <= 0 for count in missed.values())

    # -- what is left ----------------------------------------------------------------------------

    def _check_rest(self) -> None:
        """Nothing may be missing, and nothing may be there beyond what was signed.

        The one excuse is a crash that came between writing and signing: then leaves are waiting.
        """
        size = self._frontier.size
        self._entries.close()
        for place, text in [*self._entries.cut, *(cut for tape in self._levels for cut in tape.cut)]:
            self._add(ProblemKind.TRUNCATED, place, text)
        rest = self._entries.rest()
        for level, tape in enumerate(self._levels):
            rest += tape.rest(size >> (TILE_HEIGHT * level))
        if not self._waiting:
            for place in rest:
                self._add(ProblemKind.FORGED, place, "there is more than was ever signed")
        self._check_names()
        ahead = self._rows.beyond(size)
        if ahead:
            text = f"{ahead} rows have positions from {size} on, where the log has no leaves"
            self._add(ProblemKind.TRUNCATED, "audit/entries", text)

    def _check_names(self) -> None:
        known = {"checkpoints", "checkpoint", "lock", "entries", *(f"level-{n}" for n in range(LEVELS))}
        for path in sorted(self._places.folder.rglob("*")):
            name = path.relative_to(self._places.folder)
            if len(name.parts) == 1:
                fits = name.name in known or (self._waiting > 0 and name.name.endswith(".new"))
            else:
                fits = len(name.parts) == 2 and len(name.name) == 6 and name.name.isdigit()
            if not fits or path.is_symlink() or (name.name == "lock" and files.length(path)):
                self._add(ProblemKind.FORGED, f"audit/{name}", "this is no file of the log")

    def _check_newest(self, head: Head) -> None:
        """The file with the newest checkpoint says what the history says."""
        newest = _octets(self._places.checkpoint)
        if newest == self._last_note:
            return
        said = self._signer.read(newest)
        if self._waiting and (not newest or (said and head.size <= said.size and self._signer.genuine(newest, said))):
            return  # a crash between signing and announcing
        if self._last_note and not newest:
            self._add(ProblemKind.TRUNCATED, "audit/checkpoint", "the newest checkpoint is missing")
        else:
            self._add(ProblemKind.EDITED, "audit/checkpoint", "this is not the newest checkpoint")


def _true(rows: list[Row | None]) -> bool:
    return all(row is not None and row.true for row in rows)


def _octets(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
