"""Tables of guest sessions and their roll-ups."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class GuestSession(SQLModel, table=True):
    """A device being online at a site, from start to stop, as its router accounted it.

    `session_key` identifies it within the router (see `usage.ingest.session_key`). Octets and packets are the session's totals
    so far, from and to the device; null: never reported. `ended_at` null: online, as far as we know.
    """

    __tablename__ = "guest_session"
    __table_args__ = (
        UniqueConstraint("router_id", "session_key"),
        Index("ix_guest_session_device", "device_id", "started_at"),
        {"postgresql_with": {"fillfactor": "70"}},  # interims update in place (HOT)
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    router_id: int = Field(foreign_key="router.id")
    session_key: UUID
    site_id: int = Field(foreign_key="site.id")
    device_id: UUID
    credential_id: UUID | None = None
    acct_session_id: str = Field(max_length=253)
    user_name: str = Field(max_length=253)
    address: str | None = Field(default=None, max_length=45)
    started_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    last_seen_at: datetime = Field(sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    end_cause: int | None = None
    seconds: int | None = Field(default=None, sa_type=BigInteger)
    octets_from_device: int | None = Field(default=None, sa_type=BigInteger)
    octets_to_device: int | None = Field(default=None, sa_type=BigInteger)
    packets_from_device: int | None = Field(default=None, sa_type=BigInteger)
    packets_to_device: int | None = Field(default=None, sa_type=BigInteger)


class UsageMark(SQLModel, table=True):
    """A session's highest counters among the reports of one UTC hour; growth between marks is the hour's usage."""

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
