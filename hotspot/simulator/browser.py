"""A phone's mini-browser: opens pages, follows redirects and meta refreshes, sends forms. No JavaScript; cookies if it is told so.

It is a real HTTP client, bound to an address of its own inside 127.0.0.0/8. `Way` says how it gets to a host: directly, to what really
runs on this machine; or to the gateway, with the wanted host in the Host header, the same as a router that captures port 80
(destination NAT); or not at all.
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from hotspot.simulator.page import Form, Page, read_page
from hotspot.simulator.time import Clock

MOST_REDIRECTS: Final = 20
MOST_REFRESHES: Final = 40
REDIRECTS: Final = (301, 302, 303, 307, 308)
_HTML: Final = "text/html"


class Way(Enum):
    """What becomes of a request on its way out."""

    DIRECT = auto()
    CAPTURED = auto()
    RESET = auto()


class TooManyHops(httpx.RequestError):
    """The pages lead around in a circle."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request and what came back, for people and tests to follow."""

    method: str
    url: str
    status: int
    title: str = ""
    location: str = ""


@dataclass(slots=True)
class Browser:
    """One browser with its own connections; close it when it is done."""

    clock: Clock
    source: str
    gateway: tuple[str, int]
    way: Callable[[httpx.Request], Way]
    user_agent: str
    cookies: bool
    language: str
    steps: list[Step] = field(default_factory=list)
    _client: httpx.AsyncClient = field(init=False)
    _system: httpx.AsyncClient = field(init=False)  # the probes': the same connections, no cookies

    def __post_init__(self) -> None:
        transport = httpx.AsyncHTTPTransport(
            local_address=self.source, verify=_tls(), limits=httpx.Limits(keepalive_expiry=5, max_connections=4)
        )
        captured = _Captured(transport, self.gateway, self.way)
        self._client, self._system = (
            httpx.AsyncClient(transport=captured, timeout=30, follow_redirects=False, trust_env=False) for _ in range(2)
        )

    async def close(self) -> None:
        await self._client.aclose()
        await self._system.aclose()

    async def get(self, url: str, *, user_agent: str = "", accept: str = "*/*") -> httpx.Response:
        """Send one bare request, as a system's probe does; follows nothing, keeps no cookie."""
        headers = {"User-Agent": user_agent or self.user_agent, "Accept": accept}
        response = await self._system.get(url, headers=headers)
        self._system.cookies.clear()
        self._remember(response, "")
        return response

    async def open(self, url: str) -> Page:
        """Open an address and go wherever redirects lead."""
        return await self._go("GET", url, None)

    async def submit(self, form: Form) -> Page:
        """Send the form as it stands."""
        if form.method == "post":
            return await self._go("POST", form.action, form.fields)
        return await self._go("GET", str(httpx.URL(form.action, params=list(form.fields))), None)

    async def send(self, form: Form) -> None:
        """Send a form by POST and go nowhere: whoever sent it doesn't wait for the answer."""
        self._remember(await self._request("POST", form.action, form.fields), "")

    def forget(self) -> None:
        """Lose all cookies, as a system's sheet does when it is closed."""
        self._client.cookies.clear()

    async def _go(self, method: str, url: str, fields: Sequence[tuple[str, str]] | None) -> Page:
        for _ in range(MOST_REDIRECTS):
            response = await self._request(method, url, fields)
            target = response.headers.get("location", "")
            if response.status_code not in REDIRECTS or not target:
                return self._page(response)
            self._remember(response, "")
            url = urljoin(url, target)
            if response.status_code in (301, 302, 303):  # browsers go on with GET (RFC 9110 §15.4)
                method, fields = "GET", None
        raise TooManyHops(f"{url} redirects without end")

    async def _request(self, method: str, url: str, fields: Sequence[tuple[str, str]] | None) -> httpx.Response:
        headers = {"User-Agent": self.user_agent, "Accept": f"{_HTML},*/*;q=0.8", "Accept-Language": self.language}
        response = await self._client.request(method, url, headers=headers, data=dict(fields) if fields else None)
        if not self.cookies:
            self._client.cookies.clear()
        return response

    def _page(self, response: httpx.Response) -> Page:
        url = str(response.request.url)
        is_html = response.headers.get("content-type", "").partition(";")[0].strip().lower() == _HTML
        if is_html and response.content:
            page = read_page(response.text, url=url, status=response.status_code)
        else:
            page = Page(url, response.status_code, text=response.text[:1000])
        self._remember(response, page.title)
        return page

    def _remember(self, response: httpx.Response, title: str) -> None:
        request = response.request
        location = response.headers.get("location", "")
        self.steps.append(Step(request.method, str(request.url), response.status_code, title, location))


class _Captured(httpx.AsyncBaseTransport):
    """Connects to the gateway whatever host is asked for, unless the way there is free."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, gateway: tuple[str, int], way: Callable[[httpx.Request], Way]
    ) -> None:
        self._inner, self._gateway, self._way = inner, gateway, way

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        way = self._way(request)
        if way is Way.DIRECT:
            return await self._inner.handle_async_request(request)
        if way is Way.RESET:
            raise httpx.ConnectError("the connection was reset", request=request)
        host, port = self._gateway
        captured = httpx.Request(
            request.method,
            request.url.copy_with(host=host, port=port),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await self._inner.handle_async_request(captured)

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _tls() -> ssl.SSLContext:
    """One context for all: making one takes longer than a visit."""
    return ssl.create_default_context()


def host_of(url: str) -> str:
    """Return host[:port] as it stands in the address."""
    return urlsplit(url).netloc
