"""A hot folder of this machine, or of a share that is mounted here (R10, boundary B5)."""

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from frisket.intake.sources.errors import NoRights, NotADocument, PlaceGone, PlaceRefuses, StillWritten, Vanished
from frisket.intake.sources.names import DONE, PRIVATE, REFUSED, beside, is_ours, is_partial
from frisket.intake.sources.place import PIECE, Entry, Look, Opened, Seen
from frisket.plumbing import foreign

__all__ = ["LocalPlace", "told"]

DEEPEST = 4  # folders below the root that are looked into
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS)
_KINDS = {stat.S_IFLNK: "link", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFBLK: "device"}
_REASON = ".reason.txt"
_NAMES_TRIED = 1000


class LocalPlace:
    """``root``: an absolute path without links."""

    moves = True

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: list[str] = []  # found by the look under way

    def check(self) -> None:
        with self._opened() as root, self._private(root) as private:
            probe = f"probe-{os.getpid()}"
            with told():
                os.close(foreign.open_beneath(private, probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                os.unlink(probe, dir_fd=private)

    # -- looking

    def look(self, most: int, deep: bool) -> Look:
        files: list[Seen] = []
        self._folders = []
        with self._opened() as root, told():
            more = self._gather(root, "", files, most, DEEPEST if deep else 0)
        return Look(files, more, tuple(self._folders))

    def _gather(self, folder: int, prefix: str, files: list[Seen], most: int, levels: int) -> bool:
        """True when there is more than ``most``."""
        if prefix and len(self._folders) < most:
            self._folders.append(prefix.rstrip("/"))
        with os.scandir(folder) as found:
            for entry in found:
                if is_partial(entry.name) or (not prefix and is_ours(entry.name)):
                    continue
                if len(files) >= most:
                    return True
                if entry.is_dir(follow_symlinks=False):
                    if levels and self._below(folder, entry.name, prefix, files, most, levels):
                        return True
                    continue
                seen = _seen(entry, prefix)
                if seen is not None:
                    files.append(seen)
        return False

    def _below(self, folder: int, name: str, prefix: str, files: list[Seen], most: int, levels: int) -> bool:
        try:
            inner = foreign.open_beneath(folder, name, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return False  # exchanged, forbidden or a mount of its own: not ours to enter
        try:
            return self._gather(inner, f"{prefix}{name}/", files, most, levels - 1)
        finally:
            os.close(inner)

    def browse(self, path: str, most: int) -> list[Entry]:
        raise NotADocument("a hot folder is not browsed")

    # -- one file

    def set_aside(self, path: str, token: str) -> None:
        parent, _, name = path.rpartition("/")
        with self._opened() as root, self._private(root) as private:
            with told():
                folder = foreign.open_beneath(root, parent or ".", os.O_RDONLY | os.O_DIRECTORY)
                try:
                    foreign.move(folder, name, private, token)
                finally:
                    os.close(folder)

    def aside(self, token: str) -> bool:
        with self._opened() as root, self._private(root) as private, told():
            try:
                os.stat(token, dir_fd=private, follow_symlinks=False)
            except FileNotFoundError:
                return False
            return True

    def all_aside(self) -> list[str]:
        with self._opened() as root, self._private(root) as private, told():
            return os.listdir(private)

    def settle(self) -> None:
        with self._opened() as root, self._private(root) as private, told():
            foreign.sync_folder(private)
            foreign.sync_folder(root)

    def open_aside(self, token: str) -> Opened:
        with self._opened() as root, self._private(root) as private, told():
            return _open(private, token)

    def open(self, path: str) -> Opened:
        with self._opened() as root, told():
            return _open(root, path)

    # -- afterwards

    def delete(self, token: str) -> None:
        with self._opened() as root, self._private(root) as private, told():
            with suppress(FileNotFoundError):
                os.unlink(token, dir_fd=private)

    def keep(self, token: str, name: str) -> None:
        with self._opened() as root, self._private(root) as private, self._folder(root, DONE) as done:
            with told(), suppress(FileNotFoundError):
                _put_away(private, token, done, name)

    def refuse(self, token: str, name: str, reason: str) -> None:
        with self._opened() as root, self._private(root) as private, self._folder(root, REFUSED) as refused:
            with told(), suppress(FileNotFoundError):
                kept = _put_away(private, token, refused, name)
                _write_reason(refused, kept, reason)

    def close(self) -> None:
        """Nothing is held between two calls: a folder that is unmounted stays free to be."""

    # -- folders

    @contextmanager
    def _opened(self) -> Iterator[int]:
        with told(missing=PlaceGone("the folder is not there, or a link stands in its place")):
            fd = foreign.open_folder(self._root)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _private(self, root: int) -> Iterator[int]:
        with self._folder(root, PRIVATE, 0o700) as fd:
            now = os.fstat(fd)
            if now.st_uid != os.geteuid() or (now.st_mode & 0o077 and not _takes_no_modes(fd)):
                raise PlaceRefuses("the folder .frisket belongs to somebody else, or others may enter it")
            yield fd

    @contextmanager
    def _folder(self, root: int, name: str, mode: int = 0) -> Iterator[int]:
        """One of our own folders at the root, made when it is missing, open to those whom the root is open to."""
        with told(odd=PlaceRefuses(f"there is something called {name} that is no folder")):
            try:
                fd = foreign.open_beneath(root, name, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                os.mkdir(name, 0o700, dir_fd=root)
                fd = foreign.open_beneath(root, name, os.O_RDONLY | os.O_DIRECTORY)
                if not mode:
                    os.fchmod(fd, 0o700 | os.fstat(root).st_mode & 0o055)
                foreign.sync_folder(root)
        try:
            yield fd
        finally:
            os.close(fd)


def _takes_no_modes(fd: int) -> bool:
    """Does the file system show every folder alike (a mounted share), so that a mode says nothing?"""
    before = os.fstat(fd).st_mode
    with suppress(OSError):
        os.fchmod(fd, 0o700)
    return os.fstat(fd).st_mode == before


def _seen(entry: "os.DirEntry[str]", prefix: str) -> Seen | None:
    try:
        now = entry.stat(follow_symlinks=False)
    except OSError:
        return None  # gone again
    path = prefix + entry.name
    if not stat.S_ISREG(now.st_mode):
        return Seen(path, 0, _stamp(now), _KINDS.get(stat.S_IFMT(now.st_mode), "device"))
    if now.st_nlink != 1:
        return Seen(path, now.st_size, _stamp(now), "file with another name elsewhere")
    return Seen(path, now.st_size, _stamp(now)) if now.st_size else None


def _stamp(now: os.stat_result) -> str:
    return f"{now.st_dev}:{now.st_ino}:{now.st_size}:{now.st_mtime_ns}"


def _open(folder: int, path: str) -> Opened:
    fd = foreign.open_beneath(folder, path)
    try:
        now = os.fstat(fd)
        if not stat.S_ISREG(now.st_mode) or now.st_nlink != 1:
            raise NotADocument("this is no plain file with one name")
    except BaseException:
        os.close(fd)
        raise

    def read() -> bytes:
        with told():
            piece = os.read(fd, PIECE)
            if not piece and _stamp(os.fstat(fd)) != _stamp(now):
                raise StillWritten("the file changed while it was read")
            return piece

    return Opened(read, lambda: os.close(fd), now.st_size, _stamp(now), _account(now), f"{now.st_dev}:{now.st_ino}")


def _account(now: os.stat_result) -> str:
    try:
        return pwd.getpwuid(now.st_uid).pw_name
    except KeyError:
        return ""


def _put_away(private: int, token: str, folder: int, name: str) -> str:
    for number in range(1, _NAMES_TRIED):
        wanted = beside(name, number)
        try:
            foreign.move(private, token, folder, wanted)
        except FileExistsError:
            continue
        foreign.sync_folder(folder)
        return wanted
    raise PlaceRefuses("too many files of one name are kept")


def _write_reason(folder: int, name: str, reason: str) -> None:
    for number in range(1, _NAMES_TRIED):
        wanted = beside(name + _REASON, number)
        try:
            fd = foreign.open_beneath(folder, wanted, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            continue
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            out.write(reason + "\n")
        return


@contextmanager
def told(missing: Exception | None = None, odd: Exception | None = None) -> Iterator[None]:
    """Errors of the file system in the words of this room."""
    try:
        yield
    except BlockingIOError as error:
        raise StillWritten("another program holds the file") from error
    except FileNotFoundError as error:
        raise missing or Vanished("the file is not there any more") from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EXDEV, errno.ENXIO, errno.ENOTDIR):
            raise (missing or odd or NotADocument("it leads out of the folder")) from error
        if error.errno in _REFUSALS:
            raise NoRights("this server's account may not read and change what is in the folder") from error
        raise PlaceGone(f"the folder cannot be used: {error.strerror}") from error
