"""What rounds of measurements come to: medians, ratios of neighbours in time, and the tables that show them."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from benchmarks.contenders import OURS, THEIRS
from benchmarks.generator import Outcome


@dataclass(frozen=True, slots=True)
class Run:
    """What one server achieved in one measurement."""

    acks_per_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    database_cpu_us: float
    generator_cpu_us: float
    refused: int
    resent: int
    bad_replies: int
    unanswered: int
    made_late: int

    @property
    def cpu_us(self) -> float:
        """Processor time a packet, server and database together."""
        return self.server_cpu_us + self.database_cpu_us


Runs = Mapping[str, Sequence[Run]]
"""A server's name, and its run in each round."""

SUMS = frozenset({"refused", "resent", "bad_replies", "unanswered", "made_late"})


def run_of(outcome: Outcome, *, server_cpu: float, database_cpu: float) -> Run:
    """Make the figures of one measurement."""
    waits = outcome.latencies
    if not waits:
        raise RuntimeError("nothing was acknowledged after the warm-up; measure for longer")
    return Run(
        acks_per_s=len(waits) / outcome.took,
        p50_ms=1_000 * waits[len(waits) // 2],
        p99_ms=1_000 * waits[len(waits) * 99 // 100],
        server_cpu_us=1e6 * server_cpu / outcome.acked,
        database_cpu_us=1e6 * database_cpu / outcome.acked,
        generator_cpu_us=1e6 * outcome.cpu / len(waits),
        refused=outcome.refused,
        resent=outcome.resent,
        bad_replies=outcome.bad_replies,
        unanswered=outcome.unanswered,
        made_late=outcome.made_late,
    )


def summary(runs: Sequence[Run]) -> dict[str, float]:
    """Medians over the rounds; counts of what should not happen are added up."""
    columns = {name: [asdict(run)[name] for run in runs] for name in asdict(runs[0])}
    return {
        name: sum(values) if name in SUMS else round(statistics.median(values), 2) for name, values in columns.items()
    }


def best_of(runs: Runs, prefix: str) -> str | None:
    """The fastest of the servers whose names begin so: FreeRADIUS is measured with several pools, and the better one counts."""
    names = [name for name in runs if name.startswith(prefix)]
    return max(names, key=lambda name: statistics.median(run.acks_per_s for run in runs[name]), default=None)


def ratios(ours: Sequence[Run], theirs: Sequence[Run]) -> dict[str, float]:
    """Ours to theirs, as medians of what each round says: its measurements are neighbours in time on a machine that drifts."""

    def median_of(figure: Callable[[Run], float]) -> float:
        return round(statistics.median(figure(one) / figure(other) for one, other in zip(ours, theirs, strict=True)), 4)

    return {
        "acks": median_of(lambda run: run.acks_per_s),
        "p99": median_of(lambda run: run.p99_ms),
        "cpu": median_of(lambda run: run.cpu_us),
    }


def figures(runs: Runs) -> dict[str, Any]:
    """Every server's medians, and the ratios of each of ours to the better FreeRADIUS."""
    rival = best_of(runs, THEIRS)
    compared = {name: ratios(runs[name], runs[rival]) for name in runs if name.startswith(OURS)} if rival else {}
    return {"servers": {name: summary(runs[name]) for name in runs}, "compared_with": rival, "ratios": compared}


def commits_table(commits: Mapping[int, Sequence[float]]) -> Table:
    """What the database commits without any server in front."""
    drawn = Table(title="Bare one-row commits a second", title_justify="left")
    for connections in commits:
        drawn.add_column(f"{connections} connections", justify="right")
    drawn.add_row(*[f"{statistics.median(rates):,.0f}" for rates in commits.values()])
    return drawn


def servers_table(loads: Mapping[str, Runs]) -> Table:
    """A line for each load and server; × is ours to the better FreeRADIUS, which is marked."""
    drawn = Table(title="Acknowledged after commit; × compares with the FreeRADIUS marked *", title_justify="left")
    drawn.add_column("load", no_wrap=True)
    drawn.add_column("server", no_wrap=True)
    for name in ("acks/s", "×", "p50 ms", "p99 ms", "×", "CPU µs", "database's", "×", "unanswered"):
        drawn.add_column(name, justify="right", no_wrap=True)
    for load, runs in loads.items():
        said = figures(runs)
        for name, medians in said["servers"].items():
            compared = said["ratios"].get(name, {})
            drawn.add_row(
                load,
                name + (" *" if name == said["compared_with"] else ""),
                f"{medians['acks_per_s']:,.0f}",
                _times(compared.get("acks")),
                f"{medians['p50_ms']:.2f}",
                f"{medians['p99_ms']:.2f}",
                _times(compared.get("p99")),
                f"{medians['server_cpu_us'] + medians['database_cpu_us']:.1f}",
                f"{medians['database_cpu_us']:.1f}",
                _times(compared.get("cpu")),
                f"{medians['unanswered']:.0f}",
            )
        drawn.add_section()
    return drawn


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
