"""Fixtures around `radius_city`."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.radius.server import RadiusServer
from hotspot.settings import Settings
from tests.radius.radius_city import ALUN_ALUN, PERPUSTAKAAN, SECRETS, City, Clock, Router, serving


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 2, 5, 0, tzinfo=UTC))


@pytest.fixture
def city(database: Database, settings: Settings, clock: Clock) -> City:
    """Two sites of one kelurahan, each with its router."""
    city = City(database, settings.keys, clock)
    with database.writing() as db:
        area = Area(code="19.71.05.1004", name="Kelurahan", level="kelurahan")
        db.add(area)
        db.flush()
        area_id = area.id
    assert area_id is not None
    city.add_site("alun-alun", area_id)
    city.add_site("perpustakaan", area_id)
    city.add_router("alun-alun-1", site="alun-alun", address=ALUN_ALUN, secret=SECRETS[ALUN_ALUN])
    city.add_router("perpus-1", site="perpustakaan", address=PERPUSTAKAAN, secret=SECRETS[PERPUSTAKAAN])
    return city


@pytest.fixture
def radius(city: City) -> Iterator[RadiusServer]:
    with serving(city) as server:
        yield server


@pytest.fixture
def router(radius: RadiusServer) -> Iterator[Router]:
    """The router at Alun-Alun."""
    with Router(radius, ALUN_ALUN, name="alun-alun-1") as router:
        yield router
