"""Another wall clock for a house that is a program of its own: libfaketime, as an administrator would set it."""

import os
from datetime import UTC, datetime, timedelta
from glob import glob

import pytest

__all__ = ["faked_time"]


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
