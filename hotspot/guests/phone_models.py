"""The tables of phone codes and of the messages that bring them. No phone number stands in them, but sealed and for minutes."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DateTime, Index
from sqlmodel import Field, SQLModel


class MessageState(StrEnum):
    """Where a message is. From `SENDING` on it is never sent a second time, but for what a provider certainly didn't take."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"  # a provider has taken it; whether it arrives only the guest knows
    UNSURE = "unsure"  # it may have been sent: the provider, or the program, fell silent in the middle
    FAILED = "failed"  # nobody took it
    HELD = "held"  # sent to nobody: its phone has had its messages for the day. To pages it is like one that was sent


class PhoneCode(SQLModel, table=True):
    """A code that a device asked for at one site, for a phone.

    `phone_id` and `prefix_id` are pseudonyms of the number and of its block. `sealed` is number and code, with the context
    ``phone code:<id>``, until it is used or too old. One that `is_held` back is never right: nobody was sent it. `used_by` is the
    press of a button that used it up: the same press again is the same success.
    """

    __tablename__ = "phone_code"
    __table_args__ = (Index("ix_phone_code_device", "device_id", "site_id", "created_at"),)

    id: UUID = Field(primary_key=True)
    site_id: int = Field(foreign_key="site.id")
    device_id: UUID
    phone_id: UUID
    prefix_id: UUID
    code_hash: bytes
    sealed: bytes | None = None
    is_held: bool = False
    language: str = Field(max_length=8)
    tries: int = 0
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    used_by: UUID | None = None


class PhoneMessage(SQLModel, table=True):
    """One message with a code; a resent code has several. The id goes along to providers as the key that tells repeats."""

    __tablename__ = "phone_message"

    id: UUID = Field(primary_key=True)
    code_id: UUID = Field(foreign_key="phone_code.id", ondelete="CASCADE", index=True)
    state: str = Field(default=MessageState.QUEUED, max_length=8)
    sender: str | None = Field(default=None, max_length=40)
    queued_at: datetime = Field(sa_type=DateTime(timezone=True))
    settled_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
