"""A city's routers, enrolled and configured: many simulated ones in one event loop, each the copy of one that was really configured.

They can be away (their line swallows everything, as a tunnel without a peer does), come back, and come and go. How many connections
there are at once is counted here, where they end.
"""

import asyncio
import random
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from typing import Final, NamedTuple, Self, TypeVar

from sqlmodel import col, select

from benchmarks.live_router import CONTROLLER, NETWORK, PASSWORD, Live
from hotspot.areas.models import Area, Level
from hotspot.db import Database
from hotspot.paths import shipped
from hotspot.routers import provision
from hotspot.routers.configs import load
from hotspot.routers.connection import Dial
from hotspot.routers.enrol import api_context
from hotspot.routers.ledger import Outcome
from hotspot.routers.models import Router, RouterState
from hotspot.routers.subjects import Means
from hotspot.settings import Settings
from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.script.interpreter import install
from hotspot.simulator.routeros.server import ApiServer
from hotspot.simulator.routeros.state import Configuration, Ids, Row
from hotspot.sites.service import add_site

UP: Final = (20.0, 60.0)  # seconds that a flapping line is there, and then isn't
DOWN: Final = (2.0, 6.0)
RADIUS_SECRET: Final = "the-secret-that-this-fleet-shares"
FIRST_NUMBER: Final = 1_000  # of rows that come later: behind all copied ones
PATIENCE: Final = 10.0
T = TypeVar("T")


class Member(NamedTuple):
    """One router by its name, its address in the tunnel, and the slug of its site."""

    name: str
    address: str
    slug: str


class Model(NamedTuple):
    """A configured router to copy: all its rows and files."""

    of: Member
    fingerprint: str
    tables: Mapping[str, tuple[Row, ...]]
    files: Sequence[tuple[str, bytes, bool]]

    def as_of(self, other: Member, text: str) -> str:
        """What the text says when it is about another router."""
        if text == self.of.address:
            return other.address
        swaps = ((self.of.name, other.name), (f"{self.of.address}/", f"{other.address}/"), (self.of.slug, other.slug))
        for old, new in swaps:
            text = text.replace(old, new)
        return text


# --- the controller's side -----------------------------------------------------------------------------------------------


def found_city(database: Database, settings: Settings, count: int, *, now: datetime) -> list[Member]:
    """Add sites in all kelurahan, each with an enrolled router; the areas must be there."""
    with database.writing() as db:
        areas = db.exec(select(Area.code).where(Area.level == Level.KELURAHAN).order_by(Area.code)).all()
        members = []
        for number in range(1, count + 1):
            site = add_site(db, name=f"Titik {number:04d}", area_code=areas[number % len(areas)], now=now)
            member = Member(f"titik-{number:04d}-a", str(NETWORK[1 + number]), site.slug)
            db.add(_enrolled(member, site.id, settings, now))
            members.append(member)
        return members


def _enrolled(member: Member, site_id: int | None, settings: Settings, now: datetime) -> Router:
    return Router(
        name=member.name,
        site_id=site_id,
        address=member.address,
        tunnel_address=member.address,
        secret=settings.keys.seal(RADIUS_SECRET, context=f"router:{member.name}"),
        api_password=settings.keys.seal(PASSWORD, context=api_context(member.name)),
        state=RouterState.ENROLLED,
        created_at=now,
        enrolled_at=now,
    )


def configured(database: Database, settings: Settings, first: Member, *, now: datetime) -> Model:
    """Configure one router by plan and apply, and take it as the model of all; their certificates are its own."""
    with Live(address=IPv4Address(first.address)) as live:
        with database.writing() as db:
            for router in db.exec(select(Router).where(col(Router.state) == RouterState.ENROLLED)):
                router.fingerprint = live.fingerprint
        means = Means(
            database, settings, load(shipped("router_configs")), dial=live.dial, wait=lambda _: None, clock=lambda: now
        )
        plan = provision.make_plan(means, first.name, made_by="the campaign")
        assert plan.id is not None
        done = provision.apply(means, plan.id, made_by="the campaign")
        assert done.outcome is Outcome.CONFIRMED, done.reason
        files = [(name, file.contents, file.is_directory) for name, file in live.router.files.items()]
        return Model(first, live.fingerprint, dict(live.router.config.tables), files)


def dial_by(ports: Mapping[str, int]) -> Dial:
    """Reach the routers of a fleet by their tunnel addresses."""
    return lambda address, _port: socket.create_connection(("127.0.0.1", ports[str(address)]), timeout=PATIENCE)


# --- the routers' side ---------------------------------------------------------------------------------------------------


