"""The city that the RADIUS benchmark and campaigns load: one site, its routers on loopback addresses, and people who log in."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
from sqlalchemy import text

from benchmarks.radius_packets import Guest, Reporter
from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.routers.service import add_router
from hotspot.security import Keys
from hotspot.settings import Settings
from hotspot.sites.models import Site

ROUTERS = 8
SLUG = "benchmark"

# Credentials as the portal issues them after a consent, but for a whole run at once, and alive until its end.
ISSUE = """
    WITH here AS (SELECT id FROM site WHERE slug = %(slug)s),
    numbered AS (SELECT device_id, row_number() OVER () AS place FROM applicant),
    given AS (
        INSERT INTO consent (device_id, guest_id, site_id, terms_sha256, language, method, given_at, salt, entry)
        SELECT device_id, device_id, here.id, repeat('0', 64), 'id', 'one-tap', now(), '', appended.first + place - 1
        FROM numbered, here, (
            SELECT ledger_append('given', array_agg(now()), array_agg(sha256(''))) AS first FROM applicant) AS appended
        RETURNING id, device_id
    )
    INSERT INTO credential (id, site_id, device_id, guest_id, consent_id, language, issued_at, expires_at)
    SELECT applicant.id, here.id, given.device_id, given.device_id, given.id, 'id', now(), now() + interval '1 hour'
    FROM applicant JOIN given USING (device_id), here
"""


def add_reporters(database: Database, settings: Settings, count: int = ROUTERS) -> list[Reporter]:
    """Add a site with routers to an empty database, and give what each router knows of itself."""
    now = datetime.now(UTC)
    reporters = [
        Reporter(f"127.0.10.{number}", f"bench-{number}", secrets.token_urlsafe(24).encode())
        for number in range(1, count + 1)
    ]
    with database.writing() as db:
        area = Area(code="99.99.99.9999", name="Benchmark", level="kelurahan")
        db.add(area)
        db.flush()
        assert area.id is not None
        site = Site(slug=SLUG, name="Benchmark", area_id=area.id, created_at=now)
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


def issue_credentials(database: Database, keys: Keys, count: int) -> Sequence[Guest]:
    """Give so many devices, each its own, a consent and a one-time credential at the site."""
    guests, applicants = [], []
    for _ in range(count):
        credential_id, mac = uuid4(), b"\xbc" + secrets.token_bytes(5)
        password = keys.one_time_password(credential_id).encode()
        written = mac.hex(":").upper().encode()
        guests.append(Guest(credential_id.hex.encode(), password, written, credential_id.bytes))
        applicants.append((credential_id, keys.device_id(mac)))
    with psycopg.connect(database.dsn) as connection:
        connection.execute("CREATE TEMP TABLE applicant (id uuid, device_id uuid) ON COMMIT DROP")
        with connection.cursor().copy("COPY applicant FROM STDIN") as copy:
            for row in applicants:
                copy.write_row(row)
        connection.execute(ISSUE, {"slug": SLUG})
    return guests


def sessions_stored(database: Database) -> int:
    """How many guest sessions the database holds."""
    with database.reading() as db:
        return int(db.scalar(text("SELECT count(*) FROM guest_session")) or 0)


def credentials_used(database: Database) -> int:
    """How many credentials were used up."""
    with database.reading() as db:
        return int(db.scalar(text("SELECT count(*) FROM credential WHERE used_at IS NOT NULL")) or 0)
