"""What becomes of an attempt to get online: told from what the router asked and reported, never from what a phone says.

requested → sent → confirmed | failed(reason). Pages only look: `judge` says how far it is at this moment. What an attempt's rows say is
written by the button (`entering`) and by the controller (`teller`), each time by one conditional statement.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.guests.models import Credential
from hotspot.guests.service import find_credentials, find_refusal
from hotspot.portal.attempts_models import SignInAttempt, State
from hotspot.portal.handoff import Handed
from hotspot.security import Keys
from hotspot.sites.settings import LoginWay
from hotspot.usage.service import find_session_of

PATIENCE: Final = timedelta(seconds=40)  # a weak link and one retried accounting packet; later nobody still waits
# A phone that was sent to its router is there long before; then the other way is tried.
IMPATIENCE: Final = timedelta(seconds=6)
CONFIRMED_FOR: Final = timedelta(minutes=5)  # the router's word counts that long without a report of the session


class Stage(StrEnum):
    """What became of a press, as its page tells it; those that are over are also the reason of an attempt that failed."""

    WAITING = "waiting"  # the router has not asked yet, or has not reported yet
    ONLINE = "online"  # RADIUS accepted and the router reported the start, or told us so when we asked
    LOOK = "look"  # the phone was at its router, which asked nothing: most likely it is online already, and its router can show it
    OTHER_WAY = "other way"  # the controller could not reach the router: the phone may take the credential there
    ENDED = "ended"  # it was online and is not any more
    NO_REQUEST = "no request"  # nobody asked in time
    NO_START = "no start"  # let in, but nobody reported
    NO_ANSWER = "no answer"  # neither way got as far as that
    EXPIRED = "expired"  # asked too late
    REFUSED = "refused"  # RADIUS said no; the attempt has its words or its reason


UNDER_WAY: Final = frozenset({Stage.WAITING, Stage.LOOK, Stage.OTHER_WAY})


def is_about(attempt: SignInAttempt | None, credential: Credential) -> bool:
    """Whether an attempt is about this credential: the one its last press gave, or the one that the controller took to the router."""
    return attempt is not None and credential.id in (attempt.credential_id, attempt.told_id)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one credential. `is_online`: of its session, None: nobody reported one; `refusal`: RADIUS's reason."""

    credential: Credential
    attempt: SignInAttempt | None
    is_online: bool | None = None
    refusal: str | None = None

    @property
    def is_latest(self) -> bool:
        """Whether the attempt is about this credential; another one's holder may be anybody who named the device."""
        return is_about(self.attempt, self.credential)


def judge(facts: Facts, now: datetime) -> Stage:
    """Say what became of a credential: first by its session, then by its attempt's end, then by how long it is under way."""
    if facts.is_online is not None and facts.credential.used_at is not None:
        return Stage.ONLINE if facts.is_online else Stage.ENDED
    if facts.refusal is not None:
        return Stage.WAITING if _is_being_told_why(facts, now) else Stage.REFUSED
    if (decided := _decided(facts, now)) is not None:
        return decided
    used_at = facts.credential.used_at
    if used_at is not None:
        return Stage.WAITING if now < used_at + PATIENCE else Stage.NO_START
    if now >= facts.credential.expires_at:
        return Stage.EXPIRED
    return _under_way(facts, now)


def _is_being_told_why(facts: Facts, now: datetime) -> bool:
    """Whether the controller, which asked the router, is about to hear the words of a refusal that RADIUS has just written down."""
    attempt = facts.attempt
    is_asking = attempt is not None and attempt.decided_at is None and attempt.way == LoginWay.CONTROLLER
    return is_asking and facts.is_latest and now < facts.credential.issued_at + PATIENCE


