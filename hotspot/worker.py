"""Does the jobs that wait for routers, and the errands: the other half of `jobs`, and with it the only door to Procrastinate.

A job whose worker died is taken again, so what a task does must be safe to do twice. Any number of processes may run a worker.
Together they keep to `router_connections`: each job takes a slot, an advisory lock that goes with its process, and there are as
many as leave room for two connections each.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import Any, Final

import psycopg
import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import DeleteJobCondition, Job, Status
from procrastinate.manager import JobManager
from procrastinate.worker import Worker as Fetcher
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hotspot.db import KEEP_ALIVE, Database
from hotspot.errors import HotspotError, Unavailable
from hotspot.jobs import DATABASE_AWAY, ERRANDS, ON_ROUTERS, Errand, Task, Work, after_trying, pause
from hotspot.settings import Settings

log = structlog.get_logger()

# New jobs are told at once; the next one of a router, and one whose time has come, are not.
POLL_EVERY = timedelta(seconds=1)
HEARTBEAT = timedelta(seconds=10)
ABANDONED_AFTER = timedelta(minutes=1)  # a worker that silent is dead: six heartbeats are missing
LOOK_EVERY = timedelta(seconds=15)
FAILED_KEPT = timedelta(days=30)
DATABASE_PAUSE = timedelta(seconds=2)
POOL_PATIENCE = timedelta(seconds=5)  # for a connection while the database is away; whoever stops waits as long
STOP_PATIENCE = timedelta(minutes=1)
LONGEST_PROBLEM = 300  # characters
RUNS = Counter("hotspot_jobs", "Jobs on routers by outcome", ["task", "outcome"])
CONNECTIONS_EACH: Final = 2  # that one job has to its router: what it changed is looked at on a new one
ERRANDS_AT_ONCE: Final = 8  # each may wait ten seconds for somebody else's server
SLOT_PAUSE = timedelta(milliseconds=250)
SLOT_LOCK: Final = 0x736C6F74  # "slot", with its number

TAKE_BACK = """
WITH abandoned AS (
    SELECT job.id, EXISTS (
            SELECT FROM procrastinate_jobs AS twin WHERE twin.queueing_lock = job.queueing_lock AND twin.status = 'todo'
        ) AS waits_again
    FROM procrastinate_jobs AS job LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
    WHERE job.status = 'doing' AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %(silence)s))
    FOR UPDATE OF job SKIP LOCKED
), doubled AS (
    DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM abandoned WHERE waits_again)
)
UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, scheduled_at = NULL, worker_id = NULL
WHERE id IN (SELECT id FROM abandoned WHERE NOT waits_again) RETURNING id
"""
FREE_SLOT = "SELECT number FROM generate_series(1, %s) AS number WHERE pg_try_advisory_lock(%s, number) LIMIT 1"


class DatabaseSilent(Unavailable):
    """The database does not answer"""


class _UntilItIsBack(BaseRetryStrategy):
    """Try again what an absent router or service kept from being done; a mistake is not mended by repeating it."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, Unavailable) or job.attempts >= self._task.most_attempts:
            return None
        wait = pause(job.attempts, SystemRandom().random(), self._task.longest_pause)
        behind = after_trying(job.priority)  # knocking at who is away holds up nobody who is there
        return RetryDecision(retry_at=datetime.now(UTC) + wait, priority=behind)


