"""What every kind of source can do: look, set a file aside, read it, and put it away when it is in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["PIECE", "Entry", "Look", "Opened", "Place", "Seen"]

PIECE = 1 << 18  # octets read at a time


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as a look found it. ``stamp`` changes when the file does: times, inode or entity tag, as text."""

    path: str  # below the root, "/" between its parts
    octets: int
    stamp: str
    odd: str = ""  # what it is, where it is no plain file


@dataclass(frozen=True, slots=True)
class Look:
    files: list[Seen]
    more: bool = False  # there are more than were looked at
    folders: tuple[str, ...] = ()  # below the root, where those were looked into


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a folder that a person browses."""

    name: str
    folder: bool
    octets: int
    changed: str = ""  # ISO 8601, where the server says


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was set aside, or is read where it lies."""

    read: Callable[[], bytes]  # the next piece; b"" at the end. Raises StillWritten there when it changed meanwhile
    close: Callable[[], None]
    octets: int
    stamp: str
    owner: str = ""  # account that owns it on this machine
    file: str = ""  # "device:inode"


class Place(Protocol):
    """A root and what lies below. Used by one thread at a time.

    Every method may raise PlaceGone and PlaceRefuses; those that name a file Vanished and NotADocument.
    """

    moves: bool  # False: documents are left where they lie, and only remembered

    def check(self) -> None:
        """Can everything be done here that picking up needs?"""

    def look(self, most: int, deep: bool) -> Look:
        """Files at the root, or with ``deep`` in the folders below; no partial names, none of our own folders."""

    def set_aside(self, path: str, token: str) -> None:
        """Rename into the private folder, so that nobody puts another file in its place."""

    def aside(self, token: str) -> bool:
        """Is it in the private folder?"""

    def all_aside(self) -> list[str]:
        """Every token in the private folder."""

    def settle(self) -> None:
        """Make the renames so far durable, where that is ours to do."""

    def open_aside(self, token: str) -> Opened: ...

    def open(self, path: str) -> Opened:
        """A file where it lies."""

    def delete(self, token: str) -> None: ...

    def keep(self, token: str, name: str) -> None:
        """Into the folder ``done``, under its name or one beside it."""

    def refuse(self, token: str, name: str, reason: str) -> None:
        """Into the folder ``refused``, with a text file beside it that says why."""

    def browse(self, path: str, most: int) -> list[Entry]: ...

    def close(self) -> None: ...
