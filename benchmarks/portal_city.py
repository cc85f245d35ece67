"""A place that phones come to: a site with a router, the city's information, and what each of many phones asks the portal."""

import secrets
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from sqlmodel import col, select

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.portal import banners
from hotspot.portal.schedule import Schedule
from hotspot.routers.service import add_router
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


def furnish(database: Database, settings: Settings) -> str:
    """Add the site, its router and one banner to an installation; return the site's slug."""
    now = datetime.now(UTC)
    with database.writing() as db:
        site = add_site(db, name=NAME, area_code=KELURAHAN, now=now)
        assert site.id is not None
        secret = secrets.token_urlsafe(24)
        router = add_router(
            db, name="alun-1", site_id=site.id, address="127.0.10.1", secret=secret, keys=settings.keys, now=now
        )
        router.login_host = ROUTER_ADDRESS
        kota = db.exec(select(Area).where(col(Area.code) == "19.71")).one()
        banner = banners.draft(db, kota, banners.Draft(INFORMATION, Schedule(now)), by=None, now=now)
        assert banner.id is not None
        approver = add_staff(db, "Benchmark", Role.ADMIN, now)
        banners.approve(db, banner.id, revision=banner.revision, by=approver, now=now)
        return site.slug


def mac() -> str:
    """A phone's random address."""
    return (b"\x06" + secrets.token_bytes(5)).hex(":").upper()


def landing(slug: str) -> bytes:
    """What a phone asks after the router's login.html: its address, the router's CHAP challenge, what it wanted to open."""
    given = {
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
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())
    lines = [f"GET /p/{slug}?{query} HTTP/1.1", *HEADERS, "", ""]
    return "\r\n".join(lines).encode()


def octal(octets: bytes) -> str:
    """As RouterOS escapes what may be any octet."""
    return "".join(f"\\{octet:03o}" for octet in octets)
