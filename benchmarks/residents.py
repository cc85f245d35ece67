"""Residents who walk the whole way: captured, welcome, perhaps the terms, the button, the router's log-in, online, status, sign out.

The phone's requests are real; its router is played here: it hands over what a router hands over, asks and tells RADIUS as the simulated
one does, and sends the phone on to `dst`. Everybody comes from one address, as behind the NAT of one site.
"""

import asyncio
import html
import random
import re
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address
from itertools import count
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from benchmarks.browsing import Answer, Browsing
from benchmarks.campaign import Failed
from benchmarks.radius_packets import Reporter
from hotspot.radius.attributes import StatusType, TerminateCause
from hotspot.simulator.radius_client import Accept, Login, Nas, Pap, RadiusClient, Usage

FIRST_SESSION: Final = 0x80100000
FIRST_ADDRESS: Final = int(IPv4Address("10.5.48.10"))
READS_TERMS: Final = 0.3  # of all residents
MOST_LOOKS: Final = 30  # at the page that waits
FORM: Final = re.compile(r'<form[^>]* action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')
TITLE: Final = re.compile(r"<title>([^<]*)</title>")
REFRESH: Final = re.compile(r'http-equiv="refresh" content="(\d+)"')
REFUSED: Final = 429


@dataclass(frozen=True, slots=True)
class Target:
    """The served product: where its pages and its RADIUS are, the site's slug, and the site's routers."""

    host: str
    port: int
    auth: tuple[str, int]
    acct: tuple[str, int]
    slug: str
    routers: Sequence[Reporter]


@dataclass(slots=True)
class Seen:
    """What the residents met: how long each page took, what went wrong, who got online."""

    latencies: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    problems: Counter[str] = field(default_factory=Counter)
    online: int = 0
    not_online: int = 0
    abusers: list[int] = field(default_factory=list)  # tries until each was refused for the first time

    @property
    def requests(self) -> int:
        return sum(map(len, self.latencies.values()))


class Router:
    """A site's router towards RADIUS."""

    def __init__(self, client: RadiusClient, address: str) -> None:
        self.base = f"http://{address}"
        self._client = client
        self._numbers = count(1)

    def login(self, user_name: str, mac: str) -> Login:
        number = next(self._numbers)
        return Login(user_name, mac, IPv4Address(FIRST_ADDRESS + number % 3_000), FIRST_SESSION | number)

    async def admit(self, login: Login, password: str) -> Accept:
        answer = await self._client.authenticate(login, Pap(password))
        if not isinstance(answer, Accept):
            raise Failed(f"RADIUS: {answer}")
        if not await self._client.account(login, StatusType.START, klass=answer.klass):
            raise Failed("RADIUS: the Start was not acknowledged")
        return answer

    async def sign_out(self, login: Login, accept: Accept, seconds: float) -> None:
        usage = Usage(seconds=int(seconds), octets_from_device=40_000, octets_to_device=900_000)
        cause = TerminateCause.USER_REQUEST
        if not await self._client.account(login, StatusType.STOP, usage=usage, cause=cause, klass=accept.klass):
            raise Failed("RADIUS: the Stop was not acknowledged")


@asynccontextmanager
async def routers_of(target: Target) -> AsyncIterator[list[Router]]:
    async with AsyncExitStack() as stack:
        made = []
        for reporter in target.routers:
            nas = Nas(reporter.name, IPv4Address(reporter.address))
            client = RadiusClient(
                nas,
                reporter.secret,
                auth=target.auth,
                acct=target.acct,
                source=reporter.address,
                timeout=timedelta(seconds=3),
            )
            made.append(Router(await stack.enter_async_context(client), reporter.address))
        yield made


class Residents:
    """So many people at once: whoever is done makes room for the next. `pace` stretches the time in which they read and think."""

    def __init__(self, target: Target, routers: Sequence[Router], chance: random.Random, *, pace: float = 1.0) -> None:
        self.seen = Seen()
        self.walking = 0
        self._target, self._routers, self._chance, self._pace = target, routers, chance, pace
        self._until = 0.0

    async def come(self, residents: int, abusers: int, seconds: float) -> None:
        """Let them come and go for so long; those who are on their way then get to its end."""
        self._until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(residents):
                group.create_task(self._one_after_the_other())
            for _ in range(abusers):
                group.create_task(self._abuse())

    async def _think(self, least: float, most: float) -> None:
        await asyncio.sleep(self._chance.uniform(least, most) * self._pace)

    async def _one_after_the_other(self) -> None:
        await self._think(0, 10)
        while time.monotonic() < self._until:
            await self._walk_and_judge()
            await self._think(0, 4)

    async def _walk_and_judge(self) -> None:
        walk = _Walk(self._target, self._chance.choice(self._routers), self.seen)
        self.walking += 1
        try:
            await self._walk(walk)
            self.seen.online += 1
        except (Failed, OSError, EOFError, TimeoutError) as problem:
            self.seen.not_online += 1
            self.seen.problems[f"{walk.page}: {type(problem).__name__} {problem}"] += 1
        finally:
            self.walking -= 1
            walk.close()

    async def _walk(self, walk: "_Walk") -> None:
        """1. captured; 2. reads, some all the terms; 3. presses; 4. the router lets it in; 5. online; 6. status; 7. signs out."""
        form = await walk.welcome()
        if self._chance.random() < READS_TERMS:
            await self._think(1, 3)
            await walk.terms()
            await self._think(4, 10)
        await self._think(3, 12)
        await walk.press(form)
        await walk.log_in()
        await walk.wait_until_online()
        await self._think(2, 8)
        await walk.status()
        await self._think(2, 10)
        await walk.sign_out()

    async def _abuse(self) -> None:
        """Press with one device, again and again and each time on a fresh page, and go on when refused."""
        walk = _Walk(self._target, self._routers[0], self.seen)
        tries, refused_at = 0, 0
        while time.monotonic() < self._until:
            tries += 1
            try:
                form = await walk.welcome()
                if await walk.try_to_press(form) == REFUSED and not refused_at:
                    refused_at = tries
            except (Failed, OSError, EOFError, TimeoutError) as problem:
                self.seen.problems[f"abuser: {type(problem).__name__} {problem}"] += 1
            await asyncio.sleep(0.2)
        walk.close()
        self.seen.abusers.append(refused_at or tries + 1)


