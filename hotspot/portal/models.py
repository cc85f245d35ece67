"""Tables of information banners and of the version of all that pages show."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Banner(SQLModel, table=True):
    """Information of the city on the welcome page of an area's sites. `texts`: language → {title, text}."""

    id: int | None = Field(default=None, primary_key=True)
    area_id: int = Field(foreign_key="area.id", index=True)
    texts: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    priority: int = 0
    starts_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class ContentVersion(SQLModel, table=True):
    """One number for all that guests' pages show: a commit that changes any of it counts it on. No row is version 0.

    Triggers write it, see `migrations.shown`. `changed_in` is the transaction that did so last.
    """

    __tablename__ = "content_version"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True)
    version: int = Field(sa_type=BigInteger)
    changed_in: int = Field(sa_type=BigInteger)
