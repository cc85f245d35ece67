"""The console over a small city, and browsers that are signed in or not."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from fastapi import FastAPI

from hotspot.app import create_app
from hotspot.db import Database
from hotspot.settings import Settings
from hotspot.sites.models import Site
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff, make_login_link
from tests.console.browser import Browser, Clock
from tests.reports.usage_city import build_city

Open = Callable[[], Browser]


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def app(settings: Settings, database: Database, clock: Clock) -> FastAPI:
    return create_app(settings, database, now=clock)


@pytest.fixture
def city(database: Database, now: datetime) -> dict[str, Site]:
    with database.writing() as db:
        sites = build_city(db, now)
        for site in sites.values():
            db.expunge(site)
    return sites


@pytest.fixture
def browser(app: FastAPI) -> Iterator[Open]:
    """Open browsers that share nothing."""
    opened: list[Browser] = []

    def open_browser() -> Browser:
        opened.append(Browser(app))
        return opened[-1]

    yield open_browser
    for client in opened:
        client.close()


@pytest.fixture
def anonymous(browser: Open) -> Browser:
    return browser()


@pytest.fixture
def link(database: Database, now: datetime) -> str:
    """The path of Alice's fresh login link."""
    with database.writing() as db:
        add_staff(db, "Alice", Role.ADMIN, now)
        return f"/console/login/{make_login_link(db, 'Alice', now)}"


@pytest.fixture
def alice(browser: Open, link: str) -> Browser:
    """Alice's browser, signed in."""
    client = browser()
    assert client.press_button(link).status_code == 303
    return client
