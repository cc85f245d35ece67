"""Backups of routers: sealed for their router and time, bounded, found again, forgotten in time."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspot.db import Database
from hotspot.routers import backups
from hotspot.routers.backups import (
    NoSuchBackup,
    Reason,
    RouterBackup,
    TooLarge,
    backups_of,
    forget_old_backups,
    get_backup,
    store,
    unsealed,
)
from hotspot.security import CannotUnseal, Keys
from tests.world import World

EXPORT = b"/system identity\nset name=alun-alun-1\n/ppp secret\nadd password=very-secret-words\n" * 50
DAY = timedelta(days=1)


def keep(database: Database, world: World, plain: bytes, *, router: int | None = None, at: datetime) -> int:
    with database.writing() as db:
        backup = store(
            db, router or world.router, plain, reason=Reason.NIGHTLY, version="7.20.4", keys=world.keys, now=at
        )
        assert backup.id is not None
        return backup.id


def kept(database: Database, number: int) -> RouterBackup:
    with database.reading() as db:
        backup = db.get(RouterBackup, number)
        assert backup is not None
        return backup


@given(plain=st.binary(max_size=5000))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_kept_comes_back_octet_for_octet(plain: bytes, database: Database, world: World) -> None:
    with database.writing() as db:
        backup = store(db, world.router, plain, reason=Reason.ASKED, version="7", keys=world.keys, now=world.now)
        db.refresh(backup)

        assert unsealed(backup, world.keys) == plain
        assert backup.size == len(plain)
        db.rollback()


def test_the_database_shows_nothing_of_what_is_in_it_and_keeps_it_small(database: Database, world: World) -> None:
    backup = kept(database, keep(database, world, EXPORT, at=world.now))

    assert b"secret" not in backup.content
    assert len(backup.content) < len(EXPORT) / 10
    assert "very-secret" not in repr(backup)


def test_a_backup_opens_only_with_its_key_for_its_router_and_its_time(database: Database, world: World) -> None:
    number = keep(database, world, EXPORT, at=world.now)

    for field, value in (("router_id", world.other_router), ("taken_at", world.now + timedelta(microseconds=1))):
        moved = kept(database, number)
        setattr(moved, field, value)
        with pytest.raises(CannotUnseal):
            unsealed(moved, world.keys)
    with pytest.raises(CannotUnseal):
        unsealed(kept(database, number), Keys.derive("another key of this length, at least"))
    altered = kept(database, number)
    altered.content = altered.content[:-1] + bytes([altered.content[-1] ^ 1])
    with pytest.raises(CannotUnseal):
        unsealed(altered, world.keys)


def test_what_is_no_configuration_any_more_is_refused(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "LARGEST", 1000)
    keep(database, world, b"x" * 1000, at=world.now)

    with pytest.raises(TooLarge, match="1000 octets, this one has 1001"):
        keep(database, world, b"x" * 1001, at=world.now + DAY)


def test_backups_are_listed_by_router_the_newest_first(database: Database, world: World) -> None:
    first, second = (keep(database, world, EXPORT, at=world.now + days * DAY) for days in (0, 1))
    other = keep(database, world, EXPORT, router=world.other_router, at=world.now)

    with database.reading() as db:
        assert [backup.id for backup in backups_of(db, world.router)] == [second, first]
        assert get_backup(db, world.router, None, name="it").id == second
        assert get_backup(db, world.router, first, name="it").id == first
        with pytest.raises(NoSuchBackup, match="alun-alun-1 has no such backup"):
            get_backup(db, world.router, other, name="alun-alun-1")


def test_old_backups_are_forgotten_but_never_a_routers_newest(database: Database, world: World) -> None:
    at = (world.now - 91 * DAY, world.now - 90 * DAY, world.now)
    _, borderline, newest = (keep(database, world, EXPORT, at=moment) for moment in at)
    keep(database, world, EXPORT, router=world.other_router, at=world.now - 400 * DAY)
    lonely = keep(database, world, EXPORT, router=world.other_router, at=world.now - 399 * DAY)

    with database.writing() as db:
        forget_old_backups(db, now=world.now)

    with database.reading() as db:
        assert [backup.id for backup in backups_of(db, world.router)] == [newest, borderline]
        assert [backup.id for backup in backups_of(db, world.other_router)] == [lonely]
