"""The table of routers."""

from datetime import datetime

from sqlalchemy import DateTime, UniqueConstraint
from sqlmodel import Field, SQLModel

COA_PORT = 3799  # RFC 5176 §2.1; RouterOS' manual names 1700 as its default, so it is always set on the router


class Router(SQLModel, table=True):
    """A MikroTik box at a site.

    `name` is its RouterOS identity and NAS-Identifier; `address` the source address of its RADIUS packets; `login_host` the
    host[:port] of its hotspot's login page as phones see it (empty: the same as `address`, any port); `coa_port` where it takes
    Disconnect and CoA (/radius/incoming). `secret` is sealed with the context ``router:<name>``; `previous_secret` is still taken
    until `previous_until`, so that a rotation interrupts nobody.
    """

    __table_args__ = (UniqueConstraint("name"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=64)
    site_id: int = Field(foreign_key="site.id", index=True)
    address: str = Field(max_length=45)
    login_host: str = Field(default="", max_length=100)
    coa_port: int = COA_PORT
    secret: bytes
    previous_secret: bytes | None = None
    previous_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
