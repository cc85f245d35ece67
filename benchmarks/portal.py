"""hotspot's portal beside nginx serving the same octets from a file, and its one button beside the bare database.

One worker each, the same connections, interleaved. Every round measures everything once; medians count, and a ratio is the median of
what the rounds say. Both servers are processes of their own, ours started as an operator would; thousands of different phones ask and
press, each press answered after its commit. Beside the presses stand PostgreSQL's one-row commits by as many connections: by the same
driver, psycopg, with which the presses are compared, and by pgbench, in C, which is shown. fsync is on. Run by `make bench-portal`;
ends with tables and, as the last line of stdout, one line of JSON.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks import nginx, wrk
from benchmarks.baselines import bare_commits, bare_commits_by_psycopg
from benchmarks.contenders import end, postmaster_of, spent
from benchmarks.portal_city import Place, furnish, landing, press
from hotspot.db import Database
from hotspot.guests.terms import DEFAULT_NAME, current
from hotspot.http_server import free_port
from hotspot.settings import Settings, load
from hotspot.setup import open_installation

PHONES: Final = 4096  # different requests
SITES: Final = 64  # more presses a minute than one site may have
FIRST_GUESS: Final = 3_000  # presses a second, until some were measured
MARGIN: Final = 1.6  # presses made ahead, over what the last rate would need
GOALS: Final = {"cpu": 5.5, "rate": 1 / 6, "p99_ms": 10.0, "presses": 0.6}
COLUMNS: Final = {
    "rate": "a second",
    "cpu_us": "CPU µs",
    "database_cpu_us": "database µs",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "worst_ms": "worst ms",
}
WIDTH: Final = 110  # of the table, where there is no terminal
say = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    name: str
    port: int
    process: psutil.Process


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement of one server."""

    requests: int
    rate: float
    cpu_us: float
    database_cpu_us: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    failed: int


@dataclass
class Bench:
    """What runs during the whole benchmark, and what was measured so far."""

    options: argparse.Namespace
    folder: Path
    settings: Settings
    database: Database
    places: Sequence[Place]
    ours: Served
    theirs: Served
    landing: Path
    runs: dict[str, list[Run]] = field(default_factory=lambda: {"hotspot": [], "nginx": [], "presses": []})
    commits: list[tuple[float, float]] = field(default_factory=list)  # a second, by psycopg and by pgbench
    answered: int = 0

    def round(self, number: int) -> None:
        """Measure everything once; every other round in the other order, so that nobody always has the same neighbour."""
        servers = (self.ours, self.theirs)
        for server in servers[:: -1 if number % 2 else 1]:
            self.runs[server.name].append(self._measure(server, self.landing))
        for measure in (self._commit, self._press)[:: -1 if number % 2 else 1]:
            measure()

    def warm_up(self) -> None:
        """Let everything be opened and drawn."""
        for script in (self.landing, self._presses(2_000)):
            wrk.load(script, self.ours.port, connections=self.options.connections, seconds=1)
        wrk.load(self.landing, self.theirs.port, connections=self.options.connections, seconds=1)
        self.answered = _stored(self.database)

    def _commit(self) -> None:
        postmaster = postmaster_of(self.settings)
        connections, seconds = self.options.connections, self.options.seconds
        by_psycopg = bare_commits_by_psycopg(self.database.dsn, connections=connections, seconds=seconds)
        by_pgbench = bare_commits(self.database.dsn, postmaster, connections=connections, seconds=seconds)
        self.commits.append((by_psycopg, by_pgbench))

    def _press(self) -> None:
        so_far = self.runs["presses"]
        rate = so_far[-1].rate if so_far else FIRST_GUESS
        run = self._measure(self.ours, self._presses(round(rate * MARGIN * self.options.seconds)))
        self.answered += run.requests
        so_far.append(run)

    def _presses(self, count: int) -> Path:
        """Make so many presses, each of another phone."""
        with self.database.reading() as db:
            terms, now = current(db, DEFAULT_NAME, datetime.now(UTC)).sha256, datetime.now(UTC)
        places = itertools.cycle(self.places)
        requests = [press(next(places), terms, self.settings.keys, now) for _ in range(count)]
        return wrk.write_requests(self.folder, "presses", requests)

    def _measure(self, server: Served, script: Path) -> Run:
        postmaster = postmaster_of(self.settings)
        before = spent(server.process, postmaster)
        connections, seconds = self.options.connections, self.options.seconds
        outcome = wrk.load(script, server.port, connections=connections, seconds=seconds)
        took = spent(server.process, postmaster) - before
        return Run(
            requests=outcome.requests,
            rate=outcome.rate,
            cpu_us=took.server / outcome.requests * 1e6,
            database_cpu_us=took.database / outcome.requests * 1e6,
            p50_ms=outcome.p50_ms,
            p99_ms=outcome.p99_ms,
            worst_ms=outcome.worst_ms,
            failed=outcome.failed,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    absent = wrk.why_absent() or (
        None if nginx.find() else "nginx is not installed (Debian: apt-get install nginx-light)"
    )
    if absent:
        say.print(absent)
        return 2
    with tempfile.TemporaryDirectory(prefix="hotspot-bench-") as name, _everything(Path(name), options) as bench:
        bench.warm_up()
        for number in range(options.rounds):
            bench.round(number)
        said = figures(bench) | {"answered_and_stored": [bench.answered, _stored(bench.database)]}
    out = Console(width=None if sys.stdout.isatty() else WIDTH)
    out.print(table(said))
    print(json.dumps(said))
    answered, stored = said["answered_and_stored"]
    return 0 if answered <= stored else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-portal", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--connections", type=int, default=32, help="kept by the generator")
    return parser.parse_args(arguments)


