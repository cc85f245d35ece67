"""When information is shown: from and until, on which weekdays, at which hours, and for which part of the time. Pure.

"How often" is a part of the time and not of the visits: pages are made once for all phones, and a visit would have to be remembered.
Time is cut into slots of ten minutes that all pages share. With a share of 25 information has every fourth slot, and pieces that
share the time take turns. Hours and days are the city's; a window over midnight belongs to the day on which it begins.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hotspot.sites.hours import Hours, parse_hours

SLOT: Final = timedelta(minutes=10)
EVERY_DAY: Final = "1234567"  # ISO 8601: Monday is 1
WEEKDAYS: Final = re.compile(r"1?2?3?4?5?6?7?")
HOURS: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
ALWAYS: Final = 100  # percent
TURN: Final = 37  # slots from one banner's turn to the next one's; shares no factor with 100, so that all turns differ
HORIZON: Final = timedelta(days=1)
WHOLE_DAY: Final = Hours(time.min, time.min)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`weekdays` are digits of EVERY_DAY; `hours` are as 08:00-15:00, empty for the whole day; `share` is in percent."""

    starts_at: datetime
    ends_at: datetime | None = None
    weekdays: str = EVERY_DAY
    hours: str = ""
    share: int = ALWAYS

    def holds(self, key: int, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether it is shown now; `key` is the banner's number, which gives it its turn."""
        if now < self.starts_at or (self.ends_at is not None and now >= self.ends_at):
            return False
        slot = int(now.timestamp()) // int(SLOT.total_seconds())
        if (slot + key * TURN) * self.share % ALWAYS >= self.share:
            return False
        return any(start <= now < end for start, end in self._windows(now, zone))

    def changes_at(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Return until when `holds` surely says the same as now, a day ahead at most."""
        times = [self.starts_at, *([self.ends_at] if self.ends_at else [])]
        if self.weekdays != EVERY_DAY or self.hours:
            times += [at for window in self._windows(now, zone) for at in window]
        if self.share < ALWAYS:
            seconds = int(SLOT.total_seconds())
            times.append(now + timedelta(seconds=seconds - now.timestamp() % seconds))
        return min((at for at in times if now < at < now + HORIZON), default=now + HORIZON)

    def _windows(self, now: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield the windows that began yesterday, or begin within a week."""
        today = now.astimezone(zone).date()
        opens, closes = parse_hours(self.hours) or WHOLE_DAY
        for days in range(-1, 8):
            day = today + timedelta(days=days)
            if str(day.isoweekday()) in self.weekdays:
                last = day if opens < closes else day + timedelta(days=1)
                yield datetime.combine(day, opens, zone), datetime.combine(last, closes, zone)
