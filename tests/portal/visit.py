"""A guest's visit to Alun-Alun over HTTP: a plain browser, what the router hands over, and what RADIUS does meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import Session, col, select
from starlette.types import ASGIApp

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.guests.service import Presented, redeem
from hotspot.guests.terms import ensure_default_terms
from hotspot.portal.banners import Draft, approve, draft
from hotspot.portal.models import Banner
from hotspot.portal.schedule import Schedule
from hotspot.routers.models import Router
from hotspot.settings import Settings
from hotspot.sites.models import Site
from hotspot.staff.service import get_staff
from hotspot.usage.models import GuestSession
from tests.world import ALICE, BOB, GINA, KOTA, World

MAC = str(GINA)
ROUTER = "http://10.5.50.1"
CHALLENGE = bytes([0x0E, 0x5C, 0xB0, 0x61, 0x00, 0x0A, 0x83, 0x85, 0xF2, 0x34, 0xB8, 0x22, 0xBD, 0x8B, 0x93, 0xFF])
TABLES = (
    "consent",
    "credential",
    "sign_in_attempt",
    "guest_session",
    "terms",
    "banner",
    "site",
    "router",
    "area",
    "setting",
)


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
        return str(form["action"]), {str(a["name"]): str(a["value"]) for a in self.all("input")}

    @property
    def refresh(self) -> list[str | None]:
        return [a.get("content") for a in self.all("meta") if (a.get("http-equiv") or "").lower() == "refresh"]

    @property
    def addresses(self) -> list[str]:
        """Everything a browser might follow or load."""
        names = ("href", "src", "action", "formaction", "data", "srcset", "poster", "xlink:href", "background", "cite")
        return [str(a[name]) for _, a in self.elements for name in names if a.get(name) is not None]


class Client:
    """A browser without cookies and scripts: plain requests to the application, one after the other."""

    def __init__(self, app: ASGIApp, **headers: str) -> None:
        self.headers = headers
        self._app = app
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

    def get_raw(self, path: str, query: bytes) -> tuple[int, str]:
        """Ask with a query that httpx refuses to send; return status and body."""
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in self.headers.items()],
        }
        sent: list[dict] = []

        async def send(message: dict) -> None:
            sent.append(message)

        async def receive() -> dict:
            return {"type": "http.request"}

        self._runner.run(self._app(scope, receive, send))
        return sent[0]["status"], b"".join(message["body"] for message in sent[1:]).decode()

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


@dataclass
class Visit:
    """Gina at Alun-Alun."""

    client: Client
    database: Database
    settings: Settings
    clock: Callable[[], datetime]
    world: World
    app: FastAPI

    def open(self, path: str = "/p/alun-alun", **params: str) -> Page:
        response = self.client.get(path, params=params or None)
        assert response.status_code == 200
        return Page(response.text)

    def welcome(self, **more: str) -> Page:
        return self.open(**handed(**more))

    def press(self, page: Page, **changed: str) -> httpx.Response:
        action, fields = page.form
        return self.client.post(action, data={**fields, **changed})

    def log_in(self, **more: str) -> dict[str, str]:
        """Press the button; return the parameters that the router's /login is given."""
        response = self.press(self.welcome(**more))
        assert response.status_code == 303
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))

    def accept(self, user_name: str) -> None:
        """What RADIUS does when the router asks."""
        device_id, now = self.world.device(), self.clock()
        with self.database.writing() as db:
            assert redeem(db, [Presented(UUID(user_name), self.world.alun_alun, device_id)], now=now)

    def start(self, user_name: str, **more: object) -> None:
        """What accounting does when the router reports."""
        given = {
            "router_id": self.world.router,
            "session_key": UUID(user_name),
            "site_id": self.world.alun_alun,
            "device_id": self.world.device(),
            "admission_id": UUID(user_name),
            "acct_session_id": "80000001",
            "started_at": self.clock(),
            "last_seen_at": self.clock(),
        }
        with self.database.writing() as db:
            db.add(GuestSession(**{**given, **more}))

    def online(self) -> dict[str, str]:
        """Press the button and let RADIUS do its part."""
        login = self.log_in()
        self.accept(login["username"])
        self.start(login["username"])
        return login

    def rows(self) -> dict[str, int]:
        with self.database.reading() as db:
            return {table: db.scalar(text(f"SELECT count(*) FROM {table}")) for table in TABLES}


def path_of(login: dict[str, str]) -> str:
    """The online page's path and query, from what the router's /login was given."""
    url = urlsplit(login["dst"])
    return f"{url.path}?{url.query}"


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


def furnish(db: Session, world: World, login_host: str = "10.5.50.1") -> None:
    """Give Alun-Alun's router a login page, the installation its terms and the city one banner."""
    db.get_one(Router, world.router).login_host = login_host
    ensure_default_terms(db, world.now)
    kota = db.exec(select(Area).where(col(Area.code) == KOTA)).one()
    texts = {
        "id": {"title": "Imunisasi gratis", "text": "Sabtu pukul 08.00 di semua puskesmas. Bawa buku KIA."},
        "en": {"title": "Free immunisation", "text": "Saturday 8 am at every puskesmas. Bring the KIA book."},
    }
    publish_banner(db, kota, texts, now=world.now)


def publish_banner(
    db: Session,
    place: Area | Site,
    texts: dict[str, dict[str, str]],
    *,
    now: datetime,
    link: str = "",
    image: str | None = None,
    priority: int = 0,
    **when: object,
) -> Banner:
    """Information that Bob drafted and Alice approved."""
    wanted = Draft(texts, Schedule(**{"starts_at": now, **when}), link, image, priority)
    banner = draft(db, place, wanted, by=get_staff(db, BOB), now=now)
    approve(db, banner.id or 0, revision=banner.revision, by=get_staff(db, ALICE), now=now)
    return banner
