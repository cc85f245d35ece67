"""The demo's live city: a box at each site, and phones that come, use traffic and go, in a thread and event loop of their own.

Boxes come as from the shop: nothing is on the air until somebody configures them. Phones come where they find a network.

Phones come by the places' daily rhythm in local time. Who agreed once is known by the MAC address and let in everywhere without a
page. Some log out, most just walk away; now and then a router restarts or loses power, and its phones log in again. The load is bounded:
this runs beside the real product on one small machine.
"""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import structlog

from hotspot.errors import Unavailable
from hotspot.guests.models import MacAddress
from hotspot.simulator.box import Box
from hotspot.simulator.gateway import NoSuchNetwork
from hotspot.simulator.hosts import Appetite
from hotspot.simulator.kinds import ANDROID, APPLE, FIREFOX_LAPTOP, WINDOWS_LAPTOP, Kind, Verdict
from hotspot.simulator.listener import NotLoopback
from hotspot.simulator.phones import Phone
from hotspot.simulator.places import Place, busyness
from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.traps import Trap

log = structlog.get_logger()

T = TypeVar("T")
FEWEST, MOST = 40, 80  # phones online at a time, from the quietest hour to the busiest
MOST_A_SITE: Final = 6  # on average, for a city of few sites
ARRIVAL_EVERY: Final = 0.4  # seconds between two phones while there are fewer than wanted
HEARTBEAT: Final = 1.0
LOOK_AGAIN: Final = 60.0  # seconds after which a phone probes again
MISFORTUNE_EVERY: Final = 480.0  # seconds between two restarts or power cuts in the whole city, on average
QUIET_FOR: Final = 120.0  # seconds until the first: people look around
DARK_FOR: Final = 20.0  # seconds without power
STOP_PATIENCE: Final = 15.0
REGULARS: Final = 600  # devices that come back
KINDS: Final = {ANDROID: 72, APPLE: 18, WINDOWS_LAPTOP: 8, FIREFOX_LAPTOP: 2}  # of a hundred


class CityDark(Unavailable):
    """The simulated routers can't be switched on: {problem}"""


@dataclass(frozen=True, slots=True)
class SimulatedSite:
    """A site, its portal, and the box that is brought there."""

    slug: str
    place: Place
    portal_url: str
    serial: str
    model: str = "hAP ax^2"
    version: str = "7.20.8"
    uplink: str = "127.64.0.1"


def _box(site: SimulatedSite, seed: int) -> Box:
    """Its device-mode lets a hotspot run: somebody has pressed the button already."""
    router = SimulatedRouterOS(version=site.version, model=site.model, serial=site.serial, mode="advanced")
    return Box(router, uplink=site.uplink, seed=seed)


@dataclass(frozen=True, slots=True)
class _Device:
    mac: MacAddress
    kind: Kind
    cookies: bool
    language: str


