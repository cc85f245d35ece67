"""What is held about one device, over all features: to show it, to withdraw what was agreed to, to delete it.

Deleting takes the device out of everything that names it, in one transaction. Visits keep their place, time and data, because figures
by place are made from them, but under another pseudonym: drawn anew, of no device, the same only for visits that one day counts
together. So figures that are rebuilt later come out the same, and nobody can follow a device from day to day. The new pseudonyms
begin with zeros, which real ones never do for practical purposes: a report that comes late (`usage.ingest` keeps the least) brings
the old one back no more.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session

from hotspot import arrays
from hotspot.guests import consents
from hotspot.guests.consents import Erased
from hotspot.portal.attempts_models import State
from hotspot.portal.entering import ATTEMPT_LOCK
from hotspot.security import Keys
from hotspot.usage.endings import end_withdrawn

NOBODYS_OCTETS: Final = 12  # of 16; the rest is zero


class Agreement(NamedTuple):
    """A consent as its owner may read it; `document` and `version` are None where the terms are not known any more."""

    given_at: datetime
    site: str
    document: str | None
    version: int | None
    language: str
    method: str
    holds: bool


class Visit(NamedTuple):
    """A session as the device's owner may read it."""

    started_at: datetime
    ended_at: datetime | None
    site: str
    octets_from_device: int | None
    octets_to_device: int | None
    address: str | None


class Try(NamedTuple):
    """A log-in that a router asked for; `refusal` says why it was not let in."""

    decided_at: datetime
    site: str
    refusal: str | None


class Attempt(NamedTuple):
    """A press of the button at a place, and what became of it."""

    requested_at: datetime
    site: str
    support_code: str
    state: str


class Code(NamedTuple):
    """A code that the device had sent to a phone. The number itself is kept sealed, and for minutes."""

    created_at: datetime
    site: str
    used_at: datetime | None


class Block(NamedTuple):
    """Why and until when a device is let in nowhere."""

    reason: str
    blocked_at: datetime
    until: datetime | None


class Held(NamedTuple):
    """All that is held about a device, newest first."""

    agreements: Sequence[Agreement]
    withdrawn_at: Sequence[datetime]
    visits: Sequence[Visit]
    tries: Sequence[Try]
    attempts: Sequence[Attempt]
    codes: Sequence[Code]
    block: Block | None


AGREEMENTS: Final = """
    SELECT given_at, site.name, document.name, document.version, language, method,
        NOT EXISTS (SELECT FROM withdrawal WHERE withdrawal.device_id = :device AND withdrawn_at >= given_at)
    FROM consent JOIN site ON site.id = consent.site_id
    LEFT JOIN LATERAL (
        SELECT name, version FROM terms WHERE sha256 = consent.terms_sha256 ORDER BY version LIMIT 1) AS document ON TRUE
    WHERE device_id = :device ORDER BY given_at DESC, consent.id DESC
"""
VISITS: Final = """
    SELECT started_at, ended_at, site.name, octets_from_device, octets_to_device, guest_session.address
    FROM guest_session JOIN site ON site.id = guest_session.site_id
    WHERE device_id = :device ORDER BY started_at DESC, guest_session.id DESC
"""
TRIES: Final = """
    SELECT decided_at, site.name, refusal FROM admission JOIN site ON site.id = admission.site_id
    WHERE device_id = :device ORDER BY decided_at DESC
"""
ATTEMPTS: Final = """
    SELECT requested_at, site.name, support_code, sign_in_attempt.state
    FROM sign_in_attempt JOIN site ON site.id = sign_in_attempt.site_id
    WHERE device_id = :device ORDER BY requested_at DESC
"""
CODES: Final = """
    SELECT phone_code.created_at, site.name, used_at FROM phone_code JOIN site ON site.id = phone_code.site_id
    WHERE device_id = :device ORDER BY phone_code.created_at DESC
"""
WITHDRAWALS: Final = "SELECT withdrawn_at FROM withdrawal WHERE device_id = :device ORDER BY withdrawn_at DESC"
BLOCK: Final = "SELECT reason, blocked_at, until FROM blocked_device WHERE device_id = :device"


