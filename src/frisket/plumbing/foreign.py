"""Folders that others write to: opened so that nobody in them can lead us elsewhere (R10).

A folder is held by its descriptor and everything in it is reached from there with `openat2`: beneath it,
through no symbolic link, no magic link and no mount. Linux 5.6 or newer; without the call nothing is opened.
"""

import ctypes
import errno
import os
import platform
from contextlib import suppress
from pathlib import Path

from frisket.errors import Blame, FrisketError

__all__ = ["NoSafeOpen", "move", "open_beneath", "open_folder", "sync_folder"]

_OPENAT2 = 437  # the same on every architecture
# renameat2 is older than the common numbering.
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "riscv64": 276, "ppc64le": 357, "s390x": 347, "armv7l": 382}
_RESOLVE_NO_XDEV, _RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x01, 0x02, 0x04, 0x08
_RENAME_NOREPLACE = 1
_TRIES = 16
_QUIET = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW
_libc = ctypes.CDLL(None, use_errno=True)


class NoSafeOpen(FrisketError):
    """The kernel, or a filter around this process, does not know openat2."""

    blame = Blame.OPERATOR
    remedy = "Hot folders need Linux 5.6 or newer, and a container that allows the system call openat2."


class _How(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def _openat2(folder: int, path: str, flags: int, mode: int, resolve: int) -> int:
    how = _How(flags | _QUIET, mode, resolve)
    name = ctypes.c_char_p(os.fsencode(path))
    number = errno.EAGAIN
    for _ in range(_TRIES):
        fd = _libc.syscall(_OPENAT2, folder, name, ctypes.byref(how), ctypes.sizeof(how))
        if fd >= 0:
            return int(fd)
        number = ctypes.get_errno()
        if number not in (errno.EINTR, errno.EAGAIN):  # EAGAIN: something was renamed meanwhile, or is leased
            break
    if number == errno.ENOSYS:
        raise NoSafeOpen("this system cannot open files of a hot folder safely")
    raise OSError(number, os.strerror(number))


def open_folder(path: Path) -> int:
    """A descriptor of a folder by its absolute path, none of whose parts is a link. Raises OSError, NoSafeOpen."""
    resolve = _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_SYMLINKS
    return _openat2(-100, str(path), os.O_RDONLY | os.O_DIRECTORY, 0, resolve)  # -100: AT_FDCWD


def open_beneath(folder: int, path: str, flags: int = os.O_RDONLY, mode: int = 0) -> int:
    """A descriptor of what lies at ``path`` beneath a folder.

    Raises OSError: ELOOP, EXDEV where it leads elsewhere; BlockingIOError while another program holds a lease.
    """
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_XDEV
    return _openat2(folder, path, flags, mode, resolve)


def move(from_folder: int, name: str, to_folder: int, new: str) -> None:
    """Rename without ever replacing anything. Raises FileExistsError and other OSErrors.

    Where the file system cannot promise that, the name is looked up first.
    """
    number = _RENAMEAT2.get(platform.machine())
    if number is not None:
        old, fresh = ctypes.c_char_p(os.fsencode(name)), ctypes.c_char_p(os.fsencode(new))
        if _libc.syscall(number, from_folder, old, to_folder, fresh, _RENAME_NOREPLACE) == 0:
            return
        problem = ctypes.get_errno()
        if problem not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(problem, os.strerror(problem))
    with suppress(FileNotFoundError):
        os.stat(new, dir_fd=to_folder, follow_symlinks=False)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.rename(name, new, src_dir_fd=from_folder, dst_dir_fd=to_folder)


def sync_folder(folder: int) -> None:
    """Make renames in a folder durable, where its file system can."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
