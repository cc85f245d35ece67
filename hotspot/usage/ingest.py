"""Reports → rows, in one statement a batch. The same report twice changes nothing.

The SQL does to the stored row what `counters.join` does to two reports; a property test holds the two against each other.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from uuid import UUID

from sqlmodel import Session

from hotspot.usage.counters import Report, join_all, marks

COLUMNS = {
    "router_id": "int",
    "session_key": "uuid",
    "site_id": "int",
    "device_id": "uuid",
    "credential_id": "uuid",
    "acct_session_id": "text",
    "user_name": "text",
    "address": "text",
    "started_at": "timestamptz",
    "last_seen_at": "timestamptz",
    "ended_at": "timestamptz",
    "end_cause": "int",
    "seconds": "bigint",
    "octets_from_device": "bigint",
    "octets_to_device": "bigint",
    "packets_from_device": "bigint",
    "packets_to_device": "bigint",
}
assert list(COLUMNS) == [field.name for field in fields(Report)]

# GREATEST and LEAST pass over nulls: what is missing changes nothing. The first Stop is the end. Text is compared by code point,
# as Python does, whatever the database's locale.
SAVE_REPORTS = f"""
    WITH saved AS (
        INSERT INTO guest_session AS known ({", ".join(COLUMNS)})
        SELECT * FROM unnest({", ".join(f"%({name})s::{kind}[]" for name, kind in COLUMNS.items())})
        ON CONFLICT (router_id, session_key) DO UPDATE SET
            site_id = LEAST(known.site_id, excluded.site_id),
            device_id = LEAST(known.device_id, excluded.device_id),
            credential_id = LEAST(known.credential_id, excluded.credential_id),
            acct_session_id = LEAST(known.acct_session_id, excluded.acct_session_id COLLATE "C"),
            user_name = LEAST(known.user_name, excluded.user_name COLLATE "C"),
            address = GREATEST(known.address, excluded.address COLLATE "C"),
            started_at = LEAST(known.started_at, excluded.started_at),
            last_seen_at = GREATEST(known.last_seen_at, excluded.last_seen_at),
            end_cause = CASE
                WHEN known.ended_at IS NULL OR excluded.ended_at < known.ended_at THEN excluded.end_cause
                WHEN excluded.ended_at = known.ended_at AND excluded.end_cause IS NULL THEN NULL
                WHEN excluded.ended_at = known.ended_at AND known.end_cause IS NOT NULL
                    THEN LEAST(known.end_cause, excluded.end_cause)
                ELSE known.end_cause END,
            ended_at = LEAST(known.ended_at, excluded.ended_at),
            seconds = GREATEST(known.seconds, excluded.seconds),
            octets_from_device = GREATEST(known.octets_from_device, excluded.octets_from_device),
            octets_to_device = GREATEST(known.octets_to_device, excluded.octets_to_device),
            packets_from_device = GREATEST(known.packets_from_device, excluded.packets_from_device),
            packets_to_device = GREATEST(known.packets_to_device, excluded.packets_to_device)
        RETURNING id, router_id, session_key, started_at, last_seen_at
    ), marked AS (
        INSERT INTO usage_mark AS known (session_id, hour, octets_from_device, octets_to_device)
        SELECT saved.id, mark.hour, mark.octets_from_device, mark.octets_to_device
        FROM saved JOIN unnest(
            %(mark_router_id)s::int[], %(mark_session_key)s::uuid[], %(mark_hour)s::timestamptz[],
            %(mark_from)s::bigint[], %(mark_to)s::bigint[]
        ) AS mark (router_id, session_key, hour, octets_from_device, octets_to_device) USING (router_id, session_key)
        ON CONFLICT (session_id, hour) DO UPDATE SET
            octets_from_device = GREATEST(known.octets_from_device, excluded.octets_from_device),
            octets_to_device = GREATEST(known.octets_to_device, excluded.octets_to_device)
    )
    INSERT INTO usage_dirty (since, until)
    SELECT DISTINCT date_trunc('hour', started_at), date_trunc('hour', last_seen_at) FROM saved
"""  # noqa: S608  (column names of ours)


def session_key(*, acct_session_id: str, class_: bytes | None, user_name: str, device_id: UUID) -> UUID:
    """Return what identifies a session within its router.

    Acct-Session-Id alone is used again after a reboot, so our own Class (RFC 2865 §5.25) goes with it; without a Class the
    user name and the device do.
    """
    parts = [acct_session_id.encode(), class_ or b"", *([] if class_ else [user_name.encode(), device_id.bytes])]
    framed = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    return UUID(bytes=hashlib.blake2b(framed, digest_size=16).digest())


def record(db: Session, reports: Sequence[Report]) -> None:
    """Store a batch of single reports, in any order and any number of times."""
    if not reports:
        return
    sessions = list(join_all(reports).values())
    hours = marks(reports)
    values = {name: [getattr(report, name) for report in sessions] for name in COLUMNS} | {
        "mark_router_id": [mark.identity[0] for mark in hours],
        "mark_session_key": [mark.identity[1] for mark in hours],
        "mark_hour": [mark.hour for mark in hours],
        "mark_from": [mark.octets_from_device for mark in hours],
        "mark_to": [mark.octets_to_device for mark in hours],
    }
    db.connection().exec_driver_sql(SAVE_REPORTS, values)
