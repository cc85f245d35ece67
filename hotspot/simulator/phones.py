"""Phones: devices of a kind, and how their owners get online.

A phone joins a router's network, probes, shows the portal on a sheet, and its owner reads and presses the one button.
"""

from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from hotspot.guests.models import MacAddress
from hotspot.simulator.browser import Browser, Step, Way, host_of
from hotspot.simulator.capport import MEDIA_TYPE, NetworkState
from hotspot.simulator.garden import HTTP_PORTS, Wanted
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.hosts import Appetite
from hotspot.simulator.kinds import Kind, Verdict
from hotspot.simulator.page import BrokenPage, Page
from hotspot.simulator.sheet import Sheet
from hotspot.simulator.time import Clock, RealClock


@dataclass(frozen=True, slots=True)
class Visit:
    """How a try to get online went: the verdict of the last probe, the page that stayed on the screen, and every request."""

    verdict: Verdict
    page: Page | None
    steps: tuple[Step, ...]
    problem: str = ""

    @property
    def is_online(self) -> bool:
        return self.verdict is Verdict.ONLINE


@dataclass(slots=True)
class Phone:
    """A device and its owner. `source` is its address inside 127.0.0.0/8, its own as long as it is there."""

    kind: Kind
    mac: MacAddress
    source: str
    portal_url: str
    cookies: bool = True
    language: str = "id-ID,id;q=0.9,en;q=0.5"
    appetite: Appetite | None = None
    clock: Clock = field(default_factory=RealClock)
    sheet: Sheet | None = field(default=None, init=False)
    network_state: NetworkState | None = field(default=None, init=False)  # what the network's API last said
    _gateway: Gateway | None = field(default=None, init=False)
    _browser: Browser | None = field(default=None, init=False)

    async def join(self, gateway: Gateway, *, ssid: str | None = None) -> None:
        """Associate with the site's Wi-Fi.

        Raises:
            NoSuchNetwork: there is none, or not this one.
        """
        await self.close()
        gateway.join(self.source, self.mac, self.appetite, ssid=ssid)
        self._gateway = gateway
        self._browser = Browser(
            clock=self.clock,
            source=self.source,
            gateway=gateway.address,
            way=self._way,
            user_agent=self.kind.browser_agent,
            cookies=self.cookies,
            language=self.language,
        )

    def _way(self, request: httpx.Request) -> Way:
        """To the gateway itself and, where it lets this phone out, to the portal; it captures the rest of plain HTTP."""
        url = request.url
        if self._gateway is None or not self.is_associated:
            return Way.RESET
        host = url.netloc.decode("ascii")
        if host == self._gateway.login_host:
            return Way.DIRECT
        port = url.port or (80 if url.scheme == "http" else 443)
        if host == host_of(self.portal_url):
            is_open = self._gateway.lets_out(self.source, Wanted(url.host, port, request.method, url.path))
            return Way.DIRECT if is_open else self._caught(url.scheme, port)
        return self._caught(url.scheme, port)

    def _caught(self, scheme: str, port: int) -> Way:
        return Way.CAPTURED if scheme == "http" and port in HTTP_PORTS else Way.RESET

    @property
    def is_associated(self) -> bool:
        """Whether the network that it joined is still there."""
        return self._gateway is not None and self._gateway.has(self.source)

    @property
    def browser(self) -> Browser:
        assert self._browser is not None, "join a gateway first"
        return self._browser

    async def probe(self) -> Verdict:
        """Ask the network's API where the system does that, then the system's own host whether this is the internet."""
        try:
            self.network_state = await self._network_state()
            if self.network_state is not None and self.network_state.is_captive:
                return Verdict.CAPTIVE
            response = await self.browser.get(self.kind.probe_url, user_agent=self.kind.probe_agent)
        except httpx.TransportError:
            return Verdict.NO_NETWORK
        return Verdict.ONLINE if self.kind.is_success(response) else Verdict.CAPTIVE

    async def _network_state(self) -> NetworkState | None:
        api = self._gateway.captive_api if self._gateway is not None and self.kind.asks_api else ""
        if not api:
            return None
        try:
            response = await self.browser.get(api, user_agent=self.kind.probe_agent, accept=MEDIA_TYPE)
        except httpx.TransportError:
            return None  # then the probe decides
        return NetworkState.read(response)

    async def open_sheet(self) -> Sheet:
        """Show what the system shows: the portal that the API names, or whatever stands in place of its own host.

        Raises:
            httpx.RequestError, BrokenPage: it doesn't come, or is no page.
        """
        told = self.network_state
        self.sheet = Sheet(self.kind, self.browser, self.probe, self.clock)
        await self.sheet.open(told.user_portal_url if told and told.user_portal_url else self.kind.opens)
        return self.sheet

    async def close_sheet(self) -> None:
        """Close it, by Cancel or by switching to another app: a sheet that holds the network leaves it, unless the device is online."""
        is_left = self.kind.leaves_when_closed and self.sheet is not None and self.sheet.verdict is not Verdict.ONLINE
        self.sheet = None
        self.browser.forget()
        if is_left and self._gateway is not None:
            self._gateway.leave(self.source)

    async def get_online(self) -> Visit:
        """Do what a system and its owner do.

        1. probe; 2. open what the system opens; 3. read, and press the one button, once; 4. wait until the page stays; 5. probe.
        """
        problem = ""
        self.sheet = None
        try:
            if await self.probe() is Verdict.CAPTIVE:
                sheet = await self.open_sheet()
                if len(sheet.shown.forms) == 1:
                    await sheet.press(sheet.shown.forms[0])
        except (httpx.RequestError, BrokenPage) as error:
            problem = f"{type(error).__name__}: {error}"
        return await self._visit(None if self.sheet is None else self.sheet.page, problem)

    async def _visit(self, page: Page | None, problem: str) -> Visit:
        verdict = await self.probe()
        steps = tuple(self.browser.steps)
        self.browser.steps.clear()
        return Visit(verdict, page, steps, problem)

    async def leave(self, *, logout: bool = False) -> None:
        """Go: after logging out, or out of range without a word."""
        if self._gateway is None:
            return
        if logout:
            with suppress(httpx.RequestError, BrokenPage):  # the router may be dark; so be it
                await self.browser.open(f"http://{self._gateway.login_host}/logout")
        self._gateway.leave(self.source)
        await self.close()

    async def close(self) -> None:
        """Free the connections."""
        if self._browser is not None:
            await self._browser.close()
        self._browser = self._gateway = None
