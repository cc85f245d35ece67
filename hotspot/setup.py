"""What a new installation starts with: the packaged areas, information and terms, all replaceable data, and its key's mark.

The mark is a value sealed with the installation's key, so that a program started with another key is told at once, instead of
storing secrets that the running one can't open.
"""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Field, Session, SQLModel

from hotspot.areas.importer import import_packaged_areas
from hotspot.db import Database, open_database
from hotspot.errors import Invalid
from hotspot.guests.terms import ensure_default_terms
from hotspot.portal.drafts import lay_down_drafts
from hotspot.security import CannotUnseal, Keys
from hotspot.settings import Settings

SETUP_LOCK = 0x73657475  # "setu"
CONTEXT = "installation"


class Installation(SQLModel, table=True):
    """The one row about the installation itself."""

    id: int = Field(default=1, primary_key=True)
    key_mark: bytes


class WrongKey(Invalid):
    """This database belongs to another HOTSPOT_SECRET_KEY; give the one it was made with (by default secret.key in the data directory)"""


def open_installation(settings: Settings, *, now: datetime) -> Database:
    """Open the database, bring its schema up to date and lay down what a new one needs.

    Raises:
        WrongKey: its secrets were sealed with another key.
    """
    database = open_database(settings)
    try:
        with database.writing() as db:
            db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SETUP_LOCK})
            _check_key(db, settings.keys)
            if db.scalar(text("SELECT count(*) FROM area")) == 0:
                import_packaged_areas(db)
                lay_down_drafts(db, zone=settings.zone, now=now)
            ensure_default_terms(db, now)
    except BaseException:
        database.close()
        raise
    return database


def _check_key(db: Session, keys: Keys) -> None:
    known = db.get(Installation, 1)
    if known is None:
        db.add(Installation(key_mark=keys.seal(CONTEXT, context=CONTEXT)))
        return
    try:
        keys.unseal(known.key_mark, context=CONTEXT)
    except CannotUnseal as error:
        raise WrongKey from error
