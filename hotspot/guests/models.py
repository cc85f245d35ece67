"""Tables of consent and one-time credentials, and the type of a MAC address."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index
from sqlmodel import Field, SQLModel

from hotspot.errors import Invalid

# Every form of /ip/hotspot/profile radius-mac-format, as one pattern: 12 hex digits, pairs parted by one of ": - ." or blank.
MAC_TEXT = re.compile(r"[0-9A-Fa-f]{2}(?:[:\-. ]?[0-9A-Fa-f]{2}){5}")


class BadMacAddress(Invalid):
    """This is not the MAC address of a device"""


@dataclass(frozen=True, slots=True, order=True)
class MacAddress:
    """Six octets. Written as RouterOS does: upper case, colons."""

    octets: bytes

    @classmethod
    def parse(cls, text: str) -> "MacAddress":
        """Read any of the forms RouterOS writes.

        Raises:
            BadMacAddress: anything else, also a multicast or all-zero address, which no device has (IEEE 802 §8).
        """
        if not MAC_TEXT.fullmatch(text):
            raise BadMacAddress
        octets = bytes.fromhex(re.sub(r"[:\-. ]", "", text))
        if octets[0] & 1 or not any(octets):
            raise BadMacAddress
        return cls(octets)

    @property
    def is_randomised(self) -> bool:
        """Locally administered: the phone made it up for this network, as most do."""
        return bool(self.octets[0] & 2)

    def __str__(self) -> str:
        return self.octets.hex(":").upper()


class Consent(SQLModel, table=True):
    """A device's agreement to one version of the terms. Append-only: nothing here is ever changed."""

    id: int | None = Field(default=None, primary_key=True)
    device_id: UUID = Field(index=True)
    site_id: int = Field(foreign_key="site.id")
    terms_sha256: str = Field(max_length=64)
    language: str = Field(max_length=8)
    given_at: datetime = Field(sa_type=DateTime(timezone=True))


class Credential(SQLModel, table=True):
    """A one-time right to log in at one site with one device. Its id is the RADIUS Class; the password is derived."""

    __table_args__ = (Index("ix_credential_device", "device_id", "issued_at"),)

    id: UUID = Field(primary_key=True)
    site_id: int = Field(foreign_key="site.id")
    device_id: UUID
    consent_id: int = Field(foreign_key="consent.id")
    language: str = Field(max_length=8)
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
