"""Named points of the durable paths at which the crash harness stops the house, or lets a call fail.

``FRISKET_CRASHPOINT=<name>:<n>`` kills this process with SIGKILL at the n-th pass of that point;
``<name>:<n>:<errno name>`` raises that OSError there instead, as a failing disk would. Unset, which is
always outside tests, a pass costs one check.
"""

import errno
import os
import signal
import threading
from dataclasses import dataclass

__all__ = ["NAMES", "arm", "pass_", "point"]

NAMES: set[str] = set()  # every point the imported modules have


@dataclass(slots=True)
class _Armed:
    name: str
    left: int  # passes until it happens
    error: int  # errno; 0: kill


def _read(text: str) -> _Armed | None:
    if not text:
        return None
    name, count, *fault = text.split(":")
    return _Armed(name, int(count), getattr(errno, fault[0]) if fault else 0)


_armed = _read(os.environ.get("FRISKET_CRASHPOINT", ""))
_lock = threading.Lock()


def point(name: str) -> str:
    """Make a point known to the harness. Called once per point, when its module is imported."""
    NAMES.add(name)
    return name


def arm(text: str) -> None:
    """What the environment variable does, for tests inside one process; "" disarms."""
    global _armed
    _armed = _read(text)


def pass_(name: str) -> None:
    """Go through a point. Raises OSError, or never returns, when it is the armed one's turn."""
    if _armed is not None:
        _hit(name)


def _hit(name: str) -> None:
    with _lock:
        armed = _armed
        if armed is None or armed.name != name:
            return
        armed.left -= 1
        if armed.left != 0:
            return
    if armed.error:
        raise OSError(armed.error, os.strerror(armed.error))
    os.kill(os.getpid(), signal.SIGKILL)
