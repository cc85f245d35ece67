"""Ending and changing sessions that the database knows: find the router and what it calls the session, ask, say what came of it.

Called from commands, pages and the clock. The transaction that looks the session up is closed before the router is asked.
"""

import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, time, timedelta
from ipaddress import IPv4Address, ip_address
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import text
from sqlmodel import Session

from hotspot.db import Database
from hotspot.errors import Conflict, NotFound
from hotspot.guests.models import Admission, Credential
from hotspot.guests.passes import with_own_data
from hotspot.radius import disconnect
from hotspot.radius.disconnect import Done, Ending, NoAnswer, Outcome, Refused, Target
from hotspot.radius.packet import Secret
from hotspot.radius.policy import Speed, rate_limit
from hotspot.radius.rulebook import rules_of
from hotspot.routers.service import get_router, known
from hotspot.security import Keys
from hotspot.sites.settings import SiteSettings, effective_at_sites
from hotspot.usage.allowances import NOTHING, used_since
from hotspot.usage.counters import LONGEST_SESSION, EndedBy
from hotspot.usage.models import GuestSession

log = structlog.get_logger()

MOST_SLOWED: Final = 50  # sessions a run: a router that does not answer costs seconds
_CHANCE: Final = random.SystemRandom()


ONE_TRY: Final = (1.0,)
"""For jobs that come again soon: one question, one second."""
LATELY: Final = timedelta(hours=1)  # the longest that a router may stay silent between two reports
OVER: Final = frozenset({EndedBy.STOP, EndedBy.REBOOT})
"""Ends that the router itself told; what was lost or superseded may still be online there."""


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


def end_all(database: Database, sessions: Iterable[int], *, keys: Keys, now: datetime) -> dict[int, Ending]:
    """Ask for each of the sessions as `end` does; one that has ended since is not in the result."""
    endings: dict[int, Ending] = {}
    for session_id in sessions:
        with suppress(SessionOver):
            endings[session_id] = end(database, session_id, keys=keys, now=now)
    return endings


def change(
    database: Database,
    session_id: int,
    *,
    keys: Keys,
    now: datetime,
    session_timeout: timedelta | None = None,
    limit: str | None = None,
    once: bool = False,
) -> Outcome:
    """Ask the session's router to hold it to other limits; see `disconnect.change`. `once`: one short try.

    Raises:
        NoSuchSession, SessionOver: there is nothing to change.
    """
    with database.reading() as db:
        targets = targets_of(db, session_id, keys=keys)
    tries = {"waits": ONE_TRY} if once else {}
    outcome: Outcome = NoAnswer()
    for target in targets:
        outcome = disconnect.change(target, now=now, session_timeout=session_timeout, rate_limit=limit, **tries)
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
    if session.ended_by in OVER:
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
    """What the router calls the guest: the credential's name, or what it said when it asked about a device it knew.

    None where that is not certain, such as the name of a device that was forgotten while the session seemed lost: the router would
    look for somebody else and answer that there is no such session, which sounds like its end.
    """
    admission = db.get(Admission, session.admission_id) if session.admission_id else None
    if admission is None or admission.router_id != session.router_id:
        return None
    if admission.user_name is not None:
        return keys.unseal(admission.user_name, context=f"admission:{admission.id}")
    return None if db.get(Credential, admission.id) is None else admission.id.hex


def _has_ended(database: Database, session_id: int) -> bool:
    with database.reading() as db:
        session = db.get(GuestSession, session_id)
        return session is None or session.ended_by in OVER


# --- over for us, and still there -----------------------------------------------------------------------------------------

STILL_THERE: Final = """
    SELECT id, router_id FROM guest_session
    WHERE (ended_by = 'superseded' AND last_seen_at > ended_at OR ended_by = 'withdrawn')
        AND started_at > :since AND last_seen_at > :lately
"""


def end_superseded(database: Database, *, keys: Keys, now: datetime) -> int:
    """End sessions that go on at one router although their device was let in at another since, or its owner agrees no longer.

    Return how many are asked for. Otherwise a copied MAC address would have one allowance at each site. A router that does not answer is left alone until the next
    run; one that does reports the Stop.
    """
    since = {"since": now - LONGEST_SESSION, "lately": now - LATELY}
    with database.reading() as db:
        found = [(int(row[0]), int(row[1])) for row in db.execute(text(STILL_THERE), since)]
    return ask_to_end(database, found, keys=keys, now=now)


