"""A city to hold phones to: sites that log devices in by their own way, and sites where something is in the way.

One product for all, as it is served; simulated routers whose API is really at their tunnel's address, where the controller dials it.
"""

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from itertools import count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from benchmarks.live_router import CONTROLLER, PASSWORD, enrol, fingerprint_of
from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.guests import vouchers
from hotspot.guests.models import MacAddress
from hotspot.guests.terms import ensure_default_terms
from hotspot.process import Part, Running, running
from hotspot.routers.enrol import api_context
from hotspot.routers.models import RouterState
from hotspot.settings import Settings
from hotspot.simulator import hotspot_menus
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.kinds import Kind
from hotspot.simulator.phones import Phone
from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.server import ApiServer
from hotspot.simulator.setup import RadiusEntry, RouterSetup
from hotspot.sites.settings import give
from tests import world
from tests.test_process import free_port

Value = TypeVar("Value")
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
NETWORK = IPv4Network(f"127.{100 + WORKER}.0.0/16")
POOL = ((IPv4Address("10.5.50.2"), IPv4Address("10.5.50.254")),)
LANGUAGES = ("id", "en")
OUTBOX = "messages"
_numbers = count(1)


class Way(StrEnum):
    """How a site logs devices in."""

    CHAP = "chap"
    PAP = "pap"
    TOLD = "told"  # by the controller
    TOLD_IN_VAIN = "told-in-vain"  # by the controller, which does not reach the router


WAYS = (Way.CHAP, Way.PAP, Way.TOLD)


class Obstacle(StrEnum):
    """What is in the way at a site."""

    NONE = "none"
    LICENCE = "licence"  # as many are connected as the router's licence lets in
    CLOSED = "closed"  # outside its hours
    NO_RADIUS = "no-radius"  # the router reaches no server
    USED_UP = "used-up"  # a megabyte a day, which is used


@dataclass(frozen=True, slots=True)
class Place:
    """A site and its router."""

    way: Way
    obstacle: Obstacle = Obstacle.NONE
    remembers: bool = False  # devices that were here come back without a page
    sign_in: str = "one-tap"

    @property
    def slug(self) -> str:
        return f"{self.way}-{self.obstacle}-{self.sign_in}" + ("-remembers" if self.remembers else "")

    @property
    def settings(self) -> Mapping[str, object]:
        told = {"login_way": "controller"} if self.way in (Way.TOLD, Way.TOLD_IN_VAIN) else {}
        return told | {"sign_in": self.sign_in} | _SETTINGS.get(self.obstacle, dict)()

    @property
    def login_by(self) -> frozenset[str]:
        ways = {Way.CHAP: {"http-chap"}, Way.PAP: {"http-pap"}}.get(self.way, {"http-chap", "http-pap"})
        return frozenset(ways | ({"mac"} if self.remembers else set()))


PLACES = (
    *(Place(way, obstacle) for obstacle in Obstacle for way in WAYS),
    Place(Way.TOLD_IN_VAIN),
    Place(Way.CHAP, remembers=True),
    *(Place(way, sign_in=method) for way in (Way.PAP, Way.TOLD) for method in ("voucher", "phone")),
)


def _hours_that_are_over() -> dict[str, object]:
    """Half an hour of the day at the site that is far from now."""
    opens = datetime.now(ZoneInfo("Asia/Jakarta")) + timedelta(hours=12)
    return {"opening_hours": f"{opens:%H}:00-{opens:%H}:30"}


def _a_megabyte_a_day() -> dict[str, object]:
    fast, none = 10_000_000, None
    return {"daily_megabytes": 1, "slow_down_kbps": none, "slow_up_kbps": none, "speed_down_kbps": fast}


_SETTINGS: Mapping[Obstacle, Callable[[], dict[str, object]]] = {
    Obstacle.CLOSED: _hours_that_are_over,
    Obstacle.USED_UP: _a_megabyte_a_day,
}


