"""The table of areas and the words for its levels."""

from enum import StrEnum
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Level(StrEnum):
    """Where an area stands in the tree; each level's parent is the one before it."""

    KOTA = "kota"
    KECAMATAN = "kecamatan"
    KELURAHAN = "kelurahan"

    @property
    def parent(self) -> "Level | None":
        levels = list(Level)
        return levels[levels.index(self) - 1] if self is not Level.KOTA else None


class Area(SQLModel, table=True):
    """A node of the tree. `code` is the official one (19.71.05.1004); `polygon` a GeoJSON geometry (RFC 7946 §3.1).

    `website` and `social_media` are where its office is on the web: addresses that `links` has checked.
    """

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True, max_length=32)
    name: str = Field(max_length=100)
    level: str = Field(max_length=16)
    parent_id: int | None = Field(default=None, foreign_key="area.id", index=True)
    latitude: float | None = None
    longitude: float | None = None
    polygon: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    website: str | None = Field(default=None, max_length=300)
    social_media: list[str] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
