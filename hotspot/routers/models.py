"""Tables of routers, of what lets them enrol, and of those that called without being asked."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

COA_PORT = 3799  # RFC 5176 §2.1; RouterOS' manual names 1700 as its default, so it is always set on the router


class RouterState(StrEnum):
    """How far a router has come; RADIUS listens to the first and the third only.

    `MANUAL` was configured by hand. `WAITING` was given its tunnel and not yet taken over, `ENROLLED` is managed through it.
    `REPLACED` is the record of a box whose identity went to another one.
    """

    MANUAL = "manual"
    WAITING = "waiting"
    ENROLLED = "enrolled"
    REPLACED = "replaced"


class Router(SQLModel, table=True):
    """A MikroTik box, at a site or not placed yet.

    `name` is its RouterOS identity and NAS-Identifier; `address` the source address of its RADIUS packets; `login_host` the
    host[:port] of its hotspot's login page as phones see it (empty: the same as `address`, any port); `coa_port` where it takes
    Disconnect and CoA (/radius/incoming). `secret` is sealed with the context ``router:<name>``; `previous_secret` is still taken
    until `previous_until` — or, without a time, until a rotation is confirmed — so that a rotation interrupts nobody.

    The rest is what enrolment learns and gives. `tunnel_address` is its address in the WireGuard network; after a replacement
    `previous_tunnel_address` is let through as well, until the box has taken the new one. The API passwords are sealed with the
    context ``router-api:<name>``: `bootstrap_password` until the controller has taken over, then `api_password`, and
    `next_api_password` while it is being changed. `fingerprint` is the SHA-256 of the certificate of its api-ssl, in hex. Until
    `answers_until` its first contact is answered again, when it repeats the token it enrolled with; `token_hash` is that token's. One
    that staff adopted from the inbox has none and needs none.
    """

    __table_args__ = (UniqueConstraint("name"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=64)
    site_id: int | None = Field(default=None, foreign_key="site.id", index=True)
    address: str = Field(max_length=45)
    login_host: str = Field(default="", max_length=100)
    coa_port: int = COA_PORT
    secret: bytes
    previous_secret: bytes | None = None
    previous_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    state: str = Field(default=RouterState.MANUAL, max_length=16)
    serial: str | None = Field(default=None, max_length=40, unique=True)
    model: str = Field(default="", max_length=64)
    version: str = Field(default="", max_length=40)
    licence: str = Field(default="", max_length=20)
    packages: list[str] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    device_mode: dict[str, str] = Field(default_factory=dict, sa_type=JSONB, nullable=False)
    wireguard_key: str | None = Field(default=None, max_length=44, unique=True)
    tunnel_address: str | None = Field(default=None, max_length=15, unique=True)
    previous_tunnel_address: str | None = Field(default=None, max_length=15, unique=True)
    bootstrap_password: bytes | None = None
    api_password: bytes | None = None
    next_api_password: bytes | None = None
    fingerprint: str = Field(default="", max_length=64)
    token_hash: bytes | None = None
    answers_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    enrolled_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class EnrolmentToken(SQLModel, table=True):
    """Leave to enrol one router, once, at a site or with a serial number; only the token's hash is kept."""

    __tablename__ = "enrolment_token"
    __table_args__ = (CheckConstraint("num_nonnulls(site_id, serial) > 0", name="bound"),)

    id: int | None = Field(default=None, primary_key=True)
    token_hash: bytes = Field(unique=True)
    site_id: int | None = Field(default=None, foreign_key="site.id")
    serial: str | None = Field(default=None, max_length=40)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    redeemed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class Caller(SQLModel, table=True):
    """A router that called without leave and waits in the inbox: what it says of itself, and where it called from."""

    __tablename__ = "enrolment_caller"
    __table_args__ = (UniqueConstraint("serial", "wireguard_key"),)

    id: int | None = Field(default=None, primary_key=True)
    serial: str = Field(max_length=40)
    wireguard_key: str = Field(max_length=44)
    model: str = Field(max_length=64)
    version: str = Field(max_length=40)
    licence: str = Field(max_length=20)
    packages: list[str] = Field(sa_type=JSONB, nullable=False)
    device_mode: dict[str, str] = Field(sa_type=JSONB, nullable=False)
    fingerprint: str = Field(max_length=64)
    source: str = Field(max_length=45)
    first_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class LoginCertificate(SQLModel, table=True):
    """A certificate for routers' log-in pages. Of several with one `name` the latest counts; the others can still be gone back to.

    `fingerprint` is its SHA-256, in hex; `chain` it and its issuers, in PEM; `key` is sealed with the context
    ``login-certificate:<fingerprint>``.
    """

    __tablename__ = "login_certificate"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40, index=True)
    fingerprint: str = Field(max_length=64, unique=True)
    chain: str
    key: bytes
    names: list[str] = Field(sa_type=JSONB, nullable=False)
    valid_until: datetime = Field(sa_type=DateTime(timezone=True))
    added_at: datetime = Field(sa_type=DateTime(timezone=True))


class TunnelKey(SQLModel, table=True):
    """The controller's own WireGuard key pair, one row; the private key is sealed with the context ``tunnel``."""

    __tablename__ = "tunnel_key"

    id: int = Field(default=1, primary_key=True)
    private_key: bytes
    public_key: str = Field(max_length=44)
