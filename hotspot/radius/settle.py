"""A batch of verified requests → one transaction → signed replies. Runs in a lane's worker thread.

What is not committed is not answered: while the database is away a log-in meets silence, because its phone soon asks anew, and
reports wait, because they are worth storing however late.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from hotspot.db import Database
from hotspot.errors import Unavailable
from hotspot.guests import express as guests_express
from hotspot.pipeline import BY_INDEX, Pipeline, Rows
from hotspot.radius import metrics
from hotspot.radius.admitting import Desk
from hotspot.radius.boots import BootDigits
from hotspot.radius.lane import Decided, Outcome
from hotspot.radius.nases import Nas
from hotspot.radius.packet import Code, RawAttribute, encode_attributes, keyed_reply
from hotspot.radius.rulebook import Rulebook, SiteRules
from hotspot.radius.service import AccessAsked
from hotspot.radius.turnstile import Turnstile
from hotspot.statements import Prepared
from hotspot.usage import express
from hotspot.usage.counters import Report
from hotspot.usage.endings import Boot
from hotspot.usage.ingest import record

log = structlog.get_logger()

_ACCEPTED = metrics.ANSWERED.labels("accept")
_ACKNOWLEDGED = metrics.ANSWERED.labels("accounting")
_KINDS: Final = {Code.ACCESS_ACCEPT: "accept", Code.ACCESS_REJECT: "reject"}
_AWAY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # a standby that is not promoted yet
    SQLAlchemyError,
)
BURST: Final = 2  # a router lets a device be faster than its limit for a moment


class ReportsWait(Unavailable):
    """The database is away; this batch of reports is to be tried again"""


Reply = Callable[[bytes | None], None]
"""The way back, called once in the loop's thread: with the signed reply, or with None for silence."""


class LogIn(NamedTuple):
    """A verified Access-Request on its way, and what it asks; nothing: Status-Server."""

    reply: Reply
    octets: bytes
    nas: Nas
    proxied: tuple[RawAttribute, ...] = ()
    asked: AccessAsked | None = None


class Accounted(NamedTuple):
    """A verified Accounting-Request on its way, what it reports (nothing: Status-Server), and the reply that waits for the commit."""

    reply: Reply
    nas: Nas
    report: Report | Boot | None
    acknowledgement: bytes


