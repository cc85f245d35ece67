"""A simulated hotspot gateway: what a device's web browser meets at a MikroTik router (RouterOS manual, HotSpot).

It serves the files in its HTML directory. Five kinds of request: for another host, "/" and /login, /status, /logout on its own. A device
that is not logged in reaches nothing else but what the walled garden lets through. Log-in and sessions are the router's. Without a
hotspot on it, it hangs up on everybody: a bridge that would let everybody out is not simulated.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote

import httpx

from hotspot.errors import NotFound
from hotspot.guests.models import MacAddress
from hotspot.simulator import internet
from hotspot.simulator.garden import Rule, Wanted, is_free
from hotspot.simulator.hosts import Appetite, Host, PoolEmpty
from hotspot.simulator.htmldir import HtmlDirectory, Uploaded, pages_for
from hotspot.simulator.incoming import Incoming
from hotspot.simulator.listener import Answer, Listener, Request
from hotspot.simulator.router import LoginFailed, Router
from hotspot.simulator.servlet import render
from hotspot.simulator.setup import RouterSetup
from hotspot.simulator.time import Clock
from hotspot.simulator.variables import about_host, about_session, refusal_of

HTTP: Final = 80
HTTPS: Final = 443
FORM: Final = "application/x-www-form-urlencoded"
NOTE: Final = (
    '<p style="background:#fe9;color:#000;padding:.5em;margin:0 0 1em" role="note">'
    "Simulasi router MikroTik, bukan jaringan sungguhan. A simulated MikroTik router, not a real network.</p>"
)
_BODY: Final = re.compile(r"<body[^>]*>", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)")  # as to a proxy (RFC 9112 §3.2.2)
_KINDS: Final = {".html": "text/html; charset=utf-8", ".json": "application/captive+json"}
_NO_SUCH_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="en"><head><title>Not found</title></head>'
    "<body><p>There is no such page.</p></body></html>\n"
)


class NoSuchNetwork(NotFound):
    """The network {ssid} is not on the air around {router}"""


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request and who makes it, with the parameters of its query and form."""

    request: Request
    host: Host
    path: str
    given: Mapping[str, str]


