"""Emergency broadcasts: an alert above everything on every portal page of an area, or a drill of one.

Two persons send it: one writes, another approves. The duty officer may send it alone; until somebody else has reviewed that, it is
listed. It ends by itself. A broadcast is plain text in every language of the installation and never hides the way to the internet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.errors import Conflict, NotAllowed, NotFound
from hotspot.guests.refusals import N_
from hotspot.portal.banners import BadBanner, checked_texts
from hotspot.portal.models import Broadcast
from hotspot.portal.prose import in_language
from hotspot.staff.models import StaffAccount

log = structlog.get_logger()

LONGEST: Final = timedelta(hours=48)  # what goes on longer is said anew, by somebody who has looked again


class NoSuchBroadcast(NotFound):
    """There is no broadcast with the number {number}; see: hotspot broadcast list"""


class NotDutyOfficer(NotAllowed):
    """Only a duty officer may send an alert alone; without that mark a second person approves it"""


class OwnBroadcast(NotAllowed):
    """A second person does that: this broadcast is yours"""


class NotPossible(Conflict):
    """This broadcast can't be {done}: it is {state}"""


@dataclass(frozen=True, slots=True)
class Alert:
    """A broadcast that shows now."""

    number: int
    texts: Mapping[str, Mapping[str, str]]
    is_drill: bool
    started_at: datetime
    ends_at: datetime

    def words(self, language: str, languages: Sequence[str]) -> dict[str, object]:
        """Return what a page in this language says."""
        spoken, parts = in_language(self.texts, language, languages)
        return {"language": spoken, "title": parts["title"], "text": parts["text"], "is_drill": self.is_drill}


# --- sending -----------------------------------------------------------------------------------------------------------------


