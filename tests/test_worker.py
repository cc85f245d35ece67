"""The worker of jobs on routers: what is tried again and what fails, when workers are stopped or killed, and their database is away."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from hotspot import jobs, process
from hotspot import worker as works
from hotspot.db import Database
from hotspot.jobs import Errand, State, Task, Work, enqueue, run_errand
from hotspot.process import Part, running
from hotspot.settings import Settings
from hotspot.worker import Worker
from tests.queueing import PATIENCE, Away, Wrong, a_worker, change, eventually, look_often, queue, waiting

__all__ = ["look_often"]  # the fixture


def test_a_router_given_up_after_the_last_attempt_has_failed(database: Database, settings: Settings) -> None:
    def greet(work: Work) -> None:
        raise Away(name="alun-alun-1")

    queue(database, 1)
    change(database, f"UPDATE procrastinate_jobs SET attempts = {jobs.MOST_ATTEMPTS}")

    with a_worker(database, settings, greet):
        eventually(database, [State.FAILED])


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (Wrong(what="the plan"), "the plan is wrong"),
        (ValueError("secret words"), "ValueError; the log has more"),
        (Wrong(what="x" * 1000), "x" * 300),
    ],
)
def test_a_mistake_fails_at_once_and_says_what_is_wrong(
    error: Exception, problem: str, database: Database, settings: Settings
) -> None:
    def greet(work: Work) -> None:
        raise error

    queue(database, 1)

    with a_worker(database, settings, greet):
        (job,) = eventually(database, [State.FAILED])

    assert (job.problem, job.attempts, job.next_at) == (problem, 1, None)
    assert REGISTRY.get_sample_value("hotspot_jobs_total", {"task": "greet", "outcome": "failed"})


def test_a_job_that_the_database_failed_is_tried_again(database: Database, settings: Settings) -> None:
    def greet(work: Work) -> None:
        raise psycopg.OperationalError("the server closed the connection")

    queue(database, 1)

    with a_worker(database, settings, greet):
        (job,) = eventually(database, [State.PENDING])

    assert job.attempts == 1


def test_failures_are_forgotten_after_a_month(database: Database, settings: Settings) -> None:
    def greet(work: Work) -> None:
        raise Wrong(what="it")

    queue(database, 1)

    with a_worker(database, settings, greet):
        eventually(database, [State.FAILED])
        change(database, "UPDATE procrastinate_events SET at = at - interval '31 days'")
        eventually(database, [])


def test_a_task_that_this_program_does_not_know_fails(database: Database, settings: Settings) -> None:
    with database.writing() as db:
        enqueue(db, "dance", 1, {})

    with a_worker(database, settings, lambda work: None):
        eventually(database, [State.FAILED])


@contextmanager
def a_killed_worker(database: Database, url: str) -> Iterator[None]:
    """Leave a job that a worker began and can't end: the worker was killed, and its last heartbeat is long ago."""
    command = [sys.executable, str(Path(__file__).with_name("dying_worker.py")), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        try:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "started\n"
            yield
        finally:
            worker.kill()
    change(database, "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '61 seconds'")


def test_a_job_whose_worker_was_killed_is_taken_again(
    database: Database, database_url: str, settings: Settings
) -> None:
    done: Queue[int] = Queue()
    queue(database, 1)
    with a_killed_worker(database, database_url):
        eventually(database, [State.RUNNING])

    with a_worker(database, settings, lambda work: done.put(work.attempts)):
        assert done.get(timeout=PATIENCE) == 1
        eventually(database, [])
    assert done.empty()


def test_a_job_left_by_a_killed_worker_is_let_go_when_the_same_work_waits(
    database: Database, database_url: str, settings: Settings
) -> None:
    done: Queue[int] = Queue()
    queue(database, 1)
    with a_killed_worker(database, database_url):
        again = queue(database, 1)

    with a_worker(database, settings, lambda work: done.put(work.attempts)):
        assert again is not None
        assert done.get(timeout=PATIENCE) == 0
        eventually(database, [])
    assert done.empty()


def test_a_job_of_a_living_worker_is_left_to_it(database: Database, settings: Settings) -> None:
    started, go = threading.Semaphore(0), threading.Event()

    def greet(work: Work) -> None:
        started.release()
        assert go.wait(PATIENCE)

    queue(database, 1)
    with a_worker(database, settings, greet):
        assert started.acquire(timeout=PATIENCE)
        with a_worker(database, settings, greet):
            assert not started.acquire(timeout=0.3)  # another worker looks every 20 ms
        go.set()
        eventually(database, [])


def test_work_queued_again_while_it_runs_in_vain_is_kept_once(database: Database, settings: Settings) -> None:
    started, go, attempts = threading.Event(), threading.Event(), []

    def greet(work: Work) -> None:
        attempts.append(work.attempts)
        if len(attempts) == 1:
            started.set()
            assert go.wait(PATIENCE)
            raise Away(name="alun-alun-1")

    queue(database, 1)
    with a_worker(database, settings, greet):
        assert started.wait(PATIENCE)
        assert queue(database, 1) is not None
        go.set()
        eventually(database, [])

    assert attempts == [0, 0]


def test_a_worker_that_is_stopped_ends_its_job_and_takes_no_other(database: Database, settings: Settings) -> None:
    started, go, done = threading.Event(), threading.Event(), []

    def greet(work: Work) -> None:
        started.set()
        assert go.wait(PATIENCE)
        done.append(work.args["turn"])

    queue(database, 1, turn=1)
    queue(database, 1, turn=2)
    worker = Worker(database, settings, [Task("greet", greet)])
    worker.start()
    assert started.wait(PATIENCE)

    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive()
    go.set()
    stopping.join(PATIENCE)

    assert not worker.is_alive()
    assert done == [1]
    assert [job.args for job in eventually(database, [State.QUEUED])] == [{"turn": 2}]


def test_stopping_waits_only_so_long_for_a_job_that_does_not_end(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(works, "STOP_PATIENCE", timedelta(milliseconds=100))
    started, go = threading.Event(), threading.Event()

    def greet(work: Work) -> None:
        started.set()
        assert go.wait(PATIENCE)

    queue(database, 1)
    worker = Worker(database, settings, [Task("greet", greet)])
    worker.start()
    assert started.wait(PATIENCE)

    worker.stop()
    assert worker.is_alive()

    go.set()
    worker._thread.join(PATIENCE)
    worker.stop()  # again, and harmless
    assert waiting(database) == []


def test_a_worker_whose_connections_are_cut_works_on(database: Database, settings: Settings) -> None:
    done: Queue[int] = Queue()
    with a_worker(database, settings, lambda work: done.put(work.router_id)):
        queue(database, 1)
        assert done.get(timeout=PATIENCE) == 1
        eventually(database, [])
        change(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hotspot jobs'",
        )

        queue(database, 2)
        assert done.get(timeout=PATIENCE) == 2
        eventually(database, [])


def test_a_worker_waits_for_a_database_that_is_away(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Queue[int] = Queue()
    queue(database, 1)
    change(database, "ALTER TABLE procrastinate_workers RENAME TO gone")
    with a_worker(database, settings, lambda work: done.put(work.router_id)) as worker:
        assert worker.is_alive()
        with pytest.raises(Empty):
            done.get(timeout=0.2)

        change(database, "ALTER TABLE gone RENAME TO procrastinate_workers")

        assert done.get(timeout=PATIENCE) == 1
        eventually(database, [])


def test_serving_does_the_jobs_of_the_product(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Queue[int] = Queue()
    monkeypatch.setattr(process, "TASKS", (Task("greet", lambda work: done.put(work.router_id)),))
    queue(database, 5)

    with running(settings, {Part.JOBS}, database):
        assert done.get(timeout=PATIENCE) == 5
        eventually(database, [])


# --- errands -------------------------------------------------------------------------------------------------------------


def test_an_errand_is_run_beside_a_router_job_that_does_not_end(database: Database, settings: Settings) -> None:
    started, go, done = threading.Event(), threading.Event(), Queue[str]()

    def greet(work: Work) -> None:
        started.set()
        assert go.wait(PATIENCE)

    one_slot = settings.model_copy(update={"router_connections": 2})
    errand = Errand("post", lambda _database, _settings, args: done.put(args["letter"]))
    worker = Worker(database, one_slot, [Task("greet", greet)], [errand])
    queue(database, 1)
    worker.start()
    try:
        assert started.wait(PATIENCE)
        for letter in ("a", "b"):
            with database.writing() as db:
                run_errand(db, "post", {"letter": letter})
        assert {done.get(timeout=PATIENCE), done.get(timeout=PATIENCE)} == {"a", "b"}
        assert [job.task for job in waiting(database)] == ["greet"], "errands are no work on routers"
    finally:
        go.set()
        worker.stop()


def test_an_errand_is_queued_exactly_when_what_asked_for_it_is_stored(database: Database) -> None:
    with database.writing() as db:
        run_errand(db, "post", {"letter": "never"})
        db.rollback()

    with database.reading() as db:
        assert db.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


def test_an_errand_is_tried_again_while_the_database_is_away_and_not_when_it_is_wrong(
    database: Database, settings: Settings
) -> None:
    told: Queue[str] = Queue()
    tried: list[str] = []

    def post(_database: Database, _settings: Settings, args: Mapping[str, Any]) -> None:
        tried.append(args["letter"])
        told.put(args["letter"])
        if args["letter"] == "wrong":
            raise Wrong(what="it")
        if tried.count("again") == 1:
            raise OperationalError("", {}, Exception())

    with database.writing() as db:
        run_errand(db, "post", {"letter": "wrong"})
        run_errand(db, "post", {"letter": "again"})
    worker = Worker(database, settings, [], [Errand("post", post)])
    worker.start()
    try:
        assert sorted(told.get(timeout=PATIENCE) for _ in range(3)) == ["again", "again", "wrong"]
    finally:
        worker.stop()
