"""Jobs on routers as they are asked for: each done once and one a router at a time, in which order, when, and what is told of them."""

import threading
from datetime import UTC, datetime, timedelta
from queue import Queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot import jobs
from hotspot.db import Database
from hotspot.jobs import State, Task, Work, enqueue, pause, pending
from hotspot.settings import Settings
from tests.queueing import PATIENCE, Away, a_worker, change, eventually, look_often, queue, waiting

__all__ = ["look_often"]  # the fixture


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


@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=0, max_value=1))
def test_pauses_grow_to_an_hour_and_spread_over_their_half(attempts: int, chance: float) -> None:
    whole = pause(attempts, 0)

    assert timedelta(seconds=30) <= whole <= pause(attempts + 1, 0) <= timedelta(hours=1)
    assert whole / 2 <= pause(attempts, chance) <= whole
    assert pause(10, 0) == timedelta(hours=1)
