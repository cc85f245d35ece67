"""What guests' pages show of a place, in memory: read once, and again when the content's version or the hour says so.

The version is one number in the database that every commit counts on which changes anything pages show (`migrations.shown`). Each
process looks at it at most once a second, when somebody asks for a page; what is handed out was true at most two seconds ago. What
begins or ends by itself — a banner, an alert, a version of the terms — ends what is kept at that moment.

While the database is away, pages go on to show what it said last, for ten minutes. It is then asked at most once a second, and by who
knows a place not at all, so that nobody waits for it in a queue.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session, col, select

from hotspot.db import Database
from hotspot.guests.terms import next_version_at
from hotspot.portal.broadcasts import Alert
from hotspot.portal.explanations import NO_SUCH_SITE, NO_TERMS, Explanation
from hotspot.portal.handoff import Stop
from hotspot.portal.models import ContentVersion
from hotspot.portal.posted import Posted, posted_at
from hotspot.portal.service import SLUG, Place, Welcome, get_place, welcome

log = structlog.get_logger()

LOOK_EVERY: Final = 1.0  # seconds
ASK_AGAIN: Final = 1.0  # seconds after the database failed
KNOWN_FOR: Final = 600.0  # seconds after it last answered
MOST_MISSING: Final = 1_000
AWAY: Final = (DBAPIError, PoolTimeoutError)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What the pages of a place show from `since` until just before `until`; `welcomes` by language, none without terms.

    `version` is the content's that it was read at: what is written down by it is checked against the database's.
    """

    place: Place
    posted: Posted
    welcomes: Mapping[str, Welcome]
    version: int
    since: datetime
    until: datetime

    def welcome(self, language: str) -> Welcome:
        """Return what is shown before the button.

        Raises:
            Stop: the place's terms were never published.
        """
        if language not in self.welcomes:
            raise Stop(NO_TERMS)
        return self.welcomes[language]


class Content:
    """What is shown at each place that was asked for, shared by all threads of a process."""

    def __init__(
        self,
        database: Database,
        languages: Sequence[str],
        zone: ZoneInfo,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.look_every = LOOK_EVERY
        self.worker = ThreadPoolExecutor(1, thread_name_prefix="content")  # for what must not hold up the event loop
        self._database, self._languages, self._zone, self._seconds = database, languages, zone, seconds
        self._lock = threading.Lock()
        self._is_looking = False
        self._looked_at = float("-inf")
        self._failed_at: float | None = None  # while the database is away
        self._version = -1
        self._shown: dict[str, Shown] = {}
        self._missing: dict[str, Explanation] = {}  # why there is nothing to show; the latest last

    def get(self, slug: str, now: datetime) -> Shown:
        """Return what the place shows now, asking the database if it has to be; while that is away, what it said last.

        Raises:
            Stop: there is no such place, or it is retired.
            SQLAlchemyError: the database is away, and nothing that still holds is known of the place.
        """
        if not SLUG.fullmatch(slug):
            raise Stop(NO_SUCH_SITE)
        if self.is_away and (at_hand := self.find_at_hand(slug, now)) is not None:
            return at_hand
        with self._lock:
            try:
                with self._asking():
                    if self._age >= self.look_every:
                        self._look()
                    if slug in self._missing:
                        raise Stop(self._missing[slug])
                    return self._kept(slug, now) or self._read(slug, now)
            except AWAY:
                known = self._kept(slug, now)
                if known is None or self._age >= KNOWN_FOR:
                    raise
                return known

    def alerts(self, slug: str, now: datetime) -> Sequence[Alert]:
        """Return what the place alerts of, for pages about which nothing else is known; while the database is away, as was known."""
        try:
            shown = self.get(slug, now)
        except (Stop, SQLAlchemyError):
            known = self._shown.get(slug)
            return [alert for alert in known.posted.alerts if now < alert.ends_at] if known else ()
        return shown.posted.alerts

    def find_at_hand(self, slug: str, now: datetime) -> Shown | None:
        """Return what the place shows now if that is known without waiting; meant for the event loop."""
        age = self._age
        if age >= (KNOWN_FOR if self.is_away else 2 * self.look_every):
            return None
        shown = self._kept(slug, now)
        if age >= self.look_every and not self._is_looking and not self._is_resting:
            self._is_looking = True
            self.worker.submit(self._look_beside)
        return shown

    @property
    def is_away(self) -> bool:
        """Whether the database failed when it was asked last."""
        return self._failed_at is not None

    @property
    def _age(self) -> float:
        """Seconds since the version was looked at."""
        return self._seconds() - self._looked_at

    @property
    def _is_resting(self) -> bool:
        """Whether the database failed so lately that it isn't asked again."""
        return self._failed_at is not None and self._seconds() - self._failed_at < ASK_AGAIN

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Ask the database in the block, unless it rests; the lock is held."""
        if self._is_resting:
            raise OperationalError(None, None, TimeoutError("the database did not answer a moment ago"))
        try:
            yield
        except AWAY:
            self._failed_at = self._seconds()
            raise

    def _kept(self, slug: str, now: datetime) -> Shown | None:
        shown = self._shown.get(slug)
        return shown if shown is not None and shown.since <= now < shown.until else None

    def _look_beside(self) -> None:
        try:
            with self._lock, self._asking():
                self._look()
        except SQLAlchemyError as error:  # whoever needs it next asks again, and answers that the database is away
            log.warning("can't look for changed content", problem=type(error).__name__)
        finally:
            self._is_looking = False

    def _look(self) -> None:
        at = self._seconds()
        with self._database.reading() as db:
            self._note(_version(db), at)

    def _read(self, slug: str, now: datetime) -> Shown:
        at = self._seconds()
        with self._database.snapshot() as db:  # else something old could be kept under a new version
            self._note(_version(db), at)
            try:
                shown = self._shown[slug] = _shown(db, slug, self._languages, self._zone, now)
            except Stop as stop:
                self._note_missing(slug, stop.explanation)
                raise
        return shown

    def _note_missing(self, slug: str, explanation: Explanation) -> None:
        self._missing[slug] = explanation
        if len(self._missing) > MOST_MISSING:
            del self._missing[next(iter(self._missing))]

    def _note(self, version: int, at: float) -> None:
        """Forget what an earlier version showed. Not "a lower": a database that was restored may count from below."""
        if version != self._version:
            self._shown, self._missing = {}, {}
            self._version = version
        self._looked_at, self._failed_at = at, None


def _version(db: Session) -> int:
    return db.exec(select(col(ContentVersion.version))).first() or 0


def _shown(db: Session, slug: str, languages: Sequence[str], zone: ZoneInfo, now: datetime) -> Shown:
    place = get_place(db, slug)
    posted = posted_at(db, place.site, place.settings, zone=zone, now=now)
    try:
        welcomes = {language: welcome(db, place, posted, language, languages, now) for language in languages}
    except Stop:
        welcomes = {}
    until = next_version_at(db, place.settings.terms, now)
    until = posted.until if until is None else min(until, posted.until)
    return Shown(place, posted, welcomes, _version(db), since=now, until=until)
