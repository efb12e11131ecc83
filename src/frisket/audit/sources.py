"""What verify compares, each read once from its beginning to its end: entries, hashes, rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.db import connection

from frisket.audit import files
from frisket.audit.leaves import LARGEST, START, edges_of, time_text
from frisket.audit.log import FRAME, HASH, SEGMENT, Places
from frisket.plumbing import db

__all__ = ["EntryTape", "HashTape", "Row", "RowTape"]

_PAGE = 4096  # rows read at once


class EntryTape:
    """The bodies of the entries, in order; None where none can be read.

    A changed length would make everything behind it unreadable, so whoever knows from elsewhere how long
    the entry was says so with ``resume``. cut: the files that could not be read to their end.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._segment = -1
        self._file: BinaryIO | None = None
        self._tile = 0  # offset of the tile read last
        self._frame = 0  # offset of the entry read last
        self._offset = 0
        self._lost = False
        self._ends: dict[int, int] = {}  # octets that belong to the log, of each file
        self._unread: set[int] = set()  # files that could not be read to their end
        self.cut: list[tuple[str, str]] = []

    def take(self, start: int, count: int) -> list[bytes | None]:
        """The entries from start on, at most those of one tile."""
        if start // SEGMENT != self._segment:
            self.close()
            self._segment, self._offset, self._lost = start // SEGMENT, 0, False
            file = self._places.entries(self._segment)
            self._file = file.open("rb") if files.size_or_none(file) is not None else None
        self._tile = self._offset
        return [self.one() for _ in range(count)]

    def rewind(self) -> None:
        """Back to the beginning of what was taken last."""
        self._seek(self._tile)

    def one(self) -> bytes | None:
        if self._lost or self._file is None:
            return None
        self._frame = self._offset
        start = self._file.read(FRAME.size)
        if len(start) == FRAME.size:
            (size,) = FRAME.unpack(start)
            body = self._file.read(size) if size <= LARGEST else b""
            if size and len(body) == size:
                self._offset += FRAME.size + size
                return body
        self._lost = True
        return None

    def resume(self, size: int) -> bool:
        """The entry read last should have had this length. False when the file ends before that.

        Where its own length leads to something that looks like an entry, that one is believed.
        """
        if not self._lost and self._looks_sound():
            return True
        after = self._frame + FRAME.size + size
        if self._file is None or after > files.length(self._places.entries(self._segment)):
            return False
        self._seek(after)
        return True

    def _looks_sound(self) -> bool:
        if self._file is None:
            return False
        start = self._file.read(FRAME.size + len(START))
        self._file.seek(self._offset)
        return not start or start[FRAME.size :] == START

    def _seek(self, offset: int) -> None:
        if self._file is not None:
            self._file.seek(offset)
            self._offset, self._lost = offset, False

    def close(self) -> None:
        """At the end of a file."""
        if self._segment < 0 or self._segment in self._ends or self._segment in self._unread:
            return
        if self._file is None or self._lost:
            self._unread.add(self._segment)
            text = "the file is missing" if self._file is None else f"unreadable from octet {self._frame} on"
            self.cut.append((f"audit/entries/{self._segment:06d}", text))
        else:
            self._ends[self._segment] = self._offset
        if self._file is not None:
            self._file.close()
            self._file = None

    def rest(self) -> list[str]:
        """The files that have more than what was taken; call close before."""
        return [
            f"audit/entries/{file.name}"
            for number, file in _numbered(self._places.folder / "entries")
            if number not in self._unread and (number not in self._ends or files.length(file) > self._ends[number])
        ]


class HashTape:
    """The hashes of one level, in order; None where the file ends too early (then it is in ``cut``)."""

    def __init__(self, places: Places, level: int) -> None:
        self._places, self._level = places, level
        self._segment = -1
        self._octets = memoryview(b"")
        self.position = 0
        self.cut: list[tuple[str, str]] = []

    def take(self, start: int, count: int) -> list[bytes | None]:
        segment, place = divmod(start, SEGMENT)
        if segment != self._segment:
            self._segment = segment
            file = self._places.level(self._level, segment)
            self._octets = memoryview(file.read_bytes() if files.length(file) else b"")
        found = bytes(self._octets[place * HASH : (place + count) * HASH])
        hashes: list[bytes | None] = [found[at : at + HASH] for at in range(0, len(found) - HASH + 1, HASH)]
        if len(hashes) < count:
            where = f"audit/level-{self._level}/{segment:06d}"
            if not any(known == where for known, _ in self.cut):
                self.cut.append((where, f"the file ends before hash {start + len(hashes)}"))
            hashes += [None] * (count - len(hashes))
        self.position = start + count
        return hashes

    def rest(self, count: int) -> list[str]:
        """The files that have more than the first ``count`` hashes."""
        found = []
        for number, file in _numbered(self._places.folder / f"level-{self._level}"):
            allowed = min(SEGMENT, max(0, count - number * SEGMENT))
            if not allowed or files.length(file) > allowed * HASH:
                found.append(f"audit/level-{self._level}/{file.name}")
        return found


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for file in sorted(folder.glob("*")):
        if file.name.isdigit():
            yield int(file.name), file


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is compared. true: its searchable columns say what its body says."""

    id: int
    body: bytes
    true: bool


class RowTape:
    """The rows by their positions; None where there is none."""

    def __init__(self) -> None:
        # On SQLite the time is asked for as it is written, so that no other spelling of it passes.
        at = "at || ''" if db.is_sqlite() else "at"
        self._select = (
            f"SELECT position, id, tenant, {at}, act, subject, actor, body FROM audit_leaf"
            f" WHERE position >= %s ORDER BY position LIMIT {_PAGE}"
        )
        self._page: list[tuple[Any, ...]] = []
        self._next = 0
        self._ended = False

    def take(self, start: int, count: int) -> list[Row | None]:
        rows: list[Row | None] = [None] * count
        while (record := self._peek(start)) is not None and record[0] < start + count:
            rows[record[0] - start] = _row(record)
            self._next += 1
        return rows

    def _peek(self, start: int) -> tuple[Any, ...] | None:
        if self._next >= len(self._page):
            if self._ended:
                return None
            after = self._page[-1][0] + 1 if self._page else start
            with connection.cursor() as cursor:
                cursor.execute(self._select, (after,))
                self._page = cursor.fetchall()
            self._next = 0
            self._ended = len(self._page) < _PAGE
            if not self._page:
                return None
        return self._page[self._next]

    def beyond(self, size: int) -> int:
        """How many rows have positions that the log does not."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM audit_leaf WHERE position >= %s OR position < 0", (size,))
            (count,) = cursor.fetchone() or (0,)
        return int(count)


def _row(record: tuple[Any, ...]) -> Row:
    _, row, tenant, at, act, subject, actor, body = record
    written = _written(at) if isinstance(at, str) else time_text(at)
    start, end = edges_of(act, _hex(actor), written, _hex(subject), _hex(tenant))
    octets = bytes(body)
    return Row(row, octets, octets.startswith(start) and octets.endswith(end))


def _written(at: str) -> str:
    """SQLite's text as a body has it; the framework leaves microseconds out where there are none."""
    return f"{at[:10]}T{at[11:]}" + ("Z" if "." in at else ".000000Z")


def _hex(value: object) -> str:
    if isinstance(value, UUID):
        return value.hex
    return "" if value is None else str(value)
