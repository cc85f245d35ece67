"""The whole product on loopback: portal, console, RADIUS and clock as served, and simulated routers at its sites."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from sqlalchemy import text

from hotspot.db import Database
from hotspot.guests.terms import ensure_default_terms
from hotspot.process import Part, Running, running
from hotspot.settings import Settings
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.setup import RadiusEntry, RouterSetup
from hotspot.staff.service import make_login_link
from tests import world
from tests.test_process import free_port

Value = TypeVar("Value")
ROUTERS = {"alun-alun": "127.0.0.2", "perpustakaan": "127.0.0.3"}


@dataclass
class Product:
    """What the tests talk to. `run` runs a coroutine where the gateway lives."""

    settings: Settings
    database: Database
    process: Running
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    @contextmanager
    def gateway(
        self, site: str = "alun-alun", *, login_by: frozenset[str] = frozenset({"http-chap", "http-pap"})
    ) -> Iterator[Gateway]:
        """The router at a site, registered with the address of its login page."""
        assert self.process.radius_auth_port is not None
        assert self.process.radius_acct_port is not None
        asked = RadiusEntry(
            world.ROUTER_SECRET.encode(),
            auth=("127.0.0.1", self.process.radius_auth_port),
            acct=("127.0.0.1", self.process.radius_acct_port),
            source=ROUTERS[site],
        )
        setup = RouterSetup(f"{site}-1", (asked,), login_by=login_by)

        async def switched_on() -> Gateway:
            made = Gateway(setup, portal_url=f"{self.settings.base_url}/p/{site}", seed=1)
            await made.open()
            return made

        gateway = self.run(switched_on())
        with self.database.writing() as db:
            db.execute(
                text("UPDATE router SET login_host = :host WHERE name = :name"),
                {"host": gateway.login_host, "name": setup.name},
            )
        try:
            yield gateway
        finally:
            self.run(gateway.close())

    def console_link(self) -> str:
        with self.database.writing() as db:
            return f"{self.settings.base_url}/console/login/{make_login_link(db, world.ALICE, datetime.now(UTC))}"


@pytest.fixture
def product(settings: Settings, database: Database) -> Iterator[Product]:
    with database.writing() as db:
        world.build(db, settings.keys, datetime.now(UTC))
        ensure_default_terms(db, datetime.now(UTC))
    served = settings.model_copy(
        update={
            "http_port": free_port(),
            "radius_host": "127.0.0.1",
            "radius_auth_port": 0,
            "radius_acct_port": 0,
            "demo": True,  # rolls up every few seconds
        }
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with running(served, set(Part), database) as process:
        yield Product(served, database, process, loop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
