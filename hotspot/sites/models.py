"""Tables of sites and of the settings given for areas and sites."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from sqlalchemy import CheckConstraint, DateTime, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

LONGEST_NAME = 100
LONGEST_ADDRESS = 200


class SiteState(StrEnum):
    """Planned sites are prepared, live ones serve guests, retired ones keep only their past."""

    PLANNED = "planned"
    LIVE = "live"
    RETIRED = "retired"


class Site(SQLModel, table=True):
    """A public place with Wi-Fi. `slug` is its name in addresses: unique, lower-case, never changed."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=LONGEST_NAME)
    area_id: int = Field(foreign_key="area.id", index=True)
    address: str = Field(default="", max_length=LONGEST_ADDRESS)
    latitude: float | None = None
    longitude: float | None = None
    state: str = Field(default=SiteState.LIVE, max_length=16)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


def home(slug: str) -> str:
    """Return the path of a site's pages, which is that of its welcome page; the slug may be anything that somebody typed."""
    return f"/p/{quote(slug, safe='')}"


class Setting(SQLModel, table=True):
    """One value given for an area or for a site; keys and types are those of `sites.settings.SiteSettings`."""

    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="one_place"),
        UniqueConstraint("area_id", "key"),
        UniqueConstraint("site_id", "key"),
    )

    id: int | None = Field(default=None, primary_key=True)
    area_id: int | None = Field(default=None, foreign_key="area.id")
    site_id: int | None = Field(default=None, foreign_key="site.id")
    key: str = Field(max_length=40)
    value: Any = Field(sa_type=JSONB, nullable=False)
