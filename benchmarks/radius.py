"""hotspot's RADIUS server beside FreeRADIUS with rlm_sql: same machine, same PostgreSQL with fsync on, same routers, interleaved.

Each server is a process of its own, started as an operator would, and so are the routers. Every round measures everything once;
medians count, and a ratio is the median of what the rounds say. A packet counts when its reply has come and was verified. Run by
`make bench-radius`; ends with tables and, as the last line of stdout, one line of JSON.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import text

from benchmarks import freeradius
from benchmarks.baselines import echo
from benchmarks.contenders import OURS, THEIRS, Contender, hotspot_radius, postmaster_of
from benchmarks.generator import Generator
from benchmarks.radius_city import add_reporters, credentials_used, issue_credentials, sessions_stored
from benchmarks.radius_figures import commits_table, results, servers_table
from benchmarks.radius_rounds import Bench, Pace
from hotspot.db import Database, open_database
from hotspot.settings import load

ROUTERS: Final = 64
POOLS: Final = (5, 8)  # connections of FreeRADIUS' pool; both are measured, the better one counts
KINDS: Final = ("accounting", "log-ins")
WIDTH: Final = 130  # of the tables, where there is no terminal
say = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    absent = "left out" if options.no_freeradius else freeradius.why_absent()
    if absent:
        say.print(f"Without FreeRADIUS: {absent}", soft_wrap=True)
    with _everything(options, is_alone=absent is not None) as (bench, database):
        load_before = os.getloadavg()[0]
        bench.progress.add_task("starting", total=_steps(options, len(bench.contenders)))
        for number in range(options.rounds):
            bench.round(number, options.kinds, options.windows)
        _pace(bench, options)
        said = {
            **_machine(database, load_before),
            "rounds": options.rounds,
            "seconds": options.seconds,
            "without_freeradius": absent,
            "freeradius_site": options.freeradius_site,
            **_stored(bench, database),
        }
    said |= results(bench.commits, bench.runs)
    _show(said)
    print(json.dumps(said))
    return 0 if said["stored"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-radius", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--windows", type=_numbers, default=[1, 32, 256, 1024], help="outstanding requests")
    parser.add_argument(
        "--processes", type=_numbers, default=[1], help="processes of our server; each number is measured"
    )
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what is asked")
    parser.add_argument("--no-freeradius", action="store_true", help="measure only hotspot and the bare machine")
    parser.add_argument(
        "--freeradius-site", choices=freeradius.SITES, default="lean", help="what its requests pass through"
    )
    parser.add_argument(
        "--bare-connections", type=_numbers, default=[1, 8, 32], help="how many commit at once without any server"
    )
    parser.add_argument("--burst", type=int, default=20_000, help="packets of the burst, once; 0: none")
    parser.add_argument("--burst-rate", type=float, default=6_000, help="its packets a second")
    parser.add_argument("--sustain-seconds", type=float, default=300.0, help="length of the steady load, once; 0: none")
    parser.add_argument("--sustain-rate", type=float, default=2_000, help="its packets a second")
    return parser.parse_args(arguments)


def _numbers(said: str) -> list[int]:
    return [int(number) for number in said.split(",")]


@contextmanager
def _everything(options: argparse.Namespace, *, is_alone: bool) -> Iterator[tuple[Bench, Database]]:
    """One database server, the routers, the servers that are measured, the echo."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hotspot-bench-")))
        settings = load(data_dir=folder / "data")
        database = open_database(settings)
        stack.callback(database.close)
        reporters = add_reporters(database, settings, ROUTERS)
        contenders: list[Contender] = [
            stack.enter_context(
                hotspot_radius(
                    settings,
                    folder,
                    processes=processes,
                    issue_credentials=lambda count: issue_credentials(database, settings.keys, count),
                )
            )
            for processes in options.processes
        ]
        if not is_alone:
            dsn = freeradius.make_database(database.dsn)
            for pool in POOLS:
                server = freeradius.freeradius(
                    folder / f"freeradius-{pool}",
                    dsn,
                    reporters,
                    site=freeradius.SITES[options.freeradius_site],
                    connections=pool,
                )
                contenders.append(stack.enter_context(server))
        yield (
            Bench(
                dsn=database.dsn,
                postmaster=postmaster_of(settings),
                generator=stack.enter_context(Generator(reporters)),
                echo=stack.enter_context(echo()),
                contenders=contenders,
                bare_connections=options.bare_connections,
                seconds=options.seconds,
                progress=stack.enter_context(_progress()),
            ),
            database,
        )


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=say)


def _steps(options: argparse.Namespace, contenders: int) -> int:
    a_round = len(options.bare_connections) + len(options.windows) * (1 + len(options.kinds) * contenders)
    bursts = contenders if options.burst else 0
    steady = len(options.processes) if options.sustain_seconds else 0
    return int(options.rounds) * a_round + bursts + steady


def _pace(bench: Bench, options: argparse.Namespace) -> None:
    """The loads that come once: a burst for everybody, hours of a city for ours alone."""
    if options.burst:
        pace = Pace(options.burst_rate, options.burst / options.burst_rate)
        bench.pace(f"burst at {options.burst_rate:.0f}/s", pace, bench.contenders)
    if options.sustain_seconds:
        pace = Pace(options.sustain_rate, options.sustain_seconds)
        ours = [contender for contender in bench.contenders if contender.product == OURS]
        bench.pace(f"steady at {options.sustain_rate:.0f}/s", pace, ours)


def _machine(database: Database, load_before: float) -> dict[str, Any]:
    with database.reading() as db:
        durable = {name: db.scalar(text(f"SHOW {name}")) for name in ("fsync", "synchronous_commit", "server_version")}
    load_now = os.getloadavg()[0]
    return {
        "benchmark": "radius",
        "cores": os.cpu_count(),
        "load": [round(load_before, 2), round(load_now, 2)],
        **durable,
    }


def _stored(bench: Bench, database: Database) -> dict[str, Any]:
    """Hold what was acknowledged against what the databases have."""
    there = {OURS: (sessions_stored(database), credentials_used(database))}
    if any(contender.product == THEIRS for contender in bench.contenders):
        there[THEIRS] = freeradius.stored(database.dsn)
    kept = {
        product: {
            "sessions": [bench.acknowledged[product, "accounting"], sessions],
            "log_ins": [bench.acknowledged[product, "log-ins"], log_ins],
        }
        for product, (sessions, log_ins) in there.items()
    }
    is_right = all(told <= found for product in kept.values() for told, found in product.values())
    return {"stored": is_right, "acknowledged_and_stored": kept}


def _show(said: Mapping[str, Any]) -> None:
    out = Console(width=None if sys.stdout.isatty() else WIDTH)
    out.print(commits_table(said))
    out.print(servers_table(said))


if __name__ == "__main__":
    sys.exit(main())
