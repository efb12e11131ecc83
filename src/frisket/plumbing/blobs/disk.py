"""What the kernel offers for files and Python's library does not: holes, allocation, early write-out."""

import ctypes
import errno
import os
from pathlib import Path

__all__ = ["allocate", "punch_hole", "start_writing", "storage_note"]

_libc = ctypes.CDLL(None, use_errno=True)
_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02
_SYNC_FILE_RANGE_WRITE = 0x02
_UNSUPPORTED = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_ZEROS = bytes(1 << 20)
_NO_OVERWRITE = {
    "btrfs",
    "zfs",
    "bcachefs",
    "f2fs",
    "nilfs2",
    "overlay",
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "9p",
    "fuse",
}
_MEMORY = {"tmpfs", "ramfs"}

for _name, _arguments in (
    ("fallocate", [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]),
    ("sync_file_range", [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]),
):
    if hasattr(_libc, _name):
        getattr(_libc, _name).argtypes = _arguments
        getattr(_libc, _name).restype = ctypes.c_int


def _fallocate(fd: int, mode: int, offset: int, octets: int) -> bool:
    if not hasattr(_libc, "fallocate"):
        return False
    if _libc.fallocate(fd, mode, offset, octets) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number))


def punch_hole(fd: int, offset: int, octets: int) -> bool:
    """Give the blocks of a range back; it reads as zeros. False where the file system cannot."""
    return _fallocate(fd, _PUNCH_HOLE | _KEEP_SIZE, offset, octets)


def allocate(fd: int, octets: int) -> None:
    """Real blocks for a file, by writing zeros where there is no quicker way. Raises OSError."""
    if _fallocate(fd, 0, 0, octets):
        return
    for start in range(0, octets, len(_ZEROS)):
        os.pwrite(fd, _ZEROS[: octets - start], start)


def start_writing(fd: int, offset: int, octets: int) -> None:
    """Ask the kernel to begin writing out, so that the sync at the end finds little left to do.

    Only a wish: errors show at the sync.
    """
    if hasattr(_libc, "sync_file_range"):
        _libc.sync_file_range(fd, offset, octets, _SYNC_FILE_RANGE_WRITE)


def storage_note(folder: Path) -> str:
    """What overwriting in place cannot prove on the storage under this folder, in one sentence; else ""."""
    device = os.stat(folder).st_dev
    numbers = f"{os.major(device)}:{os.minor(device)}"
    kind = _file_system(numbers)
    if kind in _MEMORY:
        return "The spool lies in memory."
    if kind in _NO_OVERWRITE or kind.startswith("fuse"):
        return f"Overwriting in place cannot be proven on {kind}: older copies may remain until they are reused."
    if not kind:
        return "The storage is of an unknown kind: overwriting cannot be proven."
    rotational = _rotational(numbers)
    if rotational is None:
        return "The disk does not say what it is: overwriting cannot be proven."
    return "" if rotational else "Flash or virtual storage: older copies of overwritten blocks may remain in it."


def _file_system(numbers: str) -> str:
    """Its type, from the mount table (proc(5), mountinfo); "" when it is not there."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        left, _, right = line.partition(" - ")
        if left.split()[2:3] == [numbers]:
            return right.split()[0]
    return ""


def _rotational(numbers: str) -> bool | None:
    block = Path("/sys/dev/block") / numbers
    for folder in (block, block / ".."):  # a partition has no queue of its own
        try:
            return (folder / "queue/rotational").read_text().strip() == "1"
        except OSError:
            continue
    return None
