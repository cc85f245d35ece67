"""The ``hotspot demo`` command: the whole product on an embedded database, over a simulated city.

The product's parts are the real ones, started as ``hotspot serve`` does; only routers and phones are simulated, and there is no WireGuard:
tunnel addresses are loopback ones. Routers come into service by the product's own way (`rollout`), all but the last one, which is left
for a person. Everything it starts ends with it. Its data directory is marked (`demo_folder`), so that ``hotspot serve`` refuses it.
"""

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session, select

from hotspot.areas.service import get_area, top_area
from hotspot.db import Database
from hotspot.portal.banners import BannerState, all_banners, approve, state_of
from hotspot.process import Part, Running, running
from hotspot.routers.models import Router
from hotspot.settings import Settings
from hotspot.setup import open_installation
from hotspot.simulator import rollout
from hotspot.simulator.city import City, SimulatedSite
from hotspot.simulator.history import Hotspot, write_history
from hotspot.simulator.places import Place, choose_places
from hotspot.sites import settings as site_settings
from hotspot.sites.models import Site, SiteState, home
from hotspot.sites.service import add_site, find_site, slug_of
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff, find_staff, get_staff, make_login_link
from hotspot.usage.counters import EndedBy
from hotspot.usage.rollup import local_days, rebuild_days, rebuild_hours

PAST = timedelta(days=30)
SOCKETS_A_BOX = 8
SPARE_FILES = 1000
SEED = 1971
STAFF = "Alice (demo)"
Step = Callable[[str, int], AbstractContextManager[Callable[[], None]]]
"""Shows what is being done while it is; how many times the yielded function will be called, if it is."""
BOXES = (("hAP ax^2", "7.20.8"), ("cAP ax", "7.22.3"), ("hAP ac^2", "7.24"), ("RB951Ui-2HnD", "7.19.6"))
INTERIM_SECONDS = 30  # the shortest a site may have: the console moves while people watch
FREE = "www.lapor.go.id"  # where one of the packaged drafts leads


class DemoSite(NamedTuple):
    """A site of the demo, and the box that is brought there."""

    id: int
    simulated: SimulatedSite


@contextmanager
def demo_city(settings: Settings, *, sites: int, step: Step) -> Iterator[dict[str, object]]:
    """Start everything and yield the links to print; stop everything at the end. The data directory is marked already."""
    now = datetime.now(UTC)
    _allow_files(SOCKETS_A_BOX * sites + SPARE_FILES)
    with ExitStack() as stack:
        with step("Starting the database", 1):
            database = open_installation(settings, now=now)
            stack.callback(database.close)
        with step(f"Founding a city with {sites} places", 1), database.writing() as db:
            places = _found(db, settings, sites=sites, now=now)
        with step("Starting portal, console, RADIUS, clock and queue", 1):
            process = stack.enter_context(running(settings, set(Part), database))
        with step("Switching on the routers, which enrol", 1):
            city = City([place.simulated for place in places], zone=settings.zone)
            city.start()
            stack.callback(city.stop)
            names = rollout.enrol(database, settings, city, [place.simulated for place in places])
        with step("Writing 30 days of history", 1), database.writing() as db:
            _say_where_routers_are(db, city)
            _write_past(db, settings, places, now=now)
        *served, last = [names[place.simulated.slug] for place in places]
        fresh = last if served else None
        served = served or [last]
        with step("Planning and applying what they should be", len(served)) as advance:
            rollout.configure(database, settings, served, made_by=STAFF, advance=advance)
        city.start_phones()
        link = {"fresh_router": fresh, "fresh_phone": _login_page(city, places[-1]) if fresh else None}
        yield _links(settings, database, process, places, city) | link


