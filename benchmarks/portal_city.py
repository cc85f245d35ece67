"""A place that phones come to: a site with a router, the city's information, and what each of many phones asks the portal."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.portal import banners, tickets
from hotspot.portal.schedule import Schedule
from hotspot.routers.service import add_router
from hotspot.security import Keys
from hotspot.settings import Settings
from hotspot.sites.service import add_site
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff

KELURAHAN: Final = "19.71.02.1002"
NAME: Final = "Alun-Alun Taman Merdeka"
ROUTER_ADDRESS: Final = "10.5.50.1"
INFORMATION: Final = {
    "id": {"title": "Imunisasi gratis", "text": "Sabtu pukul 08.00 di semua puskesmas. Bawa buku KIA."},
    "en": {"title": "Free immunisation", "text": "Saturday 8 am at every puskesmas. Bring the KIA book."},
}
# An Android phone's mini-browser.
HEADERS: Final = (
    "host: 127.0.0.1",
    "user-agent: Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language: id-ID,id;q=0.9,en-US;q=0.8,en;q=0.7",
    "accept-encoding: gzip, deflate",
    "upgrade-insecure-requests: 1",
)


class Place(NamedTuple):
    """A site that phones come to."""

    site_id: int
    slug: str


def furnish(database: Database, settings: Settings, count: int = 1) -> list[Place]:
    """Add sites with a router each, and one banner for all, to an installation."""
    now = datetime.now(UTC)
    with database.writing() as db:
        places = [_place(db, settings, number, now) for number in range(1, count + 1)]
        kota = db.exec(select(Area).where(col(Area.code) == "19.71")).one()
        banner = banners.draft(db, kota, banners.Draft(INFORMATION, Schedule(now)), by=None, now=now)
        assert banner.id is not None
        approver = add_staff(db, "Benchmark", Role.ADMIN, now)
        banners.approve(db, banner.id, revision=banner.revision, by=approver, now=now)
    return places


def _place(db: Session, settings: Settings, number: int, now: datetime) -> Place:
    site = add_site(db, name=NAME, area_code=KELURAHAN, now=now)
    assert site.id is not None
    router = add_router(
        db,
        name=f"alun-{number}",
        site_id=site.id,
        address=f"127.0.10.{number}",
        secret=secrets.token_urlsafe(24),
        keys=settings.keys,
        now=now,
    )
    router.login_host = ROUTER_ADDRESS
    return Place(site.id, site.slug)


def mac() -> str:
    """A phone's random address."""
    return (b"\x06" + secrets.token_bytes(5)).hex(":").upper()


def arrival() -> dict[str, str]:
    """What the router's login.html sends along: the phone's address, the router's CHAP challenge, what the person wanted to open."""
    return {
        "mac": mac(),
        "ip": f"10.5.50.{secrets.randbelow(250) + 2}",
        "link-login-only": f"http://{ROUTER_ADDRESS}/login",
        "link-orig": f"http://news-{secrets.randbelow(10_000)}.example.com/today",
        "error": "",
        "error-orig": "",
        "chap-id": octal(secrets.token_bytes(1)),
        "chap-challenge": octal(secrets.token_bytes(16)),
        "username": "",
        "server-name": "hotspot1",
        "identity": "alun-1",
    }


def landing(slug: str) -> bytes:
    """What a phone asks after the router's login.html."""
    lines = [f"GET /p/{slug}?{encoded(arrival())} HTTP/1.1", *HEADERS, "", ""]
    return "\r\n".join(lines).encode()


def press(place: Place, terms_sha256: str, keys: Keys, now: datetime) -> bytes:
    """What a phone sends when somebody presses the button of the landing page."""
    given = arrival()
    sent = {
        **{name: given[name] for name in ("mac", "ip", "link-login-only", "chap-id", "chap-challenge", "link-orig")},
        "lang": "id",
        "terms": terms_sha256,
        "token": tickets.form_token(keys, site_id=place.site_id, mac=given["mac"], now=now),
        "press": tickets.new_press(),
        "method": "one-tap",
    }
    body = encoded(sent)
    lines = [
        f"POST /p/{place.slug}/login HTTP/1.1",
        *HEADERS,
        "sec-fetch-site: same-origin",
        "content-type: application/x-www-form-urlencoded",
        f"content-length: {len(body)}",
        "",
        body,
    ]
    return "\r\n".join(lines).encode()


def encoded(pairs: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items())


def octal(octets: bytes) -> str:
    """As RouterOS escapes what may be any octet."""
    return "".join(f"\\{octet:03o}" for octet in octets)
