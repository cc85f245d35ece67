"""What was last seen of routers: whether they are what they should be, since when not, or why nobody knows. `nightly` looks at them."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from prometheus_client import Counter, Gauge
from sqlalchemy import DateTime, text
from sqlmodel import Field, Session, SQLModel, select

from hotspot.errors import HotspotError, Unavailable

CHECKS = Counter("hotspot_router_checks", "Looks at routers by what they found", ["outcome"])
DRIFTED = Gauge("hotspot_routers_drifted", "Routers that were not what they should be when they were last looked at")
UNREACHABLE = Gauge("hotspot_routers_unreachable", "Routers that did not answer when they were last looked at")
UNCHECKED = Gauge("hotspot_routers_unchecked", "Routers that nobody has looked at successfully for two days")
UNCHECKED_AFTER: Final = timedelta(days=2)

FOUND = """
INSERT INTO router_check AS held (router_id, checked_at, differs, plan_id, drifted_since, problem)
VALUES (:router, :now, :differs, :plan, :since, '')
ON CONFLICT (router_id) DO UPDATE SET checked_at = excluded.checked_at, differs = excluded.differs, plan_id = excluded.plan_id,
    drifted_since = CASE WHEN excluded.drifted_since IS NULL THEN NULL
        ELSE coalesce(held.drifted_since, excluded.drifted_since) END,
    unreachable_since = NULL, problem = ''
"""
NOT_FOUND = """
INSERT INTO router_check AS held (router_id, unreachable_since, problem) VALUES (:router, :away, :problem)
ON CONFLICT (router_id) DO UPDATE SET problem = excluded.problem,
    unreachable_since = CASE WHEN excluded.unreachable_since IS NULL THEN NULL
        ELSE coalesce(held.unreachable_since, excluded.unreachable_since) END
"""
COUNT = """
SELECT count(*) FILTER (WHERE held.differs > 0) AS drifted,
    count(*) FILTER (WHERE held.unreachable_since IS NOT NULL) AS unreachable,
    count(*) FILTER (WHERE coalesce(held.checked_at, router.enrolled_at) < :before) AS unchecked
FROM router LEFT JOIN router_check AS held ON held.router_id = router.id
WHERE router.state = 'enrolled' AND router.site_id IS NOT NULL
"""


class RouterCheck(SQLModel, table=True):
    """What was last seen of a router: `checked_at` when it could be compared, `differs` in how many changes, `plan_id` which ones.

    `drifted_since` is when it was first found different, `unreachable_since` when it first did not answer; both are empty again once that is
    over. `problem` says why the last look came to nothing. `night` is the local date of the last night it was queued for.
    """

    __tablename__ = "router_check"

    router_id: int = Field(primary_key=True, foreign_key="router.id")
    night: date | None = None
    checked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    differs: int | None = None
    plan_id: UUID | None = Field(default=None, foreign_key="provision_plan.id")
    drifted_since: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    unreachable_since: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    problem: str = ""


def found(db: Session, router_id: int, *, differs: int, plan_id: UUID | None, now: datetime) -> None:
    """Keep that a router was compared with what it should be."""
    since = now if differs else None
    values = {"router": router_id, "now": now, "differs": differs, "plan": plan_id, "since": since}
    db.connection().execute(text(FOUND), values)
    CHECKS.labels("drifted" if differs else "as-wanted").inc()


def not_found(db: Session, router_id: int, error: HotspotError, *, now: datetime) -> None:
    """Keep why a router could not be compared; what was seen of it before stays."""
    is_away = isinstance(error, Unavailable)
    values = {"router": router_id, "away": now if is_away else None, "problem": str(error)}
    db.connection().execute(text(NOT_FOUND), values)
    CHECKS.labels("unreachable" if is_away else "failed").inc()


def checks(db: Session) -> dict[int, RouterCheck]:
    """Return what was last seen of each router, by its id."""
    return {held.router_id: held for held in db.exec(select(RouterCheck))}


def tell_counts(db: Session, *, now: datetime) -> None:
    """Bring the gauges up to date."""
    counts = db.connection().execute(text(COUNT), {"before": now - UNCHECKED_AFTER}).one()
    DRIFTED.set(counts.drifted)
    UNREACHABLE.set(counts.unreachable)
    UNCHECKED.set(counts.unchecked)
