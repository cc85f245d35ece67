"""Rotating secrets: as staff type it, with a simulated router behind the tunnel."""

import json
from collections.abc import Iterator

import pytest

from benchmarks.live_router import PASSWORD, Live
from hotspot.cli import rotation
from hotspot.db import Database
from hotspot.routers import rotating
from hotspot.settings import Settings
from hotspot.simulator.routeros.sessions import Result
from hotspot.simulator.routeros.traps import Trap
from tests.cli.test_cli import environment, run
from tests.routers.managed import NAME, enrol
from tests.world import ROUTER_SECRET, World

__all__ = ["environment"]  # the fixture


@pytest.fixture
def live(world: World, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    with Live() as box:
        box.do("/radius/add", address="10.253.0.1", service="hotspot", secret=ROUTER_SECRET, comment="hotspot:server")
        enrol(database, settings, box)
        monkeypatch.setattr(rotation, "dial", box.dial)
        monkeypatch.setattr(rotating, "HEARD", 0.0)
        monkeypatch.setattr(rotating, "LOOKS", (0.0,))
        yield box


def test_a_router_gets_new_secrets_and_nobody_sees_them(live: Live) -> None:
    dry = run("routers", "rotate", NAME, "--dry-run")
    assert dry.stdout.splitlines() == [
        f"{NAME}: API password: would be changed.",
        f"{NAME}: RADIUS secret: would be changed.",
    ]
    assert live.rows("/radius")[0]["secret"] == ROUTER_SECRET

    done = run("routers", "rotate", NAME)

    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [f"{NAME} has a new API password.", f"{NAME} has a new RADIUS secret."],
    )
    assert "logging in with the next API password" in done.stderr
    secret = live.rows("/radius")[0]["secret"]
    assert secret != ROUTER_SECRET
    assert secret not in done.output
    assert PASSWORD not in done.output


def test_what_a_router_refuses_exits_3_and_what_is_left_open_names_the_next_step(live: Live) -> None:
    def refuses(_call: object) -> Result:
        raise Trap("failure: no")

    live.router.actions["", "password"] = refuses
    refused = run("routers", "rotate", NAME, "--api")
    assert refused.exit_code == 3
    assert refused.stdout == f"{NAME} keeps its API password: {NAME} refused /password: failure: no.\n"

    def vanishes(_call: object) -> Result:
        live.server.cut()
        return Result()

    live.router.actions["", "password"] = vanishes
    lost = run("routers", "rotate", NAME, "--api")
    assert lost.exit_code == 5
    assert lost.stdout.rstrip().endswith(f"To finish it: hotspot routers rotate {NAME} --api")

    assert (
        "the rotation that was begun would be finished" in run("routers", "rotate", NAME, "--api", "--dry-run").stdout
    )
    del live.router.actions["", "password"]
    assert run("routers", "rotate", NAME, "--api").exit_code == 0


def test_programs_get_one_line_with_a_row_for_each_secret(live: Live) -> None:
    dry = run("routers", "rotate", NAME, "--radius", "--dry-run", "--json")
    assert json.loads(dry.stdout) == [{"router": NAME, "secret": "radius", "goes_on": False}]

    done = run("routers", "rotate", NAME, "--radius", "--json")

    assert json.loads(done.stdout) == [{"router": NAME, "secret": "radius", "state": "rotated", "problem": ""}]
    assert done.stderr == ""
    assert run("routers", "rotate", "nowhere").exit_code == 4
