"""The cast. Everything real: the packaged areas, sites and staff made by the services that make them in life.

Alice owns everything. Bob is network staff and looks after Gerunggang, Charlie is an official of Taman Sari. Gina is a guest. The
sites are Alun-Alun in Taman Sari and Perpustakaan in Gerunggang, each with one router.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlmodel import Session

from hotspot.areas.importer import import_packaged_areas
from hotspot.guests.models import MacAddress
from hotspot.guests.service import Login, give_consent, issue_credential
from hotspot.routers.models import Router
from hotspot.routers.service import add_router
from hotspot.security import Keys
from hotspot.sites.models import Site, SiteState
from hotspot.sites.service import add_site
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff
from hotspot.usage.counters import Report

KOTA = "19.71"
TAMAN_SARI = "19.71.02"
GEDUNG_NASIONAL = "19.71.02.1002"
GERUNGGANG = "19.71.05"
BUKIT_SARI = "19.71.05.1004"

ALICE, BOB, CHARLIE = "Alice", "Bob", "Charlie"
GINA = MacAddress.parse("BC:24:11:EB:56:4D")
OTHER_PHONE = MacAddress.parse("BC:24:11:00:00:02")
ROUTER_SECRET = "the-routers-own-secret-of-32-chars"


@dataclass(frozen=True, slots=True)
class World:
    """Ids, which stay good when the transaction that made them has ended."""

    keys: Keys
    now: datetime
    alun_alun: int
    perpustakaan: int
    router: int
    other_router: int

    def device(self, mac: MacAddress = GINA) -> UUID:
        return self.keys.device_id(mac.octets)

    def login(self, db: Session, *, mac: MacAddress = GINA, site: int | None = None) -> Login:
        """What the portal hands to a phone whose owner agreed."""
        consent = give_consent(
            db,
            device_id=self.device(mac),
            site_id=site or self.alun_alun,
            terms_sha256="0" * 64,
            language="id",
            now=self.now,
        )
        return issue_credential(db, consent, keys=self.keys, now=self.now)


def build(db: Session, keys: Keys, now: datetime) -> World:
    """Make the cast in an empty, migrated database."""
    import_packaged_areas(db)
    for name, role in ((ALICE, Role.ADMIN), (BOB, Role.NETWORK), (CHARLIE, Role.OFFICIAL)):
        add_staff(db, name, role, now)
    alun_alun = make_site(db, "Alun-Alun", GEDUNG_NASIONAL, now)
    perpustakaan = make_site(db, "Perpustakaan", BUKIT_SARI, now)
    router = make_router(db, "alun-alun-1", alun_alun, "127.0.0.2", keys, now)
    other_router = make_router(db, "perpustakaan-1", perpustakaan, "127.0.0.3", keys, now)
    return World(keys, now, *(_id(row) for row in (alun_alun, perpustakaan, router, other_router)))


def make_site(db: Session, name: str, area_code: str, now: datetime, *, state: SiteState = SiteState.LIVE) -> Site:
    return add_site(db, name=name, area_code=area_code, address="", latitude=None, longitude=None, state=state, now=now)


def make_router(db: Session, name: str, site: Site, address: str, keys: Keys, now: datetime) -> Router:
    return add_router(db, name=name, site_id=_id(site), address=address, secret=ROUTER_SECRET, keys=keys, now=now)


def make_report(
    *,
    router_id: int = 1,
    site_id: int = 1,
    session_key: UUID | None = None,
    device_id: UUID | None = None,
    started_at: datetime,
    seen_after: timedelta = timedelta(),
    stopped: bool = False,
    end_cause: int | None = None,
    down: int | None = None,
    up: int | None = None,
) -> Report:
    """One accounting report: `down` and `up` are octets to and from the device so far."""
    seen_at = started_at + seen_after
    return Report(
        router_id=router_id,
        session_key=session_key or uuid4(),
        site_id=site_id,
        device_id=device_id or uuid4(),
        admission_id=None,
        acct_session_id="80000001",
        address="10.5.50.2",
        started_at=started_at,
        last_seen_at=seen_at,
        ended_at=seen_at if stopped else None,
        end_cause=end_cause,
        seconds=int(seen_after.total_seconds()),
        octets_from_device=up,
        octets_to_device=down,
    )


def _id(row: Site | Router) -> int:
    assert row.id is not None
    return row.id
