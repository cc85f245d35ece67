"""Tables of staff, their one-time login links and their log-ins."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import DateTime
from sqlmodel import Field, SQLModel


class Role(StrEnum):
    """Admins decide about everything, network staff about sites and routers. Officials read, and say to guests what the city has to say.

    The last takes two persons, whatever their roles are: see `portal.banners` and `portal.broadcasts`.
    """

    ADMIN = "admin"
    NETWORK = "network"
    OFFICIAL = "official"


class StaffAccount(SQLModel, table=True):
    """A person who signs in to the console. The duty officer may send an alert alone, which somebody reviews afterwards."""

    __tablename__ = "staff_account"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=100)
    role: str = Field(max_length=16)
    is_duty_officer: bool = False
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    disabled_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class LoginLink(SQLModel, table=True):
    """A one-time link; only the hash of its token is kept."""

    __tablename__ = "login_link"

    token_hash: bytes = Field(primary_key=True)
    staff_id: int = Field(foreign_key="staff_account.id")
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class StaffLogin(SQLModel, table=True):
    """A browser that is signed in; only the hash of its cookie is kept."""

    __tablename__ = "staff_login"

    token_hash: bytes = Field(primary_key=True)
    staff_id: int = Field(foreign_key="staff_account.id", index=True)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