@contextmanager
def _everything(folder: Path, options: argparse.Namespace) -> Iterator[Bench]:
    """Ours with places in it, and nginx with what ours says at one of them."""
    with ExitStack() as stack:
        settings = load(data_dir=folder / "data")
        database = open_installation(settings, now=datetime.now(UTC))
        stack.callback(database.close)
        places = furnish(database, settings, SITES)
        slug = places[0].slug
        ours = stack.enter_context(_hotspot(settings, folder))
        visited = itertools.islice(itertools.cycle(places), PHONES)
        script = wrk.write_requests(folder, "landing", [landing(place.slug) for place in visited])
        wrk.load(script, ours.port, connections=1, seconds=2)  # it has drawn its pages by then
        page, compressed, headers = _answer(ours.port, landing(slug))
        port = free_port()
        process = nginx.nginx(folder / "nginx", port, page=page, compressed=compressed, headers=headers)
        theirs = Served("nginx", port, stack.enter_context(process))
        yield Bench(options, folder, settings, database, places, ours, theirs, script)


@contextmanager
def _hotspot(settings: Settings, folder: Path) -> Iterator[Served]:
    """`hotspot web` as an operator starts it."""
    port = free_port()
    command = [sys.executable, "-m", "hotspot.cli.main", "web", "--json"]
    command += ["--data-dir", str(settings.data_dir), "--http-port", str(port)]
    with (folder / "hotspot.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"hotspot web does not start:\n{(folder / 'hotspot.log').read_text()[-4_000:]}")
        yield Served("hotspot", port, psutil.Process(process.pid))
    finally:
        end(process)


def _answer(port: int, request: bytes) -> tuple[bytes, bytes, dict[str, str]]:
    """The page that a phone gets: read, as it came, and its headers."""
    head, *lines = request.decode().rstrip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    with httpx.stream("GET", f"http://127.0.0.1:{port}{head.split()[1]}", headers=headers) as answer:
        compressed = b"".join(answer.iter_raw())
    page = httpx.get(f"http://127.0.0.1:{port}{head.split()[1]}", headers=headers).content
    return page, compressed, dict(answer.headers)


def _stored(database: Database) -> int:
    """How many consents the database holds: one of each press that was answered."""
    with database.reading() as db:
        return int(db.scalar(text("SELECT count(*) FROM consent")) or 0)


def figures(bench: Bench) -> dict[str, Any]:
    """Say medians, the ratios of neighbours in time, and which goals are met."""
    pairs = list(zip(bench.runs["hotspot"], bench.runs["nginx"], strict=True))
    presses = zip(bench.runs["presses"], bench.commits, strict=True)
    ratios = {
        "cpu": statistics.median(one.cpu_us / other.cpu_us for one, other in pairs),
        "rate": statistics.median(one.rate / other.rate for one, other in pairs),
        "presses": statistics.median(run.rate / by_psycopg for run, (by_psycopg, _) in presses),
    }
    p99_ms = statistics.median(run.p99_ms for run in bench.runs["hotspot"])
    return {
        "benchmark": "portal",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "rounds": bench.options.rounds,
        "connections": bench.options.connections,
        "measured": {name: _medians(runs) for name, runs in bench.runs.items()},
        "bare_commits_per_s": {
            name: round(statistics.median(rates))
            for name, rates in zip(("psycopg", "pgbench"), zip(*bench.commits, strict=True), strict=True)
        },
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "goals": {
            "cpu": ratios["cpu"] <= GOALS["cpu"],
            "rate": ratios["rate"] >= GOALS["rate"],
            "p99_ms": p99_ms <= GOALS["p99_ms"],
            "presses": ratios["presses"] >= GOALS["presses"],
        },
    }


def _medians(runs: Sequence[Run]) -> dict[str, float]:
    medians = {name: round(statistics.median(getattr(run, name) for run in runs), 2) for name in COLUMNS}
    return medians | {"failed": sum(run.failed for run in runs)}


def table(said: dict[str, Any]) -> Table:
    """A line for each of what was measured, and the ratios."""
    drawn = Table(box=SIMPLE)
    drawn.add_column("")
    for title in (*COLUMNS.values(), "failed"):
        drawn.add_column(title, justify="right")
    for name, medians in said["measured"].items():
        label = {"hotspot": "landing page", "nginx": "the same by nginx", "presses": "agree and connect"}[name]
        drawn.add_row(label, *[f"{medians[key]:,.2f}" for key in COLUMNS], f"{medians['failed']:.0f}")
    for driver, rate in said["bare_commits_per_s"].items():
        drawn.add_row(f"bare commits by {driver}", f"{rate:,.0f}")
    drawn.add_section()
    ratios = said["ratios"]
    drawn.add_row("landing ÷ nginx", f"{ratios['rate']:.3f}", f"{ratios['cpu']:.2f}")
    drawn.add_row("presses ÷ commits", f"{ratios['presses']:.3f}")
    return drawn


if __name__ == "__main__":
    sys.exit(main())
