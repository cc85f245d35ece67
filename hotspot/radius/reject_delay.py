"""A Reject leaves a moment after it was decided, so that guessing is slow (the same second as FreeRADIUS' reject_delay).

What waits is bounded: beyond the bound a Reject leaves at once, and is counted.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from hotspot.radius import metrics

SECONDS: Final = 1.0
MOST: Final = 4_096
"""Rejects of one second that wait at the same time: some MB at most."""


class RejectDelay:
    """Call each function handed to `hold` after the delay, in order. Lives in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float = SECONDS, *, most: int = MOST) -> None:
        self._loop, self._seconds, self._most = loop, seconds, most
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()

    def hold(self, send: Callable[[], None]) -> None:
        """Send later; at once when there is no delay or too many wait already."""
        if not self._seconds:
            send()
            return
        if len(self._waiting) >= self._most:
            metrics.UNDELAYED.inc()
            send()
            return
        self._waiting.append((self._loop.time() + self._seconds, send))
        if len(self._waiting) == 1:
            self._loop.call_later(self._seconds, self._send_due)

    def flush(self) -> None:
        """Send all that wait, because the server stops."""
        while self._waiting:
            self._waiting.popleft()[1]()

    def _send_due(self) -> None:
        now = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            self._waiting.popleft()[1]()
        if self._waiting:
            self._loop.call_at(self._waiting[0][0], self._send_due)
