"""A router of the cast that is the simulated one, and its provisioning by Bob."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from benchmarks.live_router import ADDRESS, PASSWORD, Live
from hotspot.db import Database
from hotspot.paths import shipped
from hotspot.routers import provision
from hotspot.routers.configs import load
from hotspot.routers.enrol import api_context
from hotspot.routers.menus import MENUS
from hotspot.routers.models import RouterState
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means
from hotspot.settings import Settings

NAME = "alun-alun-1"


def enrol(database: Database, settings: Settings, live: Live, name: str = NAME) -> None:
    """Let the router of the cast be the live one."""
    with database.writing() as db:
        router = get_router_named(db, name)
        router.state, router.fingerprint = RouterState.ENROLLED, live.fingerprint
        router.tunnel_address = router.address = str(ADDRESS)
        router.api_password = settings.keys.seal(PASSWORD, context=api_context(name))


def means_of(database: Database, settings: Settings, live: Live, *, now: Callable[[], datetime]) -> Means:
    """Means that reach the live router; nobody waits, and every look at the clock is a second later."""
    ticks = count()
    return Means(
        database,
        settings,
        load(shipped("router_configs")),
        dial=live.dial,
        wait=lambda _seconds: None,
        clock=lambda: now() + timedelta(seconds=next(ticks)),
    )


def planned(means: Means, **more: object) -> provision.Planned:
    return provision.make_plan(means, NAME, made_by="Bob", **more)  # type: ignore[arg-type]  # its own parameters


def applied(means: Means, plan: provision.Planned | None = None, **more: object) -> provision.Done:
    plan = plan or planned(means)
    assert plan.id is not None
    return provision.apply(means, plan.id, made_by="Bob", **more)  # type: ignore[arg-type]  # its own parameters


def shown(live: Live) -> dict[str, list[dict[str, str]]]:
    """What the menus show, whatever the rows' numbers are; among the files only our pages."""
    menus = [path for path in MENUS if path in live.router.menus]
    rows = {path: [{name: row[name] for name in row if name != ".id"} for row in live.rows(path)] for path in menus}
    rows["/file"] = [row for row in rows["/file"] if "hotspot-pages" in row["name"]]
    return rows
