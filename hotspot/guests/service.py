"""Consent and one-time credentials: what the portal gives out and RADIUS takes back."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import or_, text
from sqlmodel import Session, col, select

from hotspot import arrays
from hotspot.errors import Invalid
from hotspot.guests.consents import Given, append
from hotspot.guests.models import Admission, BlockedDevice, Consent, Credential
from hotspot.security import Keys
from hotspot.sites.settings import SignIn

USER_NAME = re.compile("[0-9a-f]{32}")  # as Login.user_name writes it; uuid.UUID alone also reads signs and underscores
CREDENTIAL_LIFE = timedelta(seconds=60)  # long enough for a weak link, too short to be worth stealing
LONGEST_REASON = 200
GUEST_LOCK = 0x67756573  # "gues": one decision at a time about a guest with several devices


class BadReason(Invalid):
    """Say in one line of at most 200 characters why the device is blocked"""


@dataclass(frozen=True, slots=True)
class Login:
    """What a phone hands to its router: RADIUS User-Name and password."""

    credential_id: UUID
    password: str

    @property
    def user_name(self) -> str:
        return self.credential_id.hex


def give_consent(
    db: Session,
    *,
    device_id: UUID,
    site_id: int,
    terms_sha256: str,
    language: str,
    now: datetime,
    guest_id: UUID | None = None,
    method: SignIn = SignIn.ONE_TAP,
) -> Consent:
    """Record in the ledger that the device agreed to these terms here and now; without a `guest_id` it is a guest of its own.

    What is returned is the row as it was stored; the session does not know it.
    """
    given = Given(device_id, guest_id or device_id, site_id, terms_sha256, language, method, now)
    (kept,) = append(db, [given])
    return Consent(**given._asdict(), **kept._asdict())


def issue_credential(
    db: Session,
    consent: Consent,
    *,
    keys: Keys,
    now: datetime,
    cap_seconds: int | None = None,
    cap_octets: int | None = None,
) -> Login:
    """Issue the one-time credential that follows a consent; the caps bound the one session it begins.

    Earlier ones live on until they are used or a minute old: otherwise whoever names a neighbour's device could keep it out.
    """
    assert consent.id is not None
    credential = Credential(
        id=uuid4(),
        site_id=consent.site_id,
        device_id=consent.device_id,
        guest_id=consent.guest_id,
        consent_id=consent.id,
        language=consent.language,
        issued_at=now,
        expires_at=now + CREDENTIAL_LIFE,
        cap_seconds=cap_seconds,
        cap_octets=cap_octets,
    )
    db.add(credential)
    db.flush()
    return Login(credential.id, keys.one_time_password(credential.id))


def find_credentials(db: Session, ids: Sequence[UUID]) -> Mapping[UUID, Credential]:
    """Return those of the credentials that exist, for judging a batch of log-ins."""
    found = db.exec(select(Credential).where(col(Credential.id).in_(ids)))
    return {credential.id: credential for credential in found}


class Presented(NamedTuple):
    """A credential as a router presents it: where, and by which device."""

    credential_id: UUID
    site_id: int
    device_id: UUID


class Redeemed(NamedTuple):
    """A credential that was won: for which guest, the language they chose, and what bounds its session."""

    guest_id: UUID
    language: str
    cap_seconds: int | None = None
    cap_octets: int | None = None


REDEEM = """
    UPDATE credential SET used_at = %(now)s
    FROM unnest(%(credentials)s::uuid[], %(sites)s::int[], %(devices)s::uuid[]) AS presented (id, site_id, device_id)
    WHERE credential.id = presented.id
        AND credential.site_id = presented.site_id AND credential.device_id = presented.device_id
        AND used_at IS NULL AND expires_at > %(now)s
    RETURNING credential.id, credential.site_id, credential.device_id, guest_id, language, cap_seconds, cap_octets
"""


def redeem(db: Session, presented: Iterable[Presented], *, now: datetime) -> dict[Presented, Redeemed]:
    """Use the presented credentials up; return those that were won by this call.

    One must be unused, alive, and be presented at its own site by its own device; one conditional UPDATE decides. In a fixed order,
    so that two servers seldom wait for each other.
    """
    wanted = sorted(set(presented), key=lambda one: one.credential_id.int)
    if not wanted:
        return {}
    facts = {
        "credentials": arrays.uuids(one.credential_id for one in wanted),
        "sites": arrays.numbers(one.site_id for one in wanted),
        "devices": arrays.uuids(one.device_id for one in wanted),
        "now": now,
    }
    rows = db.connection().exec_driver_sql(REDEEM, facts)
    return {Presented(*row[:3]): Redeemed(*row[3:]) for row in rows}


# Anybody can press the button for any device; that a router let it in with what followed shows that it was the device itself. What
# was withdrawn since is as if it had not been given.
LATEST_CONSENTS = """
    SELECT DISTINCT ON (consent.device_id, terms_sha256, method)
        consent.device_id, consent.guest_id, terms_sha256, consent.language, method, given_at
    FROM consent JOIN credential ON credential.device_id = consent.device_id AND credential.consent_id = consent.id
    WHERE consent.device_id = ANY(%(devices)s) AND credential.used_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM withdrawal WHERE withdrawal.device_id = consent.device_id AND withdrawn_at >= given_at)
    ORDER BY consent.device_id, terms_sha256, method, given_at DESC
