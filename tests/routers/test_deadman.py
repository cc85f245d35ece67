"""A plan of several batches whose controller dies: the router undoes by itself what was kept."""

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from benchmarks.live_router import Live
from hotspot.routers import deadman, provision
from hotspot.routers.changing import BATCH
from hotspot.routers.ledger import Outcome, get_run
from hotspot.routers.subjects import Means
from hotspot.simulator.routeros.sessions import Result
from hotspot.simulator.routeros.traps import Trap
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.routers.managed import applied, planned, shown
from tests.world import ROUTER_SECRET


class Passing:
    """A clock that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return 1_772_427_600.0 + self.seconds

    async def sleep(self, _seconds: float) -> None:
        return None


@pytest.fixture
def live() -> Iterator[Live]:
    with Live(clock=Passing()) as box:
        yield box


@pytest.fixture
def long(means: Means) -> Means:
    """What it should be takes two batches."""
    with means.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "walled_garden", ",".join(f"a{number}.example" for number in range(90)))
    return means


def minutes_pass(live: Live, minutes: int) -> None:
    for _ in range(minutes):
        live.router.clock.seconds += 60  # type: ignore[attr-defined]
        live.at_once(live.router.tick)


def schedules(live: Live) -> list[str]:
    return [row["name"] for row in live.rows("/system/scheduler")]


def lost_in_the_second_batch(long: Means, live: Live) -> provision.Done:
    """The controller dies with one batch kept: for good, as far as the router sees."""
    away = {"is": False}

    def vanish(_call: object) -> Result:
        away["is"] = True
        live.router.actions.pop(("/radius/incoming", "set"))
        live.server.cut()
        return Result()

    def dial(address: IPv4Address, port: int) -> socket.socket:
        if away["is"]:
            raise TimeoutError
        return live.dial(address, port)

    live.router.actions["/radius/incoming", "set"] = vanish
    return applied(replace(long, dial=dial))


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_router_whose_controller_dies_between_two_batches_undoes_what_was_kept(
    long: Means, live: Live, is_restarted: bool
) -> None:
    live.at_once(lambda: live.do("/ip/firewall/filter/add", chain="forward", action="accept", comment="by hand"))
    before = shown(live)

    lost = lost_in_the_second_batch(long, live)
    assert lost.outcome == Outcome.LOST
    assert shown(live) != before  # the first batch is kept
    if is_restarted:
        live.at_once(live.router.reboot)
    minutes_pass(live, deadman.MINUTES - 1)
    assert schedules(live) == ["hotspot-undo"]
    minutes_pass(live, 2)

    assert schedules(live) == []
    assert undoable(shown(live)) == undoable(before)
    settled = provision.confirm(long, lost.run)
    assert settled.outcome == Outcome.ROLLED_BACK, settled.reason
    assert schedules(live) == []
    assert live.rows("/file") == [row for row in live.rows("/file") if "hotspot-pages" not in row["name"]]


def undoable(rows: dict[str, list[dict[str, str]]]) -> dict[str, list[dict[str, str]]]:
    """Without the time of day, and pages, which wait for the controller."""
    return {path: those for path, those in rows.items() if path not in ("/file", "/system/clock")} | {
        "zone": [{"name": rows["/system/clock"][0]["time-zone-name"]}]
    }


def test_a_long_plan_that_is_confirmed_leaves_nothing_that_would_undo_it(long: Means, live: Live) -> None:
    assert len(planned(long).plan.changes) > BATCH

    done = applied(long)

    assert done.outcome == Outcome.CONFIRMED
    assert schedules(live) == []
    minutes_pass(live, 20)
    assert planned(long).plan.is_empty


def test_settling_a_lost_run_ends_its_schedule(long: Means, live: Live) -> None:
    lost = lost_in_the_second_batch(long, live)
    assert schedules(live) == ["hotspot-undo"]

    settled = provision.confirm(long, lost.run)

    assert (settled.outcome, schedules(live)) == (Outcome.ROLLED_BACK, [])


def test_the_schedule_is_in_the_minutes_without_the_secrets_it_holds(long: Means, live: Live) -> None:
    applied(long)
    with long.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "walled_garden", "")

    done = applied(long, dangers=["delete-many"])

    with long.database.reading() as db:
        log = get_run(db, done.run).log
    (armed, *_) = [entry["statement"] for entry in log if entry["statement"].startswith("/system/scheduler/add")]
    assert "on-event=(changed)" in armed
    assert "run-count" not in str(log)
    assert ROUTER_SECRET not in str(log)


def test_a_router_that_takes_no_schedule_is_configured_all_the_same(long: Means, live: Live) -> None:
    def forbidden(_call: object) -> Result:
        raise Trap("failure: not allowed by device-mode")

    live.router.actions["/system/scheduler", "add"] = forbidden
    said: list[str] = []

    done = applied(long, report=said.append)

    assert done.outcome == Outcome.CONFIRMED
    assert any("can't undo kept changes by itself" in words for words in said)


def test_a_short_plan_needs_no_schedule(means: Means, live: Live) -> None:
    said: list[str] = []
    live.router.actions["/system/scheduler", "add"] = lambda _call: said.append("armed") or Result()  # type: ignore[func-returns-value]

    assert applied(means).outcome == Outcome.CONFIRMED
    assert said == []


def test_no_value_stands_unquoted_in_what_the_schedule_runs(long: Means, live: Live) -> None:
    lost_in_the_second_batch(long, live)
    (row,) = live.rows("/system/scheduler")

    outside = re.sub(r'"[A-Za-z0-9 .,:@/+_\\-]*"', "", row["on-event"])

    assert row["comment"] == "hotspot:undo"
    assert set(row["policy"].split(",")) == set(deadman.POLICY.split(","))
    assert '"' not in outside
    assert "$" not in outside
