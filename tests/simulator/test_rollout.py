"""The demo's boxes come into service by the product's own way, and again when the demo starts again in its folder."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlmodel import select

from hotspot.db import Database
from hotspot.demo_folder import mark
from hotspot.errors import Unavailable
from hotspot.http_server import free_port
from hotspot.radius.disconnect import Outcome, Refused, Target, Unreachable, disconnect
from hotspot.radius.packet import Secret
from hotspot.routers import takeover
from hotspot.routers.models import Router, RouterState
from hotspot.routers.runs import ProvisionRun
from hotspot.routers.service import get_router_named, known
from hotspot.settings import Settings, demo_settings
from hotspot.simulator import demo as demos
from hotspot.simulator import rollout
from hotspot.simulator.demo import demo_city
from hotspot.simulator.rollout import NotInService
from hotspot.simulator.routeros.server import ApiServer


@pytest.fixture
def demo(tmp_path: Path, database_url: str) -> Settings:
    """A demo's settings, with the tests' database."""
    mark(tmp_path / "demo")
    settings = demo_settings(tmp_path / "demo", http_port=free_port())
    return settings.model_copy(update={"database_url": SecretStr(database_url)})


@contextmanager
def step(_words: str, _total: int) -> Iterator[Callable[[], None]]:
    yield lambda: None


def all_known(database: Database) -> list[tuple[str, str, str | None]]:
    with database.reading() as db:
        return [(row.name, row.state, row.tunnel_address) for row in db.exec(select(Router).order_by(Router.name))]


def asked_to_end_a_session(database: Database, demo: Settings, name: str) -> Outcome:
    """Ask a router, at its tunnel address, to end a session that nobody has."""
    with database.reading() as db:
        router = known(get_router_named(db, name), demo.keys)
    target = Target(ip_address(router.address), Secret(router.secret), "80000000", "gina", None, name, router.coa_port)
    return disconnect(target, now=datetime.now(UTC), waits=(2.0,))


def test_routers_enrol_are_configured_and_meet_their_demo_again(demo: Settings, database: Database) -> None:
    with demo_city(demo, sites=2, step=step) as links:
        first = all_known(database)
        assert [name for name, _, _ in first] == ["alun-alun-1", "perpustakaan-1"]
        assert {state for _, state, _ in first} == {RouterState.ENROLLED}
        assert links["fresh_router"] == "perpustakaan-1"
        assert httpx.get(str(links["phone"]) + "login").status_code == 200
        assert isinstance(asked_to_end_a_session(database, demo, "alun-alun-1"), Refused), (
            "it is heard, and has no such one"
        )
        assert isinstance(asked_to_end_a_session(database, demo, "perpustakaan-1"), Unreachable), (
            "nothing is configured there"
        )

    with demo_city(demo, sites=2, step=step):
        assert all_known(database) == first
        with database.reading() as db:
            runs = db.exec(select(Router.name, ProvisionRun.outcome).join(ProvisionRun)).all()
        assert list(runs) == [("alun-alun-1", "confirmed")] * 2


def test_a_large_demo_may_open_more_files_than_usual(
    demo: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, most))
    monkeypatch.setattr(demos, "open_installation", ends_here)

    with pytest.raises(Unavailable), demo_city(demo, sites=50, step=step):
        pass

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (1400, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


def ends_here(*_: object, **__: object) -> Database:
    raise Unavailable


def test_a_box_that_nobody_takes_over_is_said(
    demo: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "PATIENCE", 1.0)
    monkeypatch.setattr(takeover, "FIRST_WAITS", (0.0,))
    monkeypatch.setattr(ApiServer, "_lets_in", lambda *_: False)  # it hangs up on everybody

    with pytest.raises(NotInService, match="SIM000000"), demo_city(demo, sites=1, step=step):
        pass
