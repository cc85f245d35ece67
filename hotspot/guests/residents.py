"""Residents' codes: a personal code that makes all of somebody's devices one guest, whatever addresses their phones make up.

Phones show another MAC address at each network, so a guest who comes back looks like a new one. Who signs in with their own code is
the same guest everywhere: the site's limits by day and of devices count for all of their devices together. Who the resident is, isn't
stored: a code has a number, a pseudonymous guest, and a note that must not name anybody.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, DateTime, text
from sqlmodel import Field, Session, SQLModel, col, select

from hotspot.errors import Conflict, Invalid, NotFound
from hotspot.guests.passes import GuestPass, Unusable, end_passes
from hotspot.guests.printed_codes import NO_CODE, Typed, new_code
from hotspot.security import Keys

KIND: Final = "resident"
LONGEST_LIFE: Final = timedelta(days=731)
LONGEST_NOTE: Final = 100


class Resident(SQLModel, table=True):
    """One resident's code. Its id is the number printed with it; of the code only a keyed hash is kept."""

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    guest_id: UUID = Field(unique=True)
    code_hash: bytes = Field(unique=True)
    note: str = Field(default="", max_length=LONGEST_NOTE)
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
    issued_by: str = Field(max_length=LONGEST_NOTE)
    revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class BadResident(Invalid):
    """This code can't be issued: {problem}"""


class NoSuchResident(NotFound):
    """There is no resident's code with the number {number}; see: hotspot residents list"""


class Revoked(Conflict):
    """The resident's code {number} was revoked; issue a new one"""


class Issued(NamedTuple):
    """A resident's number and code; the code is known at this moment alone."""

    number: int
    code: str
    valid_until: datetime


class ResidentRow(NamedTuple):
    """A resident's code as staff see it."""

    number: int
    note: str
    issued_at: datetime
    valid_until: datetime
    revoked_at: datetime | None


def issue(db: Session, *, note: str, life: timedelta, issued_by: str, keys: Keys, now: datetime) -> Issued:
    """Issue a code to a resident.

    Raises:
        BadResident: a note that can't be, or a time that is too long.
    """
    note = note.strip()
    if len(note) > LONGEST_NOTE or not note.isprintable():
        raise BadResident(problem=f"the note is one line of at most {LONGEST_NOTE} characters")
    until = now + _checked(life)
    code, guest_id = new_code(), uuid4()
    resident = Resident(
        guest_id=guest_id, code_hash=keys.printed_code_hash(KIND, code), note=note, issued_at=now, issued_by=issued_by
    )
    db.add(resident)
    db.add(GuestPass(guest_id=guest_id, begun_at=now, valid_until=until))
    db.flush()
    assert resident.id is not None
    return Issued(resident.id, code, until)


def renew(db: Session, number: int, *, life: timedelta, keys: Keys, now: datetime, new: bool) -> Issued:
    """Let a code hold from now on for `life`; `new`: under another code, the old one is lost. The guest stays the same.

    Without `new` the code itself isn't known any more: what is returned of it is empty.

    Raises:
        NoSuchResident, Revoked, BadResident
    """
    resident = _get(db, number)
    if resident.revoked_at is not None:
        raise Revoked(number=number)
    until = now + _checked(life)
    code = new_code() if new else ""
    if new:
        resident.code_hash = keys.printed_code_hash(KIND, code)
        db.add(resident)
    held = db.get_one(GuestPass, resident.guest_id)
    held.valid_until = until
    db.add(held)
    db.flush()
    return Issued(number, code, until)


def revoke(db: Session, number: int, *, now: datetime) -> None:
    """Take a code back; its guest's sessions are ended by the clock.

    Raises:
        NoSuchResident, Revoked
    """
    resident = _get(db, number)
    if resident.revoked_at is not None:
        raise Revoked(number=number)
    resident.revoked_at = now
    db.add(resident)
    db.flush()
    end_passes(db, [resident.guest_id], now=now)


def residents(db: Session) -> list[ResidentRow]:
    """Return all codes by number; what they are is known to nobody."""
    rows = db.exec(
        select(Resident, GuestPass.valid_until)
        .join(GuestPass, col(GuestPass.guest_id) == col(Resident.guest_id))
        .order_by(col(Resident.id))
    )
    return [ResidentRow(one.id or 0, one.note, one.issued_at, until, one.revoked_at) for one, until in rows]


FORGET: Final = """
    WITH gone AS (
        DELETE FROM resident USING guest_pass AS held
        WHERE held.guest_id = resident.guest_id AND held.valid_until < :before RETURNING resident.guest_id
    )
    DELETE FROM guest_pass USING gone WHERE guest_pass.guest_id = gone.guest_id
"""


def forget_residents(db: Session, *, before: datetime) -> None:
    """Delete codes that ran out, or were revoked, before then."""
    db.execute(text(FORGET), {"before": before})


FIND: Final = """
    SELECT resident.id, resident.guest_id, revoked_at, valid_until
    FROM resident JOIN guest_pass ON guest_pass.guest_id = resident.guest_id WHERE code_hash = :code_hash
"""


def recognise(db: Session, typed: Typed | None, *, keys: Keys, now: datetime) -> UUID | Unusable:
    """Return the guest whose code was typed, or why it is of no use."""
    row = db.execute(text(FIND), {"code_hash": keys.printed_code_hash(KIND, (typed or NO_CODE).code)}).first()
    if row is None or typed is None or row.revoked_at is not None or typed.number not in (None, row.id):
        return Unusable.UNKNOWN
    guest_id: UUID = row.guest_id
    return guest_id if row.valid_until > now else Unusable.EXPIRED


def _checked(life: timedelta) -> timedelta:
    if not timedelta(days=1) <= life <= LONGEST_LIFE:
        raise BadResident(problem=f"it holds for 1 to {LONGEST_LIFE.days} days")
    return life


def _get(db: Session, number: int) -> Resident:
    resident = db.exec(select(Resident).where(Resident.id == number).with_for_update()).first()
    if resident is None:
        raise NoSuchResident(number=number)
    return resident