def ask_to_end(database: Database, found: Sequence[tuple[int, int]], *, keys: Keys, now: datetime) -> int:
    """Ask once for the end of each of these sessions, given with their routers; return how many were asked for.

    A router that does not answer is left alone; the order is by chance, so that it keeps nobody else's turn from coming.
    """
    found = _CHANCE.sample(found, len(found))
    silent: set[int] = set()
    asked = 0
    for session_id, router_id in islice((one for one in found if one[1] not in silent), MOST_SLOWED):
        with database.reading() as db:
            targets = targets_of(db, session_id, keys=keys)
        outcome = disconnect.disconnect(targets[0], now=now, waits=ONE_TRY)
        asked += 1
        if not isinstance(outcome, Done | Refused):
            silent.add(router_id)
    return asked


# --- the day's data is used up -------------------------------------------------------------------------------------------

OPEN_AND_FAST: Final = """
    SELECT session.id, session.router_id, session.site_id, admission.guest_id
    FROM guest_session AS session
    JOIN admission ON admission.id = session.admission_id AND admission.router_id = session.router_id
    WHERE session.ended_at IS NULL AND session.site_id = ANY(:sites) AND admission.slowed_at IS NULL
    ORDER BY session.router_id, session.id
"""

SLOWED: Final = """
    UPDATE admission SET slowed_at = :now FROM guest_session AS session
    WHERE session.id = :session AND admission.id = session.admission_id AND admission.router_id = session.router_id
"""


class _Fast(NamedTuple):
    session_id: int
    router_id: int
    site_id: int
    guest_id: UUID


class _Limit(NamedTuple):
    octets: int
    slow: Speed


def slow_down(database: Database, *, keys: Keys, zone: ZoneInfo, now: datetime) -> int:
    """Give the slow speed to open sessions of guests whose data for the day is used up; return how many.

    A router that does not answer is left alone until the next run. The order is by chance, so that routers which refuse or are silent
    keep nobody else's turn from coming.
    """
    midnight = datetime.combine(now.astimezone(zone).date(), time.min, zone)
    with database.reading() as db:
        due = _due(db, midnight=midnight)
    _CHANCE.shuffle(due)
    silent: set[int] = set()
    slowed = 0
    for one, slow in islice((asked for asked in due if asked[0].router_id not in silent), MOST_SLOWED):
        try:
            outcome = change(database, one.session_id, keys=keys, now=now, limit=rate_limit(slow), once=True)
        except SessionOver:
            continue
        if isinstance(outcome, Done):
            with database.writing() as db:
                db.execute(text(SLOWED), {"session": one.session_id, "now": now})
            slowed += 1
        elif not isinstance(outcome, Refused):
            silent.add(one.router_id)
    return slowed


def _due(db: Session, *, midnight: datetime) -> list[tuple[_Fast, Speed]]:
    """The sessions to be slowed down, and to what."""
    limits = _limits(db)
    if not limits:
        return []
    fast = [_Fast(*row) for row in db.execute(text(OPEN_AND_FAST), {"sites": list(limits)})]
    guests = {one.guest_id for one in fast}
    used = used_since(db, guests, midnight=midnight)
    exempt = with_own_data(db, guests)
    return [
        (one, limits[one.site_id].slow)
        for one in fast
        if one.guest_id not in exempt and used.get(one.guest_id, NOTHING).octets >= limits[one.site_id].octets
    ]


def _limits(db: Session) -> dict[int, _Limit]:
    """What holds at the sites that limit a guest's data a day and have a slow speed for after it."""
    open_at = db.execute(text("SELECT DISTINCT site_id FROM guest_session WHERE ended_at IS NULL")).scalars()
    found = effective_at_sites(db, list(open_at))
    rules = {site: rules_of(values) for site, values in found.items() if isinstance(values, SiteSettings)}
    return {
        site: _Limit(one.day_octets, one.slow)
        for site, one in rules.items()
        if one.day_octets is not None and one.slow is not None
    }
