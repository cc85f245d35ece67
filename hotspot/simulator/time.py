"""The simulator's time: a clock that can be replaced, so that an hour in a test takes no time."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What routers and phones ask; seconds throughout."""

    def monotonic(self) -> float:
        """Seconds since anything, for measuring."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, for Event-Timestamp."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after so long."""
        ...


class RealClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
