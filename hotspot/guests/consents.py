"""Consents, withdrawals and erasures on their way into the ledger: each in the transaction of what it is about.

To append takes one lock until the commit. So it comes last in a transaction: what would wait for rows afterwards would make
everybody wait who wants to get online.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from hotspot import arrays
from hotspot.guests.chain import SALT_OCTETS, Facts, commit_to, moment

LONGEST_BY: Final = 200
GUEST: Final = "guest"
"""Who withdraws or deletes on the device itself."""


class Given(NamedTuple):
    """What a consent says: who agreed to what, where, in which language, signed in how, when."""

    device_id: UUID
    guest_id: UUID
    site_id: int
    terms_sha256: str
    language: str
    method: str
    given_at: datetime

    def facts(self) -> Facts:
        return {
            "device": str(self.device_id),
            "given_at": moment(self.given_at),
            "guest": str(self.guest_id),
            "language": self.language,
            "method": self.method,
            "site": self.site_id,
            "terms_sha256": self.terms_sha256,
        }


class Kept(NamedTuple):
    """A consent as it was stored: its row, its salt, its entry in the ledger."""

    id: int
    salt: bytes
    entry: int


class Withdrawn(NamedTuple):
    """What a withdrawal says."""

    device_id: UUID
    withdrawn_at: datetime
    by: str

    def facts(self) -> Facts:
        return {"by": self.by, "device": str(self.device_id), "withdrawn_at": moment(self.withdrawn_at)}


class Erased(NamedTuple):
    """What an erasure says: how much was deleted, nothing of whose it was."""

    erased_at: datetime
    by: str
    consents: int
    withdrawals: int
    log_ins: int
    sessions: int

    @property
    def is_something(self) -> bool:
        return any((self.consents, self.withdrawals, self.log_ins, self.sessions))

    def facts(self) -> Facts:
        return {**self._asdict(), "erased_at": moment(self.erased_at)}


# --- consents ------------------------------------------------------------------------------------------------------------

APPEND: Final = """
    INSERT INTO consent (device_id, guest_id, site_id, terms_sha256, language, method, given_at, salt, entry)
    SELECT device_id, guest_id, site_id, terms_sha256, language, method, given_at, salt, appended.first + place - 1
    FROM unnest(%(devices)s::uuid[], %(guests)s::uuid[], %(sites)s::int[], %(terms)s::text[], %(languages)s::text[],
            %(methods)s::text[], %(moments)s::timestamptz[], %(salts)s::bytea[]) WITH ORDINALITY
            AS given (device_id, guest_id, site_id, terms_sha256, language, method, given_at, salt, place),
        ledger_append('given', %(moments)s::timestamptz[], %(commitments)s::bytea[]) AS appended (first)
    ORDER BY place
    RETURNING id, entry
"""


def append(db: Session, given: Sequence[Given]) -> list[Kept]:
    """Store consents and chain them, in their order, in one statement however many they are."""
    if not given:
        return []
    facts, salts = values_of(given)
    rows = db.connection().exec_driver_sql(APPEND, facts)
    stored = sorted((entry, number) for number, entry in rows)
    return [Kept(number, salt, entry) for (entry, number), salt in zip(stored, salts, strict=True)]


def values_of(given: Sequence[Given]) -> tuple[dict[str, str], list[bytes]]:
    """Return the values of `APPEND`, and the salts that were drawn for them."""
    salts = [secrets.token_bytes(SALT_OCTETS) for _ in given]
    commitments = [commit_to(one.facts(), salt) for one, salt in zip(given, salts, strict=True)]
    facts = {
        "devices": arrays.uuids(one.device_id for one in given),
        "guests": arrays.uuids(one.guest_id for one in given),
        "sites": arrays.numbers(one.site_id for one in given),
        "terms": arrays.texts(one.terms_sha256 for one in given),
        "languages": arrays.texts(one.language for one in given),
        "methods": arrays.texts(one.method for one in given),
        "moments": arrays.moments(one.given_at for one in given),
        "salts": arrays.octets(salts),
        "commitments": arrays.octets(commitments),
    }
    return facts, salts


# --- withdrawal ----------------------------------------------------------------------------------------------------------

# What was given before the latest withdrawal holds no longer.
HOLDS: Final = """
    SELECT EXISTS (SELECT FROM consent WHERE device_id = :device AND given_at > COALESCE(
        (SELECT max(withdrawn_at) FROM withdrawal WHERE device_id = :device), '-infinity'))
"""
WITHDRAW: Final = """
    INSERT INTO withdrawal (entry, device_id, withdrawn_at, by, salt)
    SELECT ledger_append('withdrawn', ARRAY[CAST(:at AS timestamptz)], ARRAY[CAST(:commitment AS bytea)]), :device, :at, :by, :salt
"""


def withdraw(db: Session, device_id: UUID, *, by: str, now: datetime) -> bool:
    """Withdraw what the device agreed to, at every site; False when nothing it agreed to holds any more.

    1. What it could still log in with goes. 2. The withdrawal is recorded and chained; RADIUS remembers the device no longer. To end
    its sessions is the caller's business.
    """
    if not db.scalar(text(HOLDS), {"device": device_id}):
        return False
    db.execute(text("DELETE FROM credential WHERE device_id = :device AND used_at IS NULL"), {"device": device_id})
    said = Withdrawn(device_id, now, by[:LONGEST_BY])
    salt = secrets.token_bytes(SALT_OCTETS)
    values = {"device": device_id, "at": now, "by": said.by, "salt": salt, "commitment": commit_to(said.facts(), salt)}
    db.execute(text(WITHDRAW), values)
    return True


# --- erasure -------------------------------------------------------------------------------------------------------------

DELETED: Final = {
    "credential": "DELETE FROM credential WHERE device_id = :device",
    "consent": "DELETE FROM consent WHERE device_id = :device",
    "withdrawal": "DELETE FROM withdrawal WHERE device_id = :device",
}
ERASE: Final = """
    INSERT INTO erasure (entry, erased_at, by, consents, withdrawals, log_ins, sessions, salt)
    SELECT ledger_append('erased', ARRAY[CAST(:erased_at AS timestamptz)], ARRAY[CAST(:commitment AS bytea)]),
        :erased_at, :by, :consents, :withdrawals, :log_ins, :sessions, :salt
"""


def delete_facts(db: Session, device_id: UUID) -> dict[str, int]:
    """Delete the device's consents, their salts and what was issued on them; return how many of each table."""
    return {
        table: db.connection().execute(text(statement), {"device": device_id}).rowcount
        for table, statement in DELETED.items()
    }


def record_erasure(db: Session, erased: Erased) -> None:
    """Chain that something was deleted."""
    salt = secrets.token_bytes(SALT_OCTETS)
    commitment = commit_to(erased.facts(), salt)
    db.execute(text(ERASE), {**erased._asdict(), "salt": salt, "commitment": commitment})


def forget_withdrawals(db: Session, *, before: datetime) -> int:
    """Delete withdrawals older than that, once nothing is held that they withdrew. Return how many."""
    gone = db.connection().execute(
        text("""
            DELETE FROM withdrawal WHERE withdrawn_at < :before AND NOT EXISTS (
                SELECT FROM consent WHERE consent.device_id = withdrawal.device_id AND given_at <= withdrawn_at)
        """),
        {"before": before},
    )
    return gone.rowcount
