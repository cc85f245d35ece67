"""The clock: one leader among several, jobs that fail and live on, the table it runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlmodel import Session

from hotspot import clock
from hotspot.clock import TABLE, Clock, Schedule
from hotspot.db import Database
from hotspot.settings import Settings

SECOND = timedelta(seconds=1)


def recorder(ran: list[str], name: str) -> Schedule:
    def job(database: Database, settings: Settings, now: datetime) -> None:
        ran.append(name)

    return Schedule(name, SECOND, SECOND, job)


@contextmanager
def a_clock(database: Database, settings: Settings) -> Iterator[Clock]:
    """A clock that nobody started: its jobs are run by hand."""
    made = Clock(database, settings)
    yield made
    made._resign()


def eventually(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_of_two_clocks_only_the_leader_works_and_the_other_takes_over(database: Database, settings: Settings) -> None:
    ran: list[str] = []
    with a_clock(database, settings) as first, a_clock(database, settings) as second:
        first.run(recorder(ran, "first"))
        second.run(recorder(ran, "second"))
        assert ran == ["first"]

        first._resign()
        second.run(recorder(ran, "second"))
        first.run(recorder(ran, "first"))
        assert ran == ["first", "second"]


def test_a_leader_whose_connection_is_cut_leads_again_later(database: Database, settings: Settings) -> None:
    ran: list[str] = []
    with a_clock(database, settings) as leader:
        leader.run(recorder(ran, "before"))
        with database.writing() as db:
            db.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )

        leader.run(recorder(ran, "cut"))
        leader.run(recorder(ran, "after"))

        assert ran == ["before", "after"]


def test_a_job_that_fails_is_counted_and_leaves_nothing_behind(database: Database, settings: Settings) -> None:
    def job(db: Session, settings: Settings, now: datetime) -> None:
        db.execute(text("INSERT INTO usage_dirty (since, until) VALUES (now(), now())"))
        raise RuntimeError("on purpose")

    with a_clock(database, settings) as leader:
        leader.run(Schedule("breaks", SECOND, SECOND, job))

    assert REGISTRY.get_sample_value("hotspot_clock_runs_total", {"job": "breaks", "outcome": "failed"}) == 1
    with database.reading() as db:
        assert db.scalar(text("SELECT count(*) FROM usage_dirty")) == 0


@pytest.mark.parametrize("schedule", TABLE, ids=lambda schedule: schedule.name)
def test_every_job_of_the_table_runs_on_an_empty_installation(
    schedule: Schedule, database: Database, settings: Settings
) -> None:
    with a_clock(database, settings) as leader:
        leader.run(schedule)

    assert REGISTRY.get_sample_value("hotspot_clock_runs_total", {"job": schedule.name, "outcome": "done"})


def test_a_started_clock_runs_its_table_by_itself(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    often = Schedule("often", timedelta(seconds=0.05), timedelta(seconds=0.05), recorder(ran, "often").job)
    monkeypatch.setattr(clock, "TABLE", (often,))
    running = Clock(database, settings)

    running.start()
    eventually(lambda: len(ran) > 2)
    running.stop()

    assert REGISTRY.get_sample_value("hotspot_clock_leading") == 0
