"""A scene for gateway tests: one gateway on loopback, a RADIUS server that the test directs, a clock that the test moves."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from hotspot.guests.models import MacAddress
from hotspot.radius.attributes import Attr, Attributes, StatusType, make
from hotspot.radius.packet import Code, Packet, RawAttribute, Secret, flaw_in_request, parse, sign_reply
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.listener import Answer, Listener, Request
from hotspot.simulator.page import Page, read_page
from hotspot.simulator.setup import MacAuthMode, RadiusEntry, RouterSetup

SECRET = b"the secret of the Alun-Alun site"
PORTAL = "https://wifi.example.org/p/alun-alun"
GINA = MacAddress.parse("BC:24:11:EB:56:4D")
HADI = MacAddress.parse("BC:24:11:00:00:02")
GINAS_PHONE = "127.0.1.1"
HADIS_PHONE = "127.0.1.2"


def scenario(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test, for at most 20 seconds."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20):
                await test(*args, **kwargs)

        asyncio.run(bounded())

    return run


@dataclass
class Clock:
    """A clock that stands until it is moved; whoever sleeps moves it."""

    at: float = 1_000.0
    began: int = 1_772_427_600

    def monotonic(self) -> float:
        return self.at

    def wall(self) -> float:
        return self.began + self.at - 1_000.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)


@dataclass
class Radius(asyncio.DatagramProtocol):
    """Answers as `accept`, `reject` and `is_silent` say; remembers all that was asked and told."""

    accept: tuple[RawAttribute, ...] = ()
    reject: str | None = None
    is_silent: bool = False
    asked: list[Attributes] = field(default_factory=list)
    told: list[Attributes] = field(default_factory=list)
    order: list[list[int]] = field(default_factory=list)
    authenticators: list[bytes] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait until what was heard makes it true."""
        while not is_true():
            self.heard.clear()
            await self.heard.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = parse(data)
        assert flaw_in_request(packet, Secret(SECRET)) is None
        attributes = Attributes(packet.attributes)
        is_login = packet.code == Code.ACCESS_REQUEST
        (self.asked if is_login else self.told).append(attributes)
        self.authenticators.append(packet.authenticator)
        self.order.append([kind for kind, _ in packet.attributes])
        self.heard.set()
        if not self.is_silent:
            self.transport.sendto(self._reply(packet), addr)  # type: ignore[attr-defined]

    def _reply(self, packet: Packet) -> bytes:
        if packet.code == Code.ACCOUNTING_REQUEST:
            return sign_reply(packet, Code.ACCOUNTING_RESPONSE, (), Secret(SECRET))
        if self.reject is not None:
            said = (make(Attr.REPLY_MESSAGE, self.reject),) if self.reject else ()
            return sign_reply(packet, Code.ACCESS_REJECT, said, Secret(SECRET))
        return sign_reply(packet, Code.ACCESS_ACCEPT, self.accept, Secret(SECRET))

    @property
    def statuses(self) -> list[StatusType]:
        return [StatusType(told.integer(Attr.ACCT_STATUS_TYPE) or 0) for told in self.told]


@dataclass
class Scene:
    gateway: Gateway
    radius: Radius
    clock: Clock

    async def ask(
        self, target: str, *, host: str = "", source: str = GINAS_PHONE, method: str = "GET", **more: object
    ) -> httpx.Response:
        """Send one request from a device; follows nothing."""
        transport = httpx.AsyncHTTPTransport(local_address=source)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(
                method,
                f"http://{self.gateway.login_host}",
                headers={"Host": host or self.gateway.login_host},
                extensions={"target": target.encode()},  # as it stands: httpx would tidy it up
                **more,  # type: ignore[arg-type]
            )

    async def page(self, target: str, **more: str) -> Page:
        response = await self.ask(target, **more)
        return read_page(response.text, url=f"http://{self.gateway.login_host}{target}", status=response.status_code)

    async def handed(self, target: str = "/login", **more: str) -> dict[str, str]:
        """Open the log-in page; return what it hands to the portal."""
        page = await self.page(target, **more)
        assert page.refresh is not None
        assert page.refresh.url.startswith(f"{PORTAL}?")
        assert page.links == (page.refresh.url,)
        return dict(parse_qsl(urlsplit(page.refresh.url).query, keep_blank_values=True))

    async def log_in(self, user: str = "gina", password: str = "s3sam", **more: str) -> httpx.Response:
        return await self.ask(f"/login?username={user}&password={password}", **more)

    async def forward(self, seconds: float) -> None:
        """Let time pass in one go, with one heartbeat at its end, and everything be told."""
        self.clock.at += seconds
        self.gateway.router.tick()
        await self.gateway.router.told()


