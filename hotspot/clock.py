"""What happens by the clock: one table of (every, job). The only door to APScheduler.

Several processes may run a clock; the one that holds the advisory lock does the work, and when it dies the next one takes over.
Schedules live here in code, never in a job store.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import Counter, Gauge
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from hotspot.db import Database
from hotspot.guests.consents import forget_withdrawals
from hotspot.guests.limits import forget_windows
from hotspot.guests.phone_codes import forget_phone_codes
from hotspot.guests.residents import forget_residents
from hotspot.guests.service import forget_admissions, forget_consents, forget_credentials
from hotspot.guests.vouchers import forget_printed_codes, forget_vouchers
from hotspot.portal.held import forget_addresses
from hotspot.portal.images import forget_images
from hotspot.portal.support import KEPT as ATTEMPTS_KEPT
from hotspot.portal.support import forget_attempts
from hotspot.radius.control import end_superseded, slow_down
from hotspot.radius.overdue import end_overdue
from hotspot.routers.backups import forget_old_backups
from hotspot.routers.checks import tell_counts
from hotspot.routers.enrol import forget_old
from hotspot.routers.nightly import queue_checks
from hotspot.routers.service import end_rotations
from hotspot.settings import Settings
from hotspot.usage.endings import reap_all
from hotspot.usage.rollup import rebuild_dirty
from hotspot.usage.service import forget_names, forget_sessions

log = structlog.get_logger()

LONGEST_JOB = 300.0  # seconds
ADMISSIONS_KEPT = timedelta(days=8)  # longer than any session, so that none loses what let it in
LEADER_LOCK = 0x636C6F63  # "cloc"
RUNS = Counter("hotspot_clock_runs", "Clock jobs by outcome", ["job", "outcome"])
LEADING = Gauge("hotspot_clock_leading", "1 where this process does the clock's work")

Job = Callable[[Database, Settings, datetime], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job and how often it runs; in the demo more often, so that people see it work. It opens its own transactions."""

    name: str
    every: timedelta
    every_in_demo: timedelta
    job: Job


def _roll_up(database: Database, settings: Settings, now: datetime) -> None:
    del now  # what is out of date is noted with the reports
    with database.writing() as db:
        rebuild_dirty(db, settings.zone)


def _end_lost(database: Database, settings: Settings, now: datetime) -> None:
    """Give up sessions that nobody reports any more, and what only open sessions, rotations, enrolments and codes need."""
    del settings
    with database.writing() as db:
        reap_all(db, now=now)
        forget_names(db, now=now)
        forget_addresses(db, now=now)
        forget_phone_codes(db, now=now)
        end_rotations(db, now=now)
        forget_old(db, now=now)


def _keep_to_allowances(database: Database, settings: Settings, now: datetime) -> None:
    end_superseded(database, keys=settings.keys, now=now)
    end_overdue(database, keys=settings.keys, now=now)
    slow_down(database, keys=settings.keys, zone=settings.zone, now=now)


def _look_at_routers(database: Database, settings: Settings, now: datetime) -> None:
    with database.writing() as db:
        queue_checks(db, settings, now=now)
        tell_counts(db, now=now)


def _forget(database: Database, settings: Settings, now: datetime) -> None:
    """Delete what its time is over for: what the terms promise."""
    before = now - timedelta(days=settings.retention_days)
    with database.writing() as db:
        forget_credentials(db, now=now, used_before=before)
        forget_admissions(db, before=now - ADMISSIONS_KEPT)
        forget_sessions(db, before=before)
        forget_consents(db, before=before)
        forget_withdrawals(db, before=before)
        forget_old_backups(db, now=now)
        forget_attempts(db, before=now - ATTEMPTS_KEPT)
        forget_windows(db, now=now)
        forget_printed_codes(db, now=now)
        forget_vouchers(db, before=before)
        forget_residents(db, before=before)
        forget_images(db, now=now)


TABLE = (
    Schedule("roll up usage", timedelta(seconds=30), timedelta(seconds=3), _roll_up),
    Schedule("end lost sessions", timedelta(minutes=1), timedelta(seconds=10), _end_lost),
    Schedule("keep sessions to their allowances", timedelta(minutes=1), timedelta(seconds=10), _keep_to_allowances),
    Schedule("look at routers by night", timedelta(minutes=1), timedelta(minutes=1), _look_at_routers),
    Schedule("forget what is old", timedelta(hours=1), timedelta(hours=1), _forget),
)


class Clock:
    """Run the table in a background thread, as leader or waiting to be."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._leadership: Connection | None = None
        self._ended_at = time.monotonic()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        for schedule in TABLE:
            every = schedule.every_in_demo if settings.demo else schedule.every
            self._scheduler.add_job(
                self.run, "interval", args=[schedule], seconds=every.total_seconds(), max_instances=1, coalesce=True
            )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Let a running job end, then give the leadership up."""
        self._scheduler.shutdown(wait=True)
        self._resign()

    def is_alive(self) -> bool:
        """Whether a job ended lately: a clock that hangs is as good as dead."""
        return time.monotonic() - self._ended_at < LONGEST_JOB

    def run(self, schedule: Schedule) -> None:
        """Run one job if this process leads; a job that fails is logged and runs again next time."""
        if self._leads():
            self._work(schedule)
        self._ended_at = time.monotonic()

    def _work(self, schedule: Schedule) -> None:
        try:
            schedule.job(self._database, self._settings, datetime.now(UTC))
        except Exception:
            log.exception("clock job failed", job=schedule.name)
            RUNS.labels(schedule.name, "failed").inc()
        else:
            RUNS.labels(schedule.name, "done").inc()

    def _leads(self) -> bool:
        """Hold the lock on a connection of its own: it is free again the moment this process is gone."""
        try:
            if self._leadership is None:
                connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                if not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LEADER_LOCK}):
                    connection.close()
                    return False
                self._leadership = connection
                LEADING.set(1)
            self._leadership.execute(text("SELECT 1"))
        except DBAPIError as error:
            log.warning("the clock waits for the database", problem=str(error.orig).strip())
            self._resign()
            return False
        return True

    def _resign(self) -> None:
        if self._leadership is not None:
            self._leadership.invalidate()
            self._leadership.close()
            self._leadership = None
            LEADING.set(0)
