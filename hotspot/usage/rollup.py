"""Rebuild hours and days of each site and area from the sessions below them.

A roll-up replaces a window; it never adds to it. What has to be rebuilt is noted by `ingest` with the reports themselves, so a
late report reaches its hour however old it is. Days are local days of the installation's time zone.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session

from hotspot.usage.counters import LONGEST_SESSION

HOUR = timedelta(hours=1)
LOOK_BACK = LONGEST_SESSION + timedelta(
    days=1
)  # sessions that began earlier have no hours in the window (a day: clocks, delays)
LARGEST_SUM = 2**63 - 1  # one router's nonsense must not stop the whole city's roll-up with "out of range"
ROLLUP_LOCK = 0x726F6C6C  # "roll"

TAKE_DIRTY = "DELETE FROM usage_dirty RETURNING since, until"

SCOPES = """
    WITH RECURSIVE above (site_id, area_id) AS (
        SELECT id, area_id FROM site
        UNION ALL
        SELECT above.site_id, area.parent_id FROM above JOIN area ON area.id = above.area_id WHERE area.parent_id IS NOT NULL
    ), scope (site_id, scope, scope_id) AS (
        SELECT id, 'site', id FROM site UNION ALL SELECT site_id, 'area', area_id FROM above
    ), present AS (
        SELECT id, site_id, device_id, started_at,
               GREATEST(started_at, COALESCE(ended_at, last_seen_at)) AS left_at,
               last_seen_at, octets_from_device, octets_to_device
        FROM guest_session
        WHERE suspicion IS NULL AND started_at >= CAST(:look_back AS timestamptz) AND started_at < :until
              AND GREATEST(ended_at, last_seen_at) >= :since  -- a report from after the Stop still moves octets
    )