@asynccontextmanager
async def scene(
    *accept: RawAttribute,
    login_by: tuple[str, ...] = ("http-chap", "http-pap"),
    sessions: int = 200,
    portal_url: str = PORTAL,
    source: str = "127.0.0.1",
    coa_port: int | None = 0,
    mac_auth_mode: MacAuthMode = MacAuthMode.AS_USERNAME,
    mac_auth_password: str = "",
) -> AsyncIterator[Scene]:
    """Set the scene; `accept` is what an Access-Accept carries. Gina's and Hadi's phones are there."""
    clock = Clock()
    async with radius_server(*accept) as radius:
        asked = RadiusEntry(SECRET, radius.address, radius.address, source, timeout=timedelta(seconds=0.05), tries=2)
        setup = RouterSetup(
            "alun-alun-1",
            (asked,),
            coa_port=coa_port,
            login_by=frozenset(login_by),
            mac_auth_mode=mac_auth_mode,
            mac_auth_password=mac_auth_password,
            sessions=sessions,
        )
        async with Gateway(setup, portal_url=portal_url, clock=clock, seed=1) as gateway:
            gateway.join(GINAS_PHONE, GINA)
            gateway.join(HADIS_PHONE, HADI)
            yield Scene(gateway, radius, clock)


@asynccontextmanager
async def radius_server(*accept: RawAttribute) -> AsyncIterator[Radius]:
    loop = asyncio.get_running_loop()
    transport, radius = await loop.create_datagram_endpoint(lambda: Radius(accept), local_addr=("127.0.0.1", 0))
    try:
        yield radius
    finally:
        transport.close()
        await asyncio.sleep(0)


@dataclass
class Portal:
    """A portal in a few lines: a welcome page with one form, 303 to the router, and a page that waits once before "online"."""

    pages: dict[str, str] = field(default_factory=dict)  # replaces what it says at a path
    seen: list[Request] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: Request) -> Answer:
        self.seen.append(request)
        path, _, query = request.target.partition("?")
        given = dict(parse_qsl(query or request.body.decode()))
        if path in self.pages:
            return self._html(self.pages[path])
        match path:
            case "/p/login":
                login = urlencode({"username": "gina", "password": "s3sam", "dst": f"{self.url}/wait"})
                return Answer(303, headers=(("Location", f"{given['link-login-only']}?{login}"),))
            case "/p/wait":
                return self._html(f'<meta http-equiv="refresh" content="2; url={self.url}/online"><title>Wait</title>')
            case "/p/online":
                return self._html("<title>Online</title>")
            case _ if given.get("error"):
                return self._html(f"<title>{given['error']}</title>")
            case _:
                fields = "".join(f'<input type="hidden" name="{k}" value="{v}">' for k, v in given.items())
                form = f'<form method="post" action="/p/login">{fields}<button>Go</button></form>'
                return self._html("<title>Welcome</title>", form)

    def _html(self, head: str, body: str = "") -> Answer:
        html = f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"
        return Answer(200, html.encode(), (("Content-Type", "text/html"), ("Set-Cookie", "seen=1; Path=/")))


@asynccontextmanager
async def portal() -> AsyncIterator[Portal]:
    found = Portal()
    listener = Listener(found.answer)
    host, port = listener.address
    found.url = f"http://{host}:{port}/p"
    await listener.start()
    try:
        yield found
    finally:
        await listener.stop()
