"""Plan, apply and roll back, end to end against the simulated RouterOS over TLS."""

from collections.abc import Iterator

import pytest

from hotspot.db import Database
from hotspot.paths import shipped
from hotspot.routers import provision
from hotspot.routers.configs import load
from hotspot.routers.diff import lines
from hotspot.routers.enrol import api_context
from hotspot.routers.ledger import Outcome
from hotspot.routers.models import RouterState
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means
from hotspot.settings import Settings
from tests.routers.live import ADDRESS, PASSWORD, Live
from tests.world import ROUTER_SECRET, World

NAME = "alun-alun-1"


def enrol(database: Database, settings: Settings, live: Live, name: str = NAME) -> None:
    """Let the router of the cast be the live one."""
    with database.writing() as db:
        router = get_router_named(db, name)
        router.state, router.fingerprint = RouterState.ENROLLED, live.fingerprint
        router.tunnel_address = router.address = str(ADDRESS)
        router.api_password = settings.keys.seal(PASSWORD, context=api_context(name))


@pytest.fixture
def live() -> Iterator[Live]:
    with Live() as box:
        yield box


@pytest.fixture
def means(world: World, database: Database, settings: Settings, live: Live) -> Means:
    enrol(database, settings, live)
    return Means(
        database,
        settings,
        load(shipped("router_configs")),
        dial=live.dial,
        wait=lambda _seconds: None,
        clock=lambda: world.now,
    )


def planned(means: Means, **more: object) -> provision.Planned:
    return provision.make_plan(means, NAME, made_by="Bob", **more)  # type: ignore[arg-type]


def applied(means: Means, plan: provision.Planned | None = None, **more: object) -> provision.Done:
    plan = plan or planned(means)
    assert plan.id is not None
    return provision.apply(means, plan.id, **more)  # type: ignore[arg-type]


def test_a_plan_is_shown_applied_and_then_empty(means: Means, live: Live) -> None:
    plan = planned(means)

    shown = "\n".join(lines(plan.plan))
    assert '+     ssid: "' not in shown  # its radios are of /interface/wifi
    assert "~ /interface/wifi radio-wifi1" in shown
    assert ROUTER_SECRET not in shown
    assert live.rows("/ip/hotspot") == []  # nothing was changed by planning

    said: list[str] = []
    done = applied(means, plan, report=said.append)

    assert (done.outcome, done.reason) == (Outcome.CONFIRMED, "")
    assert any("checking on a new connection" in words for words in said)
    (hotspot,) = live.rows("/ip/hotspot")
    assert (hotspot["interface"], hotspot["disabled"]) == ("hotspot-guests", "false")
    (radius,) = live.rows("/radius")
    assert radius["secret"] == ROUTER_SECRET
    assert live.router.safe_mode.hold is None
    assert planned(means).plan.is_empty
