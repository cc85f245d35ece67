"""The line to a router cut at every sentence boundary and every 64 octets, in both directions: while it enrols, is taken over, moves to
another address, gets new secrets, and is configured.

Whatever is cut, the router must end as it was or as it should be, be reachable by what the controller has stored, and hold nothing; done
once more without a cut, the work is finished. The router is the simulated one over TLS; a boundary is the end of a TLS record. Run by
`make campaign-cuts`; each cut is one case.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from benchmarks.campaign import Failed, Verdict, parser, progress, say
from benchmarks.cut_stages import Stage, stages
from benchmarks.cut_yard import Yard
from benchmarks.cutter import Cut, Cutter, Direction, Seen
from benchmarks.live_router import ADDRESS, CONTROLLER, Live
from hotspot.db import open_database
from hotspot.errors import HotspotError
from hotspot.paths import shipped
from hotspot.routers import plan as planning
from hotspot.routers.attempt import Ending, Way, carry_out
from hotspot.routers.changes import Actual
from hotspot.routers.changing import let_go_back, likeness, rows_of
from hotspot.routers.configs import RouterConfigs, load
from hotspot.routers.connection import RouterOS
from hotspot.routers.facts import facts_of
from hotspot.routers.items import Item
from hotspot.routers.ledger import Outcome
from hotspot.routers.provision import Look, attempt_of
from hotspot.routers.subjects import Subject, wanted
from hotspot.routers.values import Controller, RouterIdentity, site_values
from hotspot.settings import load as load_settings
from hotspot.sites.settings import SiteSettings
from hotspot.telemetry import configure_logging

OCTETS: Final = 64
DIRECTIONS: Final[tuple[Direction, ...]] = ("to", "from")
LONG: Final = 90  # hosts in the walled garden: a plan that takes several batches
SMALL: Final = ("/system/identity", "/ip/pool", "/radius", "/ip/firewall/filter")


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    verdict = Verdict(f"--every {options.every}" + (" --small" if options.small else ""))
    with verdict.whatever_happens():
        with tempfile.TemporaryDirectory(prefix="hotspot-campaign-") as directory:
            settings = load_settings(data_dir=Path(directory) / "data").model_copy(update={"log_level": "warning"})
            configure_logging(settings)
            with closing(open_database(settings)) as database, Yard(database, settings) as yard:
                for stage in stages(yard):
                    _cut_everywhere(stage.name, Trial(yard, stage), options.every, verdict)
        for hosts in (0,) if options.small else (0, LONG):
            with Bench(is_small=options.small, hosts=hosts) as bench:
                _cut_everywhere("long plan" if hosts else "plan", bench, options.every, verdict)
    return verdict.report()


def _cut_everywhere(name: str, bench: "Bench | Trial", every: int, verdict: Verdict) -> None:
    cuts = list(bench.cuts(every))
    say.print(f"{name}: {len(cuts)} cuts")
    with progress() as bar:
        for cut in bar.track(cuts, description=name):
            try:
                bench.survives(cut)
                verdict.passes()
            except Failed as failure:
                verdict.fails(f"{name}, {cut}: {failure}")


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-cuts", __doc__)
    options.add_argument("--every", type=int, default=OCTETS, help="octets between two cuts")
    options.add_argument("--small", action="store_true", help="a config of few rows instead of all")
    return options.parse_args(arguments)


class Trial:
    """A stage of enrolment or rotation, begun anew with each cut."""

    def __init__(self, yard: Yard, stage: Stage) -> None:
        self._yard, self._stage = yard, stage
        self._begin(None)
        self._stage.work()
        self._stage.raise_unless_done()
        self._seen = self._stage.line.seen

    def cuts(self, every: int) -> Iterator[Cut]:
        return cuts_of(self._seen, every, has_records=self._stage.line is self._yard.api)

    def survives(self, cut: Cut) -> None:
        """Work once with this cut, and once without; Failed when a promise of the stage does not hold."""
        self._begin(cut)
        self._stage.work()
        self._stage.line.begin(None)
        self._stage.raise_unless_safe()
        self._stage.work()
        self._stage.raise_unless_done()

    def _begin(self, cut: Cut | None) -> None:
        self._yard.put_back(self._stage.scene)
        self._stage.line.begin(cut)


def cuts_of(seen: Mapping[Direction, Seen], every: int, *, has_records: bool = True) -> Iterator[Cut]:
    """Name all places where a line can be cut on which so much has gone."""
    for direction in DIRECTIONS:
        if has_records:
            yield from (Cut(direction, "records", number) for number in range(1, seen[direction].records + 1))
        yield from (Cut(direction, "octets", number) for number in range(0, seen[direction].octets, every))


class Bench:
    """A router that is put back to what it was before each run, and the line to it."""

    def __init__(self, *, is_small: bool = False, hosts: int = 0) -> None:
        configs = load(shipped("router_configs"))
        items = tuple(item for item in configs.items if not is_small or _is_small(item))
        self._configs = RouterConfigs(items, configs.pages)
        self._live = Live()
        self._live.do("/ip/firewall/filter/add", chain="forward", action="accept", comment="by hand")
        self._live.do("/ip/pool/add", name="office", ranges="192.168.7.10-192.168.7.20")
        self._factory = self._live.router.config
        self._line = Cutter(lambda: self._live.server.endpoint("api-ssl"))
        self._subject = _subject(hosts)
        self._way = Way(self._enter, wait=lambda _seconds: None)
        self.old: dict[str, str] = {}
        self.new: dict[str, str] = {}

    def __enter__(self) -> "Bench":
        self._live.__enter__()
        ending = self._run(None)
        if ending is None or ending.after is None or ending.outcome is not Outcome.CONFIRMED:
            raise Failed(f"without a cut it is not confirmed: {ending}")
        self.new = likeness(ending.after)
        return self

    def __exit__(self, *_: object) -> None:
        self._line.join()
        self._live.__exit__()

    def cuts(self, every: int) -> Iterator[Cut]:
        return cuts_of(self._line.seen, every)

    def survives(self, cut: Cut) -> Ending | None:
        """Run once with this cut; Failed when the router is left in between, away, or is said to be what it isn't."""
        ending = self._run(cut)
        self._line.begin(None)
        try:
            with closing(self._enter()) as connection:
                now = likeness(rows_of(connection, tuple(self.new)))
                held = connection.call("/safe-mode", "print", {})[0].get("enabled")
        except HotspotError as error:
            raise Failed(f"not reachable afterwards: {error}") from error
        if held == "true":
            raise Failed("safe mode is still held")
        expected = self.old if ending is None or ending.outcome is Outcome.ROLLED_BACK else self.new
        if ending is not None and ending.outcome not in (Outcome.ROLLED_BACK, Outcome.CONFIRMED):
            raise Failed(f"it ended {ending.outcome}: {ending.reason}")
        if now != expected:
            differing = sorted(path for path, text in now.items() if text != expected[path])
            raise Failed(f"said to be {ending and ending.outcome}, and differs in {', '.join(differing)}")
        return ending

    def _enter(self) -> RouterOS:
        return RouterOS.connect(self._live.target(), dial=self._line.dial)

    def _run(self, cut: Cut | None) -> Ending | None:
        """One whole run; None when it was cut before anything was begun."""
        self._line.join()
        self._live.at_once(self._put_back)
        self._line.begin(cut)
        try:
            connection = self._enter()
        except HotspotError:
            return None
        try:
            let_go_back(connection)
            look = self._look(connection)
        except HotspotError:
            connection.close()
            return None
        plan = planning.plan(look.desired, look.rows)
        self.old = self.old or likeness(look.rows)
        return carry_out(self._way, attempt_of(plan, look, self._subject), connection, lambda _said: None)

    def _look(self, connection: RouterOS) -> Look:
        facts = facts_of(connection)
        desired = wanted(self._subject, self._configs, facts)
        rows: Actual = rows_of(connection, desired.menus)
        return Look(facts, (), desired, rows)

    def _put_back(self) -> None:
        router = self._live.router
        router.safe_mode.hold = None
        router.restore(self._factory)
        for name in [name for name, _file in router.files.items()]:
            router.files.delete(name)


def _is_small(item: Item) -> bool:
    return item.menu.path in SMALL or item.contents == "hotspot" or item.name == "folder"


def _subject(hosts: int) -> Subject:
    settings = SiteSettings(walled_garden=",".join(f"free-{number}.example" for number in range(hosts)))
    address = IPv4Address(CONTROLLER)
    controller = Controller(address, (address,), "http://10.253.0.1:8080/p/x", CONTROLLER, 8080, "Asia/Jakarta")
    held = settings.model_dump()
    identity = RouterIdentity("alun-alun-1", ADDRESS, "the-secret-of-this-campaign", 3799)
    site = site_values(held, dict.fromkeys(held, "default"))
    return Subject(1, "alun-alun-1", (), identity, controller, site, lambda _name: None)  # it has no certificate


if __name__ == "__main__":
    sys.exit(main())