def held_about(db: Session, device_id: UUID) -> Held:
    """Return what is held about the device."""
    facts = {"device": device_id}
    blocked = db.execute(text(BLOCK), facts).first()
    return Held(
        agreements=[Agreement(*row) for row in db.execute(text(AGREEMENTS), facts)],
        withdrawn_at=list(db.execute(text(WITHDRAWALS), facts).scalars()),
        visits=[Visit(*row) for row in db.execute(text(VISITS), facts)],
        tries=[Try(*row) for row in db.execute(text(TRIES), facts)],
        attempts=[Attempt(*row) for row in db.execute(text(ATTEMPTS), facts)],
        codes=[Code(*row) for row in db.execute(text(CODES), facts)],
        block=None if blocked is None else Block(*blocked),
    )


# --- withdrawing and deleting --------------------------------------------------------------------------------------------


class Deed(NamedTuple):
    """What came of it: what was erased, nothing if it was only withdrawn, and the sessions whose routers are to be told."""

    erased: Erased | None
    sessions: Sequence[int]


# The same turns that presses of the button take: those append to the ledger before they write their attempt, here it is after.
TAKE_TURNS: Final = """
    SELECT pg_advisory_xact_lock(:space, hashtext(site_id || ' ' || device_id))
    FROM (SELECT site_id, device_id FROM sign_in_attempt WHERE device_id = :device AND decided_at IS NULL ORDER BY site_id) AS open
"""
# What was pressed before must not go on with a consent that holds no longer.
END_ATTEMPTS: Final = f"""
    UPDATE sign_in_attempt SET state = '{State.FAILED}', reason = 'ended', decided_at = :now, handed = NULL
    WHERE device_id = :device AND decided_at IS NULL
"""  # noqa: S608  (a word of ours)
FORGET_TRIES: Final = (
    "DELETE FROM sign_in_attempt WHERE device_id = :device",
    "DELETE FROM phone_code WHERE device_id = :device",  # and with them their messages
)


def withdraw(db: Session, device_id: UUID, *, by: str, now: datetime) -> Deed:
    """Withdraw the device's consent and end what it has open; done twice it is done once."""
    db.execute(text(TAKE_TURNS), {"space": ATTEMPT_LOCK, "device": device_id})
    sessions = end_withdrawn(db, device_id, now=now)
    db.execute(text(END_ATTEMPTS), {"device": device_id, "now": now})
    consents.withdraw(db, device_id, by=by, now=now)
    return Deed(None, sessions)


def erase(db: Session, device_id: UUID, *, keys: Keys, zone: ZoneInfo, by: str, now: datetime) -> Deed:
    """Delete what is held about the device, all of it or nothing; done twice it is done once.

    1. What it has open ends. 2. Its visits become nobody's. 3. Log-ins go; those of sessions that routers have yet to end become
    nobody's, too, and keep what the routers call them until then. 4. Attempts, phone codes, credentials, consents and withdrawals
    go; their entries in the ledger stay and tell nothing. 5. That something was deleted, and how much, is chained. A block stays: it
    protects others.
    """
    db.execute(text(TAKE_TURNS), {"space": ATTEMPT_LOCK, "device": device_id})
    sessions = end_withdrawn(db, device_id, now=now)
    visits = _make_visits_nobodys(db, device_id, sessions, zone)
    log_ins = _make_log_ins_nobodys(db, device_id, visits, keys)
    log_ins += sum(db.connection().execute(text(query), {"device": device_id}).rowcount for query in FORGET_TRIES)
    gone = consents.delete_facts(db, device_id)
    erased = Erased(now, by[: consents.LONGEST_BY], gone["consent"], gone["withdrawal"], log_ins, len(visits))
    if erased.is_something:
        consents.record_erasure(db, erased)
    return Deed(erased, sessions)


class _Stay(NamedTuple):
    """A visit: from when to when it counts, and whether its router has yet to end it."""

    id: int
    admission_id: UUID | None
    first: date
    last: date
    still: bool


