"""How often somebody may do something, kept in memory: a limit against scripts, not an account of anything."""

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

MOST_KEYS: Final = 20_000  # the oldest give way, so that a flood of invented devices costs no memory


class Throttle:
    """At most `times` within each `window` for a key."""

    def __init__(self, times: int, window: timedelta) -> None:
        self._times, self._window = times, window
        self._lock = Lock()
        self._counts: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def admits(self, key: str, now: datetime) -> bool:
        """Count this time and tell whether it is within the limit."""
        with self._lock:  # asked by the event loop and by threads
            since, count = self._counts.pop(key, (now, 0))
            if now - since >= self._window:
                since, count = now, 0
            self._counts[key] = (since, count + 1)
            if len(self._counts) > MOST_KEYS:
                self._counts.popitem(last=False)
        return count < self._times
