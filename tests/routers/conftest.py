"""The controller of the cast, to be called by boxes, and a router that it provisions."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from benchmarks.live_router import Live
from hotspot.app import create_app
from hotspot.db import Database
from hotspot.routers.api import Calls
from hotspot.routers.subjects import Means
from hotspot.settings import Settings
from hotspot.throttle import Throttle
from tests.routers.boxes import Clock, Controller, Line
from tests.routers.certified import City
from tests.routers.managed import enrol, means_of
from tests.routers.public_ca import PublicCa
from tests.world import World


@pytest.fixture
def controller(world: World, database: Database, settings: Settings) -> Iterator[Controller]:
    clock = Clock(world.now)
    app = create_app(settings, database, now=clock)
    app.state.calls = Calls(*(Throttle(10**6, timedelta(minutes=1)) for _ in range(2)))
    line = Line(app)
    yield Controller(app, line, database, clock, world.alun_alun, world.perpustakaan)
    line.close()


@pytest.fixture
def live() -> Iterator[Live]:
    with Live() as box:
        yield box


@pytest.fixture
def means(world: World, database: Database, settings: Settings, live: Live) -> Means:
    """Means that reach the live router, which is the cast's at Alun-Alun."""
    enrol(database, settings, live)
    return means_of(database, settings, live, now=lambda: world.now)


@pytest.fixture
def city(world: World, database: Database, settings: Settings, live: Live) -> City:
    enrol(database, settings, live)
    found = City(None, live, PublicCa(world.now), world.now)  # type: ignore[arg-type]  # right below
    https = settings.model_copy(update={"public_url": "https://wifi.example.org"})  # as phones want an API to be
    found.means = means_of(database, https, live, now=lambda: found.now)
    return found
