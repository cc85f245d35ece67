"""Jobs on routers: each done once and one a router at a time, tried again after what kept them, also when their worker died."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import text

from hotspot import jobs, process
from hotspot import worker as works
from hotspot.db import Database
from hotspot.errors import Invalid, Unavailable
from hotspot.jobs import QueuedJob, State, Task, Work, enqueue, pause, pending
from hotspot.process import Part, running
from hotspot.settings import Settings
from hotspot.worker import Worker

PATIENCE = 5  # seconds


class Away(Unavailable):
    """{name} does not answer"""


class Wrong(Invalid):
    """{what} is wrong"""


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(works, "DATABASE_PAUSE", timedelta(milliseconds=20))
    monkeypatch.setattr(works, "POLL_EVERY", timedelta(milliseconds=20))
    monkeypatch.setattr(works, "LOOK_EVERY", timedelta(milliseconds=20))


@contextmanager
def a_worker(database: Database, settings: Settings, greet: Callable[[Work], None]) -> Iterator[Worker]:
    worker = Worker(database, settings, [Task("greet", greet)])
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def queue(database: Database, router_id: int, **args: Any) -> int | None:
    with database.writing() as db:
        return enqueue(db, "greet", router_id, args)


def waiting(database: Database) -> list[QueuedJob]:
    with database.reading() as db:
        return pending(db)


def eventually(database: Database, states: Sequence[State]) -> list[QueuedJob]:
    """Return the jobs once they are in these states: the worker writes that down after the task has ended."""
    tick = threading.Event()
    for _ in range(PATIENCE * 50):
        if [job.state for job in waiting(database)] == list(states):
            return waiting(database)
        tick.wait(0.02)
    raise AssertionError(f"{waiting(database)} instead of {states}")


def change(database: Database, statement: str) -> None:
    with database.writing() as db:
        db.execute(text(statement))


def test_a_queued_job_is_done_once_with_its_router_and_arguments(database: Database, settings: Settings) -> None:
    done: Queue[Work] = Queue()
    queue(database, 7, words="selamat pagi", times=[1, 2])

    with a_worker(database, settings, done.put), a_worker(database, settings, done.put):
        work = done.get(timeout=PATIENCE)
        eventually(database, [])

    assert (work.router_id, work.args, work.attempts) == (7, {"words": "selamat pagi", "times": [1, 2]}, 0)
    assert done.empty()


def test_a_job_queued_while_the_worker_waits_is_done_at_once(database: Database, settings: Settings) -> None:
    done: Queue[Work] = Queue()
    with a_worker(database, settings, done.put):
        queue(database, 1, turn=1)
        done.get(timeout=PATIENCE)
        eventually(database, [])

        queue(database, 1, turn=2)

        assert done.get(timeout=2).args == {"turn": 2}


def test_what_is_rolled_back_was_never_queued(database: Database) -> None:
    with database.writing() as db:
        enqueue(db, "greet", 1, {})
        db.rollback()

    assert waiting(database) == []


def test_the_same_work_waits_only_once_and_the_transaction_lives_on(database: Database) -> None:
    with database.writing() as db:
        first = enqueue(db, "greet", 1, {"a": 1, "b": 2})
        again = enqueue(db, "greet", 1, {"b": 2, "a": 1})
        others = [enqueue(db, "greet", 1, {"a": 2}), enqueue(db, "greet", 2, {"a": 1, "b": 2})]

    assert again is None
    assert [job.id for job in waiting(database)] == [first, *others]


def test_jobs_of_one_router_run_in_order_one_at_a_time_and_those_of_others_meanwhile(
    database: Database, settings: Settings
) -> None:
    at_once = threading.Barrier(2)
    at_work: list[int] = []
    order: Queue[tuple[int, int]] = Queue()

    def greet(work: Work) -> None:
        assert work.router_id not in at_work
        at_work.append(work.router_id)
        at_once.wait(PATIENCE)  # opens only when jobs of both routers are here
        at_work.remove(work.router_id)
        order.put((work.router_id, work.args["turn"]))

    for router_id in (1, 2):
        for turn in range(3):
            queue(database, router_id, turn=turn)

    with a_worker(database, settings, greet), a_worker(database, settings, greet):
        done = [order.get(timeout=PATIENCE) for _ in range(6)]
        eventually(database, [])

    assert [turn for router_id, turn in done if router_id == 1] == [0, 1, 2]
    assert [turn for router_id, turn in done if router_id == 2] == [0, 1, 2]


def test_all_workers_together_have_no_more_connections_than_the_setting_says(
    database: Database, settings: Settings
) -> None:
    guard, at_work, most = threading.Lock(), 0, 0
    pairs, done = threading.Barrier(2), threading.Semaphore(0)

    def greet(work: Work) -> None:
        nonlocal at_work, most
        with guard:
            at_work += 1
            most = max(most, at_work)
        pairs.wait(PATIENCE)
        with guard:
            at_work -= 1
        done.release()

    for router_id in range(8):
        queue(database, router_id)

    two_jobs = settings.model_copy(update={"router_connections": 5})
    with a_worker(database, two_jobs, greet), a_worker(database, two_jobs, greet):
        assert all(done.acquire(timeout=PATIENCE) for _ in range(8))
        eventually(database, [])

    assert most == 2


def test_a_router_that_is_away_stays_pending_across_restarts_until_it_is_back(
    database: Database, settings: Settings
) -> None:
    tried: Queue[int] = Queue()

    def greet(work: Work) -> None:
        tried.put(work.attempts)
        if work.attempts < 2:
            raise Away(name="alun-alun-1")

    number = queue(database, 1)
    for tries in (1, 2):
        with a_worker(database, settings, greet):
            assert tried.get(timeout=PATIENCE) == tries - 1
            (job,) = eventually(database, [State.PENDING])
        assert (job.id, job.attempts, job.problem) == (number, tries, "alun-alun-1 does not answer")
        assert job.next_at is not None
        assert timedelta(seconds=10) < job.next_at - datetime.now(UTC) < timedelta(minutes=1)
        change(database, "UPDATE procrastinate_jobs SET scheduled_at = now() - interval '1 second'")

    with a_worker(database, settings, greet):
        assert tried.get(timeout=PATIENCE) == 2
        eventually(database, [])


def test_work_that_is_asked_for_again_while_it_is_pending_is_begun_anew(database: Database, settings: Settings) -> None:
    tries: Queue[int] = Queue()

    def greet(work: Work) -> None:
        tries.put(work.attempts)
        if tries.qsize() < 2:
            raise Away(name="alun-alun-1")

    queue(database, 1)
    with a_worker(database, settings, greet):
        (job,) = eventually(database, [State.PENDING])
        with database.writing() as db:
            assert enqueue(db, "greet", 1, {}, gives_way=True) is None
        assert [one.id for one in eventually(database, [State.PENDING])] == [job.id], "who gives way hurries nobody"
        queue(database, 1)
        eventually(database, [])

    assert (tries.get(), tries.get()) == (0, 0)


def test_work_that_is_asked_for_again_while_it_runs_in_vain_is_done_again(
    database: Database, settings: Settings
) -> None:
    running, asked = threading.Event(), threading.Event()
    tries: Queue[int] = Queue()

    def greet(work: Work) -> None:
        tries.put(work.attempts)
        running.set()
        assert asked.wait(PATIENCE)
        if tries.qsize() < 2:
            raise Away(name="alun-alun-1")

    queue(database, 1)
    with a_worker(database, settings, greet):
        assert running.wait(PATIENCE)
        queue(database, 1)
        asked.set()
        eventually(database, [])

    assert tries.qsize() == 2


def test_a_pending_job_is_not_tried_before_its_time(database: Database, settings: Settings) -> None:
    done: Queue[int] = Queue()
    queue(database, 1)
    change(database, "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour', attempts = 1")
    queue(database, 2)

    with a_worker(database, settings, lambda work: done.put(work.router_id)):
        assert done.get(timeout=PATIENCE) == 2
        (job,) = eventually(database, [State.PENDING])

    assert job.router_id == 1


@pytest.mark.parametrize("at", [None, datetime(2026, 3, 1, tzinfo=UTC)])
def test_what_was_tried_in_vain_holds_up_nothing_that_a_person_asks_for(
    database: Database, settings: Settings, at: datetime | None
) -> None:
    """`at`: the pending job is one of the clock's."""
    done: Queue[str] = Queue()

    def greet(work: Work) -> None:
        done.put(work.args["of"])
        if work.args["of"] == "the night":
            raise Away(name="alun-alun-1")

    with database.writing() as db:
        enqueue(db, "greet", 1, {"of": "the night"}, at=at)
    with a_worker(database, settings, greet):
        assert done.get(timeout=PATIENCE) == "the night"
        (pending_job,) = eventually(database, [State.PENDING])
        queue(database, 1, of="Bob")
        assert done.get(timeout=PATIENCE) == "Bob"
        (left,) = eventually(database, [State.PENDING])

    assert left == pending_job