@dataclass
class City:
    """What tests talk to. `run` runs a coroutine where the routers live; phones run there, too."""

    settings: Settings
    database: Database
    process: Running
    loop: asyncio.AbstractEventLoop
    gateways: dict[Place, Gateway] = field(default_factory=dict)

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    def voucher(self) -> str:
        """A printed code that is good at every site."""
        now = datetime.now(UTC)
        wanted = vouchers.checked_batch(now, name="Rapat", count=1, valid_until=now + timedelta(days=7))
        with self.database.writing() as db:
            kota = db.exec(select(Area).where(col(Area.code) == world.KOTA)).one()
            batch = vouchers.make_batch(db, wanted, kota, made_by=world.ALICE, now=now)
            list(vouchers.add_vouchers(db, batch, 1, keys=self.settings.keys))
            assert batch.id is not None
            return vouchers.take_codes(db, batch.id, keys=self.settings.keys)[1][0].code

    def code_sent_to(self, number: str) -> str:
        """Wait for the message to this phone and return its code."""
        outbox, deadline = self.settings.data_dir / OUTBOX, time.monotonic() + 20
        while True:
            lines = map(json.loads, outbox.read_text().splitlines()) if outbox.exists() else ()
            for line in lines:
                if line["to"].endswith(number.lstrip("0")):
                    return str(line["code"])
            assert time.monotonic() < deadline, "no message"
            threading.Event().wait(0.05)

    def phone(self, kind: Kind, place: Place, *, language: str = "id", cookies: bool = False) -> Phone:
        """A phone that nobody has seen before, at an address of its own."""
        number = next(_numbers)
        mac = MacAddress(bytes((0xBE, 0, 0, WORKER, number >> 8, number & 255)))
        source = f"127.{150 + WORKER}.{number >> 8}.{number & 255}"
        url = f"{self.settings.base_url}/p/{place.slug}"
        return Phone(kind, mac, source, url, cookies=cookies, language=language, clock=Hurry())


class Hurry:
    """A clock whose sleepers don't wait long: pages that look again do so ten times a second."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return datetime.now(UTC).timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.1))


@contextmanager
def city(settings: Settings, database: Database) -> Iterator[City]:
    """Serve the product and switch the routers on."""
    settings.data_dir.mkdir(exist_ok=True)
    senders = settings.data_dir / "senders.toml"
    senders.write_text(f'[[sender]]\nname = "outbox"\nkind = "file"\npath = "{settings.data_dir / OUTBOX}"\n')
    served = settings.model_copy(
        update={
            "http_port": free_port(),
            "radius_host": "127.0.0.1",
            "radius_auth_port": 0,
            "radius_acct_port": 0,
            "radius_reject_delay": 0.0,
            "tunnel_network": NETWORK,
            "senders_file": senders,
        }
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    addresses = {place: NETWORK[number] for number, place in enumerate(PLACES, 10)}
    boxes = {place: SimulatedRouterOS(mode="advanced") for place in PLACES}
    for place, box in boxes.items():
        enrol(box, addresses[place])
    with running(served, set(Part), database) as process:
        made = City(served, database, process, loop)
        stack = AsyncExitStack()
        try:
            for place, address in addresses.items():
                made.gateways[place] = made.run(_switched_on(stack, made, place, address, boxes[place]))
            with database.writing() as db:
                ensure_default_terms(db, datetime.now(UTC))
                for place, address in addresses.items():
                    _register(made, db, place, address, boxes[place])
            yield made
        finally:
            made.run(stack.aclose())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _switched_on(
    stack: AsyncExitStack, made: City, place: Place, address: IPv4Address, box: SimulatedRouterOS
) -> Gateway:
    process, secret = made.process, world.ROUTER_SECRET.encode()
    assert process.radius_auth_port is not None
    assert process.radius_acct_port is not None
    auth, acct = ("127.0.0.1", process.radius_auth_port), ("127.0.0.1", process.radius_acct_port)
    asked = RadiusEntry(secret, auth, acct, source=str(address))
    if place.obstacle is Obstacle.NO_RADIUS:
        asked = RadiusEntry(
            secret, ("127.0.0.1", 9), acct, source=str(address), timeout=timedelta(seconds=0.05), tries=1
        )
    setup = RouterSetup(
        place.slug,
        (asked,),
        login_by=place.login_by,
        pool=POOL,
        sessions=0 if place.obstacle is Obstacle.LICENCE else 200,
    )
    gateway = Gateway(setup, portal_url=f"{made.settings.base_url}/p/{place.slug}", seed=1)
    await stack.enter_async_context(gateway)
    hotspot_menus.install(box, gateway.router)
    if place.way is Way.TOLD:
        api = ApiServer(box, host=str(address), seen_as=lambda _address: CONTROLLER, own_ports=True, heartbeat=False)
        await stack.enter_async_context(api)
    return gateway


def _register(made: City, db: Any, place: Place, address: IPv4Address, box: SimulatedRouterOS) -> None:
    keys, now = made.settings.keys, datetime.now(UTC)
    site = world.make_site(db, place.slug, world.GEDUNG_NASIONAL, now)
    router = world.make_router(db, place.slug, site, str(address), keys, now)
    router.login_host = made.gateways[place].login_host
    if place.way in (Way.TOLD, Way.TOLD_IN_VAIN):
        router.state, router.fingerprint, router.tunnel_address = (
            RouterState.ENROLLED,
            fingerprint_of(box),
            str(address),
        )
        router.api_password = keys.seal(PASSWORD, context=api_context(place.slug))
    db.flush()
    for key, value in place.settings.items():
        give(db, site, key, value)
