"""What is known of a device being online now."""

from uuid import UUID

from sqlmodel import Session, col, select

from hotspot.usage.models import GuestSession


def find_online(db: Session, *, site_id: int, device_id: UUID) -> GuestSession | None:
    """Return the device's open session at the site, the newest when a lost Stop left several."""
    return db.exec(
        select(GuestSession)
        .where(
            GuestSession.device_id == device_id, GuestSession.site_id == site_id, col(GuestSession.ended_at).is_(None)
        )
        .order_by(col(GuestSession.started_at).desc())
    ).first()


def find_session_of(db: Session, credential_id: UUID, *, device_id: UUID) -> GuestSession | None:
    """Return the session that the credential opened, once its router has reported it."""
    return db.exec(
        select(GuestSession)
        .where(GuestSession.device_id == device_id, GuestSession.credential_id == credential_id)
        .order_by(col(GuestSession.started_at).desc())
    ).first()
