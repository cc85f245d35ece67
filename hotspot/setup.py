"""What a new installation starts with: the packaged area tree and the default terms, both replaceable data."""

from datetime import datetime

from sqlalchemy import text

from hotspot.areas.importer import import_packaged_areas
from hotspot.db import Database, open_database
from hotspot.portal.terms import ensure_default_terms
from hotspot.settings import Settings

SETUP_LOCK = 0x73657475  # "setu"


def open_installation(settings: Settings, *, now: datetime) -> Database:
    """Open the database, bring its schema up to date and lay down what a new one needs."""
    database = open_database(settings)
    with database.writing() as db:
        db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SETUP_LOCK})
        if db.scalar(text("SELECT count(*) FROM area")) == 0:
            import_packaged_areas(db)
        ensure_default_terms(db, now)
    return database
