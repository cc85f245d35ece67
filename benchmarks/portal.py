"""hotspot's portal beside nginx serving the same octets from a file: one worker each, same connections, interleaved.

Every round measures both once; medians count, and a ratio is the median of what the rounds say. Both servers are processes of their
own, ours started as an operator would; thousands of different phones ask. Run by `make bench-portal`; ends with a table and, as the last
line of stdout, one line of JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks import nginx, wrk
from benchmarks.contenders import end, free_port, spent
from benchmarks.portal_city import furnish, landing
from hotspot.settings import Settings, load
from hotspot.setup import open_installation

PHONES: Final = 4096  # different requests
GOALS: Final = {"cpu": 5.5, "rate": 1 / 6, "p99_ms": 10.0}
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

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    failed: int


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    absent = wrk.why_absent() or (
        None if nginx.find() else "nginx is not installed (Debian: apt-get install nginx-light)"
    )
    if absent:
        say.print(absent)
        return 2
    with tempfile.TemporaryDirectory(prefix="hotspot-bench-") as name, _servers(Path(name)) as (ours, theirs, script):
        runs: dict[str, list[Run]] = {ours.name: [], theirs.name: []}
        for number in range(options.rounds + 1):
            for server in (ours, theirs)[:: -1 if number % 2 else 1]:
                run = _measure(server, script, options, seconds=options.seconds if number else 1)
                if number:  # the first is for warming up
                    runs[server.name].append(run)
    said = _figures(runs, options)
    Console().print(_table(said))
    print(json.dumps(said))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-portal", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--connections", type=int, default=32, help="kept by the generator")
    return parser.parse_args(arguments)


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[Served, Served, Path]]:
    """Ours with a place in it, and nginx with what ours says there; and what phones ask."""
    with ExitStack() as stack:
        settings = load(data_dir=folder / "data")
        database = open_installation(settings, now=datetime.now(UTC))
        stack.callback(database.close)
        slug = furnish(database, settings)
        ours = stack.enter_context(_hotspot(settings, folder))
        script = wrk.write_requests(folder, "landing", [landing(slug) for _ in range(PHONES)])
        wrk.load(script, ours.port, connections=1, seconds=1)  # it has drawn its pages by then
        page, compressed, headers = _answer(ours.port, landing(slug))
        port = free_port()
        process = nginx.nginx(folder / "nginx", port, page=page, compressed=compressed, headers=headers)
        yield ours, Served("nginx", port, stack.enter_context(process)), script


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


def _measure(server: Served, script: Path, options: argparse.Namespace, *, seconds: float) -> Run:
    before = spent(server.process, server.process)
    outcome = wrk.load(script, server.port, connections=options.connections, seconds=seconds)
    took = spent(server.process, server.process) - before
    return Run(
        rate=outcome.rate,
        cpu_us=took.server / outcome.requests * 1e6,
        p50_ms=outcome.p50_ms,
        p99_ms=outcome.p99_ms,
        worst_ms=outcome.worst_ms,
        failed=outcome.failed,
    )


def _figures(runs: dict[str, list[Run]], options: argparse.Namespace) -> dict[str, Any]:
    ours, theirs = runs["hotspot"], runs["nginx"]
    pairs = list(zip(ours, theirs, strict=True))
    ratios = {
        "cpu": statistics.median(one.cpu_us / other.cpu_us for one, other in pairs),
        "rate": statistics.median(one.rate / other.rate for one, other in pairs),
    }
    p99 = statistics.median(run.p99_ms for run in ours)
    return {
        "benchmark": "portal",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "rounds": options.rounds,
        "connections": options.connections,
        "servers": {name: _medians(measured) for name, measured in runs.items()},
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "goals": {
            "cpu": ratios["cpu"] <= GOALS["cpu"],
            "rate": ratios["rate"] >= GOALS["rate"],
            "p99_ms": p99 <= GOALS["p99_ms"],
        },
    }


def _medians(runs: Sequence[Run]) -> dict[str, float]:
    names = ("rate", "cpu_us", "p50_ms", "p99_ms", "worst_ms")
    medians = {name: round(statistics.median(getattr(run, name) for run in runs), 2) for name in names}
    return medians | {"failed": sum(run.failed for run in runs)}


def _table(said: dict[str, Any]) -> Table:
    drawn = Table(box=SIMPLE, title="The landing page", title_justify="left")
    drawn.add_column("server")
    for name in ("requests/s", "CPU µs", "p50 ms", "p99 ms", "worst ms", "failed"):
        drawn.add_column(name, justify="right")
    for name, medians in said["servers"].items():
        drawn.add_row(
            name, *[f"{medians[key]:,.2f}" for key in ("rate", "cpu_us", "p50_ms", "p99_ms", "worst_ms", "failed")]
        )
    drawn.add_section()
    drawn.add_row("ours ÷ theirs", f"{said['ratios']['rate']:.3f}", f"{said['ratios']['cpu']:.2f}")
    return drawn


if __name__ == "__main__":
    sys.exit(main())
