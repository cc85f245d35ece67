"""Consent and one-time credentials: what the portal gives out and RADIUS takes back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.guests.models import Consent, Credential
from hotspot.security import Keys

USER_NAME = re.compile("[0-9a-f]{32}")  # as Login.user_name writes it; uuid.UUID alone also reads signs and underscores
CREDENTIAL_LIFE = timedelta(seconds=60)  # long enough for a weak link, too short to be worth stealing


@dataclass(frozen=True, slots=True)
class Login:
    """What a phone hands to its router: RADIUS User-Name and password."""

    credential_id: UUID
    password: str

    @property
    def user_name(self) -> str:
        return self.credential_id.hex


def give_consent(
    db: Session, *, device_id: UUID, site_id: int, terms_sha256: str, language: str, now: datetime
) -> Consent:
    """Record that the device agreed to these terms here and now."""
    consent = Consent(device_id=device_id, site_id=site_id, terms_sha256=terms_sha256, language=language, given_at=now)
    db.add(consent)
    db.flush()
    return consent


def issue_credential(db: Session, consent: Consent, *, keys: Keys, now: datetime) -> Login:
    """Issue the one-time credential that follows a consent.

    Earlier ones live on until they are used or a minute old: otherwise whoever names a neighbour's device could keep it out.
    """
    assert consent.id is not None
    credential = Credential(
        id=uuid4(),
        site_id=consent.site_id,
        device_id=consent.device_id,
        consent_id=consent.id,
        language=consent.language,
        issued_at=now,
        expires_at=now + CREDENTIAL_LIFE,
    )
    db.add(credential)
    db.flush()
    return Login(credential.id, keys.one_time_password(credential.id))


def find_credentials(db: Session, ids: Sequence[UUID]) -> Mapping[UUID, Credential]:
    """Return those of the credentials that exist, for judging a batch of log-ins."""
    found = db.exec(select(Credential).where(col(Credential.id).in_(ids)))
    return {credential.id: credential for credential in found}


def redeem(db: Session, credential_id: UUID, *, site_id: int, device_id: UUID, now: datetime) -> bool:
    """Use the credential up; True for the one caller who won it.

    It must be unused, alive, and be used at its own site by its own device; one conditional UPDATE decides.
    """
    won = db.connection().execute(
        text("""
            UPDATE credential SET used_at = :now
            WHERE id = :id AND site_id = :site_id AND device_id = :device_id AND used_at IS NULL AND expires_at > :now
        """),
        {"id": credential_id, "site_id": site_id, "device_id": device_id, "now": now},
    )
    return won.rowcount == 1


def parse_user_name(user_name: str) -> UUID | None:
    """Return the credential a RADIUS User-Name names, or None when it is nobody's."""
    return UUID(hex=user_name) if USER_NAME.fullmatch(user_name) else None


def forget_credentials(db: Session, *, now: datetime) -> int:
    """Delete credentials that are a day past their life; sessions and consent stay. Return how many."""
    gone = db.connection().execute(
        text("DELETE FROM credential WHERE expires_at < :before"), {"before": now - timedelta(days=1)}
    )
    return gone.rowcount


def forget_consents(db: Session, *, before: datetime) -> int:
    """Delete consents older than what they were given for is kept. Return how many."""
    gone = db.connection().execute(
        text("""
            DELETE FROM consent WHERE given_at < :before
            AND NOT EXISTS (SELECT 1 FROM credential WHERE credential.consent_id = consent.id)
        """),
        {"before": before},
    )
    return gone.rowcount