class _Form(dict[str, str]):
    """The hidden fields of a form, and where it goes."""

    action: str = ""


class _Walk:
    """One resident's way, step by step; `page` is where it is."""

    def __init__(self, target: Target, router: Router, seen: Seen) -> None:
        self.page = "welcome"
        self._slug, self._router, self._seen = target.slug, router, seen
        self._browsing = Browsing(target.host, target.port)
        self._mac = secrets.token_bytes(5).hex(":").upper()
        self._mac = f"BA:{self._mac}"  # locally administered, as phones make them up
        self._target = ""
        self._login: Login | None = None
        self._accept: Accept | None = None
        self._password = ""
        self._began = 0.0

    def close(self) -> None:
        self._browsing.close()

    @contextmanager
    def _timed(self, page: str) -> Iterator[None]:
        self.page = page
        began = time.perf_counter()
        yield
        self._seen.latencies[page].append(time.perf_counter() - began)

    async def _get(self, page: str, target: str) -> Answer:
        with self._timed(page):
            answer = await self._browsing.get(target)
        if answer.status != 200:
            raise Failed(f"status {answer.status}")
        return answer

    def _handed(self, **more: str) -> str:
        handed = {"mac": self._mac, "ip": "10.5.50.17", "link-login-only": f"{self._router.base}/login"}
        probe = {"link-orig": "http://connectivitycheck.gstatic.com/generate_204", "error": "", **more}
        return f"/p/{self._slug}?{urlencode(handed | probe)}"

    async def welcome(self) -> _Form:
        answer = await self._get("welcome", self._handed())
        found = FORM.search(answer.text)
        if found is None:
            raise Failed(f"no form on {title_of(answer)!r}")
        form = _Form({html.unescape(name): html.unescape(value) for name, value in HIDDEN.findall(found[2])})
        form.action = html.unescape(found[1])
        return form

    async def terms(self) -> None:
        await self._get("terms", f"/p/{self._slug}/terms")

    async def try_to_press(self, form: _Form) -> int:
        self.page = "abuse"
        return (await self._browsing.post(form.action, form)).status

    async def press(self, form: _Form) -> None:
        with self._timed("press"):
            answer = await self._browsing.post(form.action, form)
        if answer.status != 303:
            raise Failed(f"status {answer.status} {title_of(answer)!r}")
        url = urlsplit(answer.headers["location"])
        if f"{url.scheme}://{url.netloc}{url.path}" != f"{self._router.base}/login":
            raise Failed("sent elsewhere than to the router")
        told = dict(parse_qsl(url.query))
        self._login, self._password = self._router.login(told["username"], self._mac), told["password"]
        dst = urlsplit(told["dst"])
        self._target = f"{dst.path}?{dst.query}"

    async def log_in(self) -> None:
        assert self._login is not None, "press first"
        with self._timed("router"):
            self._accept = await self._router.admit(self._login, self._password)
        self._began = time.monotonic()

    async def wait_until_online(self) -> None:
        for _ in range(MOST_LOOKS):
            answer = await self._get("progress", self._target)
            refresh = REFRESH.search(answer.text)
            if refresh is None:
                break
            await asyncio.sleep(float(refresh[1]))
        _expect(answer, "You are online")

    async def status(self) -> None:
        """The router's status page sends the phone to the portal, with the name it logged in by."""
        assert self._login is not None, "press first"
        _expect(await self._get("status", self._handed(username=self._login.user_name)), "You are online")

    async def sign_out(self) -> None:
        assert self._login is not None, "log in first"
        assert self._accept is not None
        with self._timed("router"):
            await self._router.sign_out(self._login, self._accept, time.monotonic() - self._began)
        _expect(await self._get("ended", self._target), "Your connection has ended")


def title_of(answer: Answer) -> str:
    found = TITLE.search(answer.text)
    return html.unescape(found[1]) if found else ""


def _expect(answer: Answer, title: str) -> None:
    if title not in title_of(answer):
        raise Failed(f"{title_of(answer)!r} instead of {title!r}")
