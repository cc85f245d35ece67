"""A worker and its queue, for the tests of both."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from hotspot import worker as works
from hotspot.db import Database
from hotspot.errors import Invalid, Unavailable
from hotspot.jobs import QueuedJob, State, Task, Work, enqueue, pending
from hotspot.settings import Settings
from hotspot.worker import Worker

PATIENCE = 5  # seconds


class Away(Unavailable):
    """{name} does not answer"""


class Wrong(Invalid):
    """{what} is wrong"""


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
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
