"""Which processes write to this folder, and which of them still live.

Every process that opens the store takes eight random hexadecimal digits; every name it makes begins
with them. It holds a lock on a small file of that name for as long as it lives, whatever ends it.
"""

import fcntl
import os
import uuid
from pathlib import Path

__all__ = ["Owner", "lock_now"]

_DIGITS = 8


def lock_now(fd: int) -> bool:
    """Take the lock of this open file if nobody else has it. It is held until the file is closed."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Owner:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        while True:
            self.digits = uuid.uuid4().hex[:_DIGITS]
            file = folder / f"{self.digits}.lock"
            self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # Between making and locking it, another process may have taken the file for a dead one's.
            if lock_now(self._fd) and file.exists():
                break
            os.close(self._fd)

    def new_name(self) -> str:
        """32 hexadecimal digits, random but for whose it is."""
        return self.digits + uuid.uuid4().hex[_DIGITS:]

    def is_dead(self, name: str) -> bool:
        """Whether whoever made this name has ended."""
        if name[:_DIGITS] == self.digits:
            return False
        try:
            fd = os.open(self._folder / f"{name[:_DIGITS]}.lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            return lock_now(fd)
        finally:
            os.close(fd)

    def forget_dead(self) -> None:
        """Remove the lock files of ended processes."""
        for file in list(self._folder.glob("*.lock")):
            if self.is_dead(file.stem):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        (self._folder / f"{self.digits}.lock").unlink(missing_ok=True)
        os.close(self._fd)
