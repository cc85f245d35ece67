"""Copies of routers' configurations, sealed at rest."""

from datetime import datetime

from sqlalchemy import DateTime, UniqueConstraint
from sqlmodel import Field, SQLModel


class RouterBackup(SQLModel, table=True):
    """A copy of a router's configuration: `content` is sealed, `size` and `sha256` (hex) are the plain text's."""

    __tablename__ = "router_backup"
    __table_args__ = (UniqueConstraint("router_id", "taken_at"),)

    id: int | None = Field(default=None, primary_key=True)
    router_id: int = Field(foreign_key="router.id")
    taken_at: datetime = Field(sa_type=DateTime(timezone=True))
    reason: str = Field(max_length=16)
    version: str = Field(max_length=40)
    size: int
    sha256: str = Field(max_length=64)
    content: bytes
