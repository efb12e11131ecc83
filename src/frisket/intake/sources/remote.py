"""What all stores on other servers have in common: who we are there, by what we know them (R20, R21), and how
documents are set aside and put away with nothing but list, rename, delete, write and read."""

import ssl
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from frisket.intake.sources.address import Address
from frisket.intake.sources.errors import LooseTrust, PlaceGone, PlaceRefuses, StillWritten, Vanished
from frisket.intake.sources.names import DONE, PRIVATE, REFUSED, beside, is_ours, is_partial, is_plain
from frisket.intake.sources.place import Entry, Look, Opened, Seen
from frisket.plumbing import keys

__all__ = ["RemotePlace", "Server", "There", "TlsContext", "TlsSocket", "WrongCertificate", "reading"]

WrongCertificate = ssl.SSLCertVerificationError
TlsSocket = ssl.SSLSocket
TlsContext = ssl.SSLContext

DEEPEST = 4  # folders below the root that are looked into
MOST_FOLDERS = 1000  # of one look
_NAMES_TRIED = 100
_REASON = ".reason.txt"


@dataclass(frozen=True, slots=True)
class Server:
    """A store as a client needs it. Its password is in memory only while a connection is made or kept."""

    address: Address
    user: str
    password: str
    pinned_sha256: bytes | None
    authority: str
    connect_s: float
    stall_s: float
    moves: bool  # documents are set aside and put away there
    proxy: tuple[str, int] | None = None  # of WebDAV: host and port of the web proxy on the way

    def __repr__(self) -> str:
        return f"Server({self.address.kind.value})"

    def tls(self) -> ssl.SSLContext:
        """Raises LooseTrust where nobody said by what the server is known."""
        if self.pinned_sha256 is not None:
            return keys.client_context(pinned_sha256=self.pinned_sha256)
        if not self.authority:
            raise LooseTrust("nobody said which certificate the store has")
        return keys.client_context(ca=self.authority.encode())


@dataclass(frozen=True, slots=True)
class There:
    """One member of a folder, as its server listed it."""

    name: str
    folder: bool
    octets: int
    stamp: str
    changed: str = ""  # ISO 8601, where it is known


class RemotePlace:
    """Paths are below the root, "/" between their parts; what a server lists is checked before it is used."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.moves = server.moves
        self._made: set[str] = set()  # of our own folders, those that are surely there

    # -- what each protocol does

    @abstractmethod
    def _list(self, path: str, most: int) -> list[There]:
        """Raises Vanished when there is no such folder."""

    @abstractmethod
    def _rename(self, old: str, new: str) -> None:
        """Never replaces. Raises Vanished, FileExistsError, StillWritten."""

    @abstractmethod
    def _remove(self, path: str) -> None:
        """Raises Vanished."""

    @abstractmethod
    def _make_folder(self, path: str) -> None:
        """Raises FileExistsError."""

    @abstractmethod
    def _write(self, path: str, text: bytes) -> None: ...

    @abstractmethod
    def open(self, path: str) -> Opened: ...

    @abstractmethod
    def close(self) -> None: ...

    # -- what all of them do with that

    def check(self) -> None:
        if not self.moves:
            self._list("", 1)
            return
        self._own(PRIVATE)
        probe = f"{PRIVATE}/probe"
        with suppress(Vanished):
            self._remove(probe)
        self._write(probe, b"Frisket looks whether it may write here.\n")
        self._remove(probe)

    def look(self, most: int, deep: bool) -> Look:
        files: list[Seen] = []
        folders: list[str] = []
        waiting = [("", DEEPEST if deep else 0)]
        while waiting:
            path, levels = waiting.pop(0)
            for each in self._members(path, most + 16):
                where = f"{path}/{each.name}" if path else each.name
                if each.folder:
                    if levels and len(folders) < MOST_FOLDERS:
                        folders.append(where)
                        waiting.append((where, levels - 1))
                elif len(files) >= most:
                    return Look(files, True, tuple(folders))
                elif each.octets:
                    files.append(Seen(where, each.octets, each.stamp))
        return Look(files, False, tuple(folders))

    def _members(self, path: str, most: int) -> list[There]:
        """Of a folder, what is neither ours nor half written nor named like nothing that could be asked for."""
        found = self._list(path, most)
        return [each for each in found if is_plain(each.name) and not is_partial(each.name) and not _ours(path, each)]

    def browse(self, path: str, most: int) -> list[Entry]:
        return [Entry(each.name, each.folder, each.octets, each.changed) for each in self._members(path, most)]

    def set_aside(self, path: str, token: str) -> None:
        self._own(PRIVATE)
        self._rename(path, f"{PRIVATE}/{token}")

    def aside(self, token: str) -> bool:
        return token in self.all_aside()

    def all_aside(self) -> list[str]:
        try:
            return [each.name for each in self._list(PRIVATE, 1_000_000) if not each.folder]
        except Vanished:
            return []

    def settle(self) -> None:
        """What a server acknowledged is its own to keep."""

    def open_aside(self, token: str) -> Opened:
        return self.open(f"{PRIVATE}/{token}")

    def delete(self, token: str) -> None:
        with suppress(Vanished):
            self._remove(f"{PRIVATE}/{token}")

    def keep(self, token: str, name: str) -> None:
        with suppress(Vanished):
            self._put_away(token, DONE, name)

    def refuse(self, token: str, name: str, reason: str) -> None:
        with suppress(Vanished):
            kept = self._put_away(token, REFUSED, name)
            self._write(f"{REFUSED}/{beside(kept + _REASON, 1)}", f"{reason}\n".encode())

    def _put_away(self, token: str, folder: str, name: str) -> str:
        self._own(folder)
        for number in range(1, _NAMES_TRIED):
            wanted = beside(name, number)
            try:
                self._rename(f"{PRIVATE}/{token}", f"{folder}/{wanted}")
            except FileExistsError:
                continue
            return wanted
        raise PlaceRefuses("too many files of one name are kept there")

    def _own(self, folder: str) -> None:
        if folder not in self._made:
            with suppress(FileExistsError):
                self._make_folder(folder)
            self._made.add(folder)


def _ours(path: str, each: There) -> bool:
    return not path and is_ours(each.name)


def reading(
    piece: Callable[[], bytes], close: Callable[[], None], octets: int, stamp: str, still: Callable[[], str]
) -> Opened:
    """A file that is read to its announced end, and must be the same then. ``still``: its stamp at the end."""
    read = 0

    def next_piece() -> bytes:
        nonlocal read
        data = piece()
        read += len(data)
        if read > octets >= 0:
            raise StillWritten("the file grew while it was read")
        if not data:
            if 0 <= octets != read:
                raise PlaceGone("the store broke off in the middle of a document")
            if still() != stamp:
                raise StillWritten("the file changed while it was read")
        return data

    return Opened(next_piece, close, octets, stamp)