def _decided(facts: Facts, now: datetime) -> Stage | None:
    """What an attempt's end means for this credential.

    Whoever names a device and its address can make the controller let it in, so they may know that it is; through the browser only
    the device itself can, and who merely named it learns nothing.
    """
    attempt = facts.attempt
    if attempt is None or attempt.decided_at is None:
        return None
    if not facts.is_latest and attempt.way != LoginWay.CONTROLLER:
        return None
    if attempt.state == State.CONFIRMED:
        later = Stage.LOOK if attempt.way == LoginWay.CONTROLLER else Stage.ENDED
        return Stage.ONLINE if now < attempt.decided_at + CONFIRMED_FOR else later
    return Stage(attempt.reason) if facts.is_latest and attempt.reason in set(Stage) else Stage.NO_ANSWER


def _under_way(facts: Facts, now: datetime) -> Stage:
    attempt = facts.attempt
    if attempt is not None and attempt.decided_at is None and attempt.way == LoginWay.CONTROLLER:
        return Stage.WAITING
    if attempt is not None and facts.is_latest and attempt.state == State.REQUESTED:
        return Stage.OTHER_WAY
    waited = now - facts.credential.issued_at
    if waited >= PATIENCE:
        return Stage.NO_REQUEST
    is_controllers_turn = attempt is not None and attempt.handed is not None and attempt.fell_back_at is None
    return Stage.LOOK if waited >= IMPATIENCE and not is_controllers_turn else Stage.WAITING


def attempt_of(db: Session, credential: Credential) -> SignInAttempt | None:
    """Return the attempt in which a credential was issued."""
    return db.exec(
        select(SignInAttempt)
        .where(
            SignInAttempt.device_id == credential.device_id,
            SignInAttempt.site_id == credential.site_id,
            SignInAttempt.requested_at <= credential.issued_at,
        )
        .order_by(col(SignInAttempt.requested_at).desc())
        .limit(1)
    ).first()


def credential_in_use(db: Session, attempt: SignInAttempt) -> Credential | None:
    """Return the controller's credential once the router has asked about it, else the one that the button gave."""
    known = find_credentials(db, [one for one in (attempt.told_id, attempt.credential_id) if one is not None])
    told = known.get(attempt.told_id) if attempt.told_id is not None else None
    return told if told is not None and told.used_at is not None else known.get(attempt.credential_id)


def stage_of(db: Session, attempt: SignInAttempt, *, now: datetime) -> Stage:
    """Return how far an attempt has come, for who may know all of it."""
    credential = credential_in_use(db, attempt)
    if credential is None:
        return Stage.EXPIRED
    session = find_session_of(db, credential.id, site_id=credential.site_id, device_id=credential.device_id)
    refusal = find_refusal(db, credential) if session is None else None
    return judge(Facts(credential, attempt, None if session is None else session.ended_at is None, refusal), now)


def decide(db: Session, attempt: SignInAttempt, stage: Stage, *, now: datetime) -> None:
    """Write down that an attempt is over, unless somebody else just did; nothing that names the device stays."""
    is_confirmed = stage in (Stage.ONLINE, Stage.ENDED)
    db.execute(
        text("""
            UPDATE sign_in_attempt SET state = :state, reason = :reason, decided_at = :now, handed = NULL
            WHERE id = :id AND decided_at IS NULL
        """),
        {
            "id": attempt.id,
            "state": State.CONFIRMED if is_confirmed else State.FAILED,
            "reason": None if is_confirmed else stage,
            "now": now,
        },
    )


# --- what the other way needs --------------------------------------------------------------------------------------------------


def seal_handed(handed: Handed, attempt_id: UUID, keys: Keys) -> bytes:
    """Return what the router handed over, for the way that is tried second; it names the device, so it is kept sealed and shortly."""
    return keys.seal(json.dumps(handed.fields()), context=f"attempt:{attempt_id}")


def unseal_handed(sealed: bytes, attempt_id: UUID, keys: Keys) -> dict[str, str]:
    """Return what the router handed over, to be read again as if it came from the phone."""
    fields: dict[str, str] = json.loads(keys.unseal(sealed, context=f"attempt:{attempt_id}"))
    return fields
