"""The questions that usage pages ask, one readable statement each.

Figures of the past come from the roll-ups `usage_day` and `usage_hour` alone; "online now" from the open guest sessions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Row as DatabaseRow
from sqlalchemy import text
from sqlmodel import Session

from hotspot.errors import NotFound
from hotspot.reports.figures import Figures, Period, Place, Point, Row, Usage, midnight, month
from hotspot.sites.settings import SiteSettings
from hotspot.usage.models import Scope
from hotspot.usage.rollup import HOUR, LOOK_BACK

SITE_LEVEL = "site"
REPORTS_MISSED = (
    3  # two reports of an online device may get lost; after three intervals of silence it is not counted as online
)
MONTHS_OFFERED = 12

Key = tuple[str, int]


class NoSuchPlace(NotFound):
    """There is no area or site {key}"""


class TreeState(NamedTuple):
    """What there is to report about."""

    areas: int
    sites: int


FIGURES = """
    CAST(COALESCE(SUM(sessions), 0) AS bigint) AS sessions,
    CAST(COALESCE(SUM(devices), 0) AS bigint) AS devices,
    COALESCE(MAX(peak), 0) AS peak,
    CAST(SUM(octets_from_device) AS bigint) AS from_device,
    CAST(SUM(octets_to_device) AS bigint) AS to_device
"""

TOP_AREA = """
    SELECT 'area' AS scope, id, code AS key, name, level, NULL AS state FROM area WHERE parent_id IS NULL ORDER BY code LIMIT 1
"""

TRAIL = """
    WITH RECURSIVE trail (id, code, name, level, parent_id, distance) AS (
        SELECT id, code, name, level, parent_id, 0 FROM area WHERE code = :code
        UNION ALL
        SELECT area.id, area.code, area.name, area.level, area.parent_id, distance + 1
        FROM area JOIN trail ON area.id = trail.parent_id
    )
    SELECT 'area' AS scope, id, code AS key, name, level, NULL AS state FROM trail ORDER BY distance DESC
"""

SITE_AND_ITS_AREA = """
    SELECT 'site' AS scope, site.id, slug AS key, site.name, 'site' AS level, state, area.code AS area_code
    FROM site JOIN area ON area.id = site.area_id WHERE slug = :slug
"""

USAGE_OF_CHILDREN = f"""
    WITH child AS (
        SELECT 'area' AS scope, id, code AS key, name, level, NULL AS state FROM area WHERE parent_id = :area_id
        UNION ALL
        SELECT 'site', id, slug, name, 'site', state FROM site WHERE area_id = :area_id
    )
    SELECT child.*, {FIGURES}
    FROM child LEFT JOIN usage_day AS used
         ON used.scope = child.scope AND used.scope_id = child.id AND day >= :first AND day < :end
    GROUP BY child.scope, child.id, child.key, child.name, child.level, child.state
    HAVING child.state IS DISTINCT FROM 'retired' OR COUNT(day) > 0
    ORDER BY child.scope, child.name, child.key
"""  # noqa: S608  (our own text)

USAGE_OF_ONE = f"""
    SELECT {FIGURES} FROM usage_day
    WHERE scope = :scope AND scope_id = :id AND day >= :first AND day < :end
"""  # noqa: S608  (our own text)

HOURS_OF_ONE = """
    SELECT hour AS at, sessions, devices, peak, octets_from_device AS from_device, octets_to_device AS to_device
    FROM usage_hour WHERE scope = :scope AND scope_id = :id AND hour >= :since AND hour < :until
"""

DAYS_OF_ONE = """
    SELECT day AS at, sessions, devices, peak, octets_from_device AS from_device, octets_to_device AS to_device
    FROM usage_day WHERE scope = :scope AND scope_id = :id AND day >= :first AND day < :end
"""

# How long silence is normal depends on how often a site's router reports, a setting inherited down the tree. `look_back` only
# lets the index on started_at find the open sessions: no session is that long.
ONLINE_NOW = """
    WITH RECURSIVE above (site_id, area_id, distance) AS (
        SELECT id, area_id, 1 FROM site
        UNION ALL
        SELECT above.site_id, area.parent_id, distance + 1
        FROM above JOIN area ON area.id = above.area_id WHERE area.parent_id IS NOT NULL
    ), said (site_id, interim, distance) AS (
        SELECT site_id, CAST(value AS int), 0 FROM setting WHERE key = 'interim_seconds' AND site_id IS NOT NULL
        UNION ALL
        SELECT above.site_id, CAST(value AS int), distance
        FROM above JOIN setting ON setting.area_id = above.area_id WHERE key = 'interim_seconds'
    ), nearest AS (
        SELECT DISTINCT ON (site_id) site_id, interim FROM said ORDER BY site_id, distance
    ), present AS (
        SELECT site_id, device_id FROM guest_session LEFT JOIN nearest USING (site_id)
        WHERE ended_at IS NULL AND started_at >= :look_back
              AND last_seen_at >= CAST(:now AS timestamptz)
                  - make_interval(secs => CAST(:missed AS int) * COALESCE(interim, CAST(:interim AS int)))
    ), scope (site_id, scope, scope_id) AS (
        SELECT id, 'site', id FROM site UNION ALL SELECT site_id, 'area', area_id FROM above
    )
    SELECT scope, scope_id, COUNT(DISTINCT device_id) AS online FROM present JOIN scope USING (site_id) GROUP BY scope, scope_id