class City:
    """Boxes between `start` and `stop`; phones from `start_phones` on."""

    def __init__(
        self,
        sites: Sequence[SimulatedSite],
        *,
        zone: ZoneInfo,
        seed: int = 1971,
        now: Callable[[ZoneInfo], datetime] = datetime.now,
    ) -> None:
        self._sites = tuple(sites)
        self._zone, self._now = zone, now
        self._chance = random.Random(seed)  # noqa: S311  (a demo, not a secret)
        self.boxes = {site.slug: _box(site, self._chance.getrandbits(32)) for site in self._sites}
        self._regulars = [self._new_device() for _ in range(REGULARS)]
        self._present: set[_Device] = set()
        self._sources: set[str] = set()
        self._works: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._problem: OSError | NotLoopback | None = None
        self._thread = threading.Thread(target=self._run, name="city", daemon=True)

    # --- life --------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch the routers on; they answer when this returns.

        Raises:
            CityDark: they could not be switched on.
        """
        self._thread.start()
        self._ready.wait()
        if self._problem is not None:
            self.stop()
            raise CityDark(problem=self._problem) from self._problem

    def start_phones(self) -> None:
        """Let the first phones come."""
        self._loop.call_soon_threadsafe(self._open_the_doors.set)

    def stop(self) -> None:
        """End phones and routers, or just free their ports when they were never started."""
        if self._thread.is_alive():
            with suppress(RuntimeError):  # its loop has ended already
                self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(STOP_PATIENCE)
        for box in self.boxes.values():
            box.abandon()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something where the boxes live, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_PATIENCE)

    def paste(self, slug: str, script: str) -> None:
        """Run a script on a site's box, as somebody who stands before it, and wait until the box goes by it.

        Raises:
            CityDark: it failed, or the box can't be where the script wants it.
        """

        async def there() -> None:
            box = self.boxes[slug]
            try:
                box.run(script)
            except Trap as trap:
                raise CityDark(problem=f"{slug}: {trap.text}") from trap
            await box.settled()
            if box.problem is not None:
                raise CityDark(problem=box.problem)

        self.do(there())

    @property
    def login_hosts(self) -> Mapping[str, str]:
        """The host:port of each site's log-in page, by slug."""
        return {slug: box.gateway.login_host for slug, box in self.boxes.items()}

    def login_host(self, slug: str) -> str:
        return self.login_hosts[slug]

    @property
    def online(self) -> int:
        """How many devices are logged in."""
        return sum(len(box.gateway.router.sessions) for box in self.boxes.values())

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._live())
        except (OSError, NotLoopback) as problem:
            self._problem = problem
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        self._open_the_doors = asyncio.Event()
        async with AsyncExitStack() as stack:
            for box in self.boxes.values():
                await stack.enter_async_context(box)
            for work in (self._beat(), self._receive_phones()):
                self._begin(work)
            self._ready.set()
            await self._ending.wait()
            for task in self._works:
                task.cancel()
            await asyncio.wait(self._works)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._works.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the simulated city failed", problem=f"{type(error).__name__}: {error}")

    async def _beat(self) -> None:
        while True:
            for box in self.boxes.values():
                box.tick()
            await asyncio.sleep(HEARTBEAT)

    async def _suffer(self) -> None:
        """Cut the power somewhere, from time to time."""
        await asyncio.sleep(QUIET_FOR)
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / MISFORTUNE_EVERY))
            box = self.boxes[self._chance.choice(self._sites).slug]
            box.power_cut()
            if self._chance.random() < 0.5:
                await asyncio.sleep(DARK_FOR)
            box.power_back()

    # --- phones ------------------------------------------------------------------------------------------------------------

    async def _receive_phones(self) -> None:
        await self._open_the_doors.wait()
        self._begin(self._suffer())
        while True:
            served = [site for site in self._sites if self.boxes[site.slug].gateway.networks]
            if served and len(self._present) < self._wanted():
                self._begin(self._visit(self._somebody(), self._somewhere(served)))
            await asyncio.sleep(ARRIVAL_EVERY)

    def _busyness(self, sites: Sequence[SimulatedSite]) -> list[float]:
        """How busy each of them is now; never nothing, so that a demo at night shows something."""
        local = self._now(self._zone)
        return [
            max(0.05 * site.place.size, busyness(site.place, weekday=local.weekday(), hour=local.hour))
            for site in sites
        ]

    def _wanted(self) -> int:
        busy, full = sum(self._busyness(self._sites)), sum(site.place.size for site in self._sites)
        wanted = FEWEST + (MOST - FEWEST) * min(1.0, busy / full)
        return int(min(wanted, MOST_A_SITE * len(self._sites)))

    def _somewhere(self, sites: Sequence[SimulatedSite]) -> SimulatedSite:
        return self._chance.choices(sites, self._busyness(sites))[0]

    def _somebody(self) -> _Device:
        """Somebody who is not here: mostly one who comes again, else a stranger."""
        away = [device for device in self._regulars if device not in self._present]
        return self._chance.choice(away) if away and self._chance.random() < 0.7 else self._new_device()

    def _new_device(self) -> _Device:
        octets = self._chance.randbytes(6)
        return _Device(
            mac=MacAddress(bytes([octets[0] & 0xFC | 0x02]) + octets[1:]),  # randomised, as phones do
            kind=self._chance.choices(list(KINDS), list(KINDS.values()))[0],
            cookies=self._chance.random() < 0.5,
            language="en" if self._chance.random() < 0.1 else "id-ID,id;q=0.9,en;q=0.5",
        )

    def _free_source(self) -> str:
        while True:
            source = f"127.65.{self._chance.randrange(256)}.{self._chance.randrange(1, 255)}"
            if source not in self._sources:
                return source

    async def _visit(self, device: _Device, site: SimulatedSite) -> None:
        """Come, get online, stay for a while or until the network is gone, go."""
        source = self._free_source()
        self._sources.add(source)
        self._present.add(device)
        phone = Phone(
            kind=device.kind,
            mac=device.mac,
            source=source,
            portal_url=site.portal_url,
            cookies=device.cookies,
            language=device.language,
            appetite=self._appetite(),
        )
        try:
            with suppress(NoSuchNetwork):  # it went off the air meanwhile
                await phone.join(self.boxes[site.slug].gateway)
                await self._stay(phone, min(2400.0, max(60.0, 60 * self._chance.lognormvariate(1.9, 0.7))))
            await phone.leave(logout=self._chance.random() < 0.25)
        finally:
            await phone.close()
            self._present.discard(device)
            self._sources.discard(source)

    async def _stay(self, phone: Phone, seconds: float) -> None:
        until = self._loop.time() + seconds
        while (left := until - self._loop.time()) > 0 and phone.is_associated:
            if await phone.probe() is Verdict.CAPTIVE:
                visit = await phone.get_online()
                if not visit.is_online:
                    log.debug("a phone stays captive", site=phone.portal_url, problem=visit.problem)
            await asyncio.sleep(min(left, LOOK_AGAIN))

    def _appetite(self) -> Appetite:
        """Octets per second: half of the people move little, a few watch films."""
        down = min(500_000.0, self._chance.lognormvariate(10.0, 1.3))
        return Appetite(down * self._chance.uniform(0.05, 0.25), down)
