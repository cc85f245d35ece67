"""Ending and changing sessions that the database knows: find the router and what it calls the session, ask, say what came of it.

Called from commands, pages and the clock. The transaction that looks the session up is closed before the router is asked.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import text
from sqlmodel import Session

from hotspot.db import Database
from hotspot.errors import Conflict, NotFound
from hotspot.guests.models import Admission
from hotspot.radius import disconnect
from hotspot.radius.disconnect import Done, Ending, NoAnswer, Outcome, Target
from hotspot.radius.packet import Secret
from hotspot.radius.policy import Rules, rate_limit
from hotspot.radius.rulebook import rules_of
from hotspot.routers.service import get_router, known
from hotspot.security import Keys
from hotspot.sites.settings import SiteSettings, effective_at_sites
from hotspot.usage.allowances import used_since
from hotspot.usage.models import GuestSession

log = structlog.get_logger()

MOST_SLOWED: Final = 50  # sessions a run: a router that does not answer costs seconds


class NoSuchSession(NotFound):
    """There is no guest session {number}; see: hotspot sessions list"""


class SessionOver(Conflict):
    """The guest session {number} has ended already"""


def end(database: Database, session_id: int, *, keys: Keys, now: datetime) -> Ending:
    """Ask the session's router to end it, and find out whether it is gone.

    Raises:
        NoSuchSession, SessionOver: there is nothing to end.
    """
    with database.reading() as db:
        targets = targets_of(db, session_id, keys=keys)
    ending: Ending = NoAnswer()
    for target in targets:
        ending = disconnect.disconnect_and_verify(target, now=now, is_gone=lambda: _has_ended(database, session_id))
        if not isinstance(ending, NoAnswer):
            break
    log.info("asked a router to end a session", session=session_id, outcome=type(ending).__name__)
    return ending


def change(
    database: Database,
    session_id: int,
    *,
    keys: Keys,
    now: datetime,
    session_timeout: timedelta | None = None,
    limit: str | None = None,
) -> Outcome:
    """Ask the session's router to hold it to other limits; see `disconnect.change`.

    Raises:
        NoSuchSession, SessionOver: there is nothing to change.
    """
    with database.reading() as db:
        targets = targets_of(db, session_id, keys=keys)
    outcome: Outcome = NoAnswer()
    for target in targets:
        outcome = disconnect.change(target, now=now, session_timeout=session_timeout, rate_limit=limit)
        if not isinstance(outcome, NoAnswer):
            break
    log.info("asked a router to change a session", session=session_id, outcome=type(outcome).__name__)
    return outcome


def targets_of(db: Session, session_id: int, *, keys: Keys) -> Sequence[Target]:
    """Return how to ask about the session: with the router's secret, and with the one it may still have during a rotation.

    Raises:
        NoSuchSession, SessionOver: it is not there, or not open.
    """
    session = db.get(GuestSession, session_id)
    if session is None:
        raise NoSuchSession(number=session_id)
    if session.ended_at is not None:
        raise SessionOver(number=session_id)
    router = known(get_router(db, session.router_id), keys)
    secrets = (router.secret, *([router.previous_secret] if router.previous_secret else []))
    return [
        Target(
            address=ip_address(router.address),
            secret=Secret(secret),
            acct_session_id=session.acct_session_id,
            user_name=_user_name(db, session, keys=keys),
            framed_address=None if session.address is None else IPv4Address(session.address),
            nas_identifier=router.name,
            port=router.coa_port,
        )
        for secret in secrets
    ]


def _user_name(db: Session, session: GuestSession, *, keys: Keys) -> str | None:
    """What the router calls the guest: the credential's name, or what it said when it asked about a device it knew."""
    admission = db.get(Admission, session.admission_id) if session.admission_id else None
    if admission is None:
        return None if session.admission_id is None else session.admission_id.hex
    if admission.user_name is None:
        return admission.id.hex
    return keys.unseal(admission.user_name, context=f"admission:{admission.id}")


def _has_ended(database: Database, session_id: int) -> bool:
    with database.reading() as db:
        session = db.get(GuestSession, session_id)
        return session is None or session.ended_at is not None


# --- the day's data is used up -------------------------------------------------------------------------------------------

OPEN_AND_FAST: Final = """
    SELECT session.id, session.router_id, session.site_id, admission.guest_id
    FROM guest_session AS session JOIN admission ON admission.id = session.admission_id
    WHERE session.ended_at IS NULL AND session.site_id = ANY(:sites) AND admission.slowed_at IS NULL
    ORDER BY session.router_id, session.id
"""

SLOWED: Final = """
    UPDATE admission SET slowed_at = :now FROM guest_session AS session
    WHERE session.id = :session AND admission.id = session.admission_id
"""


class _Fast(NamedTuple):
    session_id: int
    router_id: int
    site_id: int
    guest_id: UUID


def slow_down(database: Database, *, keys: Keys, zone: ZoneInfo, now: datetime) -> int:
    """Give the slow speed to open sessions of guests whose data for the day is used up; return how many.

    A router that does not answer is left alone until the next run.
    """
    with database.reading() as db:
        rules = _limited_sites(db)
        fast = [_Fast(*row) for row in db.execute(text(OPEN_AND_FAST), {"sites": list(rules)})] if rules else []
        local = now.astimezone(zone)
        midnight = datetime.combine(local.date(), time.min, zone)
        used = used_since(db, {one.guest_id for one in fast}, midnight=midnight)
    due = [
        one
        for one in fast
        if one.guest_id in used and used[one.guest_id].octets >= (rules[one.site_id].day_octets or 0)
    ]
    silent: set[int] = set()
    slowed = 0
    for one in due[:MOST_SLOWED]:
        slow = rules[one.site_id].slow
        if one.router_id in silent or slow is None:
            continue
        try:
            outcome = change(database, one.session_id, keys=keys, now=now, limit=rate_limit(slow))
        except SessionOver:
            continue
        if isinstance(outcome, Done):
            with database.writing() as db:
                db.execute(text(SLOWED), {"session": one.session_id, "now": now})
            slowed += 1
        else:
            silent.add(one.router_id)
    return slowed


def _limited_sites(db: Session) -> dict[int, Rules]:
    """The sites that limit a guest's data a day and have a slow speed for after it."""
    open_at = db.execute(text("SELECT DISTINCT site_id FROM guest_session WHERE ended_at IS NULL")).scalars()
    found = effective_at_sites(db, list(open_at))
    rules = {site: rules_of(values) for site, values in found.items() if isinstance(values, SiteSettings)}
    return {site: one for site, one in rules.items() if one.day_octets is not None and one.slow is not None}
