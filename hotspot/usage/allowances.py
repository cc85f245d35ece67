"""How much of an allowance is used: a guest's time and data of today, and which of their devices are online.

Answered from admissions and sessions as they are; nothing is counted apart, so nothing can disagree. For `radius` to ask before it
decides, in the transaction that admits.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlmodel import Session

from hotspot.usage.counters import LONGEST_SESSION

# The row is the mark of its latest hour, usage_mark has the earlier ones: what was counted by midnight is the highest of those before.
USED_SINCE: Final = """
    SELECT admission.guest_id,
        SUM(GREATEST(0, LEAST(COALESCE(session.seconds, 0),
            EXTRACT(EPOCH FROM LEAST(session.last_seen_at, session.ended_at) - %(midnight)s)::bigint))),
        SUM(GREATEST(0, COALESCE(session.octets_from_device, 0) + COALESCE(session.octets_to_device, 0)
            - COALESCE(before.octets, 0)))::bigint
    FROM admission
    JOIN guest_session AS session ON session.device_id = admission.device_id
        AND session.admission_id = admission.id AND session.router_id = admission.router_id
    LEFT JOIN LATERAL (
        SELECT MAX(octets_from_device) + MAX(octets_to_device) AS octets
        FROM usage_mark WHERE session_id = session.id AND hour < %(midnight)s
    ) AS before ON TRUE
    WHERE admission.guest_id = ANY(%(guests)s) AND admission.refusal IS NULL AND admission.decided_at > %(longest)s
        AND session.last_seen_at >= %(midnight)s AND session.suspicion IS NULL
    GROUP BY admission.guest_id
"""

# Nobody can have been this guest before the pass began, so whole sessions count.
USED_OF_PASSES: Final = """
    SELECT admission.guest_id, SUM(COALESCE(session.seconds, 0)),
        SUM(COALESCE(session.octets_from_device, 0) + COALESCE(session.octets_to_device, 0))::bigint
    FROM unnest(%(guests)s::uuid[], %(begun)s::timestamptz[]) AS held (guest_id, begun_at)
    JOIN admission ON admission.guest_id = held.guest_id
        AND admission.decided_at >= held.begun_at AND admission.refusal IS NULL
    JOIN guest_session AS session ON session.device_id = admission.device_id
        AND session.admission_id = admission.id AND session.router_id = admission.router_id
    WHERE session.suspicion IS NULL
    GROUP BY admission.guest_id
"""

# A place is held from the Accept on: by the admission until its Start is due at the latest, then by the session until it has ended.
DEVICES_ONLINE: Final = """
    SELECT DISTINCT admission.guest_id, admission.device_id
    FROM admission
    LEFT JOIN guest_session AS session
        ON session.device_id = admission.device_id
        AND session.admission_id = admission.id AND session.router_id = admission.router_id
    WHERE admission.guest_id = ANY(%(guests)s) AND admission.refusal IS NULL AND admission.decided_at > %(longest)s
        AND CASE WHEN session.id IS NULL THEN admission.held_until > %(now)s ELSE session.ended_at IS NULL END
"""


class Used(NamedTuple):
    """What a guest used since some moment, all devices together."""

    online: timedelta
    octets: int


NOTHING: Final = Used(timedelta(), 0)


def used_since(db: Session, guests: Collection[UUID], *, midnight: datetime) -> dict[UUID, Used]:
    """Return what each guest has used since then; who used nothing is not in it."""
    if not guests:
        return {}
    facts = {"guests": list(guests), "midnight": midnight, "longest": midnight - LONGEST_SESSION}
    rows = db.connection().exec_driver_sql(USED_SINCE, facts)
    return {guest: Used(timedelta(seconds=int(seconds)), int(octets)) for guest, seconds, octets in rows}


def used_of_passes(db: Session, begun: Mapping[UUID, datetime]) -> dict[UUID, Used]:
    """Return what each guest has used since their pass began, all devices together; who used nothing is not in it."""
    if not begun:
        return {}
    facts = {"guests": list(begun), "begun": list(begun.values())}
    rows = db.connection().exec_driver_sql(USED_OF_PASSES, facts)
    return {guest: Used(timedelta(seconds=int(seconds)), int(octets)) for guest, seconds, octets in rows}


def devices_online(db: Session, guests: Collection[UUID], *, now: datetime) -> dict[UUID, set[UUID]]:
    """Return the devices with which each guest is online or about to be."""
    if not guests:
        return {}
    facts = {"guests": list(guests), "now": now, "longest": now - LONGEST_SESSION}
    online: dict[UUID, set[UUID]] = {}
    for guest, device in db.connection().exec_driver_sql(DEVICES_ONLINE, facts):
        online.setdefault(guest, set()).add(device)
    return online
