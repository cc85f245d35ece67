"""One simulated box: RouterOS with its API in the tunnel, and the hotspot gateway that goes by its configuration.

There is no WireGuard: an address that the box has on its tunnel's interface is an address of this machine, inside 127.0.0.0/8, at which its
API, RADIUS and CoA really are. Who comes there seems to come from where the tunnel's peer lets come from, which is the controller.
"""

import asyncio
from collections.abc import Collection
from ipaddress import ip_interface
from typing import Final, Self

from hotspot.simulator import hotspot_menus, reading
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.listener import NotLoopback
from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.script.fetch import HttpFetch
from hotspot.simulator.routeros.script.interpreter import install
from hotspot.simulator.routeros.server import ApiServer
from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.setup import RouterSetup

PEERS: Final = "/interface/wireguard/peers"
OWN: Final = "127.0.0.1"
WATCHED: Final = frozenset({
    "/system/identity", "/interface/bridge", "/interface/wifi/configuration", "/interface/wifi/security",
    "/interface/wifi/datapath", reading.WIFI, reading.WIRELESS, reading.SECURITY_PROFILES, reading.PORTS,
    reading.ADDRESSES, reading.POOLS, reading.DHCP, reading.NETWORKS, reading.OPTIONS, reading.OPTION_SETS, reading.HOTSPOT, reading.PROFILE,
    reading.USER_PROFILE, reading.GARDEN, reading.GARDEN_IP, reading.RADIUS, reading.INCOMING, PEERS,
})  # fmt: skip
"""The menus that decide what phones see or where the box is reached."""


class Box:
    """A box with power; use as `async with`. `uplink` is its address on the way to the internet, from which it calls the controller."""

    def __init__(self, router: SimulatedRouterOS, *, uplink: str = OWN, seed: int | None = None) -> None:
        self.router = router
        self.api: ApiServer | None = None
        self.problem: OSError | NotLoopback | None = None  # why the API is not where the tunnel's address is
        self._uplink = uplink
        self._setup = self._read()
        self._at = ""
        self._is_stale = False
        self._obeying: asyncio.Task[None] | None = None
        install(router, fetch=HttpFetch(router, source=uplink))
        self.gateway = Gateway(
            self._setup, files=router.files.read, seen_as=self._seen_as, clock=router.clock, seed=seed
        )
        hotspot_menus.install(router, self.gateway.router)
        router.on_change(self._changed)
        router.on_reboot(self.gateway.reboot)

    async def __aenter__(self) -> Self:
        await self.gateway.open()
        self._changed(WATCHED)
        await self.settled()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.settled()
        await self._listen_at("")
        await self.gateway.close()

    def run(self, script: str) -> str:
        """Paste a script into its terminal, as somebody who stands before it; Trap where it fails."""
        return self.router.interpreter.run(script, session=Session("admin"))

    def tick(self) -> None:
        """Let what is due happen; called about once a second."""
        self.router.tick()
        self.gateway.router.tick()
        self._count()

    def power_cut(self) -> None:
        self.router.cut_power()
        self.gateway.power_cut()
        if self.api is not None:
            self.api.is_reachable = False

    def power_back(self) -> None:
        self.gateway.power_back()
        if self.api is not None:
            self.api.is_reachable = True

    def abandon(self) -> None:
        """Free the port of a box that was never opened; harmless after it was closed."""
        self.gateway.abandon()

    # --- its configuration -------------------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """Wait until it goes by the configuration that it has."""
        while self._obeying is not None:
            await self._obeying

    def _read(self) -> RouterSetup:
        return reading.read_setup(self.router, own_address=self._uplink)

    def _changed(self, menus: Collection[str]) -> None:
        """Go by it when this burst of changes is over: the next turn of the loop."""
        if WATCHED.isdisjoint(menus):
            return
        self._is_stale = True
        if self._obeying is None:
            self._obeying = asyncio.get_running_loop().create_task(self._obey())

    async def _obey(self) -> None:
        try:
            while self._is_stale:
                self._is_stale = False
                setup = self._read()
                if setup != self._setup:
                    self._setup = setup
                    await self.gateway.become(setup)
                await self._listen_at(self._tunnel_address())
        finally:
            self._obeying = None

    def _count(self) -> None:
        """Fill in what /radius/monitor tells."""
        servers = self.gateway.router.radius
        for entry, monitor in zip(servers.entries, servers.monitors, strict=True):
            self.router.radius_counters[entry.number] = monitor.told()

    # --- its tunnel --------------------------------------------------------------------------------------------------------

    def _tunnel_address(self) -> str:
        """Its address on a WireGuard interface that has a peer, if it has one."""
        config = self.router.config
        tunnels = {row.fields.get("interface") for row in config.rows(PEERS)}
        for row in config.rows(reading.ADDRESSES):
            if row.fields["interface"] in tunnels and row.fields.get("disabled") != "true":
                return str(ip_interface(row.fields["address"]).ip)
        return ""

    def _seen_as(self, address: str) -> str:
        """Who comes through the tunnel has the address that the peer may come from."""
        allowed = (row.fields.get("allowed-address", "") for row in self.router.config.rows(PEERS))
        return next((text.partition(",")[0].partition("/")[0] for text in allowed if text), address)

    async def _listen_at(self, address: str) -> None:
        if address == self._at:
            return
        self._at = address
        if self.api is not None:
            await self.api.__aexit__()
            self.api = None
        self.problem = None
        if not address:
            return
        try:
            api = ApiServer(self.router, host=address, seen_as=self._seen_as, own_ports=True, heartbeat=False)
        except NotLoopback as problem:
            self.problem = problem
            return
        try:
            self.api = await api.__aenter__()
        except OSError as problem:
            self.problem = problem
            await api.__aexit__()
