"""Accounting packets per second, acknowledged after commit, beside what the database can commit at all.

A fresh embedded PostgreSQL with fsync on; the server here, the routers in a process of their own. Rounds are interleaved, medians
count. Run by `make bench-radius`; the last line of stdout is one line of JSON.
"""

import argparse
import json
import logging
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy import text

from benchmarks.radius_city import add_reporters
from benchmarks.radius_load import Load, Reporter
from hotspot.db import Database, open_database
from hotspot.radius.server import RadiusServer
from hotspot.settings import load

WARM_UP = 0.5  # seconds before anything is counted


@dataclass(frozen=True, slots=True)
class Run:
    """What one window achieved in one round."""

    acks_per_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    sessions: int
    resent: int
    bad_replies: int


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    windows = [int(window) for window in options.windows.split(",")]
    with tempfile.TemporaryDirectory(prefix="hotspot-bench-") as directory:
        settings = load(data_dir=Path(directory))
        database = open_database(settings)
        try:
            reporters = add_reporters(database, settings)
            server = RadiusServer(database, settings.keys)
            server.start()
            try:
                figures = _measure(database, server, reporters, windows, options)
            finally:
                server.stop()
        finally:
            database.close()
    print(json.dumps(figures))
    return 0 if figures["stored"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-radius", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--windows", default="1,32,256", help="outstanding requests")
    return parser.parse_args(arguments)


def _measure(
    database: Database,
    server: RadiusServer,
    reporters: list[Reporter],
    windows: Sequence[int],
    options: argparse.Namespace,
) -> dict[str, Any]:
    bare: list[float] = []
    runs: dict[int, list[Run]] = {window: [] for window in windows}
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=Console(file=sys.stderr)
    )
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as routers, progress:
        task = progress.add_task("starting", total=options.rounds * (len(windows) + 1))
        for _ in range(options.rounds):
            progress.update(task, description="bare commits")
            bare.append(bare_commits(database, options.seconds / 2))
            progress.advance(task)
            for window in windows:
                progress.update(task, description=f"window {window}")
                before = time.process_time()
                reported = routers.submit(report, reporters, server.acct_address, window, options.seconds).result()
                runs[window].append(_run(*reported, cpu=time.process_time() - before))
                progress.advance(task)
    return _figures(database, bare, runs)


def report(
    reporters: list[Reporter], server: tuple[str, int], window: int, seconds: float
) -> tuple[list[float], float, int, int, int, int]:
    """Load the server for a while, in a process of its own: latencies, duration and what else there is to say."""
    load = Load(reporters, server, window=window)
    load.run(WARM_UP)
    warm = len(load.latencies)
    took = load.run(seconds)
    load.close()
    sessions = sum(told.acked_start for told in load.told.values())
    return load.latencies[warm:], took, load.acked, sessions, load.resent, load.bad_replies


def _run(latencies: list[float], took: float, acked: int, sessions: int, resent: int, bad: int, *, cpu: float) -> Run:
    latencies.sort()
    return Run(
        acks_per_s=len(latencies) / took,
        p50_ms=1_000 * latencies[len(latencies) // 2],
        p99_ms=1_000 * latencies[len(latencies) * 99 // 100],
        server_cpu_us=1e6 * cpu / acked,
        sessions=sessions,
        resent=resent,
        bad_replies=bad,
    )


def bare_commits(database: Database, seconds: float) -> float:
    """One-row durable commits a second by one connection: the floor under any acknowledgement."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bare_commit (id bigserial PRIMARY KEY, said text NOT NULL)")
        commits, began = 0, time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            connection.execute("INSERT INTO bare_commit (said) VALUES ('one row')")
            commits += 1
    return commits / (now - began)


def _figures(database: Database, bare: list[float], runs: dict[int, list[Run]]) -> dict[str, Any]:
    commits = statistics.median(bare)
    started = sum(run.sessions for window in runs.values() for run in window)
    with database.reading() as db:
        stored = db.scalar(text("SELECT count(*) FROM guest_session"))
        durable = {name: db.scalar(text(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")}
    return {
        "benchmark": "radius",
        "rounds": len(bare),
        "bare_commits_per_s": round(commits),
        "windows": {str(window): _medians(measured, commits) for window, measured in runs.items()},
        "sessions_acknowledged": started,
        "stored": stored is not None and stored >= started and set(durable.values()) == {"on"},
        **durable,
    }


def _medians(measured: list[Run], commits: float) -> dict[str, float]:
    acks = statistics.median(run.acks_per_s for run in measured)
    return {
        "acks_per_s": round(acks),
        "acks_per_bare_commit": round(acks / commits, 2),
        "p50_ms": round(statistics.median(run.p50_ms for run in measured), 2),
        "p99_ms": round(statistics.median(run.p99_ms for run in measured), 2),
        "server_cpu_us_per_ack": round(statistics.median(run.server_cpu_us for run in measured), 1),
        "resent": sum(run.resent for run in measured),
        "bad_replies": sum(run.bad_replies for run in measured),
    }


if __name__ == "__main__":
    sys.exit(main())
