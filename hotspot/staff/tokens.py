"""Personal tokens for programs: a member of staff's name, with less than they may do themselves, for a time.

A token is 256 bits, shown once, and kept as its hash. It dies with its time, when it is revoked, and with the account.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import DateTime
from sqlmodel import Field, Session, SQLModel, col, select

from hotspot.errors import Conflict, Invalid, NotFound
from hotspot.security import new_token, token_hash
from hotspot.staff.models import Role, StaffAccount
from hotspot.staff.service import StaffDisabled, get_staff

PREFIX: Final = "hotspot_"  # so that scanners of source code and people know one when they see it
TOKEN: Final = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
LONGEST_LIFE: Final = timedelta(days=366)
LONGEST_LABEL: Final = 60


class Scope(StrEnum):
    """What a token may do: look, or also change what its owner may change."""

    READ = "read"
    OPERATE = "operate"


class BadToken(Invalid):
    """{field}: {problem}"""


class NoSuchToken(NotFound):
    """There is no token {number}; see: hotspot staff token list"""


class MayNotOperate(Conflict):
    """{name} is an official, who only reads; make a token with --scope read"""


class StaffToken(SQLModel, table=True):
    """Leave for a program to act for a member of staff; only the token's hash is kept. `label` says what it is for."""

    __tablename__ = "staff_token"

    id: int | None = Field(default=None, primary_key=True)
    staff_id: int = Field(foreign_key="staff_account.id", index=True)
    label: str = Field(max_length=LONGEST_LABEL)
    token_hash: bytes = Field(unique=True)
    scope: str = Field(max_length=16)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a program acts for, and what it may do: never more than they may themselves."""

    token: int
    name: str
    role: Role
    scope: Scope

    @property
    def is_network_staff(self) -> bool:
        return _is_network_staff(self.role)

    @property
    def may_operate(self) -> bool:
        return self.scope is Scope.OPERATE and self.is_network_staff


def _is_network_staff(role: Role) -> bool:
    return role in (Role.ADMIN, Role.NETWORK)


def issue_token(
    db: Session, name: str, *, label: str, scope: Scope, life: timedelta, now: datetime
) -> tuple[StaffToken, str]:
    """Make a token for a member of staff; what is returned beside its row is shown once and never again.

    Raises:
        NoSuchStaff, StaffDisabled: there is nobody to act for.
        MayNotOperate: they may do less than the token would.
        BadToken: a label or a life that can't be.
    """
    staff = get_staff(db, name)
    if staff.disabled_at is not None:
        raise StaffDisabled(name=name)
    if scope is Scope.OPERATE and not _is_network_staff(Role(staff.role)):
        raise MayNotOperate(name=name)
    label = label.strip()
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        raise BadToken(field="label", problem=f"is 1 to {LONGEST_LABEL} printable characters")
    if not timedelta() < life <= LONGEST_LIFE:
        raise BadToken(field="days", problem=f"is from 1 to {LONGEST_LIFE.days}")
    assert staff.id is not None
    token = f"{PREFIX}{new_token()}"
    kept = StaffToken(
        staff_id=staff.id,
        label=label,
        token_hash=token_hash(token),
        scope=scope,
        created_at=now,
        expires_at=now + life,
    )
    db.add(kept)
    db.flush()
    return kept, token


def find_bearer(db: Session, token: str, *, now: datetime) -> Bearer | None:
    """Return who shows this token; None when it is nobody's (any more), for whatever reason.

    It is looked up by its hash: how long that takes tells of the hash, from which nobody comes back to a token.
    """
    wanted = token_hash(token)
    found = db.exec(
        select(StaffToken, StaffAccount)
        .join(StaffAccount, col(StaffAccount.id) == col(StaffToken.staff_id))
        .where(
            StaffToken.token_hash == wanted,
            StaffToken.expires_at > now,
            col(StaffToken.revoked_at).is_(None),
            col(StaffAccount.disabled_at).is_(None),
        )
    ).first()
    if found is None:
        return None
    held, staff = found
    assert held.id is not None
    return Bearer(held.id, staff.name, Role(staff.role), Scope(held.scope))


def tokens(db: Session) -> Sequence[tuple[StaffToken, str]]:
    """Return every token with its owner's name, the latest first."""
    together = select(StaffToken, StaffAccount.name).join(
        StaffAccount, col(StaffAccount.id) == col(StaffToken.staff_id)
    )
    return db.exec(together.order_by(col(StaffToken.id).desc())).all()


def revoke_token(db: Session, number: int, *, now: datetime) -> None:
    """End a token at once; ending it twice is ending it once.

    Raises:
        NoSuchToken: there is none with this number.
    """
    held = db.get(StaffToken, number)
    if held is None:
        raise NoSuchToken(number=number)
    held.revoked_at = held.revoked_at or now
    db.flush()
