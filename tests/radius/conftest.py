"""Fixtures around `radius_city`."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from hotspot.db import Database
from hotspot.radius import disconnect
from hotspot.radius.certificates import tls_context
from hotspot.radius.server import RadiusServer
from hotspot.settings import Settings
from tests.radius.certificates import Authority, Issued
from tests.radius.radius_city import ALUN_ALUN, PERPUSTAKAAN, City, Clock, Router, build_city, serving
from tests.radius.radsec_peer import Nowhere, files
from tests.radius.scripted_router import IMPATIENT


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


@pytest.fixture
def library(radius: RadiusServer) -> Iterator[Router]:
    """The router at the library."""
    with Router(radius, PERPUSTAKAAN, name="perpus-1") as router:
        yield router


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon on routers that don't answer."""
    for name in ("disconnect_and_verify", "change"):
        monkeypatch.setattr(disconnect, name, partial(getattr(disconnect, name), waits=IMPATIENT))


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
