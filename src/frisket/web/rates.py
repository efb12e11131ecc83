"""How many requests a session, or an address without one, may send in a second (R16)."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Rates"]

_MOST = 20_000  # callers remembered; the longest unseen are forgotten first


class Rates:
    """A bucket for each caller: holds one second's worth, refilled steadily."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when
        self._lock = threading.Lock()

    def take(self, caller: str, per_second: float) -> bool:
        """One request of this caller; False when there were too many."""
        now = self._now()
        with self._lock:
            tokens, before = self._buckets.pop(caller, (per_second, now))
            tokens = min(per_second, tokens + (now - before) * per_second)
            allowed = tokens >= 1
            self._buckets[caller] = (tokens - 1 if allowed else tokens, now)
            while len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        return allowed
