"""A box that somebody has configured by hand, as the demo's are by the product: the least that serves guests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hotspot.radius.packet import RawAttribute
from hotspot.simulator.box import Box
from hotspot.simulator.htmldir import PAGES, pages_for
from hotspot.simulator.routeros.router import SimulatedRouterOS
from tests.simulator.scene import SECRET, Clock, Radius, radius_server

UPLINK = "127.64.0.7"
SSID = "WiFi Alun-Alun"
BRIDGE = "guests"
RADIO = 'configuration.mode=ap configuration.ssid="{ssid}" datapath.bridge=guests security.authentication-types="" disabled=no'
HOTSPOT = """
/system identity set name={name}
/ip address add address=10.5.50.1/24 interface=guests
/ip pool add name=guests ranges=10.5.50.2-10.5.50.254
/ip dhcp-server add name=guests interface=guests address-pool=guests disabled=no
/ip dhcp-server network add address=10.5.50.0/24 gateway=10.5.50.1
/ip hotspot profile add name=guests use-radius=yes login-by=http-pap html-directory=pages
/ip hotspot add name=guests interface=guests profile=guests disabled=no
/ip hotspot walled-garden ip add dst-host={host} dst-port={port} protocol=tcp
/radius add service=hotspot address=127.0.0.1 secret="{secret}" authentication-port={radius} accounting-port={radius} timeout=50ms
/radius incoming set accept=yes port=3799
"""


def bring_up(
    router: SimulatedRouterOS,
    run: Callable[[str], str],
    *,
    radius: int,
    portal_url: str,
    ssid: str = SSID,
    name: str = "alun-alun-1",
) -> None:
    """Configure it through its terminal, and put the shipped pages on it."""
    host, _, port = portal_url.split("/")[2].partition(":")
    run("/interface bridge add name=guests")
    if router.config.rows("/interface/wifi"):
        run(f"/interface wifi set wifi1 {RADIO.format(ssid=ssid)}")
    else:
        run(f'/interface wireless set wlan1 mode=ap-bridge ssid="{ssid}" disabled=no')
        run("/interface bridge port add bridge=guests interface=wlan1")
    run(HOTSPOT.format(name=name, host=host, port=port, secret=SECRET.decode(), radius=radius))
    pages = pages_for(portal_url)
    for page in PAGES:
        router.files.write(f"pages/{page}", (pages.text(page) or "").encode())


@dataclass
class Place:
    """A box, the RADIUS server it asks, and its clock."""

    box: Box
    radius: Radius
    clock: Clock

    async def run(self, script: str) -> None:
        """Type something at the box, and wait until it goes by it."""
        self.box.run(script)
        await self.box.settled()

    async def forward(self, seconds: float) -> None:
        self.clock.at += seconds
        self.box.tick()
        await self.box.gateway.router.told()


@asynccontextmanager
async def fresh(*accept: RawAttribute, model: str = "hAP ax^2") -> AsyncIterator[Place]:
    """A box that nobody has configured."""
    clock = Clock()
    async with radius_server(*accept) as radius:
        router = SimulatedRouterOS(model=model, mode="advanced", clock=clock)
        async with Box(router, uplink=UPLINK, seed=1) as box:
            yield Place(box, radius, clock)


@asynccontextmanager
async def configured(portal_url: str, *accept: RawAttribute, model: str = "hAP ax^2") -> AsyncIterator[Place]:
    """A box that serves guests."""
    async with fresh(*accept, model=model) as place:
        bring_up(place.box.router, place.box.run, radius=place.radius.address[1], portal_url=portal_url)
        await place.box.settled()
        yield place