def _allow_files(count: int) -> None:
    """Let this process open so many files, as far as it may: sockets count, and many systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _links(
    settings: Settings, database: Database, process: Running, places: Sequence[DemoSite], city: City
) -> dict[str, object]:
    first = places[0].simulated
    with database.writing() as db:
        link = f"{settings.base_url}/console/login/{make_login_link(db, name=STAFF, now=datetime.now(UTC))}"
    return {
        "console": link,
        "phone": _login_page(city, places[0]),
        "portal_preview": f"{settings.base_url}{home(first.slug)}",
        "http_port": settings.http_port,
        "radius_auth_port": process.radius_auth_port,
        "radius_acct_port": process.radius_acct_port,
        "data_dir": str(settings.data_dir.resolve()),
        "sites": len(places),
    }


def _login_page(city: City, place: DemoSite) -> str:
    """Where a person's browser can be a phone at a place."""
    return f"http://{city.login_host(place.simulated.slug)}/"


def _found(db: Session, settings: Settings, *, sites: int, now: datetime) -> Sequence[DemoSite]:
    """Lay the city down where it is missing: what an earlier demo in this folder made is used again."""
    if find_staff(db, STAFF) is None:
        add_staff(db, STAFF, Role.ADMIN, now)
    city = top_area(db)
    site_settings.give(db, city, "interim_seconds", INTERIM_SECONDS)
    site_settings.give(db, city, "ssid", "WiFi Kota")
    site_settings.give(db, city, "walled_garden", FREE)
    _approve_drafts(db, now)
    return [_place(db, settings, place, number, now=now) for number, place in enumerate(choose_places(sites))]


def _approve_drafts(db: Session, now: datetime) -> None:
    for banner, _ in all_banners(db):
        if banner.drafted_by is None and state_of(banner, now) is BannerState.DRAFT:
            approve(db, banner.id or 0, revision=banner.revision, by=get_staff(db, STAFF), now=now)


def _place(db: Session, settings: Settings, place: Place, number: int, *, now: datetime) -> DemoSite:
    site = find_site(db, slug_of(place.name)) or _new_site(db, place, now=now)
    assert site.id is not None
    model, version = BOXES[number % len(BOXES)]
    simulated = SimulatedSite(
        site.slug,
        place,
        portal_url=f"{settings.base_url}{home(site.slug)}",
        serial=f"SIM{number:06d}",
        model=model,
        version=version,
        uplink=_uplink(number),
    )
    return DemoSite(site.id, simulated)


def _new_site(db: Session, place: Place, *, now: datetime) -> Site:
    area = get_area(db, place.area)
    return add_site(
        db,
        name=place.name,
        area_code=place.area,
        address="",
        latitude=area.latitude,
        longitude=area.longitude,
        state=SiteState.LIVE,
        now=now,
    )


def _uplink(number: int) -> str:
    """Each box has a loopback address of its own; the first two share one, as behind one NAT."""
    shared = max(number, 1)
    return f"127.64.{shared // 250}.{shared % 250 + 1}"


def _say_where_routers_are(db: Session, city: City) -> None:
    """Register where this machine's browsers find the routers' log-in pages, whose ports are others each time."""
    for slug, host in city.login_hosts.items():
        db.execute(
            text("UPDATE router SET login_host = :host WHERE site_id = (SELECT id FROM site WHERE slug = :slug)"),
            {"host": host, "slug": slug},
        )


def _write_past(db: Session, settings: Settings, places: Sequence[DemoSite], *, now: datetime) -> None:
    """Write what is missing of the last 30 days; sessions left open by a demo that was cut off end where they were last seen."""
    cut_off = text("UPDATE guest_session SET ended_at = last_seen_at, ended_by = :lost WHERE ended_at IS NULL")
    db.execute(cut_off, {"lost": EndedBy.LOST})
    last = db.scalar(text("SELECT MAX(last_seen_at) FROM guest_session"))
    since = max(now - PAST, last or now - PAST)
    hotspots = [Hotspot(place.simulated.place, place.id, _router_of(db, place)) for place in places]
    write_history(db, hotspots, since=since, until=now, zone=settings.zone, seed=SEED)
    first, end = local_days(since, now, settings.zone)
    rebuild_hours(db, first, end)
    rebuild_days(db, first, end, settings.zone)


def _router_of(db: Session, place: DemoSite) -> int:
    found = db.exec(select(Router.id).where(Router.serial == place.simulated.serial)).one()
    assert found is not None
    return found
