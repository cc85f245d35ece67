"""What is known of a device being online, and how it is forgotten."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.usage.models import GuestSession

MOST_LISTED = 500


class SessionRow(NamedTuple):
    """A session as staff see it."""

    id: int
    site: str
    router: str
    device: UUID
    address: str | None
    since: datetime
    seen: datetime
    ended_by: str | None
    octets_from_device: int | None
    octets_to_device: int | None
    suspicion: str | None


LIST_SESSIONS = """
    SELECT session.id, site.slug, router.name, session.device_id, session.address, session.started_at, session.last_seen_at,
        session.ended_by, session.octets_from_device, session.octets_to_device, session.suspicion
    FROM guest_session AS session JOIN site ON site.id = session.site_id JOIN router ON router.id = session.router_id
    WHERE CASE WHEN :suspect THEN session.suspicion IS NOT NULL ELSE session.ended_at IS NULL END
        AND (CAST(:site AS text) IS NULL OR site.slug = :site)
        AND (CAST(:device AS uuid) IS NULL OR session.device_id = :device)
    ORDER BY session.started_at DESC, session.id DESC LIMIT :most
"""


def open_sessions(
    db: Session, *, site: str | None = None, device_id: UUID | None = None, most: int = MOST_LISTED
) -> list[SessionRow]:
    """Return the sessions that are online as far as we know, newest first, those of a site or a device if one is given."""
    return _listed(db, suspect=False, site=site, device=device_id, most=most)


def suspect_sessions(db: Session, *, site: str | None = None, most: int = MOST_LISTED) -> list[SessionRow]:
    """Return the sessions whose figures are kept out of reports, newest first."""
    return _listed(db, suspect=True, site=site, device=None, most=most)


def _listed(db: Session, **facts: object) -> list[SessionRow]:
    return [SessionRow(*row) for row in db.execute(text(LIST_SESSIONS), facts)]


FORGET_NAMES = """
    UPDATE admission SET user_name = NULL
    WHERE user_name IS NOT NULL AND held_until < :now AND NOT EXISTS (
        SELECT 1 FROM guest_session AS session
        WHERE session.device_id = admission.device_id AND session.admission_id = admission.id AND session.ended_at IS NULL)
"""

FORGET_SESSIONS = """
    WITH gone AS (DELETE FROM guest_session WHERE last_seen_at < :before RETURNING id),
        marks AS (DELETE FROM usage_mark USING gone WHERE usage_mark.session_id = gone.id)
    SELECT count(*) FROM gone
"""


def find_session_of(db: Session, admission_id: UUID, *, site_id: int, device_id: UUID) -> GuestSession | None:
    """Return the session that the admission opened at its site, once its router has reported it."""
    return db.exec(
        select(GuestSession)
        .where(
            GuestSession.device_id == device_id,
            GuestSession.site_id == site_id,
            GuestSession.admission_id == admission_id,
        )
        .order_by(col(GuestSession.started_at).desc())
    ).first()


def forget_names(db: Session, *, now: datetime) -> int:
    """Forget the sealed user names of admissions whose session is over: they only serve to end it. Return how many."""
    gone = db.connection().execute(text(FORGET_NAMES), {"now": now})
    return gone.rowcount


def forget_sessions(db: Session, *, before: datetime) -> int:
    """Delete sessions last seen before then, and their marks; roll-ups stay. Return how many sessions went."""
    return db.scalar(text(FORGET_SESSIONS), {"before": before}) or 0
