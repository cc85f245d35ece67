"""How sessions end that no Stop ends: the device began one elsewhere, its owner agrees no longer, the router started anew, the
reports stopped coming.

Each closes a session at its last counters and last sight; a Stop that comes after all replaces what was inferred here (`ingest`).
A router can end only its own sessions, but for a device that we let in at another router ourselves.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlmodel import Session

from hotspot import arrays
from hotspot.sites.settings import SiteSettings, effective_at_sites
from hotspot.usage.counters import LONGEST_SESSION, EndedBy, Report

Connection = psycopg.Connection[Any]

MISSED_REPORTS: Final = 3
"""After how many reports that did not come a session is lost; one or two are a weak link."""

# Open is said by `ended_by`, so that the index of what is open is no choice: a device's few sessions are found by the device. The
# same device may have been cloned: its session elsewhere ends only where our own Accept let it in at the new router.
SUPERSEDE: Final = f"""
    UPDATE guest_session AS old SET ended_at = GREATEST(old.started_at, old.last_seen_at), ended_by = '{EndedBy.SUPERSEDED}'
    FROM unnest(%(routers)s::int[], %(keys)s::uuid[], %(devices)s::uuid[], %(admissions)s::uuid[], %(started)s::timestamptz[])
        AS new (router_id, session_key, device_id, admission_id, started_at)
    JOIN guest_session AS own ON own.router_id = new.router_id AND own.session_key = new.session_key
    WHERE old.device_id = new.device_id AND own.ended_by IS NULL AND old.ended_by IS NULL AND old.started_at < own.started_at
        AND (old.router_id, old.session_key) <> (new.router_id, new.session_key)
        AND (old.router_id = new.router_id OR (
            SELECT admission.router_id = new.router_id AND admission.device_id = new.device_id AND admission.refusal IS NULL
            FROM admission WHERE admission.id = new.admission_id))
"""  # noqa: S608  (words of ours)

END_BEFORE_BOOT: Final = f"""
    UPDATE guest_session SET ended_at = GREATEST(started_at, last_seen_at), ended_by = '{EndedBy.REBOOT}'
    WHERE router_id = %(router_id)s AND ended_at IS NULL AND started_at < %(at)s AND last_seen_at < %(at)s
        AND (router_time <= %(router_time)s::timestamptz) IS NOT FALSE
        AND (%(prefix)s::text IS NULL OR acct_session_id ~ '^[0-9a-f]{{8}}$' AND left(acct_session_id, 3) <> %(prefix)s::text)
"""  # noqa: S608  (words of ours)

REAP: Final = f"""
    UPDATE guest_session SET ended_at = GREATEST(started_at, last_seen_at), ended_by = '{EndedBy.LOST}'
    WHERE ended_at IS NULL AND site_id = ANY(CAST(:sites AS int[])) AND last_seen_at < :before
"""  # noqa: S608  (words of ours)

# A lost one would live again with the next report; one that was withdrawn before may still be online at its router. In the order in
# which reports are stored, so that nobody waits in a ring.
END_WITHDRAWN: Final = f"""
    WITH still AS (
        SELECT id FROM guest_session
        WHERE device_id = :device AND (
            ended_by IS NULL OR ended_by IN ('{EndedBy.LOST}', '{EndedBy.WITHDRAWN}') AND last_seen_at > :since)
        ORDER BY router_id, session_key FOR UPDATE
    )
    UPDATE guest_session SET ended_at = GREATEST(started_at, last_seen_at), ended_by = '{EndedBy.WITHDRAWN}'
    FROM still WHERE guest_session.id = still.id
    RETURNING guest_session.id
"""  # noqa: S608  (words of ours)


class Boot(NamedTuple):
    """A router was seen to have started anew by then: what it had open is over.

    `prefix`: the service and boot digits that its Acct-Session-Ids begin with now, so that those of this boot stay; None: it said so
    itself (Accounting-On or -Off, RFC 2866 §5.1). `router_time`: when it was by the router's own clock; a message that is older than
    what a session's last report said is one that was sent again, and does not end it.
    """

    router_id: int
    at: datetime
    prefix: str | None = None
    router_time: datetime | None = None


def supersede(connection: Connection, starts: Sequence[Report]) -> None:
    """End what the devices that begin a session here have open elsewhere."""
    if starts:
        connection.execute(SUPERSEDE, superseding(starts), prepare=True)


def superseding(starts: Sequence[Report]) -> dict[str, str]:
    """Return the values of `SUPERSEDE`."""
    return {
        "routers": arrays.numbers(start.router_id for start in starts),
        "keys": arrays.uuids(start.session_key for start in starts),
        "devices": arrays.uuids(start.device_id for start in starts),
        "admissions": arrays.uuids(start.admission_id for start in starts),
        "started": arrays.moments(start.started_at for start in starts),
    }


def end_before_boots(connection: Connection, boots: Iterable[Boot]) -> None:
    """End what each of the routers had open before it started anew, and nobody else's."""
    for boot in boots:
        connection.execute(END_BEFORE_BOOT, boot._asdict())


def end_withdrawn(db: Session, device_id: UUID, *, now: datetime) -> list[int]:
    """End what the device has open, or may still have, because its owner agrees no longer; return the sessions' numbers.

    What they have counted so far stays. That the routers hear of it is the caller's business.
    """
    facts = {"device": device_id, "since": now - LONGEST_SESSION}
    return sorted(db.execute(text(END_WITHDRAWN), facts).scalars())


def reap_all(db: Session, *, now: datetime) -> int:
    """Give up, at every site, the sessions of which nothing was heard for three of its reports; return how many."""
    open_at = list(db.execute(text("SELECT DISTINCT site_id FROM guest_session WHERE ended_at IS NULL")).scalars())
    by_interim: dict[int, list[int]] = {}
    for site, values in effective_at_sites(db, open_at).items():
        if isinstance(values, SiteSettings):  # else nobody can say what is late; the site's staff are told elsewhere
            by_interim.setdefault(values.interim_seconds, []).append(site)
    return sum(
        reap(db, sites, interim=timedelta(seconds=seconds), now=now) for seconds, sites in sorted(by_interim.items())
    )


def reap(db: Session, sites: Collection[int], *, interim: timedelta, now: datetime) -> int:
    """Give up the sessions of these sites of which nothing was heard for three reports; return how many."""
    lost = db.connection().execute(text(REAP), {"sites": list(sites), "before": now - MISSED_REPORTS * interim})
    return lost.rowcount
