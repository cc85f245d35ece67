"""A city small enough to add up by hand: three kecamatan, four sites, guest sessions through the door of real ones."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from hotspot.areas.models import Area
from hotspot.routers.models import Router
from hotspot.sites.models import Site, SiteState
from hotspot.usage.rollup import rebuild_dirty
from tests.usage.reports import record
from tests.world import make_report, make_site

ZONE = ZoneInfo("Asia/Jakarta")
GINA, HADI, INTAN = (UUID(int=number) for number in (1, 2, 3))


def build_areas(db: Session) -> None:
    """Kota > Taman Sari (two kelurahan), Rangkui (one), Gerunggang (one, without sites)."""
    for code, name, level, parent in (
        ("19.71", "Kota Pangkalpinang", "kota", None),
        ("19.71.02", "Taman Sari", "kecamatan", "19.71"),
        ("19.71.02.1001", "Batin Tikal", "kelurahan", "19.71.02"),
        ("19.71.02.1002", "Rawa Bangun", "kelurahan", "19.71.02"),
        ("19.71.04", "Rangkui", "kecamatan", "19.71"),
        ("19.71.04.1001", "Bintang", "kelurahan", "19.71.04"),
        ("19.71.07", "Gerunggang", "kecamatan", "19.71"),
        ("19.71.07.1001", "Bukit Merapin", "kelurahan", "19.71.07"),
    ):
        db.add(Area(code=code, name=name, level=level, parent_id=area(db, parent).id if parent else None))
        db.flush()


def area(db: Session, code: str) -> Area:
    return db.exec(select(Area).where(Area.code == code)).one()


def build_site(db: Session, name: str, code: str, now: datetime, state: SiteState = SiteState.LIVE) -> Site:
    site = make_site(db, name, code, now, state=state)
    db.add(Router(name=f"{site.slug}-1", site_id=site.id, address="127.0.0.1", secret=b"sealed", created_at=now))
    db.flush()
    return site


def build_city(db: Session, now: datetime) -> dict[str, Site]:
    """Four sites: two in Batin Tikal, one in Rawa Bangun, one in Bintang."""
    build_areas(db)
    sites = (
        build_site(db, "Alun-Alun", "19.71.02.1001", now),
        build_site(db, "Perpustakaan", "19.71.02.1001", now),
        build_site(db, "Taman Merdeka", "19.71.02.1002", now),
        build_site(db, "Pasar Pagi", "19.71.04.1001", now),
    )
    return {site.slug: site for site in sites}


def visit(
    db: Session,
    site: Site,
    device: UUID,
    start: datetime,
    minutes: int,
    *,
    down: int | None = 1_000_000,
    up: int | None = 100_000,
    leaves: bool = True,
) -> None:
    """Record a session: its start, and its end or, when the device stays, one interim report."""
    router = db.exec(select(Router).where(Router.site_id == site.id)).one()
    who = {"router_id": router.id, "site_id": site.id, "device_id": device, "session_key": uuid4(), "started_at": start}
    last = make_report(**who, seen_after=timedelta(minutes=minutes), stopped=leaves, down=down, up=up)
    record(db, [make_report(**who), last])


def crowd(db: Session, site: Site, devices: int, start: datetime) -> None:
    """Record a minute of each of many devices."""
    router = db.exec(select(Router).where(Router.site_id == site.id)).one()
    who = {"router_id": router.id, "site_id": site.id, "started_at": start, "seen_after": timedelta(minutes=1)}
    record(db, [make_report(**who, device_id=UUID(int=number), stopped=True) for number in range(devices)])


def roll_up(db: Session) -> None:
    rebuild_dirty(db, ZONE)
