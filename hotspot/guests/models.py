"""Tables of terms, the ledger of consent, one-time credentials, admissions and blocked devices, and the type of a MAC address."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, UniqueConstraint, text
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

    It holds from `effective_at` on, and only if a second person has approved it. `is_material`: who agreed to an earlier version has
    to agree again. Who did something is a name, and by which way: "console", or the account at the command line.
    """

    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("num_nonnulls(approved_by, approved_at, approved_through) IN (0, 3)", name="approval_is_whole"),
        CheckConstraint("approved_by <> drafted_by", name="two_persons"),
        CheckConstraint("approved_at <= effective_at", name="approved_before_it_holds"),
    )

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    version: int
    texts: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    sha256: str = Field(max_length=64)
    is_material: bool = True
    effective_at: datetime = Field(sa_type=DateTime(timezone=True))
    drafted_by: str = Field(max_length=100)
    drafted_at: datetime = Field(sa_type=DateTime(timezone=True))
    drafted_through: str = Field(max_length=100)
    approved_by: str | None = Field(default=None, max_length=100)
    approved_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    approved_through: str | None = Field(default=None, max_length=100)


class LedgerEntry(SQLModel, table=True):
    """One link of the chain that all consents and their withdrawals are in; see `guests.chain`. The database refuses any change.

    It commits to facts that are kept elsewhere, together with their salt. When the facts are deleted the entry stays and tells
    nothing.
    """

    __tablename__ = "ledger_entry"

    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=DateTime(timezone=True))
    kind: str = Field(max_length=10)
    commitment: bytes
    prev: bytes
    hash: bytes


class Consent(SQLModel, table=True):
    """A device's agreement to one version of the terms, and the salt of its ledger entry. The database refuses to change it.

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
    salt: bytes
    entry: int = Field(sa_type=BigInteger, unique=True)


class Withdrawal(SQLModel, table=True):
    """From then on what the device agreed to before holds no longer. `by`: the guest, or who did it for them."""

    __table_args__ = (Index("ix_withdrawal_device", "device_id", "withdrawn_at"),)

    entry: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    device_id: UUID
    withdrawn_at: datetime = Field(sa_type=DateTime(timezone=True))
    by: str = Field(max_length=200)
    salt: bytes


class Erasure(SQLModel, table=True):
    """That what was held about a device was deleted, and how much it was; of which device is known to nobody."""

    entry: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    erased_at: datetime = Field(sa_type=DateTime(timezone=True))
    by: str = Field(max_length=200)
    consents: int
    withdrawals: int
    log_ins: int
    sessions: int
    salt: bytes


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
