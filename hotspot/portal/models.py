"""The table of information banners."""

from datetime import datetime

from sqlalchemy import DateTime
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
