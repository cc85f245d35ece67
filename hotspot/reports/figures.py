"""What a usage report says, as typed values: periods, places, figures, series.

A day is a local day of the installation's time zone. `devices` of one day are distinct devices; over several days they are
device-days (a device seen on three days counts three times), because distinct devices are only kept by day.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from hotspot.errors import Invalid
from hotspot.usage.models import Scope

DAY = timedelta(days=1)
MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)


class BadPeriod(Invalid):
    """There is no such period; use today, yesterday, 7d, 30d or a month that has begun, like 2026-03"""


class Named(StrEnum):
    """Periods that move with the calendar."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    SEVEN_DAYS = "7d"
    THIRTY_DAYS = "30d"


@dataclass(frozen=True, slots=True)
class Period:
    """The local days [first, end); `key` is how addresses call it."""

    key: str
    first: date
    end: date

    @property
    def is_one_day(self) -> bool:
        return self.end - self.first == DAY

    @property
    def last(self) -> date:
        return self.end - DAY

    def has(self, day: date) -> bool:
        return self.first <= day < self.end

    def days(self) -> list[date]:
        return [self.first + DAY * number for number in range((self.end - self.first).days)]


def parse_period(words: str, today: date) -> Period:
    """Read a period; nothing said means today.

    Raises:
        BadPeriod: not a period, or a month that has not begun.
    """
    match words or Named.TODAY:
        case Named.TODAY:
            return Period(Named.TODAY, today, today + DAY)
        case Named.YESTERDAY:
            return Period(Named.YESTERDAY, today - DAY, today)
        case Named.SEVEN_DAYS:
            return Period(Named.SEVEN_DAYS, today - DAY * 6, today + DAY)
        case Named.THIRTY_DAYS:
            return Period(Named.THIRTY_DAYS, today - DAY * 29, today + DAY)
    found = MONTH.fullmatch(words)
    if found is None:
        raise BadPeriod
    period = month(date(int(found[1]), int(found[2]), 1))
    if period.first > today:
        raise BadPeriod
    return period


def month(day: date) -> Period:
    """Return the month that the day is in."""
    first = day.replace(day=1)
    return Period(f"{first:%Y-%m}", first, (first + DAY * 31).replace(day=1))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


@dataclass(frozen=True, slots=True)
class Figures:
    """The usage of one place in one stretch of time. Octets are None where no report said any.

    Sessions and octets of an area are the sums of what lies below it; devices and the peak are not: a device that was at two
    sites is one device of the area, and two sites need not have had their peak at the same moment.
    """

    sessions: int = 0
    devices: int = 0
    peak: int = 0
    octets_from_device: int | None = None
    octets_to_device: int | None = None

    @property
    def octets(self) -> int | None:
        if self.octets_from_device is None and self.octets_to_device is None:
            return None
        return (self.octets_from_device or 0) + (self.octets_to_device or 0)


@dataclass(frozen=True, slots=True)
class Place:
    """An area or a site. `key` is the area's code or the site's slug; `level` kota, kecamatan, kelurahan or site."""

    scope: Scope
    id: int
    key: str
    name: str
    level: str
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a place, what was used there in the period, how many devices are online there now."""

    place: Place
    figures: Figures
    online: int


@dataclass(frozen=True, slots=True)
class Point:
    """One hour (of a day) or one local day (of a longer period) of a series; `starts_at` is aware, in the local zone."""

    starts_at: datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class Usage:
    """Everything that one usage page says. `trail` leads from the top area to the place itself."""

    trail: tuple[Place, ...]
    period: Period
    total: Row
    rows: tuple[Row, ...]
    series: tuple[Point, ...]

    @property
    def place(self) -> Place:
        return self.total.place
