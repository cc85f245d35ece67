"""Routers that were heard on a wire, kept in a bounded number until they were not heard for a week, so that staff can invite them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text
from sqlmodel import Session, col, delete, select

from hotspot.discovery.models import KeptNeighbour
from hotspot.discovery.service import Heard
from hotspot.errors import NotFound
from hotspot.guests.models import MacAddress

log = structlog.get_logger()

MOST_KEPT: Final = 500  # a bench has dozens; a flood of made-up routers fills no more than this
SILENCE: Final = timedelta(days=7)


class NoSuchNeighbour(NotFound):
    """No router with the MAC address {mac} was heard lately; listen with: hotspot discover INTERFACE --keep"""


KEEP: Final = """
    INSERT INTO neighbour AS known (mac, identity, board, version, address, interface, heard_on, first_at, last_at)
    SELECT heard.* FROM (
        SELECT CAST(:mac AS varchar) AS mac, CAST(:identity AS varchar), CAST(:board AS varchar), CAST(:version AS varchar),
            CAST(:address AS varchar), CAST(:interface AS varchar), CAST(:heard_on AS varchar), CAST(:first_at AS timestamptz),
            CAST(:last_at AS timestamptz)
    ) AS heard
    WHERE (SELECT count(*) FROM neighbour) < :most OR EXISTS (SELECT FROM neighbour AS held WHERE held.mac = heard.mac)
    ON CONFLICT (mac) DO UPDATE SET identity = excluded.identity, board = excluded.board, version = excluded.version,
        address = excluded.address, interface = excluded.interface, heard_on = excluded.heard_on, last_at = excluded.last_at
"""


def keep(db: Session, heard: Iterable[Heard], *, heard_on: str, now: datetime) -> None:
    """Keep who was heard; when it is full only those that are kept already are renewed. Who was silent for a week is forgotten."""
    db.exec(delete(KeptNeighbour).where(col(KeptNeighbour.last_at) <= now - SILENCE))
    for entry in heard:
        said = entry.neighbour
        values = {
            "mac": str(said.mac),
            "identity": said.identity,
            "board": said.board,
            "version": said.version,
            "address": str(said.ipv4 or said.ipv6 or ""),
            "interface": said.interface,
            "heard_on": heard_on,
            "first_at": entry.first_at,
            "last_at": entry.last_at,
            "most": MOST_KEPT,
        }
        if not db.connection().execute(text(KEEP), values).rowcount:
            log.warning("too many routers were heard; one was not kept", mac=str(said.mac))


def neighbours(db: Session, *, now: datetime) -> Sequence[KeptNeighbour]:
    """Return who was heard lately, the latest first."""
    lately = select(KeptNeighbour).where(col(KeptNeighbour.last_at) > now - SILENCE)
    return db.exec(lately.order_by(col(KeptNeighbour.last_at).desc(), col(KeptNeighbour.mac))).all()


def get_neighbour(db: Session, mac: MacAddress, *, now: datetime) -> KeptNeighbour:
    """Return the router of this MAC address.

    Raises:
        NoSuchNeighbour: it was not heard lately.
    """
    kept = db.get(KeptNeighbour, str(mac))
    if kept is None or kept.last_at <= now - SILENCE:
        raise NoSuchNeighbour(mac=mac)
    return kept
