"""A simulated hotspot gateway: what a device's web browser meets at a MikroTik router (RouterOS manual, HotSpot).

It serves the very files that a router gets, from ``router_configs/hotspot``, with the site's portal filled in. Five kinds of request: for
another host, "/" and /login, /status, /logout on its own. A device that is not logged in reaches nothing else; the portal, which a
walled garden would let through, is reached by phones directly. Log-in and sessions are the router's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote

from hotspot.guests.models import MacAddress
from hotspot.paths import shipped
from hotspot.simulator import internet
from hotspot.simulator.hosts import Appetite, Host, PoolEmpty
from hotspot.simulator.incoming import Incoming
from hotspot.simulator.listener import Answer, Listener, Request
from hotspot.simulator.radius_client import Nas
from hotspot.simulator.router import LoginFailed, Router, RouterSetup
from hotspot.simulator.servlet import render
from hotspot.simulator.time import Clock
from hotspot.simulator.variables import FIXED_ERRORS, about_host, about_session

PLACEHOLDER: Final = "{portal_url}"
FORM: Final = "application/x-www-form-urlencoded"
NOTE: Final = (
    '<p style="background:#fe9;color:#000;padding:.5em;margin:0 0 1em" role="note">'
    "Simulasi router MikroTik, bukan jaringan sungguhan. A simulated MikroTik router, not a real network.</p>"
)
PAGES: Final = ("rlogin.html", "redirect.html", "login.html", "alogin.html", "status.html", "logout.html", "error.html")
_BODY: Final = re.compile(r"<body[^>]*>", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)")  # as to a proxy (RFC 9112 §3.2.2)
_KINDS: Final = {".html": "text/html; charset=utf-8", ".json": "application/captive+json"}
_NO_SUCH_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="en"><head><title>Not found</title></head>'
    "<body><p>There is no such page.</p></body></html>\n"
)


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
        portal_url: str,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        nas = Nas(setup.name, IPv4Address(setup.source))
        self.router = Router(setup, nas, clock=clock, seed=seed)
        self.incoming = Incoming(self.router)
        self._pages = pages_for(portal_url)
        self._listener = Listener(self._answer, host=host, port=port)
        self.address = self._listener.address
        self.login_host = f"{self.address[0]}:{self.address[1]}"
        self.router.name_login_page(self.login_host)

    async def __aenter__(self) -> "Gateway":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        await self.router.open()
        await self.incoming.open()
        await self._listener.start()

    async def close(self) -> None:
        await self._listener.stop()
        self.incoming.close()
        await self.router.close()

    def abandon(self) -> None:
        """Free the port of a gateway that was never opened; harmless after `close`."""
        self._listener.abandon()

    # --- the air and the mains ---------------------------------------------------------------------------------------------

    def join(self, source: str, mac: MacAddress, appetite: Appetite | None = None) -> None:
        """Let the device that connects from `source` associate."""
        self.router.hosts.join(source, mac, appetite)

    def leave(self, source: str) -> None:
        """Let it walk away, saying nothing."""
        self.router.hosts.leave(source)

    def reboot(self) -> None:
        """Restart at once: sessions and hosts are gone, nobody is told."""
        self.power_cut()
        self.power_back()

    def power_cut(self) -> None:
        """Go dark: everything is forgotten, connections break, new ones break as well."""
        self._listener.is_powered = self.incoming.is_powered = False
        self._listener.hang_up()
        self.incoming.forget()
        self.router.reboot()

    def power_back(self) -> None:
        self._listener.is_powered = self.incoming.is_powered = True

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
        session = self.router.session_of(host)
        if session is not None:
            answer = internet.answer(name, path)
            self.router.device_used(host.mac, 400 + len(request.body), 400 + len(answer.body))
            return answer
        wanted = f"http://{name}{path}" + (f"?{query}" if query else "")
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
                return Answer(404, _with_note(_NO_SUCH_PAGE), (("Content-Type", _KINDS[".html"]),))

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
            original = failure.said or FIXED_ERRORS[failure.key].format(username=variables["username"])
            variables["error-orig"] = original
            text = self._pages.errors.get(failure.key, "$(error-orig)")
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
        rendered = render(self._pages.texts[name], variables)
        kind = _KINDS[Path(name).suffix]
        headers = tuple((header, _printable(value)) for header, value in rendered.headers)
        body = _with_note(rendered.body) if name.endswith(".html") else rendered.body.encode()
        fixed = (("Content-Type", kind), ("Cache-Control", "private, no-store"))
        return Answer(status or rendered.status, body, (*headers, *fixed), _printable(rendered.reason))


@dataclass(frozen=True, slots=True)
class Pages:
    """A site's HTML directory: the texts of its pages, and errors.txt by key."""

    texts: Mapping[str, str]
    errors: Mapping[str, str]


@cache
def pages_for(portal_url: str) -> Pages:
    """Read the shipped HTML directory as an operator would upload it for this site."""
    directory = shipped("router_configs") / "hotspot"
    texts = {name: (directory / name).read_text(encoding="utf-8") for name in (*PAGES, "api.json")}
    filled = {name: text.replace(PLACEHOLDER, portal_url) for name, text in texts.items()}
    return Pages(filled, read_errors((directory / "errors.txt").read_text(encoding="utf-8")))


def read_errors(text: str) -> dict[str, str]:
    """Read errors.txt: ``key = text``, # begins a comment."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {key.strip(): words.strip() for key, _, words in pairs}


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
