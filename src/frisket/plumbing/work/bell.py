"""The bell that wakes the runners of this process."""

from collections.abc import Callable

__all__ = ["hang", "nudge", "take_down"]

_bells: list[Callable[[], None]] = []


def hang(wake: Callable[[], None]) -> None:
    _bells.append(wake)


def take_down(wake: Callable[[], None]) -> None:
    if wake in _bells:
        _bells.remove(wake)


def nudge() -> None:
    """Wake the runners of this process: there may be work."""
    for wake in list(_bells):
        wake()
