"""What rounds of measurements come to: medians, ratios of neighbours in time, and the tables that show them."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from benchmarks.contenders import OURS, THEIRS, Spent
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
    others_cpu: float
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


def run_of(outcome: Outcome, spent: Spent) -> Run:
    """Make the figures of one measurement.

    `others_cpu` is about the share of the machine that was used by nobody who is measured here: on a shared one it says which runs
    to mistrust. About, because the kernel counts the machine's time in ticks, and that of processes exactly.
    """
    waits = outcome.latencies
    if not waits:
        raise RuntimeError("nothing was acknowledged after the warm-up; measure for longer")
    return Run(
        acks_per_s=len(waits) / outcome.took,
        p50_ms=1_000 * waits[len(waits) // 2],
        p99_ms=1_000 * waits[len(waits) * 99 // 100],
        server_cpu_us=1e6 * spent.server / outcome.acked,
        database_cpu_us=1e6 * spent.database / outcome.acked,
        generator_cpu_us=1e6 * outcome.cpu / outcome.acked,
        others_cpu=max(0.0, (spent.busy - spent.server - spent.database - outcome.cpu) / spent.all),
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


def results(commits: Mapping[int, Sequence[float]], loads: Mapping[str, Runs]) -> dict[str, Any]:
    """Say everything: bare commits, and by load every server's medians and the ratios of ours to the better FreeRADIUS."""
    bare = {connections: round(statistics.median(rates)) for connections, rates in commits.items()}
    said = {name: _of_load(runs) for name, runs in loads.items()}
    for name, load in said.items():
        echo = said.get(f"echo {name.split()[-1]}")
        for medians in load["servers"].values():
            medians["per_bare_commit"] = round(medians["acks_per_s"] / bare[min(bare)], 2)
            medians["per_echo"] = (
                round(medians["acks_per_s"] / echo["servers"]["echo"]["acks_per_s"], 3) if echo else None
            )
    return {"bare_commits_per_s": bare, "loads": said}


def _of_load(runs: Runs) -> dict[str, Any]:
    rival = best_of(runs, THEIRS)
    compared = {name: ratios(runs[name], runs[rival]) for name in runs if name.startswith(OURS)} if rival else {}
    return {"servers": {name: summary(runs[name]) for name in runs}, "compared_with": rival, "ratios": compared}


def commits_table(said: Mapping[str, Any]) -> Table:
    """What the database commits without any server in front."""
    drawn = Table(box=SIMPLE)
    drawn.add_column("connections")
    for connections in said["bare_commits_per_s"]:
        drawn.add_column(str(connections), justify="right")
    drawn.add_row("bare commits/s", *[f"{rate:,.0f}" for rate in said["bare_commits_per_s"].values()])
    return drawn


def servers_table(said: Mapping[str, Any]) -> Table:
    """A line for each load and server; × is ours to the better FreeRADIUS, which is marked. Processor time is a packet's."""
    drawn = Table(
        box=SIMPLE, title="Acknowledged after commit; × compares with the FreeRADIUS marked *", title_justify="left"
    )
    drawn.add_column("load", no_wrap=True)
    drawn.add_column("server", no_wrap=True)
    for name in COLUMNS:
        drawn.add_column(name, justify="right", no_wrap=True)
    for load, figures in said["loads"].items():
        for name, medians in figures["servers"].items():
            marked = name + (" *" if name == figures["compared_with"] else "")
            drawn.add_row(load, marked, *_cells(medians, figures["ratios"].get(name, {})))
        drawn.add_section()
    return drawn


COLUMNS = ("acks/s", "×", "÷ commit", "÷ echo", "p99 ms", "×", "CPU µs", "×", "unanswered", "others")


def _cells(medians: Mapping[str, Any], compared: Mapping[str, float]) -> list[str]:
    return [
        f"{medians['acks_per_s']:,.0f}",
        _optional(compared.get("acks")),
        f"{medians['per_bare_commit']:.2f}",
        _optional(medians["per_echo"]),
        f"{medians['p99_ms']:.2f}",
        _optional(compared.get("p99")),
        f"{medians['server_cpu_us'] + medians['database_cpu_us']:.1f}",
        _optional(compared.get("cpu")),
        f"{medians['unanswered']:.0f}",
        f"{medians['others_cpu']:.0%}",
    ]


def _optional(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