class Gateway:
    """One site's router as devices see it; use as `async with`, or `open` and `close`. The port is known when it is made."""

    def __init__(
        self,
        setup: RouterSetup,
        *,
        portal_url: str = "",
        files: Callable[[str], bytes | None] | None = None,
        seen_as: Callable[[str], str] = str,
        clock: Clock | None = None,
        seed: int | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """Its pages are those among its files, or without files the shipped ones for the portal, which is then free before log-in."""
        self._listener = Listener(self._answer, host=host)
        self.address = self._listener.address
        self.login_host = f"{self.address[0]}:{self.address[1]}"
        self._portal_url, self._files = portal_url, files
        self._has_power = True
        self.router = Router(self._with_portal(setup), login_host=self.login_host, clock=clock, seed=seed)
        self.incoming = Incoming(self.router, seen_as=seen_as)
        self._pages: HtmlDirectory = self._directory()

    def _with_portal(self, setup: RouterSetup) -> RouterSetup:
        if setup.garden is not None:
            return setup
        portal = httpx.URL(self._portal_url)
        port = portal.port or (HTTPS if portal.scheme == "https" else HTTP)
        return replace(setup, garden=(Rule(host=portal.host, port=str(port)),))

    def _directory(self) -> HtmlDirectory:
        return pages_for(self._portal_url) if self._files is None else Uploaded(self._files, self.router.setup.html)

    async def __aenter__(self) -> "Gateway":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        await self.router.open()
        await self.incoming.open()
        await self._listener.start()
        self._listen_or_not()

    async def close(self) -> None:
        await self._listener.stop()
        self.incoming.close()
        await self.router.close()

    def abandon(self) -> None:
        """Free the port of a gateway that was never opened; harmless after `close`."""
        self._listener.abandon()

    async def become(self, setup: RouterSetup) -> None:
        """Go by another configuration from now on (see `Router.become`)."""
        before = self.router.radius.nas.address, self.router.setup.coa_port
        await self.router.become(self._with_portal(setup))
        if (self.router.radius.nas.address, setup.coa_port) != before or self.incoming.address is None:
            await self.incoming.move()
        self._pages = self._directory()
        self._listen_or_not()

    def _listen_or_not(self) -> None:
        """Answer as long as there is power and a hotspot."""
        self._listener.is_powered = self._has_power and self.router.setup.runs
        if not self._listener.is_powered:
            self._listener.hang_up()

    # --- the air and the mains ---------------------------------------------------------------------------------------------

    @property
    def networks(self) -> frozenset[str]:
        """The open networks that a phone finds here."""
        return self.router.setup.ssids if self._has_power else frozenset()

    def join(self, source: str, mac: MacAddress, appetite: Appetite | None = None, *, ssid: str | None = None) -> None:
        """Let the device that connects from `source` associate; without an `ssid` to the first network there is.

        Raises:
            NoSuchNetwork: it isn't on the air here.
        """
        found = min(self.networks, default=None) if ssid is None else ssid
        if found is None or found not in self.networks:
            raise NoSuchNetwork(ssid=ssid or "any", router=self.router.setup.name)
        self.router.hosts.join(source, mac, appetite, ssid=found)

    def leave(self, source: str) -> None:
        """Let it walk away, saying nothing."""
        self.router.hosts.leave(source)

    def has(self, source: str) -> bool:
        """Whether the device that connects from `source` is still associated; it doesn't notice a power cut before it asks for something."""
        return self.router.hosts.associated(source) is not None

    def lets_out(self, source: str, wanted: Wanted) -> bool:
        """Whether a device gets through to a host: it is logged in, or the walled garden has it."""
        mac = self.router.hosts.associated(source)
        setup = self.router.setup
        return setup.runs and (mac in self.router.sessions or is_free(setup.garden or (), wanted))

    def reboot(self) -> None:
        """Restart at once: sessions and hosts are gone, nobody is told."""
        self.power_cut()
        self.power_back()

    def power_cut(self) -> None:
        """Go dark: everything is forgotten, connections break, new ones break as well."""
        self._has_power = self.incoming.is_powered = False
        self._listen_or_not()
        self.incoming.forget()
        self.router.reboot()

    def power_back(self) -> None:
        self._has_power = self.incoming.is_powered = True
        self._listen_or_not()

    # --- requests ----------------------------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Answer:
        """Tell the kinds of request apart."""
        now = self.router.clock.monotonic()
        try:
            host = self.router.hosts.seen(request.source, now)
        except PoolEmpty:
            return self._page("error.html", {}, status=503)
        await self.router.greet(host)
        name, path, query = _destination(request, self.login_host)
        try:
            if name != self.login_host:
                return self._elsewhere(request, host, name, path, query)
            given = _parameters(query) | (_parameters(request.body.decode("latin-1")) if _is_form(request) else {})
            return await self._here(_Visit(request, host, path, given))
        finally:
            host.seen_at = now

    def _elsewhere(self, request: Request, host: Host, name: str, path: str, query: str) -> Answer:
        """A host of the internet: let through, or captured."""
        wanted = f"http://{name}{path}" + (f"?{query}" if query else "")
        if self.lets_out(request.source, _wanted(request.method, name, path)):
            answer = internet.answer(name, path)
            self.router.device_used(host.mac, 400 + len(request.body), 400 + len(answer.body))
            return answer
        return self._page("rlogin.html", self._variables(host, request, wanted))

    async def _here(self, visit: _Visit) -> Answer:
        if visit.request.method not in ("GET", "HEAD", "POST"):
            return _plain(405, "Method Not Allowed")
        match visit.path:
            case "/login":
                return await self._login(visit)
            case "/logout":
                return self._logout(visit)
            case "/" | "/status":
                return self._status(visit)
            case "/api":
                return self._page("api.json", self._variables(visit.host, visit.request))
            case _:
                return _no_such_page()

    async def _login(self, visit: _Visit) -> Answer:
        """Show the log-in page, or log in; a device that is logged in already is sent on."""
        dst = visit.given.get("dst", "")
        if self.router.session_of(visit.host) is None:
            if not visit.given.get("username"):
                return self._login_page(visit, dst)
            try:
                await self.router.log_in(visit.host, visit.given["username"], visit.given.get("password", ""))
            except LoginFailed as failure:
                return self._login_page(visit, dst, failure)
        variables = self._variables(visit.host, visit.request, dst)
        return self._page("alogin.html", {**variables, "link-redirect": dst or variables["link-status"]})

    def _login_page(self, visit: _Visit, dst: str, failure: LoginFailed | None = None) -> Answer:
        variables = self._variables(visit.host, visit.request, dst)
        variables["username"] = visit.given.get("username", "")
        if failure is not None:
            variables["error-orig"] = refusal_of(failure.key, failure.said, variables["username"])
            text = self._pages.error(failure.key) or "$(error-orig)"
            variables["error"] = render(text, variables).body
        return self._page("login.html", variables)

    def _status(self, visit: _Visit) -> Answer:
        variables = self._variables(visit.host, visit.request)
        if self.router.session_of(visit.host) is None:
            return self._page("redirect.html", {**variables, "link-redirect": variables["link-login"]})
        return self._page("status.html", variables)

    def _logout(self, visit: _Visit) -> Answer:
        variables = self._variables(visit.host, visit.request)
        if self.router.log_out(visit.host) is None:
            return self._page("redirect.html", {**variables, "link-redirect": variables["link-login"]})
        return self._page("logout.html", {**variables, "logged-in": "no"})

    # --- pages -------------------------------------------------------------------------------------------------------------

    def _variables(self, host: Host, request: Request, dst: str = "") -> dict[str, str]:
        """Return what pages can print (manual, "Hotspot customisation"); request headers first, so that they can't win."""
        challenge = self.router.challenge_for(host)
        session = self.router.session_of(host)
        now = self.router.clock.monotonic()
        return {
            **request.headers,
            **about_host(host, self.router.setup, self.login_host, dst, challenge),
            **about_session(session, now),
        }

    def _page(self, name: str, variables: Mapping[str, str], *, status: int | None = None) -> Answer:
        template = self._pages.text(name)
        if template is None:
            return _no_such_page()
        rendered = render(template, variables)
        kind = _KINDS[Path(name).suffix]
        headers = {header: _printable(value) for header, value in rendered.headers}
        body = _with_note(rendered.body) if name.endswith(".html") else rendered.body.encode()
        fixed = {"Content-Type": kind, "Cache-Control": "private, no-store"}
        return Answer(status or rendered.status, body, tuple({**fixed, **headers}.items()), _printable(rendered.reason))


def _no_such_page() -> Answer:
    return Answer(404, _with_note(_NO_SUCH_PAGE), (("Content-Type", _KINDS[".html"]),))


def _wanted(method: str, name: str, path: str) -> Wanted:
    """What the proxy that catches port 80 has read; a port in the name is the one that was asked for."""
    host, _, port = name.partition(":")
    return Wanted(host, int(port) if port.isascii() and port.isdigit() else HTTP, method, path)


def _destination(request: Request, own: str) -> tuple[str, str, str]:
    """Return host, path and query of the request; without a Host it can only mean the router (HTTP/1.0, RFC 9112 §3.2)."""
    host, target = request.headers.get("host", ""), request.target
    if absolute := _ABSOLUTE.fullmatch(target):
        host, target = absolute[1], absolute[2]
    path, _, query = target.partition("?")
    return host.lower() or own, path or "/", query


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def _parameters(encoded: str) -> dict[str, str]:
    """Read a query or form; of a repeated name the first counts."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, errors="replace", separator="&"):
        found.setdefault(name, value)
    return found


def _with_note(html: str) -> bytes:
    """Say, in a page that a person may see, that it is a simulation."""
    begin = _BODY.search(html)
    at = begin.end() if begin else 0
    return f"{html[:at]}{NOTE}{html[at:]}".encode(errors="replace")


def _printable(value: str) -> str:
    """Make a header value of it: what isn't printable ASCII is percent-encoded, as browsers read a Location."""
    return quote(value, safe="".join(chr(octet) for octet in range(0x21, 0x7F)) + " ", errors="replace").strip()


def _plain(status: int, words: str) -> Answer:
    return Answer(status, f"{words}. This is a simulation.\n".encode(), (("Content-Type", "text/plain"),))
