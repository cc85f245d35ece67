"""How often information was shown and its links followed: in all, by day, and by kelurahan. Counts of pages, not of people."""

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session


class Count(NamedTuple):
    """What was counted of one banner, on one day, or in one kelurahan."""

    key: str
    name: str
    shown: int
    followed: int


BY_BANNER: Final = """
    SELECT CAST(banner_id AS text) AS key, '' AS name, sum(shown) AS shown, sum(followed) AS followed
    FROM banner_count WHERE hour >= :since GROUP BY banner_id ORDER BY banner_id DESC
"""
BY_AREA: Final = """
    SELECT area.code AS key, area.name, sum(shown) AS shown, sum(followed) AS followed
    FROM banner_count JOIN site ON site.id = site_id JOIN area ON area.id = site.area_id
    WHERE banner_id = :banner_id AND hour >= :since GROUP BY area.id ORDER BY area.code
"""
BY_DAY: Final = """
    SELECT CAST(CAST(hour AT TIME ZONE :zone AS date) AS text) AS key, '' AS name,
           sum(shown) AS shown, sum(followed) AS followed
    FROM banner_count WHERE banner_id = :banner_id AND hour >= :since GROUP BY 1 ORDER BY 1
"""


def since(days: int, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the local midnight with which the last `days` days begin, today being one of them."""
    return datetime.combine(now.astimezone(zone).date() - timedelta(days=days - 1), time.min, zone)


def counts_by_banner(db: Session, *, start: datetime) -> dict[int, Count]:
    """Return what was counted of each banner since then; one without a count is missing."""
    return {int(count.key): count for count in _counts(db, BY_BANNER, since=start)}


def counts_by_area(db: Session, banner_id: int, *, start: datetime) -> list[Count]:
    """Return what was counted in each kelurahan; `key` is its code."""
    return _counts(db, BY_AREA, banner_id=banner_id, since=start)


def counts_by_day(db: Session, banner_id: int, *, start: datetime, now: datetime, zone: ZoneInfo) -> list[Count]:
    """Return what was counted on each local day, those without a count too; `key` is the date (ISO 8601)."""
    found = {count.key: count for count in _counts(db, BY_DAY, banner_id=banner_id, since=start, zone=zone.key)}
    days = (now.astimezone(zone).date() - start.astimezone(zone).date()).days
    dates = [date.isoformat(start.astimezone(zone).date() + timedelta(days=day)) for day in range(days + 1)]
    return [found.get(day, Count(day, "", 0, 0)) for day in dates]


def _counts(db: Session, question: str, **facts: object) -> list[Count]:
    return [Count(row.key, row.name, row.shown, row.followed) for row in db.execute(text(question), facts)]
