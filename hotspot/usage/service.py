"""What is known of a device being online, and how it is forgotten."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.usage.models import GuestSession


def find_session_of(db: Session, credential_id: UUID, *, site_id: int, device_id: UUID) -> GuestSession | None:
    """Return the session that the credential opened at its site, once its router has reported it."""
    return db.exec(
        select(GuestSession)
        .where(
            GuestSession.device_id == device_id,
            GuestSession.site_id == site_id,
            GuestSession.credential_id == credential_id,
        )
        .order_by(col(GuestSession.started_at).desc())
    ).first()


def forget_sessions(db: Session, *, before: datetime) -> int:
    """Delete sessions last seen before then, and their marks; roll-ups stay. Return how many marks went."""
    gone = db.connection().execute(
        text("""
            WITH gone AS (DELETE FROM guest_session WHERE last_seen_at < :before RETURNING id)
            DELETE FROM usage_mark USING gone WHERE usage_mark.session_id = gone.id
        """),
        {"before": before},
    )
    return gone.rowcount
