"""Tells the sequencer of this process that leaves are waiting, without asking the database."""

import threading

__all__ = ["RING_AT", "noted", "silence", "wait"]

RING_AT = 256  # leaves: as many as one tile holds, and at most this many between two checkpoints

_lock = threading.Lock()
_rung = threading.Event()
_waiting = 0


def noted(leaves: int) -> None:
    """So many leaves were committed."""
    global _waiting
    with _lock:
        _waiting += leaves
        if _waiting >= RING_AT:
            _rung.set()


def wait(longest_s: float) -> None:
    """Return when a tile is full, or after longest_s."""
    global _waiting
    _rung.wait(longest_s)
    with _lock:
        _waiting = 0
        _rung.clear()


def silence() -> None:
    """Wake whoever waits, now."""
    _rung.set()