"""


class Agreed(NamedTuple):
    """A consent of a device, for whom, and how they had signed in."""

    guest_id: UUID
    terms_sha256: str
    language: str
    method: str
    given_at: datetime


def latest_consents(db: Session, devices: Iterable[UUID]) -> dict[UUID, list[Agreed]]:
    """Return the latest consent of each device to each terms by each method, if it then logged in with it; newest first."""
    wanted = list(set(devices))
    if not wanted:
        return {}
    found: dict[UUID, list[Agreed]] = {}
    for row in db.connection().exec_driver_sql(LATEST_CONSENTS, {"devices": wanted}):
        found.setdefault(row[0], []).append(Agreed(*row[1:]))
    for consents in found.values():
        consents.sort(key=lambda agreed: agreed.given_at, reverse=True)
    return found


def parse_user_name(user_name: str) -> UUID | None:
    """Return the credential a RADIUS User-Name names, or None when it is nobody's."""
    return UUID(hex=user_name) if USER_NAME.fullmatch(user_name) else None


def forget_credentials(db: Session, *, now: datetime, used_before: datetime) -> int:
    """Delete credentials that nobody used within a day, and used ones, which prove a consent, after then. Return how many."""
    gone = db.connection().execute(
        text("DELETE FROM credential WHERE expires_at < CASE WHEN used_at IS NULL THEN :unused ELSE :used END"),
        {"unused": now - timedelta(days=1), "used": used_before},
    )
    return gone.rowcount


# --- blocked devices -----------------------------------------------------------------------------------------------------


def block_device(db: Session, device_id: UUID, *, reason: str, until: datetime | None, now: datetime) -> None:
    """Let the device in nowhere until then, or until it is unblocked; ending what it has open is the caller's business.

    Raises:
        BadReason: one line is needed, so that whoever is asked can answer.
    """
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise BadReason
    db.merge(BlockedDevice(device_id=device_id, reason=reason, blocked_at=now, until=until))
    db.flush()


def unblock_device(db: Session, device_id: UUID) -> bool:
    """Let the device in again; False when it was not blocked."""
    blocked = db.get(BlockedDevice, device_id)
    if blocked is None:
        return False
    db.delete(blocked)
    db.flush()
    return True


def blocked_devices(db: Session, devices: Iterable[UUID], *, now: datetime) -> dict[UUID, datetime | None]:
    """Return which of the devices are blocked now, and until when."""
    found = db.exec(
        select(BlockedDevice.device_id, BlockedDevice.until).where(
            col(BlockedDevice.device_id).in_(list(devices)),
            or_(col(BlockedDevice.until).is_(None), col(BlockedDevice.until) > now),
        )
    )
    return dict(found.all())


# --- admissions ----------------------------------------------------------------------------------------------------------


class Decided(NamedTuple):
    """One decided log-in on its way into the log; see `models.Admission`."""

    id: UUID
    router_id: int
    site_id: int
    device_id: UUID | None
    guest_id: UUID | None
    refusal: str | None
    user_name: bytes | None
    held_until: datetime | None
    slowed_at: datetime | None


LOG_ADMISSIONS = """
    INSERT INTO admission (id, router_id, site_id, device_id, guest_id, refusal, user_name, held_until, slowed_at, decided_at)
    SELECT *, %(now)s FROM unnest(
        %(ids)s::uuid[], %(routers)s::int[], %(sites)s::int[], %(devices)s::uuid[], %(guests)s::uuid[],
        %(refusals)s::text[], %(names)s::bytea[], %(held)s::timestamptz[], %(slowed)s::timestamptz[])
"""


def log_admissions(db: Session, decided: Sequence[Decided], *, now: datetime) -> None:
    """Keep what was decided; an admitted one holds its guest's place from the commit on."""
    if not decided:
        return
    db.connection().exec_driver_sql(
        LOG_ADMISSIONS,
        {
            "ids": arrays.uuids(one.id for one in decided),
            "routers": arrays.numbers(one.router_id for one in decided),
            "sites": arrays.numbers(one.site_id for one in decided),
            "devices": arrays.uuids(one.device_id for one in decided),
            "guests": arrays.uuids(one.guest_id for one in decided),
            "refusals": arrays.texts(one.refusal for one in decided),
            "names": arrays.octets(one.user_name for one in decided),
            "held": arrays.moments(one.held_until for one in decided),
            "slowed": arrays.moments(one.slowed_at for one in decided),
            "now": now,
        },
    )


def find_refusal(db: Session, credential: Credential) -> str | None:
    """Return why the log-in with a credential that was used was refused; None where it was let in, or nobody asked."""
    if credential.used_at is None or db.get(Admission, credential.id) is not None:
        return None
    return db.exec(
        select(Admission.refusal)
        .where(
            Admission.guest_id == credential.guest_id,
            Admission.device_id == credential.device_id,
            Admission.site_id == credential.site_id,
            Admission.decided_at >= credential.used_at,
        )
        .order_by(col(Admission.decided_at))
        .limit(1)
    ).first()


def take_turns(db: Session, guests: Iterable[UUID]) -> None:
    """Let nobody else decide about these guests until this transaction ends: their devices are counted, then one more is let in."""
    for guest in sorted(guests, key=lambda guest: guest.int):
        db.connection().exec_driver_sql(
            "SELECT pg_advisory_xact_lock(%(space)s, hashtext(%(guest)s))", {"space": GUEST_LOCK, "guest": guest.hex}
        )


FORGET_ADMISSIONS = """
    DELETE FROM admission WHERE decided_at < :before AND NOT EXISTS (
        SELECT 1 FROM guest_pass
        WHERE guest_pass.guest_id = admission.guest_id AND valid_until > :before AND num_nonnulls(seconds, octets) > 0)
"""


def forget_admissions(db: Session, *, before: datetime) -> int:
    """Delete admissions decided before then; none of them can still have an open session. Return how many.

    Those of a guest whose pass is counted stay as long as it holds: by them its use is known.
    """
    gone = db.connection().execute(text(FORGET_ADMISSIONS), {"before": before})
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