def start(
    db: Session,
    area: Area,
    texts: Mapping[str, Mapping[str, str]],
    *,
    ends_at: datetime,
    by: StaffAccount,
    languages: Sequence[str],
    is_drill: bool = False,
    is_alone: bool = False,
    now: datetime,
) -> Broadcast:
    """Write a broadcast that waits for a second person; alone, the duty officer's shows at once.

    Raises:
        BadBanner: a text that is missing or too long, or an end that isn't within 48 hours.
        NotDutyOfficer: only they may do it alone.
    """
    if is_alone and not by.is_duty_officer:
        raise NotDutyOfficer
    if not now < ends_at <= now + LONGEST:
        raise BadBanner(N_("an alert needs an end within %(hours)s hours"), hours=LONGEST // timedelta(hours=1))
    missing = [language for language in languages if language not in texts]
    if missing:
        raise BadBanner(N_("an alert needs a text in every language: %(missing)s is missing"), missing=missing[0])
    clean = {language: checked_texts(language, parts, ("title", "text")) for language, parts in texts.items()}
    assert area.id is not None  # both come from the database
    assert by.id is not None
    broadcast = Broadcast(
        area_id=area.id,
        texts=clean,
        is_drill=is_drill,
        is_alone=is_alone,
        ends_at=ends_at,
        drafted_by=by.id,
        drafted_at=now,
        started_at=now if is_alone else None,
    )
    db.add(broadcast)
    db.flush()
    _tell("started alone" if is_alone else "drafted", broadcast, by)
    return broadcast


APPROVE: Final = """
    UPDATE broadcast SET approved_by = :by, started_at = :now
    WHERE id = :number AND started_at IS NULL AND ended_at IS NULL AND ends_at > :now AND drafted_by <> :by
"""
END: Final = (
    "UPDATE broadcast SET ended_by = :by, ended_at = :now WHERE id = :number AND ended_at IS NULL AND ends_at > :now"
)
REVIEW: Final = """
    UPDATE broadcast SET reviewed_by = :by, reviewed_at = :now
    WHERE id = :number AND is_alone AND reviewed_at IS NULL AND drafted_by <> :by
"""


def approve(db: Session, number: int, *, by: StaffAccount, now: datetime) -> Broadcast:
    """Send what somebody else has written: from now on it shows.

    Raises:
        NoSuchBroadcast, OwnBroadcast, NotPossible: why not.
    """
    return _do(db, APPROVE, number, "approved", by=by, now=now)


def end(db: Session, number: int, *, by: StaffAccount, now: datetime) -> Broadcast:
    """Take a broadcast down before its time, or a draft back; anybody may.

    Raises:
        NoSuchBroadcast, NotPossible: why not.
    """
    return _do(db, END, number, "ended", by=by, now=now)


def review(db: Session, number: int, *, by: StaffAccount, now: datetime) -> Broadcast:
    """Note that a second person has looked at what the duty officer sent alone.

    Raises:
        NoSuchBroadcast, OwnBroadcast, NotPossible: why not.
    """
    return _do(db, REVIEW, number, "reviewed", by=by, now=now)


def _do(db: Session, statement: str, number: int, done: str, *, by: StaffAccount, now: datetime) -> Broadcast:
    """One conditional UPDATE decides; what kept it from being done is looked up afterwards."""
    changed = db.connection().execute(text(statement), {"number": number, "by": by.id, "now": now}).rowcount
    broadcast = get_broadcast(db, number)
    if changed:
        _tell(done, broadcast, by)
        return broadcast
    if done != "ended" and broadcast.drafted_by == by.id and broadcast.reviewed_at is None:
        raise OwnBroadcast
    raise NotPossible(done=done, state=state_of(broadcast, now))


def _tell(done: str, broadcast: Broadcast, by: StaffAccount) -> None:
    facts = {"broadcast": broadcast.id, "area_id": broadcast.area_id, "drill": broadcast.is_drill}
    log.warning("broadcast", done=done, by=by.name, **facts)


# --- looking -----------------------------------------------------------------------------------------------------------------


def get_broadcast(db: Session, number: int) -> Broadcast:
    """Return the broadcast.

    Raises:
        NoSuchBroadcast: there is none.
    """
    broadcast = db.get(Broadcast, number, populate_existing=True)
    if broadcast is None:
        raise NoSuchBroadcast(number=number)
    return broadcast


def state_of(broadcast: Broadcast, now: datetime) -> str:
    """Say where it is: waiting, shown, or over."""
    if broadcast.ended_at is not None or broadcast.ends_at <= now:
        return "over"
    return "waiting" if broadcast.started_at is None else "shown"


def needs_review(broadcast: Broadcast) -> bool:
    return broadcast.is_alone and broadcast.reviewed_at is None


def all_broadcasts(db: Session) -> Sequence[tuple[Broadcast, Area]]:
    """Return every broadcast with its area: first those that a second person has still to review, then the newest."""
    unreviewed = col(Broadcast.is_alone) & col(Broadcast.reviewed_at).is_(None)
    together = select(Broadcast, Area).where(col(Broadcast.area_id) == col(Area.id))
    return db.exec(together.order_by(unreviewed.desc(), col(Broadcast.id).desc())).all()


ACTIVE: Final = """
    WITH RECURSIVE below (number, area_id) AS (
        SELECT id, area_id FROM broadcast WHERE started_at <= :now AND ended_at IS NULL AND ends_at > :now
        UNION ALL
        SELECT below.number, area.id FROM area JOIN below ON area.parent_id = below.area_id
    ), shown AS (
        SELECT below.number, array_agg(site.slug) AS slugs FROM below JOIN site USING (area_id)
        WHERE site.slug = :slug OR CAST(:slug AS text) IS NULL GROUP BY below.number
    )
    SELECT number, texts, is_drill, started_at, ends_at, slugs FROM shown JOIN broadcast ON broadcast.id = shown.number
    ORDER BY is_drill, started_at DESC, number DESC
"""


def alerts_at(db: Session, slug: str | None, now: datetime) -> dict[str, tuple[Alert, ...]]:
    """Return what shows now, by site: real ones before drills, the newest first. Without `slug`, at every site."""
    found: dict[str, tuple[Alert, ...]] = {}
    for row in db.execute(text(ACTIVE), {"slug": slug, "now": now}):
        alert = Alert(row.number, row.texts, row.is_drill, row.started_at, row.ends_at)
        for shown_at in row.slugs:
            found[shown_at] = (*found.get(shown_at, ()), alert)
    return found
