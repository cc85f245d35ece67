"""The city that the RADIUS benchmark and campaign load: one site, some routers on loopback addresses."""

import secrets
from datetime import UTC, datetime

from benchmarks.radius_load import Reporter
from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.routers.service import add_router
from hotspot.settings import Settings
from hotspot.sites.models import Site

ROUTERS = 8


def add_reporters(database: Database, settings: Settings) -> list[Reporter]:
    """Add a site with routers to an empty database, and give what each router knows of itself."""
    now = datetime.now(UTC)
    reporters = [
        Reporter(f"127.0.10.{number}", f"bench-{number}", secrets.token_urlsafe(24).encode())
        for number in range(1, ROUTERS + 1)
    ]
    with database.writing() as db:
        area = Area(code="99.99.99.9999", name="Benchmark", level="kelurahan")
        db.add(area)
        db.flush()
        assert area.id is not None
        site = Site(slug="benchmark", name="Benchmark", area_id=area.id, created_at=now)
        db.add(site)
        db.flush()
        assert site.id is not None
        for reporter in reporters:
            add_router(
                db,
                name=reporter.name,
                site_id=site.id,
                address=reporter.address,
                secret=reporter.secret.decode(),
                keys=settings.keys,
                now=now,
            )
    return reporters
