"""A batch of verified requests → one transaction → signed replies. Runs in a lane's worker thread.

What is not committed is not answered: while the database is away a log-in meets silence, because its phone soon asks anew, and
reports wait, because they are worth storing however late.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlmodel import Session

from hotspot.db import Database
from hotspot.errors import Unavailable
from hotspot.radius import metrics
from hotspot.radius.nases import Nas
from hotspot.radius.packet import Code, Packet, RawAttribute, sign_reply
from hotspot.radius.service import AccessAsked, answer_all
from hotspot.usage.counters import Report
from hotspot.usage.ingest import record

log = structlog.get_logger()

_ACKNOWLEDGED = metrics.ANSWERED.labels("accounting")
_KINDS: Final = {Code.ACCESS_ACCEPT: "accept", Code.ACCESS_REJECT: "reject"}


class ReportsWait(Unavailable):
    """The database is away; this batch of reports is to be tried again"""


class Job(NamedTuple):
    """A verified request on its way: the way back, who asked, and what was read in it (neither: Status-Server).

    `reply` is called once, in the loop's thread, with the signed reply or None for silence.
    """

    reply: Callable[[bytes | None], None]
    packet: Packet
    nas: Nas
    proxied: tuple[RawAttribute, ...] = ()
    asked: AccessAsked | None = None
    report: Report | None = None


class Settler:
    """Settle batches against one database."""

    def __init__(self, database: Database, *, default_language: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._default_language = default_language
        self._clock = clock
        self._is_away = False

    def logins(self, jobs: Sequence[Job]) -> Sequence[bytes | None]:
        """Decide a batch of log-ins in one transaction; sign the answers after its commit."""
        asked = [job.asked for job in jobs if job.asked is not None]
        try:
            with self._database.writing() as db:
                answers = answer_all(db, asked, default_language=self._default_language, now=self._clock())
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
            replies.append(_signed(job, answer.code, answer.attributes))
        return replies

    def reports(self, jobs: Sequence[Job]) -> Sequence[bytes | None]:
        """Store a batch of reports in one transaction; acknowledge after its commit (RFC 2866 §2).

        A batch that the database refuses is halved until the refused report stands alone, so that its mates are stored.
        Raises `ReportsWait` while the database is away: storing a batch twice changes nothing, losing it would.
        """
        try:
            with self._database.writing() as db:
                record(db, [job.report for job in jobs if job.report is not None])
                _prove_alive(db)
        except (OperationalError, InterfaceError, NoFreeConnection) as error:
            self._note_away(error)
            raise ReportsWait from error
        except DBAPIError as error:
            if len(jobs) == 1:
                log.warning(
                    "a report can't be stored", router=jobs[0].nas.router.name, problem=type(error.orig).__name__
                )
                metrics.drop("unstorable")
                return [None]
            middle = len(jobs) // 2
            return [*self.reports(jobs[:middle]), *self.reports(jobs[middle:])]
        self._is_back()
        _ACKNOWLEDGED.inc(len(jobs))
        return [_signed(job, Code.ACCOUNTING_RESPONSE) for job in jobs]

    def _note_away(self, error: SQLAlchemyError) -> None:
        if not self._is_away:
            log.error("the database is away; RADIUS stays silent until it is back", problem=str(error).splitlines()[0])
            self._is_away = True

    def _is_back(self) -> None:
        if self._is_away:
            log.info("the database is back; RADIUS answers again")
            self._is_away = False


def _prove_alive(db: Session) -> None:
    """Ask the database at least something, so that no batch is answered without it (Status-Server asks nothing else)."""
    if not db.in_transaction():
        db.execute(text("SELECT 1"))


def _alive(job: Job, code: Code) -> bytes:
    metrics.ANSWERED.labels("status").inc()
    return _signed(job, code)


def _signed(job: Job, code: Code, attributes: Sequence[RawAttribute] = ()) -> bytes:
    return sign_reply(job.packet, code, (*attributes, *job.proxied), job.nas.secret)
