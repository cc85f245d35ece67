"""From "we know who it is" to "on the way online": the one function that every way to sign in ends in.

An attempt is one device's try to get online at a site. One is open at a time, and whatever is pressed meanwhile goes on with it: a
reload, the way back, a double tap and a sheet that was opened again do no harm. Two presses of the same page are one press. Another
page's press gets a credential of its own, never one that exists: anybody can name a device, and a credential tells what became of it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.guests.models import Consent
from hotspot.guests.service import Login, find_credentials, give_consent, issue_credential
from hotspot.portal.attempts import UNDER_WAY, decide, seal_handed, stage_of
from hotspot.portal.attempts_models import SignInAttempt, State
from hotspot.portal.explanations import STALE_TERMS
from hotspot.portal.handoff import Stop
from hotspot.portal.support import new_code
from hotspot.portal.visits import Visit
from hotspot.sites.models import home
from hotspot.sites.settings import LoginWay, SignIn

ATTEMPT_LOCK: Final = 0x61747074  # "atpt": one press at a time for a device at a site


@dataclass(frozen=True, slots=True)
class Entered:
    """Where a guest goes now. `login`: the credential that the browser takes to the router; None: straight to the progress page."""

    credential_id: UUID
    support_code: str
    login: Login | None = field(repr=False)


def enter(
    db: Session,
    visit: Visit,
    *,
    method: SignIn,
    now: datetime,
    guest_id: UUID | None = None,
    cap_seconds: int | None = None,
    cap_octets: int | None = None,
) -> Entered:
    """Record the consent, the attempt and its one-time credential in the caller's write transaction; return where the guest goes.

    To be called once a method has decided who the guest is: `guest_id`, or None where the device itself is the guest. The caps bound
    the one session, below what the site allows. The caller commits, then answers with `door.lead_on`.

    1. Presses for this device at this site wait for each other. 2. The same page's press again gets the same answer. 3. An open
    attempt goes on, and its consent counts if it is to these terms, by this method and for this guest; else there is a new one.
    4. Each other page's press gets a new credential; while the controller tells the router, only to see what becomes of that.

    Raises:
        Stop: the terms that were read are not those that hold now.
    """
    if not visit.read_the_terms:
        raise Stop(STALE_TERMS, again=home(visit.place.site.slug))
    _wait_for_turn(db, visit)
    attempt = _open_attempt(db, visit, now=now)
    if attempt is not None and attempt.press == visit.press:
        answered = _answered(db, attempt, visit, now=now)
        if answered is not None:
            return answered
    consent = _consent_of(db, attempt, visit, method, guest_id) or give_consent(
        db,
        device_id=visit.device_id,
        site_id=visit.place.site_id,
        terms_sha256=visit.terms.sha256,
        language=visit.language,
        now=now,
        guest_id=guest_id,
        method=method,
    )
    caps = {"cap_seconds": cap_seconds, "cap_octets": cap_octets}
    login = issue_credential(db, consent, keys=visit.keys, now=now, **caps)
    assert consent.id is not None  # flushed
    if attempt is not None and attempt.way == LoginWay.CONTROLLER:  # never two log-ins side by side
        return Entered(login.credential_id, attempt.support_code, None)
    if attempt is None:
        attempt = _begun(db, visit, method, consent.id, login, now=now)
    else:
        attempt.method, attempt.consent_id, attempt.press = method, consent.id, visit.press
        attempt.credential_id, attempt.state, attempt.sent_at = login.credential_id, State.SENT, now
    db.add(attempt)
    db.flush()
    return _entered(attempt, login)


def _entered(attempt: SignInAttempt, login: Login) -> Entered:
    by_browser = attempt.way == LoginWay.BROWSER
    return Entered(login.credential_id, attempt.support_code, login if by_browser else None)


def _begun(db: Session, visit: Visit, method: SignIn, consent_id: int, login: Login, *, now: datetime) -> SignInAttempt:
    """Return a new attempt, by the site's first way, or by the only one where the controller has none of its own to the router."""
    attempt_id, registered = uuid4(), visit.handed.registered
    assert registered is not None  # a visit has a router
    by_controller = visit.can_be_told and visit.place.settings.login_way == LoginWay.CONTROLLER
    return SignInAttempt(
        id=attempt_id,
        site_id=visit.place.site_id,
        router_id=registered.router_id,
        device_id=visit.device_id,
        support_code=new_code(db),
        method=method,
        consent_id=consent_id,
        press=visit.press,
        credential_id=login.credential_id,
        way=LoginWay.CONTROLLER if by_controller else LoginWay.BROWSER,
        state=State.REQUESTED if by_controller else State.SENT,
        language=visit.language,
        browser=visit.browser,
        handed=seal_handed(visit.handed, attempt_id, visit.keys) if visit.can_be_told else None,
        requested_at=now,
        sent_at=None if by_controller else now,
    )


def _wait_for_turn(db: Session, visit: Visit) -> None:
    key = f"{visit.place.site_id} {visit.device_id}"
    db.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:key))"), {"space": ATTEMPT_LOCK, "key": key})


def _open_attempt(db: Session, visit: Visit, *, now: datetime) -> SignInAttempt | None:
    """Return the attempt that this press goes on with; one that failed meanwhile, or got the device online, is over."""
    attempt = db.exec(
        select(SignInAttempt).where(
            SignInAttempt.site_id == visit.place.site_id,
            SignInAttempt.device_id == visit.device_id,
            col(SignInAttempt.decided_at).is_(None),
        )
    ).first()
    if attempt is None or (stage := stage_of(db, attempt, now=now)) in UNDER_WAY:
        return attempt
    decide(db, attempt, stage, now=now)
    return None


def _answered(db: Session, attempt: SignInAttempt, visit: Visit, *, now: datetime) -> Entered | None:
    """Return the answer that this page's press got before; None when its credential can't be used any more, and was not."""
    credential = find_credentials(db, [attempt.credential_id]).get(attempt.credential_id)
    if credential is None or (credential.used_at is None and credential.expires_at <= now):
        return None
    if credential.used_at is not None:
        return Entered(credential.id, attempt.support_code, None)
    return _entered(attempt, Login(credential.id, visit.keys.one_time_password(credential.id)))


def _consent_of(
    db: Session, attempt: SignInAttempt | None, visit: Visit, method: SignIn, guest_id: UUID | None
) -> Consent | None:
    """Return the consent of an open attempt if what is agreed to now is the same."""
    consent = db.get(Consent, attempt.consent_id) if attempt is not None else None
    if consent is None:
        return None
    agreed = (consent.terms_sha256, consent.method, consent.guest_id, consent.language)
    is_same = agreed == (visit.terms.sha256, method, guest_id or visit.device_id, visit.language)
    return consent if is_same else None
