"""Time: wall clock for display and records, house seconds for durations that survive a restart.

House seconds count only while the house runs; they are kept in a small file, so a lock or a
throttle can neither be shortened by setting the wall clock nor by a restart
(security-design section 9). A restart loses at most the last ``KEEP_EVERY_S`` seconds of them, which
can only lengthen a lock.
"""

import logging
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

__all__ = ["Clock", "HandClock", "HouseClock"]

KEEP_EVERY_S = 5.0
JUMP = timedelta(hours=1)
log = logging.getLogger("frisket.clock")


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock: aware, UTC. For records and display."""

    def elapsed(self) -> float:
        """House seconds: never runs backwards, survives restarts. For every duration."""

    def jumped(self) -> bool:
        """True after the wall clock ran more than an hour ahead, until somebody confirms it."""

    def confirm(self) -> None:
        """A person says that the wall clock is right now."""


class HouseClock:
    """The real clock, kept in ``file``: "<house seconds> <unix time> <jumped>", one line.

    A forward jump is seen while running (wall against monotonic) and between two runs only when
    ``longest_rest`` has passed: a house that was off over a weekend has not had its clock changed.
    """

    def __init__(self, file: Path, *, longest_rest: timedelta = timedelta(days=14)) -> None:
        self._file = file
        self._lock = threading.Lock()
        before, wall, jumped = self._read()
        self._before = before
        self._start = time.monotonic()
        self._kept_at = float("-inf")
        self._offset = time.time() - self._start
        self._jumped = jumped or (wall > 0 and time.time() - wall > longest_rest.total_seconds())
        self._keep()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        since = time.monotonic() - self._start
        if since - self._kept_at > KEEP_EVERY_S:
            self._keep_if_possible()
        return self._before + since

    def jumped(self) -> bool:
        offset = time.time() - time.monotonic()
        with self._lock:
            ahead = offset - self._offset
            fresh = not self._jumped and ahead > JUMP.total_seconds()
            if fresh:
                self._jumped = True
            # Only a step back moves the mark: steps ahead add up, however small each one is.
            self._offset = min(self._offset, offset)
            jumped = self._jumped
        if fresh:
            self._keep_if_possible()
        return jumped

    def confirm(self) -> None:
        with self._lock:
            self._jumped = False
            self._offset = time.time() - time.monotonic()
        self._keep(confirmed=True)

    def _read(self) -> tuple[float, float, bool]:
        try:
            seconds, wall, jumped = self._file.read_text().split()
            return float(seconds), float(wall), jumped == "1"
        except (FileNotFoundError, ValueError):
            return 0.0, 0.0, False

    def _keep_if_possible(self) -> None:
        """A full disk must not stop the clock: what is not kept only lengthens locks after a restart."""
        try:
            self._keep()
        except OSError as error:
            log.error("house seconds could not be kept: %s", error.strerror)

    def _keep(self, *, confirmed: bool = False) -> None:
        with self._lock:
            since = time.monotonic() - self._start
            self._kept_at = since
            # Another process of this house may have kept more seconds, or seen a jump that we did not.
            kept, _, known_jump = self._read()
            seconds = max(self._before + since, kept)
            jumped = self._jumped or (known_jump and not confirmed)
            fresh = self._file.with_suffix(f".{os.getpid()}.new")
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(fd, f"{seconds:.3f} {time.time():.3f} {int(jumped)}".encode())
            finally:
                os.close(fd)
            os.replace(fresh, self._file)


class HandClock:
    """A clock moved by hand, for simulation and tests; the same promises."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._elapsed = 0.0
        self._jumped = False

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> float:
        return self._elapsed

    def jumped(self) -> bool:
        return self._jumped

    def confirm(self) -> None:
        self._jumped = False

    def pass_time(self, span: timedelta) -> None:
        """Both clocks move: time really passed."""
        self._now += span
        self._elapsed += span.total_seconds()

    def set_wall(self, now: datetime) -> None:
        """Only the wall clock moves: somebody set it."""
        if now - self._now > JUMP:
            self._jumped = True
        self._now = now