def test_a_persons_job_that_waits_for_its_router_is_not_behind_the_clocks(
    database: Database, settings: Settings
) -> None:
    def greet(work: Work) -> None:
        if work.attempts == 0:
            raise Away(name="alun-alun-1")
        done.put(work.args["of"])

    done: Queue[str] = Queue()
    with database.writing() as db:
        enqueue(db, "greet", 1, {"of": "the night"}, at=datetime(2026, 3, 1, tzinfo=UTC))
    with a_worker(database, settings, greet):
        eventually(database, [State.PENDING])
        queue(database, 1, of="Bob")
        eventually(database, [State.PENDING, State.PENDING])
        change(database, "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE args->'args'->>'of' = 'Bob'")
        assert done.get(timeout=PATIENCE) == "Bob"


def test_a_job_with_a_time_is_done_then_and_keeps_nobody_waiting(database: Database, settings: Settings) -> None:
    done: Queue[str] = Queue()
    with database.writing() as db:
        enqueue(db, "greet", 1, {"when": "tonight"}, at=datetime.now(UTC) + timedelta(hours=1))
        enqueue(db, "greet", 2, {"when": "last night"}, at=datetime.now(UTC) - timedelta(hours=1))
        enqueue(db, "greet", 1, {"when": "now"})

    with a_worker(database, settings, lambda work: done.put(work.args["when"])):
        assert {done.get(timeout=PATIENCE) for _ in range(2)} == {"last night", "now"}
        (job,) = eventually(database, [State.QUEUED])

    assert job.args == {"when": "tonight"}
    assert job.next_at is not None
    assert job.next_at > datetime.now(UTC) + timedelta(minutes=59)


