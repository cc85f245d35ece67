"""Passes: what a guest who signed in with a code may have, instead of or beside what their site gives everybody.

A voucher's first use makes one, a resident's code is one from the day it is issued. A guest without a pass has what the site gives.
How much of a pass is used is counted in `usage`, over all devices of its guest and since its first use; `radius` decides with it.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, text
from sqlmodel import Field, Session, SQLModel

from hotspot.sites.settings import SignIn

BY_CODE: Final = frozenset({SignIn.VOUCHER, SignIn.RESIDENT})
"""Ways to sign in that give a pass: without one, nobody is let in again who signed in like this."""


class GuestPass(SQLModel, table=True):
    """One guest's pass. `seconds` and `octets` are for all of its life, `devices` online at once; null: as the site has it.

    It holds at one site, in one area, or (both null) everywhere. `spent_at`: when its time or data was found to be used up. Voiding
    it, or taking it back, is to set `valid_until` to that moment.
    """

    __tablename__ = "guest_pass"
    __table_args__ = (CheckConstraint("num_nulls(area_id, site_id) > 0", name="one_place_or_all"),)

    guest_id: UUID = Field(primary_key=True)
    area_id: int | None = Field(default=None, foreign_key="area.id")
    site_id: int | None = Field(default=None, foreign_key="site.id")
    begun_at: datetime = Field(sa_type=DateTime(timezone=True))
    valid_until: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    seconds: int | None = None
    octets: int | None = Field(default=None, sa_type=BigInteger)
    devices: int | None = None
    up_kbps: int | None = None
    down_kbps: int | None = None
    spent_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class Held(NamedTuple):
    """A pass as it is at one site: `is_here`, whether it holds there."""

    begun_at: datetime
    valid_until: datetime
    seconds: int | None
    octets: int | None
    devices: int | None
    up_kbps: int | None
    down_kbps: int | None
    is_here: bool

    @property
    def is_counted(self) -> bool:
        """Whether it matters how much of it is used."""
        return self.seconds is not None or self.octets is not None


HELD: Final = """
    WITH RECURSIVE asked (guest_id, site_id) AS (
        SELECT * FROM unnest(%(guests)s::uuid[], %(sites)s::int[])
    ), chain (site_id, id, parent_id) AS (
        SELECT site.id, area.id, area.parent_id
        FROM site JOIN area ON area.id = site.area_id WHERE site.id IN (SELECT site_id FROM asked)
        UNION ALL
        SELECT chain.site_id, area.id, area.parent_id FROM chain JOIN area ON area.id = chain.parent_id
    )
    SELECT asked.guest_id, asked.site_id, begun_at, valid_until, seconds, octets, devices, up_kbps, down_kbps,
        CASE WHEN held.site_id IS NOT NULL THEN held.site_id = asked.site_id
            WHEN held.area_id IS NOT NULL THEN EXISTS (
                SELECT 1 FROM chain WHERE chain.site_id = asked.site_id AND chain.id = held.area_id)
            ELSE TRUE END
    FROM asked JOIN guest_pass AS held ON held.guest_id = asked.guest_id
"""


def passes_of(db: Session, guests: Collection[tuple[UUID, int]]) -> dict[tuple[UUID, int], Held]:
    """Return the pass of each guest as it is at the site they ask at; who has none is not in it. One query, or none."""
    if not guests:
        return {}
    facts = {"guests": [guest for guest, _ in guests], "sites": [site for _, site in guests]}
    return {(row[0], row[1]): Held(*row[2:]) for row in db.connection().exec_driver_sql(HELD, facts)}


class Counting(NamedTuple):
    """A pass whose use is counted, and that was not found to be used up."""

    guest_id: UUID
    begun_at: datetime
    seconds: int | None
    octets: int | None


def counted_passes(db: Session, *, now: datetime) -> list[Counting]:
    """Return the passes that may become used up at any moment."""
    rows = db.execute(
        text("""
            SELECT guest_id, begun_at, seconds, octets FROM guest_pass
            WHERE valid_until > :now AND spent_at IS NULL AND num_nonnulls(seconds, octets) > 0
        """),
        {"now": now},
    )
    return [Counting(*row) for row in rows]


def note_spent(db: Session, guests: Collection[UUID], *, now: datetime) -> None:
    """Note that the passes of these guests are used up."""
    db.execute(
        text("UPDATE guest_pass SET spent_at = :now WHERE guest_id = ANY(:guests) AND spent_at IS NULL"),
        {"guests": list(guests), "now": now},
    )


def end_passes(db: Session, guests: Collection[UUID], *, now: datetime) -> None:
    """Let these passes hold no longer."""
    db.execute(
        text("UPDATE guest_pass SET valid_until = :now WHERE guest_id = ANY(:guests) AND valid_until > :now"),
        {"guests": list(guests), "now": now},
    )


def with_own_data(db: Session, guests: Collection[UUID]) -> set[UUID]:
    """Return those of the guests whose pass says how much data they may move: the site's limit by day isn't theirs."""
    rows = db.execute(
        text("SELECT guest_id FROM guest_pass WHERE guest_id = ANY(:guests) AND octets IS NOT NULL"),
        {"guests": list(guests)},
    )
    return set(rows.scalars())


class Unusable(StrEnum):
    """Why a code gives no pass. Only who holds the paper is told more than that a code is unknown."""

    UNKNOWN = "unknown"  # it never existed, was taken back, or the number behind it is another one's
    EXPIRED = "expired"
    USED_UP = "used up"
    ELSEWHERE = "elsewhere"
