"""Batches of reports into the database from inside the event loop: one connection in libpq's pipeline mode, no thread in between.

A batch is one transaction: its statements go out together and its commit comes back as one answer, while the loop receives what will
be the next batch. It knows only the express way (`usage.express`); whatever that can't do, and whatever goes wrong, is the caller's
to do the long way, which also finds out what is wrong.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
import structlog
from psycopg import pq
from psycopg.pq.abc import PGresult

from hotspot.usage.counters import Report
from hotspot.usage.endings import BY_INDEX
from hotspot.usage.express import STATEMENTS, Batch, Express

log = structlog.get_logger()

_NAMES: Final = {name: f"hotspot_{name}".encode() for name in STATEMENTS}
_FAILED: Final = frozenset({pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED})

Done = Callable[[bool], None]
"""Called once for each batch, in the loop's thread: whether it is committed."""


class Pipeline:
    """Batches one after the other, each decided by itself. Made in any thread, then used in the loop's thread only."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Prepare the statements on a connection that is nobody else's.

        Raises:
            psycopg.Error: the database is away after all.
        """
        self._connection = connection
        self._express = Express()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_closed = False
        self._sent: deque[tuple[Batch, Done]] = deque()
        self._has_failed = False  # the batch that is being answered
        for setting in (
            *BY_INDEX,
            "SET plan_cache_mode = force_generic_plan",
        ):  # planning anew costs more than it finds
            connection.execute(setting)
        for name, statement in STATEMENTS.items():
            result = connection.pgconn.prepare(_NAMES[name], statement.sql)
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise psycopg.OperationalError(f"can't prepare {name}: {result.get_error_message()}")
        self._fd = connection.pgconn.socket  # libpq forgets it when the connection is lost
        connection.pgconn.nonblocking = 1
        connection.pgconn.enter_pipeline_mode()

    def store(self, reports: Sequence[Report], done: Done) -> bool:
        """Send the batch off and call `done` when it is decided; False, and no call, when it needs the long way."""
        if self.is_closed:
            return False
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._fd, self._hear)
        batch = self._express.plan(reports)
        if batch is None:
            self._express.forget(reports)  # their rows change by another way now
            return False
        self._sent.append((batch, done))
        connection = self._connection.pgconn
        try:
            for step in batch.steps:
                connection.send_query_prepared(_NAMES[step.statement], step.values)
            connection.pipeline_sync()
        except psycopg.Error:
            self._lose()
            return True
        self._flush()
        return True

    def close(self) -> None:
        """Give the connection back; batches in flight stay undecided."""
        if self._loop is not None and not self.is_closed:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
        self.is_closed = True
        self._connection.close()

    def _flush(self) -> None:
        """Write what the socket takes; the rest when it takes more."""
        assert self._loop is not None, "it listens before it speaks"
        try:
            is_pending = self._connection.pgconn.flush()
        except psycopg.Error:
            self._lose()
            return
        if is_pending:
            self._loop.add_writer(self._fd, self._flush)
        else:
            self._loop.remove_writer(self._fd)

    def _hear(self) -> None:
        """Read what came; at each sync, a batch is decided."""
        connection = self._connection.pgconn
        try:
            connection.consume_input()
            if connection.status != pq.ConnStatus.OK:
                raise psycopg.OperationalError("the server closed the connection")
            while self._sent and not self.is_closed and not connection.is_busy():
                result = connection.get_result()
                if result is not None:
                    self._take(result)
        except psycopg.Error as error:
            log.warning("the reports' connection is lost", problem=str(error).partition("\n")[0])
            self._lose()

    def _take(self, result: PGresult) -> None:
        """Judge one answer to the oldest batch; the sync is its last."""
        batch, _ = self._sent[0]
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            self._decide(is_committed=not self._has_failed)
        elif result.status in _FAILED:
            self._has_failed = True
        elif result.nfields == 3:
            self._express.learn(batch, _rows(result))
        elif result.nfields == 1 and int(result.get_value(0, 0) or b"0") != len(batch.grown):
            self._has_failed = True  # it may be committed, which does no harm: a row was not as remembered

    def _decide(self, *, is_committed: bool) -> None:
        batch, done = self._sent.popleft()
        self._has_failed = False
        if not is_committed:
            self._express.forget([*batch.grown, *batch.saved.values()])
        done(is_committed)

    def _lose(self) -> None:
        self.close()
        while self._sent:
            self._decide(is_committed=False)


def _rows(result: PGresult) -> list[tuple[int, int, str]]:
    """What `save` returned, in text form: router, row, session key."""
    values = result.get_value
    return [
        (int(values(row, 0) or b"0"), int(values(row, 1) or b"0"), (values(row, 2) or b"").decode())
        for row in range(result.ntuples)
    ]