class _WhileTheDatabaseIsAway(BaseRetryStrategy):
    """Try an errand again soon: somebody waits for it."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        del job
        is_silent = isinstance(exception, DatabaseSilent)
        return RetryDecision(retry_at=datetime.now(UTC) + DATABASE_PAUSE) if is_silent else None


class _Queue(JobManager):
    """Lets go of a job that would be tried again while the same work was queued meanwhile: the queueing lock admits one."""

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        try:
            await super().retry_job(job, retry_at, priority, queue, lock)
        except UniqueViolation:
            await self.finish_job(job, Status.ABORTED, delete_job=True)


class Worker:
    """Do what is queued, in threads, until stopped; while the database is away, wait for it."""

    def __init__(
        self, database: Database, settings: Settings, tasks: Sequence[Task], errands: Sequence[Errand] = ()
    ) -> None:
        self._database = database
        self._settings = settings
        self._slots = max(1, settings.router_connections // CONNECTIONS_EACH)
        self._app = self._app_with(tasks, errands)
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._started = threading.Event()

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take no more jobs and let the running ones end; what takes longer is told, and holds the process up."""
        with suppress(RuntimeError):  # it ended by itself, and its loop is closed
            self._loop.call_soon_threadsafe(self._asked_to_stop.set)
        self._thread.join(STOP_PATIENCE.total_seconds())
        if self._thread.is_alive():
            log.warning("jobs still run, and end before this process does")

    def _app_with(self, tasks: Sequence[Task], errands: Sequence[Errand]) -> App:
        for name in (
            "procrastinate",
            "psycopg.pool",
        ):  # they would log arguments, in their own form; we tell what matters
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        connector = PsycopgConnector(
            conninfo=self._database.dsn,
            kwargs={"options": "-c timezone=UTC", "application_name": "hotspot jobs", **KEEP_ALIVE},
            min_size=1,
            max_size=4,
            timeout=POOL_PATIENCE.total_seconds(),
        )
        app = App(connector=connector)
        app.job_manager = _Queue(connector)
        for task in tasks:
            app.task(name=task.name, pass_context=True, retry=_UntilItIsBack(task))(self._called(task))
        for errand in errands:
            app.task(name=errand.name, queue=ERRANDS, retry=_WhileTheDatabaseIsAway())(self._run_by(errand))
        return app

    def _run_by(self, errand: Errand) -> Callable[..., None]:
        def run(args: Mapping[str, Any]) -> None:
            try:
                errand.run(self._database, self._settings, args)
            except DATABASE_AWAY as error:
                RUNS.labels(errand.name, "away").inc()
                log.warning("errand in vain", task=errand.name, problem=type(error).__name__)
                raise DatabaseSilent from error
            except Exception:
                RUNS.labels(errand.name, "failed").inc()
                log.exception("errand failed", task=errand.name)
                raise
            RUNS.labels(errand.name, "done").inc()

        return run

    def _called(self, task: Task) -> Callable[..., None]:
        def run(context: JobContext, router_id: int, args: Mapping[str, Any], problem: str = "") -> None:
            del problem  # the last attempt's
            job = context.job
            told = log.bind(job=job.id, task=task.name, router_id=router_id, attempts=job.attempts)
            try:
                with self._slot():
                    task.run(Work(self._database, self._settings, router_id, args, job.attempts))
            except DATABASE_AWAY as error:
                RUNS.labels(task.name, "away").inc()
                told.warning("job in vain", problem=type(error).__name__)  # its text has the values of the statement
                raise DatabaseSilent from error
            except HotspotError as error:
                RUNS.labels(task.name, "away" if isinstance(error, Unavailable) else "failed").inc()
                told.warning("job in vain", problem=str(error))
                self._note(job, str(error))
                raise
            except Exception as error:
                RUNS.labels(task.name, "failed").inc()
                told.exception("job failed")
                self._note(job, f"{type(error).__name__}; the log has more")
                raise
            RUNS.labels(task.name, "done").inc()
            told.info("job done")

        return run

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Hold one of the slots that all workers share; when all are taken, wait for one of them."""
        with self._slot_taken() as held:
            try:
                yield
            finally:
                with suppress(psycopg.Error):  # lost with its connection
                    held.execute("SELECT pg_advisory_unlock_all()")

    def _slot_taken(self) -> psycopg.Connection[Any]:
        held = self._database.connect()
        while held.execute(FREE_SLOT, (self._slots, SLOT_LOCK)).fetchone() is None:
            time.sleep(SLOT_PAUSE.total_seconds())
        return held

    def _note(self, job: Job, problem: str) -> None:
        """Keep what went wrong beside the job's arguments, for `pending`."""
        facts = {"job": job.id, "problem": problem[:LONGEST_PROBLEM]}
        with suppress(DBAPIError), self._database.writing() as db:
            db.execute(
                text(
                    "UPDATE procrastinate_jobs SET args = args || jsonb_build_object('problem', CAST(:problem AS text)) WHERE id = :job"
                ),
                facts,
            )

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(self._slots + ERRANDS_AT_ONCE, "job"))
        self._asked_to_stop = asyncio.Event()
        self._started.set()
        while not self._asked_to_stop.is_set():
            try:
                if await self._opened():
                    await self._work()
            except (psycopg.Error, ConnectorException) as error:
                log.warning("the worker waits for the database", problem=" ".join(str(error).split()))
            finally:
                await self._app.close_async()
            await _set_within(self._asked_to_stop, DATABASE_PAUSE)

    async def _opened(self) -> bool:
        """Open the connections; False when asked to stop first, for that waits long for a database that is away."""
        opening = asyncio.ensure_future(self._app.open_async())
        asked = asyncio.create_task(self._asked_to_stop.wait())
        await asyncio.wait((opening, asked), return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not opening.done():
            opening.cancel()
            await asyncio.wait((opening,), timeout=DATABASE_PAUSE.total_seconds())
            return False
        await opening
        return True

    async def _work(self) -> None:
        """Fetch and do jobs until asked to stop, or until the connection is lost."""
        fetchers = self._fetcher(ON_ROUTERS, self._slots), self._fetcher(ERRANDS, ERRANDS_AT_ONCE)
        running = [asyncio.create_task(fetcher.run()) for fetcher in fetchers]  # type: ignore[no-untyped-call]  # as below

        async def stop_them() -> None:
            await self._asked_to_stop.wait()
            for fetcher in fetchers:
                fetcher.stop()  # type: ignore[no-untyped-call]  # the library leaves it so

        over = asyncio.Event()
        stopping, looking = asyncio.create_task(stop_them()), asyncio.create_task(self._look_after(over))
        try:
            await asyncio.gather(*running)
        finally:
            for one in (*running, stopping):
                one.cancel()
            await asyncio.wait(running)
            over.set()
            await looking

    def _fetcher(self, queue: str, at_once: int) -> Fetcher:
        return Fetcher(
            self._app,
            queues=[queue],
            concurrency=at_once,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=False,
            fetch_job_polling_interval=POLL_EVERY.total_seconds(),
            update_heartbeat_interval=HEARTBEAT.total_seconds(),
            stalled_worker_timeout=ABANDONED_AFTER.total_seconds(),
        )

    async def _look_after(self, over: asyncio.Event) -> None:
        """Queue again what dead workers left, and forget what failed long ago.

        It is told when it is over: a cancellation can be lost in a query (`asyncio.wait_for` of Python 3.11 swallows some).
        """
        while not over.is_set():
            with suppress(ConnectorException):  # the fetcher notices it, too, and stops
                taken = await self._app.connector.execute_query_all_async(
                    TAKE_BACK, silence=ABANDONED_AFTER.total_seconds()
                )
                if taken:
                    log.warning("jobs of a dead worker are queued again", jobs=[row["id"] for row in taken])
                await self._app.job_manager.delete_old_jobs(
                    nb_hours=int(FAILED_KEPT / timedelta(hours=1)), include_failed=True, include_aborted=True
                )
            await _set_within(over, LOOK_EVERY)


async def _set_within(event: asyncio.Event, time: timedelta) -> None:
    """Wait until the event is set, or for this time."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), time.total_seconds())
