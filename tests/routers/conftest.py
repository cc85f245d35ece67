"""The controller of the cast, to be called by boxes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from hotspot.app import create_app
from hotspot.db import Database
from hotspot.routers.api import Calls
from hotspot.settings import Settings
from hotspot.throttle import Throttle
from tests.routers.boxes import Clock, Controller, Line
from tests.world import World


@pytest.fixture
def controller(world: World, database: Database, settings: Settings) -> Iterator[Controller]:
    clock = Clock(world.now)
    app = create_app(settings, database, now=clock)
    app.state.calls = Calls(*(Throttle(10**6, timedelta(minutes=1)) for _ in range(2)))
    line = Line(app)
    yield Controller(app, line, database, clock, world.alun_alun, world.perpustakaan)
    line.close()
