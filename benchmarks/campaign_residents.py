"""Residents walking the whole way online at once, all behind one address, and somebody among them who presses without end.

One `hotspot serve` with its database, both as an operator runs them; the residents share the machine with them. Each walk is a case: it
ends online and signed out, without an error. So is each page: 95 of 100 come within the limit; and each abuser: refused within ten
tries, while nobody else is. Run by `make campaign-residents`; ends with `N passed, N failed`.
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Final

import uvloop
from rich.progress import Progress, TaskID
from rich.table import Table

from benchmarks.campaign import Installation, Verdict, installation, parser, progress, say
from benchmarks.radius_city import SLUG
from benchmarks.residents import Residents, Seen, Target, routers_of

MOST_TRIES: Final = 10


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    told = (
        f"--residents {options.residents} --minutes {options.minutes} --abusers {options.abusers} --pace {options.pace}"
    )
    verdict = Verdict(f"{told} --seed {options.seed}")
    with verdict.whatever_happens(), installation("serve") as installed:
        run(target_of(installed), options, verdict)
    return verdict.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-residents", __doc__)
    options.add_argument("--residents", type=int, default=500, help="how many are on their way at once")
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--abusers", type=int, default=1, help="devices that press without end")
    options.add_argument("--pace", type=float, default=1.0, help="stretches the time in which they read and think")
    options.add_argument("--limit", type=float, default=300.0, help="milliseconds for 95 of 100 of each page")
    return options.parse_args(arguments)


def target_of(installed: Installation) -> Target:
    program = installed.program
    port = program.ports["--http-port"]
    return Target("127.0.0.1", port, program.auth_address, program.acct_address, SLUG, installed.routers)


def run(target: Target, options: argparse.Namespace, verdict: Verdict) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, progress() as bar:
        cpu = time.process_time()
        seen, took = runner.run(_all_of_it(target, options, bar))
        cores = (time.process_time() - cpu) / took
    judge(seen, verdict, limit=options.limit / 1000)
    say.print(_table(seen))
    say.print(
        f"{seen.online} walks, {seen.requests / took:.0f} requests a second of residents over {took:.0f} s, "
        f"{cores:.2f} cores for the residents themselves"
    )


async def _all_of_it(target: Target, options: argparse.Namespace, bar: Progress) -> tuple[Seen, float]:
    began, seconds = time.monotonic(), options.minutes * 60
    async with routers_of(target) as routers:
        residents = Residents(target, routers, random.Random(options.seed), pace=options.pace)
        watching = asyncio.create_task(_watch(residents, bar, bar.add_task("residents", total=seconds)))
        try:
            await residents.come(options.residents, options.abusers, seconds)
        finally:
            watching.cancel()
    return residents.seen, time.monotonic() - began


async def _watch(residents: Residents, bar: Progress, task: TaskID) -> None:
    """Say every second how it goes."""
    began, before = time.monotonic(), 0
    while True:
        await asyncio.sleep(1)
        seen = residents.seen
        latest = [taken for latencies in seen.latencies.values() for taken in latencies[-100:]]
        slowest = f"{percentile(latest, 95) * 1000:.0f}" if latest else "-"
        bar.update(
            task,
            completed=time.monotonic() - began,
            description=f"{residents.walking} on their way, {seen.requests - before} requests/s, "
            f"p95 {slowest} ms, {seen.online} were online, {seen.not_online} were not",
        )
        before = seen.requests


def judge(seen: Seen, verdict: Verdict, *, limit: float) -> None:
    """Hold what the residents met to the promise; `limit` is in seconds."""
    verdict.passes(seen.online)
    verdict.failed += seen.not_online
    for problem, times in seen.problems.most_common():
        say.print(f"{times} times {problem}", style="red", markup=False)
    for page, latencies in seen.latencies.items():
        slow = percentile(latencies, 95)
        if slow <= limit:
            verdict.passes()
        else:
            verdict.fails(f"{page}: 95 of 100 within {slow * 1000:.0f} ms, more than {limit * 1000:.0f}")
    for tries in seen.abusers:
        if tries <= MOST_TRIES:
            verdict.passes()
        else:
            verdict.fails(f"an abuser was not refused within {MOST_TRIES} tries, but at {tries}")


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


def _table(seen: Seen) -> Table:
    table = Table("page", "times", "median ms", "p95 ms", "p99 ms", "longest ms")
    for page, latencies in seen.latencies.items():
        figures = [percentile(latencies, percent) for percent in (50, 95, 99)]
        table.add_row(page, str(len(latencies)), *(f"{figure * 1000:.1f}" for figure in (*figures, max(latencies))))
    return table


if __name__ == "__main__":
    sys.exit(main())
