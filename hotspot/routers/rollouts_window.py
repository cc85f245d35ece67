"""The hours of the night in which rollouts touch routers, by the city's clock. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Night:
    """From one time of day until another one, across midnight where that is earlier; the same twice is always."""

    since: time
    until: time
    zone: ZoneInfo

    def has(self, now: datetime) -> bool:
        clock = now.astimezone(self.zone).time()
        if self.since < self.until:
            return self.since <= clock < self.until
        return clock >= self.since or clock < self.until

    def opens(self, now: datetime) -> datetime:
        """Return when work may begin: now, or the next time the night does."""
        if self.has(now):
            return now
        there = now.astimezone(self.zone)
        begins = datetime.combine(there.date(), self.since, self.zone)
        if begins <= there:
            begins = datetime.combine(there.date() + timedelta(days=1), self.since, self.zone)
        return begins.astimezone(UTC)
