"""Rollouts as staff type them: seen before they begin, started, watched, paused, resumed, stopped."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.live_router import Live
from hotspot.cli import rollouts as commands
from hotspot.db import Database
from hotspot.routers.rollouts_models import RolloutRouter, Standing
from hotspot.routers.rollouts_progress import Ended, claim, night_of, record
from hotspot.routers.service import get_router_named
from hotspot.settings import Settings
from tests.cli.test_cli import environment, run
from tests.routers.managed import NAME, enrol
from tests.world import KOTA, World

__all__ = ["environment"]  # the fixture


@pytest.fixture
def live(world: World, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    with Live() as box:
        enrol(database, settings, box)
        monkeypatch.setattr(commands, "dial", box.dial)
        yield box


@pytest.fixture
def enrolled(world: World, database: Database, settings: Settings) -> World:
    """Two routers that nobody asks."""
    with Live() as box:
        enrol(database, settings, box)
        with database.writing() as db:
            first, second = get_router_named(db, NAME), get_router_named(db, "perpustakaan-1")
            second.state, second.fingerprint, second.api_password = first.state, first.fingerprint, first.api_password
            second.tunnel_address = second.address = "10.253.0.3"
    return world


def answered(*words: str, code: int = 0) -> Any:
    result = run("rollouts", *words, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def ends(database: Database, settings: Settings, router_id: int, ended: Ended) -> None:
    now = datetime.now(UTC)
    with database.writing() as db:
        turn = claim(db, 1, router_id, night=night_of(settings), now=now)
        assert turn is not None
        record(db, turn, ended, night=night_of(settings), now=now)


def test_a_dry_run_shows_the_rings_and_what_would_change_and_starts_nothing(live: Live) -> None:
    shown = run("rollouts", "start", "configuration", "--all", "--dry-run")
    rows = answered("start", "configuration", "--area", KOTA, "--dry-run")
    upgrade = answered("start", "firmware", "--all", "--version", "7.24", "--dry-run")

    assert (shown.exit_code, "canary" in shown.stdout) == (0, True)
    assert [(row["ring"], row["router"], row["problem"]) for row in rows] == [("canary", NAME, "")]
    assert rows[0]["changes"] > 20
    assert upgrade == [{"ring": "canary", "router": NAME, "changes": "to 7.24", "problem": ""}]
    assert answered("list") == []
    assert "None yet" in run("rollouts", "list").stdout


def test_a_dry_run_tells_who_can_not_be_looked_at(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(commands, "dial", gone)

    (row,) = answered("start", "configuration", "--all", "--dry-run")

    assert (row["changes"], "can't be reached" in row["problem"]) == (None, True)


def test_a_rollout_is_started_shown_and_its_end_is_in_the_exit_code(
    enrolled: World, database: Database, settings: Settings
) -> None:
    made = answered("start", "configuration", "--all", "--canary", NAME, "--now")
    assert (made["rollout"], made["state"], made["ring"], made["area"]) == (1, "running", "canary", None)

    ends(database, settings, enrolled.router, Ended(Standing.DONE))
    shown = answered("show", "1")
    assert [(row["ring"], row["router"], row["state"]) for row in shown["routers"]] == [
        ("canary", NAME, "done"),
        ("10 %", "perpustakaan-1", "pending"),
    ]
    ends(database, settings, enrolled.other_router, Ended(Standing.FAILED, "unwell"))

    assert answered("show", "1", code=3)["state"] == "paused"
    people = run("rollouts", "show", "1")
    assert (people.exit_code, "unwell" in people.stdout, "look at it, then resume" in people.stdout) == (3, True, True)
    assert [row["rollout"] for row in answered("list")] == [1]


def test_watching_ends_with_the_rollout(
    enrolled: World, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("rollouts", "start", "configuration", "--all", "--now")
    monkeypatch.setattr(commands.time, "sleep", lambda _: ends(database, settings, due(database), Ended(Standing.DONE)))

    watched = run("rollouts", "show", "1", "--watch")

    assert watched.exit_code == 0
    assert "Rollout 1: configuration, everywhere, done" in watched.stdout


def due(database: Database) -> int:
    with database.reading() as db:
        return next(row.router_id for row in commands.rollouts.rows_of(db, 1) if row.state == Standing.PENDING)


def test_a_rollout_is_paused_resumed_and_stopped(enrolled: World) -> None:
    started = run("rollouts", "start", "firmware", "--all", "--version", "7.24")
    assert "hotspot rollouts show 1 --watch" in started.stdout

    assert answered("pause", "1")["state"] == "paused"
    assert answered("resume", "1")["state"] == "running"
    assert "Rollout 1 is stopped" in run("rollouts", "stop", "1").stdout
    assert answered("show", "1", code=3)["version"] == "7.24"
    again = run("rollouts", "resume", "1")
    assert (again.exit_code, "stopped" in again.output) == (3, True)


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["configuration"], 2, "--area CODE or --all"),
        (["configuration", "--all", "--area", KOTA], 2, "--area CODE or --all"),
        (["firmware", "--all"], 2, "--version 7.20.8"),
        (["firmware", "--all", "--version", "7.24", "--channel", "nightly"], 2, "--channel"),
        (["firmware", "--all", "--version", "7.12"], 2, "7.19.2 or newer"),
        (["configuration", "--all"], 4, "No enrolled router"),
    ],
)
def test_what_is_missing_is_said(words: list[str], code: int, line: str, world: World) -> None:
    result = run("rollouts", "start", *words)

    assert result.exit_code == code
    assert line in result.output


def test_no_such_rollout(world: World) -> None:
    assert run("rollouts", "show", "7").exit_code == 4


def test_the_picture_shows_first_what_a_person_must_see(settings: Settings) -> None:
    now = datetime(2026, 3, 2, 5, tzinfo=UTC)
    rows = [
        commands.standing(
            f"r{number:02d}", RolloutRouter(rollout_id=1, router_id=number, ring=4, state=state, since=now), settings
        )
        for number, state in enumerate([*["done"] * 30, "offline", "failed"])
    ]
    rollout = {"rollout": 1, "kind": "configuration", "version": None, "area": "19.71", "state": "running", "why": ""}

    heading, _, table = commands.picture(rollout, rows).renderables

    assert str(heading) == "Rollout 1: configuration, 19.71, running"
    assert [str(cell) for cell in table.columns[1].cells][:2] == ["r31", "r30"]  # type: ignore[union-attr]
    assert table.caption == "and 7 more: hotspot rollouts show 1"  # type: ignore[union-attr]
