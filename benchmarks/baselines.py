"""What the machine can do without any RADIUS server: bare durable commits, bare UDP echo."""

import asyncio
import multiprocessing
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
import uvloop

from benchmarks.contenders import Contender

RECEIVE_BUFFER: Final = 8 << 20
LONGEST: Final = 4096
TABLE: Final = "CREATE TABLE IF NOT EXISTS bare_commit (id bigserial PRIMARY KEY, said text NOT NULL)"
COMMIT: Final = "INSERT INTO bare_commit (said) VALUES ('one row');\n"


def bare_commits(dsn: str, postmaster: psutil.Process, *, connections: int, seconds: float) -> float:
    """One-row durable commits a second by so many connections, as PostgreSQL's own pgbench counts them."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(TABLE)
    beside = Path(postmaster.exe()).with_name("pgbench")
    pgbench = str(beside) if beside.exists() else shutil.which("pgbench") or "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(COMMIT)
        script.flush()
        options = [f"--client={connections}", f"--time={max(1, round(seconds))}", f"--file={script.name}"]
        command = [pgbench, "--no-vacuum", "--protocol=prepared", *options, dsn]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"tps = ([0-9.]+)", said)
    assert found, said
    return float(found[1])


def bare_commits_by_psycopg(dsn: str, *, connections: int, seconds: float) -> float:
    """The same by the driver that hotspot has, one process as it is: what one could reach without batches."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(TABLE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_commit_side_by_side(dsn, connections, seconds))


async def _commit_side_by_side(dsn: str, connections: int, seconds: float) -> float:
    opened = [await psycopg.AsyncConnection.connect(dsn, autocommit=True) for _ in range(connections)]
    until = time.monotonic() + seconds

    async def commit(connection: psycopg.AsyncConnection[Any]) -> int:
        count = 0
        while time.monotonic() < until:
            await connection.execute("INSERT INTO bare_commit (said) VALUES ('one row')", prepare=True)
            count += 1
        return count

    counts = await asyncio.gather(*map(commit, opened))
    for connection in opened:
        await connection.close()
    return sum(counts) / seconds


@contextmanager
def echo() -> Iterator[Contender]:
    """A process that sends every datagram back as it came: the least a UDP server in Python does."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_send_back, args=(there,), daemon=True)
    process.start()
    there.close()  # so that its death is noticed here
    try:
        address = here.recv()
        yield Contender("echo", "echo", address, address, psutil.Process(process.pid), lambda _: ())
    finally:
        process.terminate()
        process.join()


def _send_back(pipe: Connection) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind(("127.0.0.1", 0))
        pipe.send(sock.getsockname())
        while True:
            sock.sendto(*sock.recvfrom(LONGEST))
