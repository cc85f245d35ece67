"""Showing, planning, applying, rolling back and drift: as staff type it, with a simulated router behind the tunnel."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from benchmarks.live_router import Live
from hotspot.cli import provisioning
from hotspot.cli.main import app
from hotspot.db import Database
from hotspot.routers import attempt, restore
from hotspot.routers.backups import RouterBackup, image_of
from hotspot.routers.health import NOT_PROVEN
from hotspot.routers.service import get_router_named
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
    assert f"Run 1: {NAME} is as planned (RADIUS not proven: nobody logged in since)." in done.stdout
    assert "checking on a new connection" in done.stderr
    assert "Nothing to do" in run("routers", "plan", NAME).stdout
    shown = run("routers", "show", NAME)
    assert "confirmed" in shown.stdout
    assert [row["run"] for row in answered("show", NAME)["runs"]] == [1]

    back = run("routers", "rollback", "1")

    assert f"Run 2: {NAME} is as planned (RADIUS" in back.stdout
    assert live.rows("/ip/hotspot") == []
    assert answered("confirm", "2") == {"router": NAME, "run": 2, "outcome": "confirmed", "reason": NOT_PROVEN}


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

    (row,) = answered("drift")
    assert row | {"checked_at": ""} == {
        "router": NAME,
        "differs": 0,
        "plan": None,
        "drifted_since": None,
        "unreachable_since": None,
        "checked_at": "",
        "problem": None,
    }
    live.server.is_reachable = False
    (away,) = answered("drift", NAME, code=3)
    assert "can't be reached" in away["problem"]
    assert (away["differs"], away["checked_at"]) == (0, row["checked_at"])  # as it was last seen
    dials = live.dials
    assert answered("drift", "--last", code=3) == [away]
    assert live.dials == dials
    (listed, _other) = answered("list")
    assert (listed["name"], listed["problem"]) == (NAME, away["problem"])
    assert "away since" in run("routers", "list").stdout
    assert answered("show", NAME)["unreachable_since"] == away["unreachable_since"]


def test_a_copy_without_an_image_says_so(live: Live) -> None:
    def refuses(_call: object) -> Result:
        raise Trap("not enough permissions (9)")

    live.router.actions["/system/backup", "save"] = refuses

    assert "kept as text alone" in run("routers", "backup", NAME).stdout
    refused = run("routers", "restore", NAME, "1")
    assert refused.exit_code == 3
    assert "text alone" in refused.stderr


def test_the_list_says_in_words_how_each_router_stands(live: Live) -> None:
    answered("drift", code=3)
    assert "differ since" in run("routers", "list").stdout

    live.at_once(lambda: setattr(live.router, "version_text", "7.18.2"))
    answered("drift", code=3)
    assert "can't be said" in run("routers", "list").stdout


def test_a_run_tells_each_statement_and_what_it_changed_but_no_secret(live: Live) -> None:
    answered("apply", answered("plan", NAME)["plan"])
    listed = answered("list")[0]
    assert (listed["differs"], listed["drifted_since"]) == (0, None)
    assert "yes" in run("routers", "list").stdout

    shown = answered("run", "1")

    assert [row["run"] for row in answered("runs", NAME)] == [1]
    statements = [entry["statement"] for entry in shown["log"]]
    assert statements[0] == "/safe-mode/take"
    assert statements[-1] == "/safe-mode/release"
    assert any(text.startswith('/ip/pool/add name="hotspot-guests"') for text in statements)
    assert any(text.startswith("/radius/add") and "secret=(changed)" in text for text in statements)
    assert {entry["outcome"] for entry in shown["log"]} == {"done"}
    assert "+ /ip/hotspot hotspot-guests" in shown["diff"]
    assert "+     secret: (changed)" in shown["diff"]
    words = run("routers", "run", "1")
    assert "/safe-mode/take" in words.stdout
    assert "+ /ip/hotspot hotspot-guests" in words.stdout
    assert ROUTER_SECRET not in words.stdout + json.dumps(shown)

    answered("rollback", "1")
    back = answered("run", "2")
    assert back["undoes"] == 1
    assert "- /ip/hotspot hotspot-guests" in back["diff"]


def test_a_run_that_failed_tells_the_statement_it_failed_at(live: Live) -> None:
    def refuses(_call: object) -> Result:
        raise Trap("failure: no")

    live.router.actions["/radius", "add"] = refuses
    answered("apply", answered("plan", NAME)["plan"], code=3)

    shown = answered("run", "1")

    (failed,) = [entry for entry in shown["log"] if entry["outcome"] != "done"]
    assert failed["statement"].startswith("/radius/add")
    assert "failure: no" in failed["outcome"]
    assert shown["diff"] == []  # it is what it was
    assert "→ alun-alun-1 refused /radius/add: failure: no" in run("routers", "run", "1").stdout


def test_a_copy_is_taken_shown_and_restored(
    live: Live, database: Database, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.at_once(lambda: live.do("/user/set", _id="admin", password="on-the-label"))
    password = tmp_path / "password"
    password.write_text("on-the-label\n")
    monkeypatch.setattr(restore, "WAITS", (0.0,))
    taken = run("routers", "backup", NAME)
    assert "hotspot routers restore alun-alun-1 1" in taken.stdout
    (row,) = answered("backup", NAME, "--list")
    assert (row["reason"], row["restorable"]) == ("asked", True)
    live.at_once(lambda: live.do("/system/identity/set", name="another"))

    looked = run("routers", "restore", NAME, "1", "--dry-run")
    assert "~ /system identity: 1 go" in looked.stdout
    assert "The router restarts" in looked.stdout
    assert answered("restore", NAME, "1")["restored"] is False
    assert run("routers", "restore", NAME, "1", "--password-file", str(tmp_path / "none"), "--yes").exit_code == 2
    refused = CliRunner().invoke(app, ["routers", "restore", NAME, "1"], input="n\n")
    assert refused.exit_code == 1
    assert live.router.boot == 0

    with database.reading() as db:
        image = image_of(db.get_one(RouterBackup, 1), world.keys)
    assert image is not None
    live.router.fetches = lambda _arguments: image  # that the web hands it out is proven with the web
    done = answered("restore", NAME, "1", "--yes", "--password-file", str(password))

    assert (done["restored"], done["before"]) == (True, 2)
    assert live.router.identity != "another"
    same = run("routers", "restore", NAME, "1", "--dry-run")
    assert "Its export is the same now." in same.stdout


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


def test_what_a_router_says_is_nothing_that_a_terminal_obeys(live: Live, database: Database) -> None:
    with database.writing() as db:
        router = get_router_named(db, NAME)
        router.model, router.version = "hAP\x1b]0;owned\x07 ax", "7.20\x9b2J\u202e8"

    for words in (("routers", "show", NAME), ("routers", "list")):
        said = run(*words)
        assert said.exit_code == 0, said.output
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said.output)
    assert "hAP·]0;owned ax" in run("routers", "show", NAME).stdout
