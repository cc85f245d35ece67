"""Durable work: queued together with what asked for it. Most of it is on routers, and tried again while a router is away.

At most one job a router runs at a time (its lock), in the order they were queued; what was tried in vain, and what can wait, holds up none of
the others. The same work waits only once (its queueing lock). Errands concern no router: they wait for nothing and hold up nothing.
Here work is asked for, through Procrastinate; `worker` does it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import psycopg
from procrastinate import SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from hotspot.db import Database
from hotspot.settings import Settings

FIRST_PAUSE = timedelta(seconds=30)  # a router that reboots is back
LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 1000  # of the longest pause, a month of them: who is away longer needs a person
DATABASE_AWAY: Final = (OperationalError, psycopg.OperationalError)  # a task that meets one is tried again
# Procrastinate lets a job that waits, also for a time, hold up all later ones of its lock, but for those of a higher priority. So what was
# tried in vain steps behind what comes fresh, what has a time behind what a person asked for, and what gives way behind all else.
IN_A_HURRY: Final = 0
IN_NO_HURRY: Final = -2
BESIDES: Final = -4
ON_ROUTERS: Final = "default"  # Procrastinate's name for the queue that is not named
ERRANDS: Final = "errands"  # a queue of their own, so that long work on routers never keeps somebody's errand waiting

PENDING = """
SELECT id, task_name, (args->>'router_id')::int AS router_id, args->'args' AS args, status, attempts, scheduled_at,
    args->>'problem' AS problem,
    CASE WHEN status = 'todo' AND attempts > 0 THEN coalesce(first_in_vain, latest) ELSE latest END AS since
FROM procrastinate_jobs CROSS JOIN LATERAL (
    SELECT max(at) FILTER (WHERE type <> 'scheduled') AS latest, min(at) FILTER (WHERE type = 'deferred_for_retry') AS first_in_vain
    FROM procrastinate_events WHERE job_id = procrastinate_jobs.id
) AS happened
WHERE queue_name = 'default' AND status IN ('todo', 'doing', 'failed') AND coalesce((args->>'router_id')::int = CAST(:router_id AS int), :router_id IS NULL)
ORDER BY id
"""
# Asked for again, work that waits to be tried again is begun anew.
ANEW = "UPDATE procrastinate_jobs SET scheduled_at = NULL, attempts = 0, priority = 0 WHERE queueing_lock = :work AND status = 'todo'"
CANCEL = "DELETE FROM procrastinate_jobs WHERE id = :job AND status = 'todo'"
CANCEL_ALL = """
DELETE FROM procrastinate_jobs WHERE task_name = :task AND args->'args' = CAST(:args AS jsonb) AND status = 'todo'
"""


class State(StrEnum):
    """Where a job is: not tried yet, running, tried in vain and to be tried again, or given up."""

    QUEUED = "queued"
    RUNNING = "running"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Work:
    """What a task is called with: the router, the arguments it was queued with, and how often it was tried before."""

    database: Database
    settings: Settings
    router_id: int
    args: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Task:
    """Work by name. `run` is tried again later when it raises Unavailable, or the database is away; any other error ends it as failed.

    The pauses grow to the longest one; whatever that is, a router is given up only after a month.
    """

    name: str
    run: Callable[[Work], None]
    longest_pause: timedelta = LONGEST_PAUSE

    @property
    def most_attempts(self) -> int:
        return int(MOST_ATTEMPTS * (LONGEST_PAUSE / self.longest_pause))


@dataclass(frozen=True, slots=True)
class Errand:
    """Work by name that concerns no router. `run` gets what it was queued with, and is tried again only while the database is away.

    It runs again when its worker died in the middle: what must not happen twice, it notes before.
    """

    name: str
    run: Callable[[Database, Settings, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job that isn't done: since when it is in its state, when it is tried next, and what went wrong last.

    One that is pending is so since it was first tried in vain.
    """

    id: int
    task: str
    router_id: int
    args: Mapping[str, Any]
    state: State
    attempts: int
    since: datetime
    next_at: datetime | None
    problem: str


def enqueue(
    db: Session,
    task_name: str,
    router_id: int,
    args: Mapping[str, Any],
    *,
    at: datetime | None = None,
    gives_way: bool = False,
) -> int | None:
    """Queue work on a router in the caller's transaction: a worker sees it when that commits, and never when it doesn't.

    With `at` it is done then or later, when nothing else waits for this router; the others don't wait behind it. What `gives_way` is
    done when nothing at all waits. Return the job's number, or None when the same work (task, router and arguments) waits already:
    then it is tried at once, unless this one has a time, or gives way.
    """
    work = f"{task_name}:{router_id}:{hashlib.sha256(json.dumps(args, sort_keys=True).encode()).hexdigest()}"
    try:
        with db.begin_nested():
            return configure_task(
                name=task_name,
                job_manager=JobManager(SyncPsycopgConnector()),
                lock=f"router:{router_id}",
                queueing_lock=work,
                schedule_at=at,
                priority=BESIDES if gives_way else IN_A_HURRY if at is None else IN_NO_HURRY,
                connection=db.connection().connection.driver_connection,
            ).defer(router_id=router_id, args=dict(args))
    except AlreadyEnqueued:
        if at is None and not gives_way:
            db.connection().execute(text(ANEW), {"work": work})
        return None


def run_errand(db: Session, errand_name: str, args: Mapping[str, Any]) -> None:
    """Queue an errand in the caller's transaction; it is run right after that commits, beside all others."""
    configure_task(
        name=errand_name,
        job_manager=JobManager(SyncPsycopgConnector()),
        queue=ERRANDS,
        connection=db.connection().connection.driver_connection,
    ).defer(args=dict(args))


def after_trying(priority: int) -> int:
    """Return the priority of a job that was tried in vain: behind the fresh ones of its kind."""
    return priority - 1 if priority in (IN_A_HURRY, IN_NO_HURRY, BESIDES) else priority


def cancel(db: Session, job_id: int) -> bool:
    """Take a job that waits out of the queue; False when it isn't there, or runs already."""
    return db.connection().execute(text(CANCEL), {"job": job_id}).rowcount > 0


def cancel_all(db: Session, task_name: str, args: Mapping[str, Any]) -> int:
    """Take this work out of the queue for every router where it waits; return for how many."""
    return db.connection().execute(text(CANCEL_ALL), {"task": task_name, "args": json.dumps(args)}).rowcount


def pending(db: Session, router_id: int | None = None) -> list[QueuedJob]:
    """Return every job that isn't done, or those of one router, in the order they were queued.

    Those that failed for good are kept 30 days.
    """
    return [
        QueuedJob(
            id=row.id,
            task=row.task_name,
            router_id=row.router_id,
            args=row.args,
            state=_state(row.status, row.attempts),
            attempts=row.attempts,
            since=row.since,
            next_at=row.scheduled_at if row.status == "todo" else None,
            problem=row.problem or "",
        )
        for row in db.execute(text(PENDING), {"router_id": router_id})
    ]


def _state(status: str, attempts: int) -> State:
    match status:
        case "doing":
            return State.RUNNING
        case "failed":
            return State.FAILED
    return State.PENDING if attempts else State.QUEUED


def pause(attempts: int, chance: float, longest: timedelta = LONGEST_PAUSE) -> timedelta:
    """Return how long to wait after `attempts` tries in vain: it doubles up to `longest`; `chance` (0 to 1) takes up to half off.

    Routers that went away together, in a power cut, are so not all tried at the same moment.
    """
    whole = min(FIRST_PAUSE * (1 << min(attempts, 12)), longest)
    return whole * (1 - chance / 2)
