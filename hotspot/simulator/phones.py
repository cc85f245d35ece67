"""Phones: how Apple, Android, Windows and Firefox find out that they are captive, and how their owners get online.

Each kind asks its own host with its own User-Agent and has its own idea of success; anything else means "captive". Then its browser opens
the page that the network shows, reads, presses the one button, and the system probes again after each full page.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import httpx

from hotspot.guests.models import MacAddress
from hotspot.simulator.browser import Browser, Step, Way, host_of
from hotspot.simulator.garden import HTTP_PORTS, Wanted
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.hosts import Appetite
from hotspot.simulator.internet import FIREFOX, FIREFOX_CANONICAL, WINDOWS
from hotspot.simulator.page import BrokenPage, Page
from hotspot.simulator.time import Clock, RealClock

_TITLE_SUCCESS: Final = re.compile(
    rb"<title>\s*success\s*</title>.*<body>\s*success\s*</body>", re.IGNORECASE | re.DOTALL
)


class Verdict(StrEnum):
    """What a probe found."""

    ONLINE = "online"
    CAPTIVE = "captive"
    NO_NETWORK = "no network"


@dataclass(frozen=True, slots=True)
class Kind:
    """A system: where it probes, what it calls success, what it opens for its owner, and with which browser."""

    name: str
    probe_url: str
    probe_agent: str
    is_success: Callable[[httpx.Response], bool]
    opens: str
    browser_agent: str


def _is_apple_success(response: httpx.Response) -> bool:
    return response.status_code == 200 and _TITLE_SUCCESS.search(response.content) is not None


def _is_android_success(response: httpx.Response) -> bool:
    return response.status_code == 204


def _is_windows_success(response: httpx.Response) -> bool:
    return response.status_code == 200 and response.content == WINDOWS


def _is_firefox_success(response: httpx.Response) -> bool:
    return response.status_code == 200 and response.content.strip() in (FIREFOX.strip(), FIREFOX_CANONICAL)


APPLE: Final = Kind(
    "Apple",
    "http://captive.apple.com/hotspot-detect.html",
    "CaptiveNetworkSupport-481.120.2 wispr",
    _is_apple_success,
    "http://captive.apple.com/hotspot-detect.html",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
)
ANDROID: Final = Kind(
    "Android",
    "http://connectivitycheck.gstatic.com/generate_204",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.32 Safari/537.36",
    _is_android_success,
    "http://connectivitycheck.gstatic.com/generate_204",
    "Mozilla/5.0 (Linux; Android 15; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/138.0 Mobile Safari/537.36",
)
WINDOWS_LAPTOP: Final = Kind(
    "Windows",
    "http://www.msftconnecttest.com/connecttest.txt",
    "Microsoft NCSI",
    _is_windows_success,
    "http://www.msftconnecttest.com/redirect",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0 Safari/537.36 Edg/138.0",
)
FIREFOX_LAPTOP: Final = Kind(
    "Firefox",
    "http://detectportal.firefox.com/success.txt",
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    _is_firefox_success,
    "http://detectportal.firefox.com/canonical.html",
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
)
KINDS: Final = (APPLE, ANDROID, WINDOWS_LAPTOP, FIREFOX_LAPTOP)


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
        """Ask the system's own host whether this is the internet."""
        try:
            response = await self.browser.get(self.kind.probe_url, user_agent=self.kind.probe_agent)
        except httpx.TransportError:
            return Verdict.NO_NETWORK
        return Verdict.ONLINE if self.kind.is_success(response) else Verdict.CAPTIVE

    async def get_online(self) -> Visit:
        """Do what a system and its owner do.

        1. probe; 2. open what the system opens; 3. read, and press the one button, once; 4. wait until the page stays; 5. probe.
        """
        page: Page | None = None
        problem = ""
        try:
            if await self.probe() is not Verdict.CAPTIVE:
                return await self._visit(page, problem)
            page = await self.browser.settle(await self.browser.open(self.kind.opens))
            if len(page.forms) == 1:
                page = await self.browser.settle(await self.browser.submit(page.forms[0]))
        except (httpx.RequestError, BrokenPage) as error:
            problem = f"{type(error).__name__}: {error}"
        return await self._visit(page, problem)

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
