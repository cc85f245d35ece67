"""Copies of routers' configurations: compressed, sealed at rest, and kept for 90 days; each router's newest is kept for good.

Taking one is the business of `copies`; here they are stored, found and opened again.
"""

import hashlib
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import DateTime, UniqueConstraint, text
from sqlmodel import Field, Session, SQLModel, col, select

from hotspot.errors import Invalid, NotFound
from hotspot.security import Keys

LARGEST = 4 * 1024 * 1024  # octets; the export of a large router has some 200 KiB
KEPT = timedelta(days=90)

FORGET_OLD = """
DELETE FROM router_backup AS old WHERE taken_at < :before
AND EXISTS (SELECT FROM router_backup AS newer WHERE newer.router_id = old.router_id AND newer.taken_at > old.taken_at)
"""


class Reason(StrEnum):
    """Why a copy was taken."""

    NIGHTLY = "nightly"
    CHANGE = "before-change"
    RESTORE = "before-restore"
    ASKED = "asked"


class TooLarge(Invalid):
    """A backup may have {most} octets, this one has {size}"""


class NoSuchBackup(NotFound):
    """{name} has no such backup; see: hotspot routers backup {name} --list"""


class RouterBackup(SQLModel, table=True):
    """A copy of a router's configuration: `content` is its export, sealed; `size` and `sha256` (hex) are the plain export's.

    `image` is RouterOS' own backup, sealed, where one was taken: what the box can load again. `model` and `serial` are the box's, and
    `login` changes with the controller's log-in there.
    """

    __tablename__ = "router_backup"
    __table_args__ = (UniqueConstraint("router_id", "taken_at"),)

    id: int | None = Field(default=None, primary_key=True)
    router_id: int = Field(foreign_key="router.id")
    taken_at: datetime = Field(sa_type=DateTime(timezone=True))
    reason: str = Field(max_length=16)
    version: str = Field(max_length=40)
    size: int
    sha256: str = Field(max_length=64)
    content: bytes
    model: str = Field(default="", max_length=64)
    serial: str = Field(default="", max_length=40)
    login: str = Field(default="", max_length=64)
    image: bytes | None = None


def store(
    db: Session,
    router_id: int,
    plain: bytes,
    *,
    reason: Reason,
    version: str,
    keys: Keys,
    now: datetime,
    image: bytes | None = None,
) -> RouterBackup:
    """Keep a copy that a router of this RouterOS version gave.

    Raises:
        TooLarge: no configuration is that large.
    """
    largest = max(len(plain), len(image or b""))
    if largest > LARGEST:
        raise TooLarge(most=LARGEST, size=largest)
    backup = RouterBackup(
        router_id=router_id,
        taken_at=now,
        reason=reason,
        version=version,
        size=len(plain),
        sha256=hashlib.sha256(plain).hexdigest(),
        content=keys.seal_octets(zlib.compress(plain), context=_context(router_id, now)),
        image=None if image is None else keys.seal_octets(image, context=_image_context(router_id, now)),
    )
    db.add(backup)
    db.flush()
    return backup


def unsealed(backup: RouterBackup, keys: Keys) -> bytes:
    """Return the copy as the router gave it.

    Raises:
        CannotUnseal: it was sealed with another key, for another router or time, or altered.
    """
    return zlib.decompress(keys.unseal_octets(backup.content, context=_context(backup.router_id, backup.taken_at)))


def image_of(backup: RouterBackup, keys: Keys) -> bytes | None:
    """Return the image as the router gave it, where there is one; raises as `unsealed` does."""
    if backup.image is None:
        return None
    return keys.unseal_octets(backup.image, context=_image_context(backup.router_id, backup.taken_at))


def backups_of(db: Session, router_id: int) -> Sequence[RouterBackup]:
    """Return a router's backups, the newest first."""
    newest_first = select(RouterBackup).order_by(col(RouterBackup.taken_at).desc())
    return db.exec(newest_first.where(RouterBackup.router_id == router_id)).all()


def get_backup(db: Session, router_id: int, number: int | None, *, name: str) -> RouterBackup:
    """Return the backup with this number, or the newest.

    Raises:
        NoSuchBackup: the router called `name` has none, or the number is another's.
    """
    wanted = [backup for backup in backups_of(db, router_id) if number in (None, backup.id)]
    if not wanted:
        raise NoSuchBackup(name=name)
    return wanted[0]


def forget_old_backups(db: Session, *, now: datetime) -> None:
    """Delete what is older than 90 days, but never a router's newest."""
    db.connection().execute(text(FORGET_OLD), {"before": now - KEPT})


def _context(router_id: int, taken_at: datetime) -> str:
    return f"router-backup:{router_id}:{taken_at.astimezone(UTC).isoformat()}"


def _image_context(router_id: int, taken_at: datetime) -> str:
    return f"router-image:{router_id}:{taken_at.astimezone(UTC).isoformat()}"
