"""The table of routers."""

from datetime import datetime

from sqlalchemy import DateTime, UniqueConstraint
from sqlmodel import Field, SQLModel


class Router(SQLModel, table=True):
    """A MikroTik box at a site.

    `name` is its RouterOS identity and NAS-Identifier; `address` the source address of its RADIUS packets; `login_host` the
    host[:port] of its hotspot's login page as phones see it (empty: the same as `address`, any port); `secret` is sealed
    with the context ``router:<name>``.
    """

    __table_args__ = (UniqueConstraint("name"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=64)
    site_id: int = Field(foreign_key="site.id", index=True)
    address: str = Field(max_length=45)
    login_host: str = Field(default="", max_length=100)
    secret: bytes
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