"""

TREE_STATE = "SELECT (SELECT COUNT(*) FROM area) AS areas, (SELECT COUNT(*) FROM site) AS sites"

FIRST_DAY = "SELECT MIN(day) FROM usage_day"


def usage_by_area(db: Session, code: str, period: Period, *, now: datetime, zone: ZoneInfo) -> Usage:
    """Return the usage of an area (no code: the top one) and of what lies directly below it, sites after areas, by name.

    Raises:
        NoSuchPlace: no area has this code, or there is none at all.
    """
    trail = _trail(db, code or _top_code(db))
    place = trail[-1]
    window = {"area_id": place.id, "first": period.first, "end": period.end}
    online = _Online(online_now(db, now), is_in_period=period.has(now.astimezone(zone).date()))
    rows = tuple(online.row(_place(row), _figures(row)) for row in db.execute(text(USAGE_OF_CHILDREN), window))
    total = online.row(place, _total(db, place, period))
    return Usage(trail, period, total, rows, _series(db, place, period, zone))


def usage_of_site(db: Session, slug: str, period: Period, *, now: datetime, zone: ZoneInfo) -> Usage:
    """Return the usage of one site; there is nothing below it.

    Raises:
        NoSuchPlace: no site has this slug.
    """
    row = db.execute(text(SITE_AND_ITS_AREA), {"slug": _findable(slug)}).first()
    if row is None:
        raise NoSuchPlace(key=slug)
    place = _place(row)
    online = _Online(online_now(db, now), is_in_period=period.has(now.astimezone(zone).date()))
    total = online.row(place, _total(db, place, period))
    return Usage((*_trail(db, row.area_code), place), period, total, (), _series(db, place, period, zone))


def online_now(db: Session, now: datetime) -> Mapping[Key, int]:
    """Return how many devices are online at each site and area that has any."""
    facts = {
        "now": now,
        "look_back": now - LOOK_BACK,
        "missed": REPORTS_MISSED,
        "interim": SiteSettings.model_fields["interim_seconds"].default,
    }
    return {(row.scope, row.scope_id): row.online for row in db.execute(text(ONLINE_NOW), facts)}


def tree_state(db: Session) -> TreeState:
    row = db.execute(text(TREE_STATE)).one()
    return TreeState(row.areas, row.sites)


def months_with_usage(db: Session, today: date) -> list[Period]:
    """Return the months that can be reported about, the newest first, at most a year of them."""
    first = db.scalar(text(FIRST_DAY)) or today
    months = [month(today)]
    while len(months) < MONTHS_OFFERED and months[-1].first > first:
        months.append(month(date.fromordinal(months[-1].first.toordinal() - 1)))
    return months


@dataclass(frozen=True, slots=True)
class _Online:
    """How many are online at each place now, and whether now is in the period that is asked about."""

    counts: Mapping[Key, int]
    is_in_period: bool

    def row(self, place: Place, figures: Figures) -> Row:
        """Put the two together: a roll-up knows a device only up to its last report, so now may be the peak."""
        online = self.counts.get((place.scope, place.id), 0)
        if self.is_in_period and online > figures.peak:
            figures = replace(figures, peak=online)
        return Row(place, figures, online)


def _findable(key: str) -> str:
    """Return the key if it can be one; PostgreSQL refuses NUL, and a megabyte is no code."""
    if not key.isprintable() or len(key) > 64:
        raise NoSuchPlace(key=repr(key[:64]))
    return key


def _top_code(db: Session) -> str:
    row = db.execute(text(TOP_AREA)).first()
    if row is None:
        raise NoSuchPlace(key="")
    code: str = row.key
    return code


def _trail(db: Session, code: str) -> tuple[Place, ...]:
    trail = tuple(_place(row) for row in db.execute(text(TRAIL), {"code": _findable(code)}))
    if not trail:
        raise NoSuchPlace(key=code)
    return trail


def _total(db: Session, place: Place, period: Period) -> Figures:
    window = {"scope": place.scope, "id": place.id, "first": period.first, "end": period.end}
    return _figures(db.execute(text(USAGE_OF_ONE), window).one())


def _series(db: Session, place: Place, period: Period, zone: ZoneInfo) -> tuple[Point, ...]:
    """Return a point for each hour of a single day, for each day of a longer period; the silent ones too."""
    at = {"scope": place.scope, "id": place.id}
    if period.is_one_day:
        since, until = (midnight(day, zone).astimezone(UTC) for day in (period.first, period.end))
        known = {
            row.at: _figures(row) for row in db.execute(text(HOURS_OF_ONE), {**at, "since": since, "until": until})
        }
        hours = [since + HOUR * number for number in range(int((until - since) / HOUR))]
        return tuple(Point(hour.astimezone(zone), known.get(hour, Figures())) for hour in hours)
    window = {**at, "first": period.first, "end": period.end}
    by_day = {row.at: _figures(row) for row in db.execute(text(DAYS_OF_ONE), window)}
    return tuple(Point(midnight(day, zone), by_day.get(day, Figures())) for day in period.days())


def _place(row: DatabaseRow[Any]) -> Place:
    return Place(Scope(row.scope), row.id, row.key, row.name, row.level, row.state)


def _figures(row: DatabaseRow[Any]) -> Figures:
    """Build the figures; roll-ups know no null, so where sessions moved nothing in either direction, none was reported."""
    reported = bool(row.from_device or row.to_device)
    return Figures(
        sessions=row.sessions,
        devices=row.devices,
        peak=row.peak,
        octets_from_device=row.from_device if reported else None,
        octets_to_device=row.to_device if reported else None,
    )
