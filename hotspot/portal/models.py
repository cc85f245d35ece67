"""The tables of what the city says on the portal: information (banners) with its pictures and counts, emergency broadcasts, and the
version of all that pages show.
"""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from hotspot.portal.schedule import ALWAYS, EVERY_DAY, Schedule


class BannerImage(SQLModel, table=True):
    """A small JPEG of our own making; its name is the SHA-256 of its content."""

    __tablename__ = "banner_image"

    sha256: str = Field(primary_key=True, max_length=64)
    content: bytes = Field(sa_type=LargeBinary)
    width: int
    height: int
    added_at: datetime = Field(sa_type=DateTime(timezone=True))


class Banner(SQLModel, table=True):
    """Information of the city on the welcome page, for an area or for one site. `texts`: language → {title, text, alt}.

    `revision` grows with each edit, and an approval is of one revision. `drafted_by` is who wrote the last one, None the installation.
    """

    __table_args__ = (CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="one_place"),)

    id: int | None = Field(default=None, primary_key=True)
    area_id: int | None = Field(default=None, foreign_key="area.id", index=True)
    site_id: int | None = Field(default=None, foreign_key="site.id", index=True)
    texts: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    link: str = Field(default="", max_length=300)
    image: str | None = Field(default=None, foreign_key="banner_image.sha256", index=True)
    priority: int = 0
    starts_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    weekdays: str = Field(default=EVERY_DAY, max_length=7)
    hours: str = Field(default="", max_length=11)
    share: int = ALWAYS
    revision: int = 1
    drafted_by: int | None = Field(default=None, foreign_key="staff_account.id")
    drafted_at: datetime = Field(sa_type=DateTime(timezone=True))
    approved_by: int | None = Field(default=None, foreign_key="staff_account.id")
    approved_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended_by: int | None = Field(default=None, foreign_key="staff_account.id")
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.starts_at, self.ends_at, self.weekdays, self.hours, self.share)


class BannerCount(SQLModel, table=True):
    """How often a banner was shown at a site, and its links followed, within an hour. It says nothing of who did."""

    __tablename__ = "banner_count"

    banner_id: int = Field(primary_key=True, foreign_key="banner.id")
    site_id: int = Field(primary_key=True, foreign_key="site.id", index=True)
    hour: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    shown: int = 0
    followed: int = 0


class Broadcast(SQLModel, table=True):
    """An alert above everything on every portal page of an area. `texts`: language → {title, text}.

    It shows from `started_at`: the approval of a second person, or at once (`is_alone`) when the duty officer sends it and somebody
    reviews it afterwards. Each column that says who and when is written once: together they are its log.
    """

    id: int | None = Field(default=None, primary_key=True)
    area_id: int = Field(foreign_key="area.id", index=True)
    texts: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    is_drill: bool = False
    is_alone: bool = False
    ends_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    drafted_by: int = Field(foreign_key="staff_account.id")
    drafted_at: datetime = Field(sa_type=DateTime(timezone=True))
    started_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    approved_by: int | None = Field(default=None, foreign_key="staff_account.id")
    ended_by: int | None = Field(default=None, foreign_key="staff_account.id")
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    reviewed_by: int | None = Field(default=None, foreign_key="staff_account.id")
    reviewed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class ContentVersion(SQLModel, table=True):
    """One number for all that guests' pages show: a commit that changes any of it counts it on. No row is version 0.

    Triggers write it, see `migrations.shown`. `changed_in` is the transaction that did so last.
    """

    __tablename__ = "content_version"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True)
    version: int = Field(sa_type=BigInteger)
    changed_in: int = Field(sa_type=BigInteger)
