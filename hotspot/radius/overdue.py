"""Sessions that go on although their guest's pass is over: used up, run out, or taken back.

An Accept bounds each session by what was left then. What several devices use at the same time, and what was voided since, is found
here, a minute later at the most.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from hotspot.db import Database
from hotspot.guests.passes import Counting, counted_passes, note_spent
from hotspot.radius.control import ask_to_end
from hotspot.radius.policy import SHORTEST
from hotspot.security import Keys
from hotspot.usage.allowances import NOTHING, Used, used_of_passes

OVERDUE: Final = """
    SELECT session.id, session.router_id
    FROM guest_session AS session
    JOIN admission ON admission.id = session.admission_id AND admission.router_id = session.router_id
    JOIN guest_pass ON guest_pass.guest_id = admission.guest_id
    WHERE session.ended_at IS NULL AND (spent_at IS NOT NULL OR valid_until <= :now)
"""


def end_overdue(database: Database, *, keys: Keys, now: datetime) -> int:
    """Note which passes are used up, then ask for the end of the sessions whose guest's pass is over; return how many."""
    with database.writing() as db:
        note_spent(db, _spent(db, now=now), now=now)
        found = [(int(row[0]), int(row[1])) for row in db.execute(text(OVERDUE), {"now": now})]
    return ask_to_end(database, found, keys=keys, now=now)


def _spent(db: Session, *, now: datetime) -> list[UUID]:
    passes = counted_passes(db, now=now)
    used = used_of_passes(db, {one.guest_id: one.begun_at for one in passes})
    return [one.guest_id for one in passes if _is_spent(one, used.get(one.guest_id, NOTHING))]


def _is_spent(one: Counting, used: Used) -> bool:
    """Whether policy would let nobody in with it any more."""
    no_time = one.seconds is not None and one.seconds - used.online.total_seconds() < SHORTEST.total_seconds()
    return no_time or (one.octets is not None and used.octets >= one.octets)