"""

HOURS = f"""
    {SCOPES}, present_hour AS (
        SELECT present.id, site_id, device_id, hour,
               GREATEST(started_at, hour) AS came_at, LEAST(left_at, hour + interval '1 hour') AS went_at,
               CASE WHEN started_at >= hour THEN 1 ELSE 0 END AS is_new
        FROM present, generate_series(
            date_trunc('hour', GREATEST(started_at, :since)),
            LEAST(left_at, CAST(:until AS timestamptz) - interval '1 microsecond'), interval '1 hour') AS hour
    ), visits AS (
        SELECT scope, scope_id, hour, SUM(is_new) AS sessions, COUNT(DISTINCT device_id) AS devices
        FROM present_hour JOIN scope USING (site_id) GROUP BY scope, scope_id, hour
    ), steps AS (
        SELECT site_id, hour, came_at AS at, 1 AS step FROM present_hour
        UNION ALL
        SELECT site_id, hour, went_at, -1 FROM present_hour
    ), online AS (
        SELECT scope, scope_id, hour,
               SUM(step) OVER (PARTITION BY scope, scope_id, hour ORDER BY at, step DESC ROWS UNBOUNDED PRECEDING) AS count
        FROM steps JOIN scope USING (site_id)
    ), peaks AS (
        SELECT scope, scope_id, hour, MAX(count) AS peak FROM online GROUP BY scope, scope_id, hour
    ), mark AS (  -- the row itself is the mark of its latest hour
        SELECT id AS session_id, site_id, date_trunc('hour', last_seen_at) AS hour, octets_from_device, octets_to_device
        FROM present
        UNION ALL
        SELECT session_id, site_id, hour, usage_mark.octets_from_device, usage_mark.octets_to_device
        FROM present JOIN usage_mark ON usage_mark.session_id = present.id
    ), growth AS (
        SELECT site_id, hour,
               GREATEST(0, mark.octets_from_device - COALESCE(MAX(mark.octets_from_device) OVER earlier, 0)) AS from_device,
               GREATEST(0, mark.octets_to_device - COALESCE(MAX(mark.octets_to_device) OVER earlier, 0)) AS to_device
        FROM mark  -- joined with nothing: the planner knows no better than to compare a month's sessions with each of its marks
        WINDOW earlier AS (PARTITION BY session_id ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), moved AS (
        SELECT scope, scope_id, hour, SUM(from_device) AS from_device, SUM(to_device) AS to_device
        FROM growth JOIN scope USING (site_id) WHERE hour >= :since AND hour < :until GROUP BY scope, scope_id, hour
        HAVING SUM(from_device) > 0 OR SUM(to_device) > 0
    )
    INSERT INTO usage_hour (scope, scope_id, hour, sessions, devices, peak, octets_from_device, octets_to_device)
    SELECT scope, scope_id, hour, COALESCE(sessions, 0), COALESCE(devices, 0), COALESCE(peak, 0),
           LEAST(COALESCE(from_device, 0), {LARGEST_SUM}), LEAST(COALESCE(to_device, 0), {LARGEST_SUM})
    FROM visits FULL JOIN peaks USING (scope, scope_id, hour) FULL JOIN moved USING (scope, scope_id, hour)
"""  # noqa: S608  (our own text)

DAYS = f"""
    {SCOPES}, devices AS (
        SELECT scope, scope_id, CAST(day AS date) AS day, COUNT(DISTINCT device_id) AS devices
        FROM present JOIN scope USING (site_id), generate_series(
            date_trunc('day', GREATEST(started_at, :since) AT TIME ZONE :zone),
            LEAST(left_at, CAST(:until AS timestamptz) - interval '1 microsecond') AT TIME ZONE :zone,
            interval '1 day') AS day
        GROUP BY scope, scope_id, 3
    ), sums AS (
        SELECT scope, scope_id, CAST(hour AT TIME ZONE :zone AS date) AS day, SUM(sessions) AS sessions, MAX(peak) AS peak,
               SUM(octets_from_device) AS from_device, SUM(octets_to_device) AS to_device
        FROM usage_hour WHERE hour >= :since AND hour < :until GROUP BY scope, scope_id, 3
    )
    INSERT INTO usage_day (scope, scope_id, day, sessions, devices, peak, octets_from_device, octets_to_device)
    SELECT scope, scope_id, day, sessions, COALESCE(devices, 0), peak,
           LEAST(from_device, {LARGEST_SUM}), LEAST(to_device, {LARGEST_SUM})
    FROM sums LEFT JOIN devices USING (scope, scope_id, day)
"""  # noqa: S608  (our own text)


def rebuild_dirty(db: Session, zone: ZoneInfo) -> int:
    """Rebuild every hour that a report has touched since the last time, and its day; return how many hours.

    1. one roll-up at a time; 2. take the notes; 3. rebuild hours, then days, in the same transaction: if it fails, the notes
    are still there.
    """
    db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ROLLUP_LOCK})
    notes = [(row.since, row.until + HOUR) for row in db.execute(text(TAKE_DIRTY))]
    windows = merge(notes)
    for since, until in windows:
        rebuild_hours(db, since, until)
    for since, until in merge([local_days(since, until, zone) for since, until in windows]):
        rebuild_days(db, since, until, zone)
    return sum(int((until - since) / HOUR) for since, until in windows)


def rebuild_hours(db: Session, since: datetime, until: datetime) -> None:
    """Rebuild the whole UTC hours of [since, until)."""
    window = {"since": since, "until": until, "look_back": since - LOOK_BACK}
    db.execute(text("DELETE FROM usage_hour WHERE hour >= :since AND hour < :until"), window)
    db.execute(text(HOURS), window)


def rebuild_days(db: Session, since: datetime, until: datetime, zone: ZoneInfo) -> None:
    """Rebuild the whole local days of [since, until) from hours that are up to date."""
    days = {"first": since.astimezone(zone).date(), "end": until.astimezone(zone).date()}
    db.execute(text("DELETE FROM usage_day WHERE day >= :first AND day < :end"), days)
    window = {"since": since, "until": until, "look_back": since - LOOK_BACK, "zone": zone.key}
    db.execute(text(DAYS), window)


def merge(windows: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Join windows that overlap or touch."""
    merged: list[tuple[datetime, datetime]] = []
    for since, until in sorted(windows):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((since, until))
    return merged


def local_days(since: datetime, until: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Widen the window to whole local days."""

    def midnight(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=zone)

    first = since.astimezone(zone).date()
    last = (until - timedelta(microseconds=1)).astimezone(zone).date()
    return midnight(first), midnight(last + timedelta(days=1))
