"""How often something may be tried, by all processes together: windows counted in the database.

For what a thief gains by repeating: guessing codes, having messages sent. (`hotspot.throttle` keeps scripts away more cheaply, in one
process.) What is counted is a keyed hash, so that a copy of the table tells of no device and no phone; windows that are over are
deleted by the clock.

A try is taken *before* what it is for is done, and committed whatever comes of it: counted afterwards, many tries at the same moment
would all find room. Until the commit others who take of the same limit wait, so a limit that many share is looked at first
(`find_full`) and counted only where it must be. Who turns out to be honest is given theirs back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import DateTime, text
from sqlmodel import Field, Session, SQLModel

from hotspot.security import Keys


class LimitWindow(SQLModel, table=True):
    """How many tries were taken of one limit by one key; over at `until`."""

    __tablename__ = "limit_window"

    key: str = Field(primary_key=True, max_length=22)
    count: int
    until: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class Limit(NamedTuple):
    """At most so many tries within a window that begins with the first of them; `name` tells limits apart."""

    name: str
    most: int
    window: timedelta

    def of(self, *facts: object) -> "Counted":
        """Return this limit for one device, site, phone …, or for all the world."""
        return Counted(self, facts)


class Counted(NamedTuple):
    """A limit, and for whom it counts."""

    limit: Limit
    facts: tuple[object, ...]

    def key(self, keys: Keys) -> str:
        return keys.sign("limit", self.limit.name, *self.facts)


class Exceeded(NamedTuple):
    """The limit that leaves no room, and when it will."""

    limit: Limit
    until: datetime


MOST_COUNTED: Final = 2**31 - 1  # what the column holds
# A window that is over begins anew; one that is full returns no row.
TAKE: Final = """
    INSERT INTO limit_window AS held (key, count, until) VALUES (:key, 1, :until)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN held.until <= :now THEN 1 ELSE held.count + 1 END,
        until = CASE WHEN held.until <= :now THEN excluded.until ELSE held.until END
    WHERE held.until <= :now OR held.count < :most
    RETURNING count
"""
GIVE_BACK: Final = "UPDATE limit_window SET count = count - 1 WHERE key = ANY(:keys) AND count > 0 AND until > :now"


def take(db: Session, counted: Sequence[Counted], *, keys: Keys, now: datetime) -> Exceeded | None:
    """Take one try of each, or none at all and return the first that has no room.

    Name the narrowest first (device, site, everything): who is stopped there uses up nothing that others share, and two requests
    never wait for each other in a ring.
    """
    taken: list[Counted] = []
    for one in counted:
        facts = {"key": one.key(keys), "now": now, "until": now + one.limit.window, "most": one.limit.most}
        if db.execute(text(TAKE), facts).first() is None:
            give_back(db, taken, keys=keys, now=now)
            return Exceeded(one.limit, db.get_one(LimitWindow, facts["key"], populate_existing=True).until)
        taken.append(one)
    return None


FULL: Final = "SELECT until FROM limit_window WHERE key = :key AND until > :now AND count >= :most"


def find_full(db: Session, counted: Sequence[Counted], *, keys: Keys, now: datetime) -> Exceeded | None:
    """Return the first of these that has no room now; nothing is taken."""
    for one in counted:
        until = db.scalar(text(FULL), {"key": one.key(keys), "now": now, "most": one.limit.most})
        if until is not None:
            return Exceeded(one.limit, until)
    return None


def count(db: Session, one: Counted, *, keys: Keys, now: datetime) -> int:
    """Count one more, whatever the limit says, and return how many there are: full or not, it is the same work."""
    facts = {"key": one.key(keys), "now": now, "until": now + one.limit.window, "most": MOST_COUNTED}
    return int(db.execute(text(TAKE), facts).scalar_one())


def give_back(db: Session, counted: Sequence[Counted], *, keys: Keys, now: datetime) -> None:
    """Return one try of each: it was no guess."""
    if counted:
        db.execute(text(GIVE_BACK), {"keys": [one.key(keys) for one in counted], "now": now})


def forget_windows(db: Session, *, now: datetime) -> int:
    """Delete windows that are over. Return how many."""
    gone = db.connection().execute(text("DELETE FROM limit_window WHERE until <= :now"), {"now": now})
    return gone.rowcount
