"""Fixtures around `radius_city`."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hotspot.db import Database
from hotspot.radius.certificates import tls_context
from hotspot.radius.server import RadiusServer
from hotspot.settings import Settings
from tests.radius.certificates import Authority, Issued
from tests.radius.radius_city import ALUN_ALUN, City, Clock, Router, build_city, serving
from tests.radius.radsec_peer import Nowhere, files


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 2, 5, 0, tzinfo=UTC))


@pytest.fixture
def city(database: Database, settings: Settings, clock: Clock) -> City:
    """Two sites of one kelurahan, each with its router."""
    return build_city(database, settings.keys, clock)


@pytest.fixture
def radius(city: City) -> Iterator[RadiusServer]:
    with serving(city) as server:
        yield server


@pytest.fixture
def router(radius: RadiusServer) -> Iterator[Router]:
    """The router at Alun-Alun."""
    with Router(radius, ALUN_ALUN, name="alun-alun-1") as router:
        yield router


# --- RadSec --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def own(authority: Authority) -> Issued:
    return authority.issue("radius.example")


@pytest.fixture(scope="module")
def alun_alun(authority: Authority) -> Issued:
    return authority.issue("alun-alun-1")


@pytest.fixture
def tls(settings: Settings, authority: Authority, own: Issued) -> ssl.SSLContext:
    return tls_context(files(settings, authority, own), now=datetime.now(UTC))


@pytest.fixture
def radsec(city: City, tls: ssl.SSLContext) -> Iterator[RadiusServer]:
    with serving(city, hosts=["127.0.0.1"], tls=tls) as server:
        yield server


@pytest.fixture
def packets() -> Iterator[Router]:
    """Makes packets as the router at Alun-Alun does, for RadSec."""
    with Router(Nowhere(), "127.0.0.1", secret="radsec", name="alun-alun-1") as router:
        yield router
