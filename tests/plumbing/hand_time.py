"""The clock of a listener, moved by hand: where peers are judged by their pace, a busy machine is not the slow one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

__all__ = ["HandTime", "standing"]


class HandTime:
    """In place of a module's ``time``."""

    time = staticmethod(time.time)

    def __init__(self) -> None:
        self._ahead = 0.0
        self._stands: float | None = time.monotonic()

    def monotonic(self) -> float:
        return self._stands if self._stands is not None else time.monotonic() + self._ahead

    def pass_time(self, seconds: float) -> None:
        assert self._stands is not None
        self._stands += seconds

    def go_on(self) -> None:
        if self._stands is not None:
            self._ahead, self._stands = self._stands - time.monotonic(), None


@contextmanager
def standing(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> Iterator[HandTime]:
    """It stands until it is moved; behind this it goes on by itself."""
    clock = HandTime()
    monkeypatch.setattr(module, "time", clock)
    try:
        yield clock
    finally:
        clock.go_on()
