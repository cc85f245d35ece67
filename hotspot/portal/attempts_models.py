"""The table of attempts to get online."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DateTime, Index, text
from sqlmodel import Field, SQLModel

IS_OPEN = text("decided_at IS NULL")


class State(StrEnum):
    """How far an attempt has come; the last two are final."""

    REQUESTED = "requested"  # agreed; nobody has told the router yet
    SENT = "sent"  # the phone, or the controller, was sent to the router
    CONFIRMED = "confirmed"  # the router has the device online
    FAILED = "failed"  # `reason` says why


class SignInAttempt(SQLModel, table=True):
    """One device's try to get online at a site, from the button to the end; one at a time, however often the button is pressed.

    `press` is the page whose button was pressed last, `credential_id` what that gave. `told_id` is the credential that the controller takes
    to the router: whoever pressed does not know it, so only the device that the router lets in with it is told of the session. `handed` is what the router handed over and the
    way that is tried second needs, sealed with the context ``attempt:<id>``; null once it is decided. `fell_back_at`: since when that
    second way is tried. `answer` is what the router said to the controller, `browser` the family alone. A log that stands by itself:
    no foreign keys to check.
    """

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ux_sign_in_attempt_open", "site_id", "device_id", unique=True, postgresql_where=IS_OPEN),
        Index("ix_sign_in_attempt_code", "support_code"),
        Index("ix_sign_in_attempt_device", "device_id", "requested_at"),
        Index("ix_sign_in_attempt_requested_at", "requested_at"),
    )

    id: UUID = Field(primary_key=True)
    site_id: int
    router_id: int
    device_id: UUID
    support_code: str = Field(max_length=5)
    method: str = Field(max_length=16)
    consent_id: int
    press: UUID
    credential_id: UUID
    told_id: UUID | None = None
    way: str = Field(max_length=10)
    state: str = Field(max_length=10)
    reason: str | None = Field(default=None, max_length=24)
    answer: str | None = Field(default=None, max_length=200)
    language: str = Field(max_length=8)
    browser: str = Field(max_length=16)
    handed: bytes | None = None
    requested_at: datetime = Field(sa_type=DateTime(timezone=True))
    sent_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    fell_back_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    decided_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
