"""Tables of guest sessions and their roll-ups."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, SmallInteger, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from hotspot.usage.counters import Counting


class GuestSession(SQLModel, table=True):
    """A device being online at a site, from start to stop, as its router accounted it.

    `session_key` identifies it within the router (see `usage.ingest.session_key`), `admission_id` is the RADIUS Class it was let in
    with. Times are the server's: `start_seen_at` is when the router said Start, `started_at` what Acct-Session-Time makes of it;
    `router_time` is the last the router's own clock said, and nothing is computed from it. Octets and packets are the session's
    totals so far, from and to the device; null: never reported. `ended_at` null: online, as far as we know; else `ended_by`
    (`counters.EndedBy`) says who said so. `suspicion` (`counters.Suspicion`): kept, and out of all figures. `aside_…` is an hour that
    the latest report left behind, on its way to `usage_mark`.
    """

    __tablename__ = "guest_session"
    __table_args__ = (
        UniqueConstraint("router_id", "session_key"),
        Index("ix_guest_session_device", "device_id", "started_at"),
        Index("ix_guest_session_open", "router_id", postgresql_where=text("ended_at IS NULL")),
        Index("ix_guest_session_suspicion", "started_at", postgresql_where=text("suspicion IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "70"}},  # interims update in place (HOT)
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    router_id: int = Field(foreign_key="router.id")
    session_key: UUID
    site_id: int = Field(foreign_key="site.id")
    device_id: UUID
    admission_id: UUID | None = None
    acct_session_id: str = Field(max_length=253)
    address: str | None = Field(default=None, max_length=45)
    started_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    last_seen_at: datetime = Field(sa_type=DateTime(timezone=True))
    start_seen_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    router_time: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended_by: str | None = Field(default=None, max_length=10)
    end_cause: int | None = None
    seconds: int | None = Field(default=None, sa_type=BigInteger)
    octets_from_device: int | None = Field(default=None, sa_type=BigInteger)
    octets_to_device: int | None = Field(default=None, sa_type=BigInteger)
    packets_from_device: int | None = Field(default=None, sa_type=BigInteger)
    packets_to_device: int | None = Field(default=None, sa_type=BigInteger)
    counting: int = Field(default=Counting.GIGAWORDS, sa_type=SmallInteger)
    suspicion: str | None = Field(default=None, max_length=10)
    aside_hour: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    aside_from_device: int | None = Field(default=None, sa_type=BigInteger)
    aside_to_device: int | None = Field(default=None, sa_type=BigInteger)


class UsageMark(SQLModel, table=True):
    """A session's highest counters among the reports of an earlier UTC hour than its latest, of which the row itself is the mark.

    Growth between marks is the hour's usage.
    """

    __tablename__ = "usage_mark"
    __table_args__ = ({"postgresql_with": {"fillfactor": "80"}},)

    session_id: int = Field(primary_key=True, sa_type=BigInteger)  # written with its session: no key to check
    hour: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    octets_from_device: int = Field(sa_type=BigInteger)
    octets_to_device: int = Field(sa_type=BigInteger)


class UsageDirty(SQLModel, table=True):
    """Hours whose roll-up is out of date: appended with the report that made them so, taken by the roll-up."""

    __tablename__ = "usage_dirty"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    since: datetime = Field(sa_type=DateTime(timezone=True))
    until: datetime = Field(sa_type=DateTime(timezone=True))


class Scope(StrEnum):
    """What a roll-up row is about."""

    SITE = "site"
    AREA = "area"


class UsageHour(SQLModel, table=True):
    """One UTC hour of a site or an area. `sessions` started in it, `devices` seen in it, `peak` online at once."""

    __tablename__ = "usage_hour"

    scope: str = Field(primary_key=True, max_length=4)
    scope_id: int = Field(primary_key=True)
    hour: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True), index=True)
    sessions: int
    devices: int
    peak: int
    octets_from_device: int = Field(sa_type=BigInteger)
    octets_to_device: int = Field(sa_type=BigInteger)


class UsageDay(SQLModel, table=True):
    """One local day of a site or an area; the same figures as an hour's, devices counted once a day."""

    __tablename__ = "usage_day"

    scope: str = Field(primary_key=True, max_length=4)
    scope_id: int = Field(primary_key=True)
    day: date = Field(primary_key=True, index=True)
    sessions: int
    devices: int
    peak: int
    octets_from_device: int = Field(sa_type=BigInteger)
    octets_to_device: int = Field(sa_type=BigInteger)
