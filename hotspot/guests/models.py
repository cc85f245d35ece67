"""Tables of terms, consent, one-time credentials, admissions and blocked devices, and the type of a MAC address."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from hotspot.errors import Invalid
from hotspot.sites.settings import SignIn

# Every form of /ip/hotspot/profile radius-mac-format, as one pattern: 12 hex digits, pairs parted by one of ": - ." or blank.
MAC_TEXT = re.compile(r"[0-9A-Fa-f]{2}(?:[:\-. ]?[0-9A-Fa-f]{2}){5}")


MAC_SEPARATORS = str.maketrans("", "", ":-. ")


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
        octets = bytes.fromhex(text.translate(MAC_SEPARATORS))
        if octets[0] & 1 or not any(octets):
            raise BadMacAddress
        return cls(octets)

    @property
    def is_randomised(self) -> bool:
        """Locally administered: the phone made it up for this network, as most do."""
        return bool(self.octets[0] & 2)

    def __str__(self) -> str:
        return self.octets.hex(":").upper()


class Terms(SQLModel, table=True):
    """One version of a terms document. `texts`: language → {title, summary, body}; `sha256` is over all of them.

    `is_material`: who agreed to an earlier version has to agree again.
    """

    __table_args__ = (UniqueConstraint("name", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    version: int
    texts: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    sha256: str = Field(max_length=64)
    is_material: bool = True
    effective_at: datetime = Field(sa_type=DateTime(timezone=True))


class Consent(SQLModel, table=True):
    """A device's agreement to one version of the terms. Append-only: nothing here is ever changed.

    `guest_id` is who the allowance counts for: the device itself, or who owns several devices. `method` is how that was found out, a
    `sites.settings.SignIn`.
    """

    __table_args__ = (Index("ix_consent_device", "device_id", "given_at"),)

    id: int | None = Field(default=None, primary_key=True)
    device_id: UUID
    guest_id: UUID
    site_id: int = Field(foreign_key="site.id")
    terms_sha256: str = Field(max_length=64)
    language: str = Field(max_length=8)
    method: str = Field(default=SignIn.ONE_TAP.value, max_length=16)
    given_at: datetime = Field(sa_type=DateTime(timezone=True))


class Credential(SQLModel, table=True):
    """A one-time right to log in at one site with one device. Its id becomes the admission's; the password is derived.

    `cap_seconds` and `cap_octets` bound the one session it begins, below everything else that does; null: nothing more.
    """

    __table_args__ = (Index("ix_credential_device", "device_id", "issued_at"),)

    id: UUID = Field(primary_key=True)
    site_id: int = Field(foreign_key="site.id")
    device_id: UUID
    guest_id: UUID
    consent_id: int = Field(foreign_key="consent.id")
    language: str = Field(max_length=8)
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    cap_seconds: int | None = None
    cap_octets: int | None = Field(default=None, sa_type=BigInteger)


class Admission(SQLModel, table=True):
    """One decided log-in: `refusal` says why not, null let the device in. The id is the RADIUS Class of what follows.

    An admission holds one of its guest's places until its session has ended, or until `held_until` where none was ever reported.
    `slowed_at`: since when the session has the slow speed of a guest whose data for the day is used up.
    `user_name` is what the router called the guest, sealed with the context ``admission:<id>``; null where it is the id in hex. A
    log that stands by itself: no foreign keys to check.
    """

    __table_args__ = (
        Index("ix_admission_guest", "guest_id", "decided_at"),
        Index("ix_admission_decided_at", "decided_at"),
        Index("ix_admission_named", "held_until", postgresql_where=text("user_name IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    router_id: int
    site_id: int
    device_id: UUID | None = None
    guest_id: UUID | None = None
    refusal: str | None = Field(default=None, max_length=24)
    user_name: bytes | None = None
    decided_at: datetime = Field(sa_type=DateTime(timezone=True))
    held_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    slowed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class BlockedDevice(SQLModel, table=True):
    """A device that is not let in until then; null: until somebody unblocks it."""

    __tablename__ = "blocked_device"

    device_id: UUID = Field(primary_key=True)
    reason: str = Field(max_length=200)
    blocked_at: datetime = Field(sa_type=DateTime(timezone=True))
    until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
