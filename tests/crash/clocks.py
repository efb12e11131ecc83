"""Another wall clock for a house that is a program of its own: libfaketime, as an administrator would set it."""

import os
from datetime import UTC, datetime, timedelta
from glob import glob
from pathlib import Path

import pytest

__all__ = ["MovedClock", "faked_time"]


def _library() -> str:
    found = glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        words = "libfaketime is not installed (Debian: faketime)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found[0]


def faked_time(*, days: int = 0) -> dict[str, str]:
    """Environment of a life whose wall clock begins at noon so many days from now, and goes on from there.

    Only the wall clock: the monotonic one is the machine's own.
    """
    noon = (datetime.now(UTC) + timedelta(days=days)).replace(hour=12, minute=0, second=0)
    return {
        "LD_PRELOAD": _library(),
        "FAKETIME": noon.strftime("@%Y-%m-%d %H:%M:%S"),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
        "TZ": "UTC",
    }


class MovedClock:
    """A wall clock that is set while a house runs, by a file that libfaketime reads again and again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set()
        self.environment = {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, *, days: int = 0) -> None:
        """So far from the machine's own clock."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{days * 86400:+d}\n")
        fresh.replace(self._file)
