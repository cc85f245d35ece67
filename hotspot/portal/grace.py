"""A short connection so that a code can arrive that comes over the internet, as by WhatsApp. Off, unless a site has it.

It is for whoever has asked for a code, once a day for a device, a few minutes and little data long. Its consent's method is no way to
sign in, so that no device is ever let in without a page because of it. It is not counted by number over devices: the page
would tell who else was here.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from hotspot.guests.limits import Limit, take
from hotspot.portal.explanations import GRACE_HAD
from hotspot.portal.handoff import Stop
from hotspot.portal.visits import Visit

OCTETS: Final = 5_000_000  # some messages, and no film
ONCE: Final = Limit("short connection for a device", 1, timedelta(days=1))
PRESSED: Final = "SELECT 1 FROM sign_in_attempt WHERE device_id = :device AND site_id = :site AND press = :press"
RUNS: Final = """
    SELECT 1 FROM guest_session JOIN credential ON credential.id = guest_session.admission_id
    WHERE guest_session.device_id = :device AND guest_session.site_id = :site AND guest_session.ended_at IS NULL
        AND cap_seconds IS NOT NULL AND guest_session.started_at > :now - cap_seconds * interval '1 second'
"""


def take_grace(db: Session, visit: Visit, *, again: str, now: datetime) -> None:
    """Take the device's short connection of the day; the same press again is the same connection.

    Raises:
        Stop: it has had it.
    """
    facts = {"device": visit.device_id, "site": visit.place.site_id, "press": visit.press}
    if db.execute(text(PRESSED), facts).first() is not None:
        return
    if take(db, [ONCE.of(visit.device_id)], keys=visit.keys, now=now) is not None:
        raise Stop(GRACE_HAD, again=again)


def is_running(db: Session, visit: Visit, *, now: datetime) -> bool:
    """Tell whether the device is online by a short connection: its router would take no other log-in meanwhile."""
    facts = {"device": visit.device_id, "site": visit.place.site_id, "now": now}
    return db.execute(text(RUNS), facts).first() is not None
