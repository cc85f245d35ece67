"""One change for a whole city: 500 routers, a fifth of them away, a tenth coming and going, while a worker is killed.

The change must reach every router that is there, and follow those that come back; no more connections to routers than the setting
says, counted where they end; and the controller may use one core. Two workers share the work. Run by `make campaign-fleet`; each
router is a case, and so are the two bounds.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil
from rich.live import Live

from benchmarks.campaign import Failed, Verdict, parser, say
from benchmarks.fleet import Member, configured, found_city
from benchmarks.fleet_process import FleetProcess
from hotspot.areas.service import top_area
from hotspot.cli.rollouts import looked_at, picture
from hotspot.db import Database
from hotspot.routers import rollouts
from hotspot.routers.rollouts import Order
from hotspot.routers.rollouts_models import RolloutKind, RolloutState, Standing
from hotspot.routers.rollouts_progress import night_of
from hotspot.settings import Settings, load
from hotspot.setup import open_installation
from hotspot.sites.settings import give

AWAY: Final = 5  # one router in five
FLAPPING: Final = 10
WORKERS: Final = 2
TICK: Final = 1.0
LONGEST: Final = 3600.0
KILLED_AT: Final = 0.3  # of the routers that are there
NEW: Final = "Kota Cerdas"
ENDED: Final = (RolloutState.DONE, RolloutState.STOPPED, RolloutState.PAUSED)


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    verdict = Verdict(f"--routers {options.routers} --seed {options.seed}")
    with verdict.whatever_happens(), tempfile.TemporaryDirectory(prefix="hotspot-campaign-") as directory:
        settings = load(data_dir=Path(directory) / "data")
        with closing(open_installation(settings, now=datetime.now(UTC))) as database:
            Campaign(database, settings, options, verdict).run(Path(directory))
    return verdict.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-fleet", __doc__)
    options.add_argument("--routers", type=int, default=500)
    return options.parse_args(arguments)


class Processors:
    """Processor time of the controller's processes, also of those that have ended, and of its database."""

    def __init__(self, database_dir: Path) -> None:
        self._postmaster = psutil.Process(int((database_dir / "postmaster.pid").read_text().split()[0]))
        self._seen: dict[int, float] = {}

    def look(self, workers: Sequence["subprocess.Popen[bytes]"]) -> None:
        for worker in workers:
            try:
                times = psutil.Process(worker.pid).cpu_times()
                self._seen[worker.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                continue

    def controller(self) -> float:
        return sum(self._seen.values())

    def database(self) -> float:
        total = 0.0
        for process in [self._postmaster, *self._postmaster.children()]:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
            if process is self._postmaster:
                total += times.children_user + times.children_system
        return total


class Campaign:
    """One city, one change."""

    def __init__(self, database: Database, settings: Settings, options: argparse.Namespace, verdict: Verdict) -> None:
        self._database, self._settings, self._verdict = database, settings, verdict
        self._chance = random.Random(options.seed)
        self._count, self._seed = options.routers, options.seed
        self._workers: list[subprocess.Popen[bytes]] = []
        self._words: list[str] = []

    def run(self, directory: Path) -> None:
        now = datetime.now(UTC)
        say.print(f"setting {self._count} routers up")
        members = found_city(self._database, self._settings, self._count, now=now)
        model = configured(self._database, self._settings, members[0], now=now)
        chosen = self._chance.sample(members, self._count // AWAY + self._count // FLAPPING)
        away = {member.name for member in chosen[: self._count // AWAY]}
        flapping = {member.name for member in chosen[self._count // AWAY :]}
        with FleetProcess(model, members, self._seed) as fleet:
            fleet.go(away)
            fleet.flap(flapping)
            ports = directory / "ports.json"
            ports.write_text(json.dumps(fleet.ports))
            self._bring(fleet, ports, members, away, flapping)

    def _bring(
        self, fleet: FleetProcess, ports: Path, members: Sequence[Member], away: set[str], flapping: set[str]
    ) -> None:
        self._processors = Processors(self._settings.data_dir / "postgres")
        number = self._started()
        steady = {member.name for member in members} - away - flapping
        with self._working(ports), Live(console=say, auto_refresh=False) as live:
            self._watch(number, live, until=ENDED, kill_after=int(KILLED_AT * len(steady)), ports=ports)
            self._told("the reachable ones were reached")
            self._judge(fleet, steady, "was there, and does not have the change")
            early = [name for name in away if fleet.ssids()[name] == {NEW}]
            if early:
                raise Failed(f"changed while they were away: {early}")
            fleet.come_back()
            self._watch(number, live, until=(RolloutState.STOPPED, RolloutState.PAUSED), ports=ports)
            self._told("those that came back followed")
        self._judge(fleet, away | flapping, "came back, and does not have the change")
        self._judge_bounds(fleet.most_connections())

    def _started(self) -> int:
        with self._database.writing() as db:
            give(db, top_area(db), "ssid", NEW)
            order = Order(RolloutKind.CONFIGURATION, "the campaign", at_any_time=True)
            rollout = rollouts.start(db, order, night=night_of(self._settings), now=datetime.now(UTC))
            return rollout.id or 0

    @contextmanager
    def _working(self, ports: Path) -> Iterator[None]:
        self._begun = time.monotonic()
        self._database_before = self._processors.database()
        try:
            for _ in range(WORKERS):
                self._hire(ports)
            yield
        finally:
            for worker in self._workers:
                worker.terminate()
            for worker in self._workers:
                worker.wait()

    def _hire(self, ports: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.fleet_worker", str(self._settings.data_dir), str(ports)]
        self._workers.append(subprocess.Popen(command))

    def _watch(
        self, number: int, live: Live, *, until: Sequence[RolloutState], ports: Path, kill_after: int | None = None
    ) -> None:
        """Show the table until the rollout is in such a state, or nobody is left to follow; kill a worker on the way."""
        deadline = time.monotonic() + LONGEST
        while True:
            rollout, rows = self._looked_at(number)
            live.update(picture(rollout, rows), refresh=True)
            self._processors.look(self._workers)
            counts = Counter(row["state"] for row in rows)
            if kill_after is not None and counts[Standing.DONE] >= kill_after:
                kill_after = None
                self._workers[0].kill()
                self._hire(ports)
            if rollout["state"] in until or counts[Standing.DONE] == len(rows):
                return
            if time.monotonic() > deadline:
                raise Failed(f"not over within {LONGEST:.0f} s: {dict(counts)}")
            time.sleep(TICK)

    def _looked_at(self, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        with self._database.reading() as db:
            return looked_at(db, number, self._settings)

    def _told(self, what: str) -> None:
        seconds = time.monotonic() - self._begun
        self._words.append(
            f"{what} after {seconds:.0f} s; till then the controller used {self._processors.controller() / seconds:.2f} cores, "
            f"its PostgreSQL {(self._processors.database() - self._database_before) / seconds:.2f}"
        )
        if self._processors.controller() > seconds:
            self._verdict.fails(f"the controller used more than a core until {what}")

    def _judge(self, fleet: FleetProcess, names: set[str], problem: str) -> None:
        told = fleet.ssids()
        for name in sorted(names):
            if told[name] == {NEW}:
                self._verdict.passes()
            else:
                self._verdict.fails(f"{name} {problem}")

    def _judge_bounds(self, most: int) -> None:
        self._words.append(
            f"at most {most} connections to routers at once, {WORKERS} workers, one of them killed and replaced"
        )
        say.print()  # below the table
        for line in self._words:
            print(line)
        if most > self._settings.router_connections:
            self._verdict.fails(f"{most} connections at once")
        else:
            self._verdict.passes()


if __name__ == "__main__":
    sys.exit(main())
