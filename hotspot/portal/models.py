"""Tables of terms and information banners."""

from datetime import datetime

from sqlalchemy import DateTime, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Terms(SQLModel, table=True):
    """One version of a terms document. `texts`: language → {title, summary, body}; `sha256` is over all of them."""

    __table_args__ = (UniqueConstraint("name", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    version: int
    texts: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    sha256: str = Field(max_length=64)
    effective_at: datetime = Field(sa_type=DateTime(timezone=True))


class Banner(SQLModel, table=True):
    """Information of the city on the welcome page of an area's sites. `texts`: language → {title, text}."""

    id: int | None = Field(default=None, primary_key=True)
    area_id: int = Field(foreign_key="area.id", index=True)
    texts: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    priority: int = 0
    starts_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
