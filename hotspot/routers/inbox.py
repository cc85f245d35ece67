"""Routers that called without leave: what they say of themselves, kept for a day in a bounded number, until staff adopt one."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text
from sqlmodel import Session, col, delete, or_, select

from hotspot.errors import NotFound
from hotspot.routers.contact import FirstContact
from hotspot.routers.models import Caller

log = structlog.get_logger()

MOST_CALLERS: Final = 200  # a city unpacks fewer boxes on a day
MOST_FROM_ONE_SOURCE: Final = 40  # a warehouse behind one address
SILENCE: Final = timedelta(hours=24)  # a box with the retry scheduler calls every 2 minutes


class NoSuchCaller(NotFound):
    """Nothing in the inbox has the number {number}; see: hotspot routers inbox"""


NOTE = """
    INSERT INTO enrolment_caller
        (serial, wireguard_key, model, version, licence, packages, device_mode, fingerprint, source, first_at, last_at)
    VALUES (:serial, :key, :model, :version, :licence, CAST(:packages AS jsonb), CAST(:mode AS jsonb), :fingerprint, :source, :now, :now)
    ON CONFLICT (serial, wireguard_key) DO UPDATE SET model = excluded.model, version = excluded.version,
        licence = excluded.licence, packages = excluded.packages, device_mode = excluded.device_mode,
        fingerprint = excluded.fingerprint, source = excluded.source, last_at = excluded.last_at
    RETURNING id
"""

# What a source has beyond its share, its oldest calls first; then, while there are too many, the oldest of the source that has the most.
MAKE_ROOM = """
    DELETE FROM enrolment_caller WHERE id IN (
        SELECT id FROM enrolment_caller WHERE source = :source AND id <> :kept
        ORDER BY last_at, id LIMIT greatest(0, (SELECT count(*) FROM enrolment_caller WHERE source = :source) - :most_from_one)
    ) OR id IN (
        SELECT caller.id FROM enrolment_caller AS caller
        JOIN (SELECT source, count(*) AS held FROM enrolment_caller GROUP BY source) AS crowd USING (source)
        WHERE caller.id <> :kept
        ORDER BY crowd.held DESC, caller.last_at, caller.id
        LIMIT greatest(0, (SELECT count(*) FROM enrolment_caller) - :most)
    )
"""


def note(db: Session, contact: FirstContact, *, source: str, now: datetime) -> None:
    """Keep the call. When the inbox is full, the oldest call of the source with the most gives way: who floods it pushes out their own."""
    values = {
        "serial": contact.serial,
        "key": contact.wireguard_key,
        "model": contact.model,
        "version": contact.version,
        "licence": contact.licence,
        "packages": json.dumps(contact.packages),
        "mode": json.dumps(dict(contact.device_mode)),
        "fingerprint": contact.fingerprint,
        "source": source,
        "now": now,
    }
    kept = db.connection().execute(text(NOTE), values).scalar_one()
    bounds = {"kept": kept, "source": source, "most": MOST_CALLERS, "most_from_one": MOST_FROM_ONE_SOURCE}
    if db.connection().execute(text(MAKE_ROOM), bounds).rowcount:
        log.warning("the inbox of routers is full; the oldest call gave way", source=source)


def callers(db: Session) -> Sequence[Caller]:
    return db.exec(select(Caller).order_by(col(Caller.last_at).desc(), col(Caller.id))).all()


def get_contact(db: Session, number: int) -> FirstContact:
    """Return what this caller said.

    Raises:
        NoSuchCaller: nothing has this number (any more).
    """
    caller = db.get(Caller, number)
    if caller is None:
        raise NoSuchCaller(number=number)
    return FirstContact(
        serial=caller.serial,
        wireguard_key=caller.wireguard_key,
        version=caller.version,
        model=caller.model,
        licence=caller.licence,
        packages=tuple(caller.packages),
        device_mode=tuple(sorted(caller.device_mode.items())),
        fingerprint=caller.fingerprint,
    )


def dismiss(db: Session, number: int) -> None:
    """Take a caller out that nobody wants; when it calls again it is there again, under another number.

    Raises:
        NoSuchCaller: nothing has this number (any more).
    """
    caller = db.get(Caller, number)
    if caller is None:
        raise NoSuchCaller(number=number)
    db.delete(caller)
    db.flush()


def forget(db: Session, contact: FirstContact) -> None:
    """Take a router that was admitted out, and whoever claims its serial number or key."""
    db.exec(
        delete(Caller).where(
            or_(col(Caller.serial) == contact.serial, col(Caller.wireguard_key) == contact.wireguard_key)
        )
    )


def forget_silent(db: Session, *, now: datetime) -> None:
    db.exec(delete(Caller).where(col(Caller.last_at) <= now - SILENCE))