class Settler:
    """Settle batches against one database: log-ins in one thread, reports in another."""

    def __init__(self, database: Database, desk: Desk, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock
        self._boots = BootDigits()
        self._speeds = Rulebook()  # its own: the desk's belongs to the other thread
        self._connection: psycopg.Connection[Any] | None = None
        self._turnstile = Turnstile(desk.rulebook, desk.zone)
        self._admitting: Pipeline | None = None
        self._storing: Pipeline | None = None
        self._express = express.Express()
        self._is_away = False

    def close(self) -> None:
        """Give the connections back; called when nothing settles any more."""
        for pipeline in (self._admitting, self._storing):
            if pipeline is not None:
                pipeline.close()
        self._close_connection()

    def _close_connection(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    # --- log-ins -----------------------------------------------------------------------------------------------------------

    def logins(self, jobs: Sequence[LogIn]) -> Sequence[bytes | None]:
        """Decide a batch of log-ins in one transaction; sign the answers after its commit."""
        asked = [job.asked for job in jobs if job.asked is not None]
        try:
            with self._database.writing() as db:
                answers = self._desk.answer_all(db, asked, now=self._clock())
                _prove_alive(db)
        except SQLAlchemyError as error:
            self._note_away(error)
            metrics.drop("database_away", len(jobs))
            return [None] * len(jobs)
        self._is_back()
        remaining = iter(answers)
        replies: list[bytes | None] = []
        for job in jobs:
            if job.asked is None:
                replies.append(_alive(job, Code.ACCESS_ACCEPT))
                continue
            answer = next(remaining)
            metrics.ANSWERED.labels(_KINDS[answer.code]).inc()
            replies.append(_signed(job, answer.code, encode_attributes(answer.attributes)))
        self._admitting = self._opened(self._admitting, guests_express.STATEMENTS)
        return replies

    def logins_at_once(self, jobs: Sequence[LogIn], decided: Decided[LogIn]) -> bool:
        """Let in by the turnstile whoever can pass it, in the loop's thread; False when nobody can. The others are left."""
        pipeline = _usable(self._admitting)
        if pipeline is None:
            return False
        now = self._clock()
        passing = self._turnstile.look_through([job.asked for job in jobs], now=now)
        if not passing.claims:
            return False

        def outcome(results: list[Rows] | None) -> Outcome[LogIn]:
            won = guests_express.admitted(results[0]) if results is not None else ()
            accepts = {passing.places[place]: passing.accepts[place] for place in won}
            _ACCEPTED.inc(len(accepts))
            settled = [(jobs[place], _signed(jobs[place], Code.ACCESS_ACCEPT, body)) for place, body in accepts.items()]
            return Outcome(settled, [job for place, job in enumerate(jobs) if place not in accepts])

        step = guests_express.admit(passing.claims, now=now)
        pipeline.send([step], lambda results: decided(partial(outcome, results)))
        return True

    # --- reports -----------------------------------------------------------------------------------------------------------

    def reports(self, jobs: Sequence[Accounted]) -> Sequence[bytes | None]:
        """Store a batch of reports in one transaction; acknowledge after its commit (RFC 2866 §2).

        A batch that the database refuses is halved until the refused report stands alone, so that its mates are stored.
        Raises `ReportsWait` while the database is away: storing a batch twice changes nothing, losing it would.
        """
        try:
            self._store([job.report for job in jobs if job.report is not None])
        except _AWAY as error:
            self._close_connection()
            self._note_away(error)
            raise ReportsWait from error
        except psycopg.DatabaseError as error:
            return self._halved(jobs, error)
        self._is_back()
        _ACKNOWLEDGED.inc(len(jobs))
        return [job.acknowledgement for job in jobs]

    def reports_at_once(self, jobs: Sequence[Accounted], decided: Decided[Accounted]) -> bool:
        """Store a batch by the express way, in the loop's thread; False when it has to be `reports`."""
        pipeline = _usable(self._storing)
        if pipeline is None:
            return False
        reports = [job.report for job in jobs if isinstance(job.report, Report)]
        if len(reports) != len(jobs) or self._boots.seen_in(reports):
            return False

        batch = self._express.plan(reports)
        if batch is None:
            self._express.forget(reports)  # their rows change by another way now
            return False

        def outcome(results: list[Rows] | None) -> Outcome[Accounted]:
            if results is None:
                self._express.forget_batch(batch)
                return Outcome((), jobs)
            if not self._express.judge(batch, results):
                return Outcome((), jobs)
            _ACKNOWLEDGED.inc(len(jobs))
            return Outcome([(job, job.acknowledgement) for job in jobs], ())

        pipeline.send(batch.steps, lambda results: decided(partial(outcome, results)))
        return True

    def _store(self, said: Sequence[Report | Boot]) -> None:
        if self._connection is None:
            self._connection = self._database.connect()
            for setting in BY_INDEX:
                self._connection.execute(setting)
        if not said:  # Status-Server alone: it says that the database is there, too
            self._connection.execute("SELECT 1")
            return
        reports = self._with_speeds([one for one in said if isinstance(one, Report)])
        boots = [*(one for one in said if isinstance(one, Boot)), *self._boots.seen_in(reports)]
        record(self._connection, reports, boots)
        self._boots.remember(boots)
        self._storing = self._opened(self._storing, express.STATEMENTS)

    def _halved(self, jobs: Sequence[Accounted], error: psycopg.Error) -> Sequence[bytes | None]:
        if len(jobs) == 1:
            log.warning("a report can't be stored", router=jobs[0].nas.router.name, problem=type(error).__name__)
            metrics.drop("unstorable")
            return [None]
        middle = len(jobs) // 2
        return [*self.reports(jobs[:middle]), *self.reports(jobs[middle:])]

    def _with_speeds(self, reports: Sequence[Report]) -> Sequence[Report]:
        """Say how fast the sessions are whose 32 bits may have wrapped; routers that send gigawords need none of it."""
        narrow = {one.site_id for one in reports if one.may_have_wrapped}
        if not narrow:
            return reports
        with self._database.reading() as db:
            sites = self._speeds.of(db, narrow, now=self._clock())
        return [_with_speed(one, sites[one.site_id]) if one.may_have_wrapped else one for one in reports]

    def _opened(self, pipeline: Pipeline | None, statements: Mapping[str, Prepared]) -> Pipeline | None:
        """This pipeline, or a new one where it is lost: the database has just shown that it is there."""
        if pipeline is not None and not pipeline.is_closed:
            return pipeline
        try:
            return Pipeline(self._database.connect(), statements)
        except psycopg.Error as error:  # gone again meanwhile, or no connection is left: the long way is open
            log.warning("batches take the long way", problem=str(error).partition("\n")[0])
            return None

    # --- the database comes and goes ---------------------------------------------------------------------------------------

    def _note_away(self, error: Exception) -> None:
        if not self._is_away:
            log.error(
                "the database is away; RADIUS stays silent until it is back", problem=str(error).partition("\n")[0]
            )
            self._is_away = True

    def _is_back(self) -> None:
        if self._is_away:
            log.info("the database is back; RADIUS answers again")
            self._is_away = False


def _with_speed(report: Report, site: SiteRules | None) -> Report:
    if site is None:
        return report
    up, down = (BURST * 125 * kbps for kbps in site.rules.speed)
    return report._replace(most_from_device=up, most_to_device=down)


def _prove_alive(db: Session) -> None:
    """Ask the database at least something, so that no batch is answered without it (Status-Server asks nothing else)."""
    if not db.in_transaction():
        db.execute(text("SELECT 1"))


def _alive(job: LogIn, code: Code) -> bytes:
    metrics.ANSWERED.labels("status").inc()
    return _signed(job, code)


def _signed(job: LogIn, code: Code, body: bytes = b"") -> bytes:
    if job.proxied:
        body += encode_attributes(job.proxied)
    return keyed_reply(code, job.octets[1], job.octets[4:20], body, job.nas.secret)


def _usable(pipeline: Pipeline | None) -> Pipeline | None:
    return None if pipeline is None or pipeline.is_closed else pipeline
