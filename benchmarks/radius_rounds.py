"""Rounds of measurements: in each, every server gets the same load once, and between them the machine shows what it can do bare."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import psutil
from rich.progress import Progress

from benchmarks.baselines import bare_commits
from benchmarks.contenders import Contender, spent
from benchmarks.generator import WARM_UP, Generator, Job, Kind
from benchmarks.radius_figures import Run, run_of

FIRST_GUESS: Final[Mapping[Kind, int]] = {"echo": 80_000, "accounting": 30_000, "log-ins": 15_000}
"""Packets a second, until a server has shown what it does; few when few are outstanding."""
GUESS_A_SLOT: Final = 5_000
MARGIN: Final = 1.3  # packets made ahead, over what the last rate would need
MOST_PREPARED: Final = 300_000  # a packet made ahead takes half a kilobyte
PACED_WINDOW: Final = 2_048  # more than are ever outstanding at a pace that a server holds


@dataclass(frozen=True, slots=True)
class Pace:
    """A load that comes whether it is answered or not."""

    rate: float
    seconds: float


@dataclass
class Bench:
    """What runs during the whole benchmark, and what was measured so far: by load and server, a run a round."""

    dsn: str
    postmaster: psutil.Process
    generator: Generator
    echo: Contender
    contenders: Sequence[Contender]
    bare_connections: Sequence[int]
    seconds: float
    progress: Progress
    commits: dict[int, list[float]] = field(default_factory=dict)
    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    acknowledged: Counter[tuple[str, Kind]] = field(default_factory=Counter)

    def round(self, number: int, kinds: Sequence[Kind], windows: Sequence[int]) -> None:
        """Measure everything once; every other round in the other order, so that nobody always has the same neighbour."""
        for connections in self.bare_connections:
            with self._step(f"bare commits, {connections} connections"):
                commits = bare_commits(self.dsn, self.postmaster, connections=connections, seconds=self.seconds / 2)
                self.commits.setdefault(connections, []).append(commits)
        for window in windows:
            with self._step(f"echo, window {window}"):
                self._measure_window("echo", window, self.echo)
            for kind in kinds:
                for contender in self.contenders[:: -1 if number % 2 else 1]:
                    with self._step(f"{kind}, window {window}, {contender.name}"):
                        self._measure_window(kind, window, contender)

    def pace(self, name: str, pace: Pace, contenders: Sequence[Contender]) -> None:
        """Measure accounting once at a given pace."""
        count = min(MOST_PREPARED, round(pace.rate * pace.seconds))
        for contender in contenders:
            with self._step(f"{name}, {contender.name}"):
                job = Job("accounting", contender.acct, PACED_WINDOW, pace.seconds, count, rate=pace.rate)
                self._measure(name, job, contender)

    def _measure_window(self, kind: Kind, window: int, contender: Contender) -> None:
        name = f"{kind} {window}"
        so_far = self.runs.get(name, {}).get(contender.name)
        rate = so_far[-1].acks_per_s if so_far else min(FIRST_GUESS[kind], GUESS_A_SLOT * window)
        count = min(MOST_PREPARED, round(rate * MARGIN * (WARM_UP + self.seconds))) + window
        if kind == "log-ins":
            credentials = contender.issue_credentials(count)
            job = Job(kind, contender.auth, window, self.seconds, count, credentials=credentials)
        else:
            job = Job(kind, contender.acct, window, self.seconds, count)
        self._measure(name, job, contender)

    def _measure(self, name: str, job: Job, contender: Contender) -> None:
        self.generator.prepare(job)
        before = spent(contender.process, self.postmaster)
        outcome = self.generator.run()
        took = spent(contender.process, self.postmaster) - before
        told = outcome.sessions if job.kind == "accounting" else outcome.acked - outcome.refused
        self.acknowledged[contender.product, job.kind] += told
        self._note(name, contender.name, run_of(outcome, took))

    def _note(self, name: str, who: str, run: Run) -> None:
        self.runs.setdefault(name, {}).setdefault(who, []).append(run)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self.progress.update(self.progress.task_ids[0], description=what)
        yield
        self.progress.advance(self.progress.task_ids[0])