def copy_of(model: Model, member: Member) -> SimulatedRouterOS:
    router = SimulatedRouterOS(mode="advanced", serial=f"FLEET{member.name.upper()}")
    install(router)
    router.fetches = lambda _arguments: b"the portal"
    for name, contents, is_directory in model.files:
        text = model.as_of(member, contents.decode("utf-8", "surrogateescape"))
        router.files.write(name, text.encode("utf-8", "surrogateescape"), is_directory=is_directory)
    tables = {path: tuple(_row(model, member, row) for row in rows) for path, rows in model.tables.items()}
    router.config = Configuration(router.menus, Ids(FIRST_NUMBER), tables)
    return router


def _row(model: Model, member: Member, row: Row) -> Row:
    if not any(old in text for text in row.fields.values() for old in model.of):
        return row
    return row.with_fields({name: model.as_of(member, text) for name, text in row.fields.items()})


@dataclass(slots=True)
class Count:
    """Connections at once, over the whole fleet, and the most there were. Without `swallows`, a line that is down hangs up."""

    swallows: bool = True
    now: int = 0
    most: int = 0
    silent: set[asyncio.StreamWriter] = field(default_factory=set)


class LineServer(ApiServer):
    """A router behind a line that may be down: then a caller gets through to nobody, and hears nothing."""

    def __init__(self, router: SimulatedRouterOS, count: Count) -> None:
        super().__init__(router, seen_as=lambda _ip: CONTROLLER, heartbeat=False)
        self.is_up = True
        self._count = count

    def go_down(self) -> None:
        self.is_up = False
        self.cut()

    def _accepts(self, name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        accept = super()._accepts(name)

        async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._count.now += 1
            self._count.most = max(self._count.most, self._count.now)
            try:
                await (accept(reader, writer) if self.is_up else self._swallow(reader, writer))
            finally:
                self._count.now -= 1

        return counted

    async def _swallow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count.silent.add(writer)
        try:
            if self._count.swallows:
                await reader.read(-1)
        finally:
            self._count.silent.discard(writer)
            writer.close()


class Fleet:
    """All routers, in the event loop that runs; use as `async with`."""

    def __init__(
        self, model: Model, members: Iterable[Member], chance: random.Random, *, swallows: bool = True
    ) -> None:
        self.count = Count(swallows)
        self._chance = chance
        self._servers = {member: LineServer(copy_of(model, member), self.count) for member in members}
        self._flapping: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for server in self._servers.values():
            await server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.calm()
        for writer in list(self.count.silent):
            writer.close()
        for server in self._servers.values():
            await server.__aexit__()

    @property
    def ports(self) -> dict[str, int]:
        return {member.address: server.endpoint("api-ssl")[1] for member, server in self._servers.items()}

    def ssids(self) -> dict[str, frozenset[str]]:
        """The network names that each router has on its radios."""
        return {
            member.name: frozenset(
                text
                for row in server.router.config.rows("/interface/wifi")
                if (text := row.fields.get("configuration.ssid", ""))
            )
            for member, server in self._servers.items()
        }

    def go(self, names: Iterable[str]) -> None:
        """Take these off the line."""
        for server in self._named(names):
            server.go_down()

    def come_back(self) -> None:
        for server in self._servers.values():
            server.is_up = True

    def flap(self, names: Iterable[str]) -> None:
        """Let these come and go."""
        self._flapping += [asyncio.create_task(self._come_and_go(server)) for server in self._named(names)]

    async def calm(self) -> None:
        """Let nobody come and go any more."""
        for task in self._flapping:
            task.cancel()
        await asyncio.gather(*self._flapping, return_exceptions=True)
        self._flapping.clear()

    def _named(self, names: Iterable[str]) -> list[LineServer]:
        wanted = set(names)
        return [server for member, server in self._servers.items() if member.name in wanted]

    async def _come_and_go(self, server: LineServer) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*UP))
            server.go_down()
            await asyncio.sleep(self._chance.uniform(*DOWN))
            server.is_up = True


class FleetThread:
    """A fleet in a thread of its own, for code that waits."""

    def __init__(
        self, model: Model, members: Iterable[Member], chance: random.Random, *, swallows: bool = True
    ) -> None:
        self.fleet = Fleet(model, members, chance, swallows=swallows)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.fleet.__aenter__(), self._loop).result(60)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.fleet.__aexit__(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def inside(self, work: Callable[[Fleet], T]) -> T:
        """Do it in the routers' thread."""

        async def there() -> T:
            return work(self.fleet)

        return asyncio.run_coroutine_threadsafe(there(), self._loop).result(30)