STAYS: Final = """
    SELECT id, admission_id, started_at, GREATEST(started_at, ended_at, last_seen_at) FROM guest_session
    WHERE device_id = :device ORDER BY router_id, session_key FOR UPDATE
"""
BECOME_NOBODYS: Final = """
    UPDATE guest_session SET device_id = nobody.device_id,
        address = CASE WHEN nobody.still THEN address END, admission_id = CASE WHEN nobody.still THEN admission_id END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:nobodys AS uuid[]), CAST(:stills AS boolean[])) AS nobody (id, device_id, still)
    WHERE guest_session.id = nobody.id
"""


def _make_visits_nobodys(
    db: Session, device_id: UUID, still: Iterable[int], zone: ZoneInfo
) -> list[tuple[_Stay, UUID]]:
    open_ids = set(still)
    stays = [
        _Stay(number, admission, start.astimezone(zone).date(), end.astimezone(zone).date(), number in open_ids)
        for number, admission, start, end in db.execute(text(STAYS), {"device": device_id})
    ]
    found = list(_with_nobodys(stays))
    facts = {
        "ids": arrays.numbers(stay.id for stay, _ in found),
        "nobodys": arrays.uuids(nobody for _, nobody in found),
        "stills": arrays.numbers(int(stay.still) for stay, _ in found),
    }
    db.execute(text(BECOME_NOBODYS), facts)
    return found


def _with_nobodys(stays: Iterable[_Stay]) -> Iterable[tuple[_Stay, UUID]]:
    """Give visits whose days touch one pseudonym, so that each day still counts one device."""
    nobody, until = _nobody(), date.min
    for stay in sorted(stays, key=lambda stay: (stay.first, stay.last)):
        if stay.first > until:
            nobody = _nobody()
        until = max(until, stay.last)
        yield stay, nobody


def _nobody() -> UUID:
    return UUID(bytes=secrets.token_bytes(NOBODYS_OCTETS).rjust(16, b"\0"))


NAMES: Final = """
    SELECT admission.id, user_name IS NULL AND credential.id IS NOT NULL
    FROM admission LEFT JOIN credential ON credential.id = admission.id
    WHERE admission.device_id = :device AND admission.id = ANY(:admissions)
"""
KEEP_NAME: Final = """
    UPDATE admission SET device_id = :nobody, guest_id = NULL, user_name = COALESCE(user_name, :name) WHERE id = :id
"""
FORGET_LOG_INS: Final = "DELETE FROM admission WHERE device_id = :device"


def _make_log_ins_nobodys(db: Session, device_id: UUID, visits: Iterable[tuple[_Stay, UUID]], keys: Keys) -> int:
    """Delete the device's log-ins; return how many there were."""
    nobodys = {stay.admission_id: nobody for stay, nobody in visits if stay.still and stay.admission_id}
    rows = db.execute(text(NAMES), {"device": device_id, "admissions": list(nobodys)}).all()
    for number, is_its_own_name in rows:
        name = keys.seal(number.hex, context=f"admission:{number}") if is_its_own_name else None
        db.execute(text(KEEP_NAME), {"id": number, "nobody": nobodys[number], "name": name})
    return len(rows) + db.connection().execute(text(FORGET_LOG_INS), {"device": device_id}).rowcount


# --- what only routers needed --------------------------------------------------------------------------------------------

SETTLED: Final = timedelta(hours=1)  # `radius.control` asks a router that long
FORGET_ADDRESSES: Final = """
    UPDATE guest_session SET address = NULL, admission_id = NULL
    WHERE device_id < '00000001-0000-0000-0000-000000000000' AND (address IS NOT NULL OR admission_id IS NOT NULL)
        AND last_seen_at < :before
"""


def forget_addresses(db: Session, *, now: datetime) -> int:
    """Take from visits that are nobody's what was left for their routers to end them. Return how many."""
    return db.connection().execute(text(FORGET_ADDRESSES), {"before": now - SETTLED}).rowcount
