"""Beside its print, what was picked up is written to a folder: as it came, as it is printed, and what was done.

In the clear, because an administrator wants it there for other programs. Nothing is written for a source without a
destination, and nothing at all at the highest level.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from frisket.errors import FrisketError
from frisket.intake.sources.errors import ClosedByLevel, NoRights, PlaceGone
from frisket.intake.sources.local import in_our_words
from frisket.intake.sources.models import PickUp
from frisket.intake.sources.names import leaf, shown
from frisket.intake.sources.pickups import path_of
from frisket.plumbing import foreign, parts

__all__ = ["Export", "export_of", "unusable"]

CLOSED_AT = "high"


class NotInClear(ClosedByLevel):
    remedy = "Take the destination away from this folder or store, or choose a lower level."


LONGEST_STEM = 150  # octets: the number before it and the ends behind it have room


def export_of(job: UUID) -> "Export | None":
    """Where a job's document is to be written; None for what came without such a wish."""
    # What a person chose in a store has options of its own, and is nobody else's to read.
    row = PickUp.objects.filter(tenant=parts.tenant(), job=job, options={}).select_related("source").first()
    if row is None or not row.source.destination or row.number is None:
        return None
    return Export(Path(row.source.destination), row.number, shown(leaf(path_of(row))))


def unusable(destination: str) -> FrisketError | None:
    """Why nothing can be written there now, or None. Writes nothing."""
    try:
        with _opened(Path(destination)) as folder:
            if not os.access(f"/proc/self/fd/{folder}", os.W_OK | os.X_OK):
                raise NoRights("this server's account may not write into the destination folder")
    except FrisketError as error:
        return error
    return None


class Export:
    """The three files of one document. The same call writes the same name again, so a crash leaves no second one.

    Its methods raise PlaceGone, PlaceRefuses, ClosedByLevel, and what reading ``pieces`` raises.
    """

    def __init__(self, folder: Path, number: int, name: str) -> None:
        stem, dot, self._end = name.replace("\\", "_").rpartition(".")
        if not stem:
            stem, dot, self._end = name or "untitled", "", ""
        self._end = f"{dot}{self._end}"[:20]
        self._stem = f"{number}-" + stem.encode()[:LONGEST_STEM].decode("utf-8", "ignore")
        self._folder = folder

    def original(self, pieces: Iterable[bytes]) -> None:
        self._put(f"{self._stem}.original{self._end}", pieces)

    def printed(self, pieces: Iterable[bytes], *, made: bool) -> None:
        """made: it became PDF here; else its form is that of the original."""
        self._put(f"{self._stem}{'.pdf' if made else self._end}", pieces)

    def log(self, lines: Sequence[str]) -> None:
        self._put(f"{self._stem}.log", ["".join(f"{line}\n" for line in lines).encode()])

    def _put(self, name: str, pieces: Iterable[bytes]) -> None:
        """Whole under its name, or not there."""
        half = f".{name}.part"
        with _opened(self._folder) as folder:
            with in_our_words():
                with suppress(FileNotFoundError):
                    os.unlink(half, dir_fd=folder)
                mode = 0o600 | os.fstat(folder).st_mode & 0o044
                fd = foreign.open_beneath(folder, half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            try:
                with os.fdopen(fd, "wb") as out:
                    for piece in pieces:
                        with in_our_words():
                            out.write(piece)
                    with in_our_words():
                        out.flush()
                        os.fsync(out.fileno())
                with in_our_words():
                    os.replace(half, name, src_dir_fd=folder, dst_dir_fd=folder)
                    foreign.sync_folder(folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(half, dir_fd=folder)
                raise


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    if parts.settings().house.level == CLOSED_AT:
        raise NotInClear("the security level forbids writing documents in clear")
    with in_our_words(missing=PlaceGone("the destination folder is not there, or a link stands in its place")):
        fd = foreign.open_folder(folder)
    try:
        yield fd
    finally:
        os.close(fd)
