"""Batches into the database from inside the event loop: one connection in libpq's pipeline mode, no thread in between.

A batch is one transaction: its statements go out together and its commit comes back as one answer, while the loop receives what will
be the next batch. What the statements are, and what their results mean, is the caller's; so is the long way, for what goes wrong.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, LiteralString

import psycopg
import structlog
from psycopg import pq
from psycopg.pq.abc import PGresult

from hotspot.statements import Prepared, Step

log = structlog.get_logger()

BY_INDEX: Final[tuple[LiteralString, ...]] = (
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)
"""For connections that store batches: rows are found one by one, by an index. A plan made while a table was small, and kept, must
not read all of it when it has grown."""

_FAILED: Final = frozenset({pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED})

Rows = list[list[bytes]]
"""What a statement returned, in text form; NULL as nothing."""

Done = Callable[[list[Rows] | None], None]
"""Called once for each batch, in the loop's thread: with the rows of each statement once it is committed, else with None."""


class Pipeline:
    """Batches one after the other, each decided by itself. Made in any thread, then used in the loop's thread only."""

    def __init__(self, connection: psycopg.Connection[Any], statements: Mapping[str, Prepared]) -> None:
        """Prepare the statements on a connection that is nobody else's.

        Raises:
            psycopg.Error: the database is away after all.
        """
        self._connection = connection
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_closed = False
        self._sent: deque[Done] = deque()
        self._rows: list[Rows] = []  # of the batch that is being answered
        self._has_failed = False
        for setting in (
            *BY_INDEX,
            "SET plan_cache_mode = force_generic_plan",
        ):  # planning anew costs more than it finds
            connection.execute(setting)
        self._names = {name: f"hotspot_{name}".encode() for name in statements}
        for name, statement in statements.items():
            result = connection.pgconn.prepare(self._names[name], statement.sql)
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise psycopg.OperationalError(f"can't prepare {name}: {result.get_error_message()}")
        self._fd = connection.pgconn.socket  # libpq forgets it when the connection is lost
        connection.pgconn.nonblocking = 1
        connection.pgconn.enter_pipeline_mode()

    def send(self, steps: Sequence[Step], done: Done) -> None:
        """Send a batch off and call `done` when it is decided."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._fd, self._hear)
        self._sent.append(done)
        connection = self._connection.pgconn
        try:
            for step in steps:
                connection.send_query_prepared(self._names[step.statement], step.values)
            connection.pipeline_sync()
        except psycopg.Error:
            self._lose()
            return
        self._flush()

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
            log.warning("a connection for batches is lost", problem=str(error).partition("\n")[0])
            self._lose()

    def _take(self, result: PGresult) -> None:
        """Note one answer to the oldest batch; the sync is its last."""
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            self._decide()
        elif result.status in _FAILED:
            self._has_failed = True
        else:
            self._rows.append(_rows(result))

    def _decide(self) -> None:
        done, rows = self._sent.popleft(), None if self._has_failed else self._rows
        self._rows, self._has_failed = [], False
        done(rows)

    def _lose(self) -> None:
        self.close()
        self._has_failed = True
        while self._sent:
            self._decide()
            self._has_failed = True


def _rows(result: PGresult) -> Rows:
    columns = range(result.nfields)
    return [[result.get_value(row, column) or b"" for column in columns] for row in range(result.ntuples)]
