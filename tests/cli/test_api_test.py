"""Testing a router's captive portal API: as staff type it, with a simulated router behind the tunnel."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.live_router import Live
from hotspot.db import Database
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.traps import failure
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.cli.test_certificates import HOST, add, files
from tests.cli.test_cli import environment, run
from tests.cli.test_provisioning import answered, live
from tests.routers.managed import NAME

__all__ = ["environment", "files", "live"]  # the fixtures


def refuse(_call: Call) -> Result:
    raise failure("no")


def test_a_test_says_what_it_found_and_what_to_do(
    files: dict[str, Path], live: Live, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTSPOT_PUBLIC_URL", "https://wifi.example.org")
    live.at_once(lambda: live.router.set_wall(datetime.now(UTC).timestamp()))
    assert run("routers", "api-test", NAME).exit_code == 3  # it has no certificate
    assert run(*add(files, "second")).exit_code == 0
    with database.writing() as db:
        give(db, get_site(db, "alun-alun"), "login_host", HOST)
    answered("apply", answered("plan", NAME)["plan"])
    assert answered("show", NAME)["captive_api"] is None

    passed = run("routers", "api-test", NAME)

    assert passed.exit_code == 0, passed.output
    assert f"https://{HOST}/api is as it should be. To tell phones of it: hotspot routers plan {NAME}" in passed.stdout
    assert "tested" in answered("show", NAME)["captive_api"]
    answered("apply", answered("plan", NAME)["plan"])
    live.router.actions["/tool", "fetch"] = refuse

    failed = run("routers", "api-test", NAME)

    assert failed.exit_code == 3
    assert f"can't fetch https://{HOST}/api (failure: no)" in failed.stdout
    assert answered("api-test", NAME, code=3)["passed"] is False
    assert "failed" in run("routers", "show", NAME).stdout
    assert f"hotspot routers plan {NAME}" in run("routers", "api-test", NAME, "--again").stdout
    assert answered("show", NAME)["captive_api"] is None
