"""A place with one router, its portal over HTTP, and a clock that tests turn."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from hotspot.app import create_app
from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.guests.models import MacAddress
from hotspot.guests.service import redeem
from hotspot.portal.banners import add_banner
from hotspot.portal.terms import ensure_default_terms
from hotspot.routers.service import add_router
from hotspot.settings import Settings
from hotspot.sites.models import Site
from hotspot.usage.models import GuestSession

MAC = "D6:01:02:03:04:05"
ROUTER = "http://10.5.50.1"
CHALLENGE = bytes([0x0E, 0x5C, 0xB0, 0x61, 0x00, 0x0A, 0x83, 0x85, 0xF2, 0x34, 0xB8, 0x22, 0xBD, 0x8B, 0x93, 0xFF])
TABLES = ("consent", "credential", "guest_session", "terms", "banner", "site", "router", "area", "setting")


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **how_long: float) -> datetime:
        self.now += timedelta(**how_long)
        return self.now


@dataclass
class Page(HTMLParser):
    """What a test wants to know of a page: its elements and its text."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._hidden = 0
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._hidden += tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def form(self) -> tuple[str, dict[str, str]]:
        """The action and the hidden fields of the page's only form."""
        (form,) = self.all("form")
        fields = {str(a["name"]): str(a["value"]) for a in self.all("input")}
        return str(form["action"]), fields

    @property
    def refresh(self) -> list[dict[str, str | None]]:
        return [a for a in self.all("meta") if (a.get("http-equiv") or "").lower() == "refresh"]

    @property
    def addresses(self) -> list[str]:
        names = ("href", "src", "action", "formaction", "data", "srcset", "poster", "xlink:href", "background", "cite")
        return [str(a[name]) for _, a in self.elements for name in names if a.get(name) is not None]


class Client:
    """A browser without cookies and scripts: plain requests to the application, one after the other."""

    def __init__(self, app: Starlette, **headers: str) -> None:
        self.headers = headers
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")

    def request(self, method: str, url: str, **more: object) -> httpx.Response:
        headers = {**self.headers, **(more.pop("headers", None) or {})}
        return self._runner.run(self._client.request(method, url, headers=headers, **more))

    def get(self, url: str, **more: object) -> httpx.Response:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: object) -> httpx.Response:
        return self.request("POST", url, **more)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


@dataclass
class World:
    """Everything a portal test touches."""

    client: Client
    database: Database
    settings: Settings
    clock: Clock
    site_id: int
    router_id: int

    @property
    def device_id(self) -> UUID:
        return self.settings.keys.device_id(MacAddress.parse(MAC).octets)

    def open(self, path: str = "/p/alun-alun", **params: str) -> Page:
        response = self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return Page(response.text)

    def welcome(self, **more: str) -> Page:
        return self.open(**handed(**more))

    def press(self, page: Page, **changed: str):
        action, fields = page.form
        return self.client.post(action, data={**fields, **changed})

    def log_in(self, **more: str) -> dict[str, str]:
        """Press the button; return the parameters that the router's /login is given."""
        response = self.press(self.welcome(**more))
        assert response.status_code == 303, response.text
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))

    def accept(self, user_name: str) -> None:
        """What RADIUS does when the router asks."""
        with self.database.writing() as db:
            assert redeem(db, UUID(user_name), site_id=self.site_id, device_id=self.device_id, now=self.clock.now)

    def start(self, user_name: str, **more: object) -> None:
        """What accounting does when the router reports."""
        session = GuestSession(
            router_id=self.router_id,
            session_key=UUID(user_name),
            site_id=self.site_id,
            device_id=self.device_id,
            credential_id=UUID(user_name),
            acct_session_id="80000001",
            user_name=user_name,
            started_at=self.clock.now,
            last_seen_at=self.clock.now,
        )
        for name, value in more.items():
            setattr(session, name, value)
        with self.database.writing() as db:
            db.add(session)

    def rows(self) -> dict[str, int]:
        with self.database.reading() as db:
            return {table: db.scalar(text(f"SELECT count(*) FROM {table}")) for table in TABLES}


def handed(**more: str) -> dict[str, str]:
    """What the router's login.html sends along; a keyword's underscores are dashes, an empty value takes a parameter away."""
    usual = {
        "mac": MAC,
        "ip": "10.5.50.17",
        "link-login": f"{ROUTER}/login?dst=http%3A%2F%2Fexample.com%2F",
        "link-login-only": f"{ROUTER}/login",
        "link-orig": "http://example.com/news",
        "error": "",
        "error-orig": "",
        "server-name": "hotspot1",
        "identity": "alun-1",
    }
    given = {**usual, **{name.replace("_", "-"): value for name, value in more.items()}}
    return {name: value for name, value in given.items() if value or name in ("error", "error-orig")}


def octal(octets: bytes) -> str:
    return "".join(f"\\{octet:03o}" for octet in octets)


def furnish(database: Database, settings: Settings, now: datetime) -> tuple[int, int]:
    """Lay down a city with one site, its router, the default terms and one banner."""
    with database.writing() as db:
        kota = Area(code="19.71", name="Kota Pangkalpinang", level="kota")
        db.add(kota)
        db.flush()
        kelurahan = Area(code="19.71.02.1001", name="Opas Indah", level="kelurahan", parent_id=kota.id)
        db.add(kelurahan)
        db.flush()
        site = Site(slug="alun-alun", name="Alun-Alun Taman Merdeka", area_id=kelurahan.id, created_at=now)
        db.add(site)
        db.flush()
        router = add_router(
            db,
            name="alun-1",
            site_id=site.id,
            address="10.9.0.2",
            login_host="10.5.50.1",
            secret="only-for-tests-0123456789",
            keys=settings.keys,
            now=now,
        )
        ensure_default_terms(db, now)
        add_banner(
            db,
            kota,
            {
                "id": {"title": "Imunisasi gratis", "text": "Sabtu pukul 08.00 di semua puskesmas. Bawa buku KIA."},
                "en": {"title": "Free immunisation", "text": "Saturday 8 am at every puskesmas. Bring the KIA book."},
            },
            starts_at=now,
        )
        return site.id, router.id


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def app(settings: Settings, database: Database, clock: Clock) -> Starlette:
    return create_app(settings, database, now=clock)


@pytest.fixture
def world(app: Starlette, settings: Settings, database: Database, clock: Clock) -> Iterator[World]:
    site_id, router_id = furnish(database, settings, clock.now)
    client = Client(app, **{"accept-language": "id-ID,id;q=0.9,en;q=0.5"})
    yield World(client, database, settings, clock, site_id, router_id)
    client.close()