def test_what_gives_way_keeps_nobody_waiting_while_it_is_tried_again(database: Database, settings: Settings) -> None:
    done: Queue[str] = Queue()

    def greet(work: Work) -> None:
        done.put(work.args["what"])
        if work.args["what"] == "nightly":
            raise Away(name="alun-alun-1")

    with database.writing() as db:
        enqueue(db, "greet", 1, {"what": "nightly"}, gives_way=True)
    with a_worker(database, settings, greet):
        assert done.get(timeout=PATIENCE) == "nightly"
        eventually(database, [State.PENDING])
        with database.writing() as db:
            enqueue(db, "greet", 1, {"what": "rollout"}, at=datetime.now(UTC))

        assert done.get(timeout=PATIENCE) == "rollout"
        eventually(database, [State.PENDING])


def test_a_waiting_job_can_be_cancelled_and_a_running_one_can_not(database: Database, settings: Settings) -> None:
    started, go = threading.Event(), threading.Event()

    def greet(work: Work) -> None:
        started.set()
        go.wait(PATIENCE)

    running_one = queue(database, 1)
    with a_worker(database, settings, greet):
        assert started.wait(PATIENCE)
        waiting_one = queue(database, 1, turn=2)
        with database.writing() as db:
            assert not jobs.cancel(db, running_one or 0)
            assert jobs.cancel(db, waiting_one or 0)
            assert not jobs.cancel(db, waiting_one or 0)
        go.set()
        eventually(database, [])


def test_one_work_is_cancelled_for_all_its_routers(database: Database) -> None:
    for router_id in (1, 2):
        queue(database, router_id, rollout=7)
    other = queue(database, 1, rollout=8)

    with database.writing() as db:
        assert jobs.cancel_all(db, "greet", {"rollout": 7}) == 2

    assert [job.id for job in waiting(database)] == [other]


def test_the_jobs_of_one_router_are_told_apart_and_pending_ones_since_the_first_try_in_vain(database: Database) -> None:
    queue(database, 1)
    number = queue(database, 2)
    change(database, f"UPDATE procrastinate_jobs SET attempts = 2 WHERE id = {number}")
    for hours in (3, 1):
        change(
            database,
            f"INSERT INTO procrastinate_events (job_id, type, at) VALUES ({number}, 'deferred_for_retry', now() - interval '{hours} hours')",
        )

    with database.reading() as db:
        (job,) = pending(db, 2)

    assert (job.id, job.state) == (number, State.PENDING)
    assert timedelta(hours=2, minutes=59) < datetime.now(UTC) - job.since < timedelta(hours=3, minutes=1)


def test_a_task_with_short_pauses_is_given_up_as_late_as_the_others() -> None:
    hasty = Task("greet", lambda work: None, timedelta(minutes=6))

    assert hasty.most_attempts == 10 * jobs.MOST_ATTEMPTS
    assert pause(9, 0, hasty.longest_pause) == timedelta(minutes=6)


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


@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=0, max_value=1))
def test_pauses_grow_to_an_hour_and_spread_over_their_half(attempts: int, chance: float) -> None:
    whole = pause(attempts, 0)

    assert timedelta(seconds=30) <= whole <= pause(attempts + 1, 0) <= timedelta(hours=1)
    assert whole / 2 <= pause(attempts, chance) <= whole
    assert pause(10, 0) == timedelta(hours=1)


def test_serving_does_the_jobs_of_the_product(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Queue[int] = Queue()
    monkeypatch.setattr(process, "TASKS", (Task("greet", lambda work: done.put(work.router_id)),))
    queue(database, 5)

    with running(settings, {Part.JOBS}, database):
        assert done.get(timeout=PATIENCE) == 5
        eventually(database, [])
