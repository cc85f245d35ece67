"""Showing, planning, applying, rolling back and drift: as staff type it, with a simulated router behind the tunnel."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from benchmarks.live_router import Live
from hotspot.cli import provisioning
from hotspot.db import Database
from hotspot.routers import attempt
from hotspot.settings import Settings
from hotspot.simulator.routeros.sessions import Result
from hotspot.simulator.routeros.traps import Trap
from tests.cli.test_cli import environment, run
from tests.routers.test_provision import NAME, enrol
from tests.world import ROUTER_SECRET, World

__all__ = ["environment"]  # the fixture


@pytest.fixture
def live(world: World, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    with Live() as box:
        enrol(database, settings, box)
        monkeypatch.setattr(provisioning, "dial", box.dial)
        monkeypatch.setattr(attempt, "WAITS", (0.0,))
        yield box


def answered(*words: str, code: int = 0) -> Any:
    result = run("routers", *words, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_a_router_is_planned_applied_and_has_nothing_left_to_do(live: Live) -> None:
    plan = run("routers", "plan", NAME)

    assert plan.exit_code == 0, plan.output
    assert "+ /ip/hotspot guests" in plan.stdout
    assert "  left out: /ip/dhcp-server/option captive-portal-api" in plan.stdout
    assert ROUTER_SECRET not in plan.output
    number = plan.stdout.split("hotspot routers apply ")[1].split()[0]
    dry = run("routers", "apply", number, "--dry-run")
    assert "+ /ip/hotspot guests" in dry.stdout
    assert answered("apply", number, "--dry-run")["plan"] == number
    assert live.rows("/ip/hotspot") == []

    done = run("routers", "apply", number)

    assert done.exit_code == 0, done.output
    assert f"Run 1: {NAME} is as planned." in done.stdout
    assert "checking on a new connection" in done.stderr
    assert "Nothing to do" in run("routers", "plan", NAME).stdout
    shown = run("routers", "show", NAME)
    assert "confirmed" in shown.stdout
    assert [row["run"] for row in answered("show", NAME)["runs"]] == [1]

    back = run("routers", "rollback", "1")

    assert f"Run 2: {NAME} is as planned." in back.stdout
    assert live.rows("/ip/hotspot") == []
    assert answered("confirm", "2") == {"router": NAME, "run": 2, "outcome": "confirmed", "reason": ""}


def test_a_conflict_ends_with_how_to_accept_it(live: Live) -> None:
    live.at_once(lambda: live.do("/ip/pool/add", name="hotspot-guests", ranges="10.9.9.2"))

    plan = run("routers", "plan", NAME)

    assert plan.exit_code == 3
    assert '--accept "/ip/pool hotspot-guests"' in plan.stdout
    accepted = answered("plan", NAME, "--accept", "/ip/pool hotspot-guests")
    assert (accepted["conflicts"], accepted["changes"] > 30) == ([], True)


def test_a_danger_is_named_in_the_command_to_type(live: Live) -> None:
    answered("apply", answered("plan", NAME)["plan"])
    (rule,) = [row for row in live.rows("/ip/firewall/filter") if row.get("comment") == "hotspot:api"]
    live.at_once(lambda: live.do("/ip/firewall/filter/set", _id=rule[".id"], src_address="10.253.0.9"))

    plan = run("routers", "plan", NAME)

    assert plan.stdout.rstrip().endswith("--accept-danger cut-management")
    number = plan.stdout.split("hotspot routers apply ")[1].split()[0]
    assert run("routers", "apply", number).exit_code == 3
    assert run("routers", "apply", number, "--accept-danger", "cut-management").exit_code == 0


def test_a_run_that_went_back_says_why_and_exits_3(live: Live) -> None:
    def refuses(_call: object) -> Result:
        raise Trap("failure: no")

    live.router.actions["/radius", "add"] = refuses
    done = run("routers", "apply", answered("plan", NAME)["plan"])

    assert done.exit_code == 3
    assert "went back to what it was (alun-alun-1 refused /radius/add: failure: no)" in done.stdout


def test_a_lost_router_exits_5_and_names_the_next_step(live: Live) -> None:
    def vanishes(_call: object) -> Result:
        live.server.is_reachable = False
        live.server.cut()
        return Result()

    live.router.actions["/radius", "add"] = vanishes
    done = run("routers", "apply", answered("plan", NAME)["plan"])

    assert done.exit_code == 5
    assert "hotspot routers confirm 1" in done.stdout
    live.server.is_reachable = True
    assert answered("confirm", "1", code=3)["outcome"] == "rolled-back"


def test_drift_is_a_row_for_each_router(live: Live) -> None:
    (row,) = answered("drift", code=3)
    assert row["differs"] > 30
    answered("apply", row["plan"])

    assert answered("drift") == [{"router": NAME, "differs": 0, "plan": None, "problem": None}]
    live.server.is_reachable = False
    (away,) = answered("drift", NAME, code=3)
    assert "can't be reached" in away["problem"]


def test_a_plan_that_nobody_made_is_not_found(live: Live) -> None:
    assert run("routers", "apply", str(uuid4())).exit_code == 4


def test_notes_for_a_person_come_first(live: Live) -> None:
    live.router.licence = 3

    assert run("routers", "plan", NAME).stdout.startswith("note: Its licence (level 3) lets in one guest at once;")


def test_what_a_router_says_is_no_markup(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = live.router.run

    def refuse(path: str, command: str, arguments: dict[str, str], **more: Any) -> Result:
        if path == "/ip/pool":
            raise Trap("failure: [/b] [red]no[/red]")
        return answer(path, command, arguments, **more)

    monkeypatch.setattr(live.router, "run", refuse)

    drift = run("routers", "drift")

    assert drift.exit_code == 3, drift.output
    assert "[/b] [red]no[/red]" in drift.stdout
