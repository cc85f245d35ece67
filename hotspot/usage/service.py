"""What is known of a device being online, and how it is forgotten."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.usage.models import GuestSession

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
