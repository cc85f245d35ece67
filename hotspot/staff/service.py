"""Staff accounts, one-time login links and log-ins.

A link works once, for a quarter of an hour; a log-in lasts a working day and no longer, however busy it is. Tokens leave this
module only as return values: the database has their hashes.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, text
from sqlmodel import Session, col, select

from hotspot.errors import Conflict, Invalid, NotAllowed, NotFound
from hotspot.security import new_token, token_hash
from hotspot.staff.models import LoginLink, Role, StaffAccount, StaffLogin

LINK_LIFE = timedelta(minutes=15)  # long enough to reach a phone or a colleague, too short to be found later
LOGIN_LIFE = timedelta(hours=12)  # one working day
LONGEST_NAME = 100


class StaffExists(Conflict):
    """There is a staff account named {name} already"""


class BadStaffName(Invalid):
    """A staff name is 1 to 100 printable characters"""


class NoSuchStaff(NotFound):
    """There is no staff account named {name}; add one with: hotspot staff add"""


class StaffDisabled(NotAllowed):
    """The staff account {name} is disabled"""


class LinkNotUsable(NotAllowed):
    """This login link was used already, is older than a quarter of an hour, or never existed"""


def add_staff(db: Session, name: str, role: Role, now: datetime) -> StaffAccount:
    """Add a person who may sign in.

    Raises:
        StaffExists: the name is taken.
        BadStaffName: empty, too long, or with control characters.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadStaffName
    if find_staff(db, name) is not None:
        raise StaffExists(name=name)
    staff = StaffAccount(name=name, role=role, created_at=now)
    db.add(staff)
    db.flush()
    return staff


def find_staff(db: Session, name: str) -> StaffAccount | None:
    return db.exec(select(StaffAccount).where(StaffAccount.name == name)).first()


def get_staff(db: Session, name: str) -> StaffAccount:
    staff = find_staff(db, name)
    if staff is None:
        raise NoSuchStaff(name=name)
    return staff


def disable_staff(db: Session, name: str, now: datetime) -> None:
    """Shut an account: its links and its log-ins stop working with the commit."""
    staff = get_staff(db, name)
    staff.disabled_at = staff.disabled_at or now
    db.add(staff)
    db.flush()


def set_duty(db: Session, name: str, *, is_on_duty: bool) -> None:
    """Say whether somebody is a duty officer, who may send an alert alone.

    Raises:
        NoSuchStaff: there is no such account.
    """
    staff = get_staff(db, name)
    staff.is_duty_officer = is_on_duty
    db.add(staff)
    db.flush()


def make_login_link(db: Session, name: str, now: datetime) -> str:
    """Return the token of a fresh one-time link; links that ran out are forgotten on the way.

    Raises:
        NoSuchStaff, StaffDisabled: nobody to sign in.
    """
    staff = get_staff(db, name)
    if staff.disabled_at is not None:
        raise StaffDisabled(name=name)
    db.execute(delete(LoginLink).where(col(LoginLink.expires_at) <= now))
    assert staff.id is not None
    token = new_token()
    db.add(LoginLink(token_hash=token_hash(token), staff_id=staff.id, expires_at=now + LINK_LIFE))
    db.flush()
    return token


USE_LINK = """
    UPDATE login_link SET used_at = :now
    FROM staff_account
    WHERE token_hash = :token_hash AND used_at IS NULL AND expires_at > :now
          AND staff_account.id = login_link.staff_id AND staff_account.disabled_at IS NULL
    RETURNING staff_id
"""


def sign_in(db: Session, token: str, now: datetime) -> str:
    """Use the link up and return the cookie of a new log-in.

    1. the conditional UPDATE lets one request win, however many hold the link; 2. log-ins that ran out are forgotten; 3. the new
    one is stored as a hash.

    Raises:
        LinkNotUsable: used, run out, unknown, or of a disabled account; never says which.
    """
    staff_id = db.scalar(text(USE_LINK), {"token_hash": token_hash(token), "now": now})
    if staff_id is None:
        raise LinkNotUsable
    db.execute(delete(StaffLogin).where(col(StaffLogin.expires_at) <= now))
    cookie = new_token()
    db.add(
        StaffLogin(token_hash=token_hash(cookie), staff_id=staff_id, created_at=now, expires_at=now + LOGIN_LIFE),
    )
    db.flush()
    return cookie


def find_staff_by_cookie(db: Session, cookie: str, now: datetime) -> StaffAccount | None:
    """Return who is signed in with this cookie; a disabled account is nobody at once."""
    return db.exec(
        select(StaffAccount)
        .join(StaffLogin, col(StaffLogin.staff_id) == col(StaffAccount.id))
        .where(
            StaffLogin.token_hash == token_hash(cookie),
            StaffLogin.expires_at > now,
            col(StaffAccount.disabled_at).is_(None),
        )
    ).first()


def sign_out(db: Session, cookie: str) -> None:
    """Forget the log-in; an unknown cookie is no error."""
    db.execute(delete(StaffLogin).where(col(StaffLogin.token_hash) == token_hash(cookie)))
