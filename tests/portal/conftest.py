"""Fixtures around `visit`."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, sync_playwright

from hotspot.app import create_app
from hotspot.db import Database
from hotspot.portal.throttle import Presses
from hotspot.settings import Settings
from hotspot.throttle import Throttle
from tests.portal.browser import ARGUMENTS, CHROMIUM
from tests.portal.visit import Client, Clock, Visit, furnish
from tests.world import World


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def visit(world: World, settings: Settings, database: Database, clock: Clock) -> Iterator[Visit]:
    with database.writing() as db:
        furnish(db, world)
    app = create_app(settings, database, now=clock)
    app.state.content.look_every = 0  # what a test changes is seen at once
    app.state.presses = Presses(Throttle(10**6, timedelta(minutes=1)), Throttle(10**6, timedelta(minutes=1)))
    client = Client(app, **{"accept-language": "id-ID,id;q=0.9,en;q=0.5"})
    yield Visit(client, database, settings, clock, world, app)
    client.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()
