"""Accounts, one-time links, log-ins: once, in time, and never after the account was shut."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from hotspot.db import Database
from hotspot.staff import service
from hotspot.staff.models import LoginLink, Role, StaffLogin


@pytest.fixture
def link(database: Database, now: datetime) -> str:
    """Alice's fresh link."""
    with database.writing() as db:
        service.add_staff(db, "Alice", Role.ADMIN, now)
        return service.make_login_link(db, "Alice", now)


def sign_in(database: Database, link: str, now: datetime) -> str:
    with database.writing() as db:
        return service.sign_in(db, link, now)


def who(database: Database, cookie: str, now: datetime) -> str | None:
    with database.reading() as db:
        staff = service.find_staff_by_cookie(db, cookie, now)
        return staff.name if staff else None


def test_a_link_signs_in_once(database: Database, link: str, now: datetime) -> None:
    cookie = sign_in(database, link, now)

    assert who(database, cookie, now) == "Alice"
    with pytest.raises(service.LinkNotUsable):
        sign_in(database, link, now)


def test_a_link_runs_out_after_a_quarter_of_an_hour(database: Database, link: str, now: datetime) -> None:
    with pytest.raises(service.LinkNotUsable):
        sign_in(database, link, now + timedelta(minutes=15))

    assert sign_in(database, link, now + timedelta(minutes=15, seconds=-1))


def test_only_one_of_many_browsers_wins_a_link(database: Database, link: str, now: datetime) -> None:
    def attempt(_: int) -> str | None:
        try:
            return sign_in(database, link, now)
        except service.LinkNotUsable:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [cookie for cookie in pool.map(attempt, range(16)) if cookie]

    assert len(won) == 1
    with database.reading() as db:
        assert len(db.exec(select(StaffLogin)).all()) == 1


def test_an_unknown_link_signs_nobody_in(database: Database, link: str, now: datetime) -> None:
    for token in ("", "x" * 43, link + "x", link[:-1], "\x00", "☃"):
        with pytest.raises(service.LinkNotUsable):
            sign_in(database, token, now)


def test_a_log_in_ends_after_twelve_hours_however_busy(database: Database, link: str, now: datetime) -> None:
    cookie = sign_in(database, link, now)

    assert who(database, cookie, now + timedelta(hours=12, seconds=-1)) == "Alice"
    assert who(database, cookie, now + timedelta(hours=12)) is None


def test_a_disabled_account_is_out_at_once(database: Database, link: str, now: datetime) -> None:
    cookie = sign_in(database, link, now)
    with database.writing() as db:
        second = service.make_login_link(db, "Alice", now)
        service.disable_staff(db, "Alice", now)

    assert who(database, cookie, now) is None
    with pytest.raises(service.LinkNotUsable):
        sign_in(database, second, now)
    with pytest.raises(service.StaffDisabled, match="Alice"), database.writing() as db:
        service.make_login_link(db, "Alice", now)


def test_signing_out_ends_this_log_in_only(database: Database, link: str, now: datetime) -> None:
    phone = sign_in(database, link, now)
    with database.writing() as db:
        laptop = service.sign_in(db, service.make_login_link(db, "Alice", now), now)
        service.sign_out(db, phone)
        service.sign_out(db, "never existed")

    assert who(database, phone, now) is None
    assert who(database, laptop, now) == "Alice"


def test_the_database_alone_signs_nobody_in(database: Database, link: str, now: datetime) -> None:
    cookie = sign_in(database, link, now)

    with database.reading() as db:
        stored = [row.token_hash for row in (*db.exec(select(LoginLink)), *db.exec(select(StaffLogin)))]

    assert len(stored) == 2
    assert not {link.encode(), cookie.encode()} & set(stored)


def test_what_ran_out_is_forgotten(database: Database, link: str, now: datetime) -> None:
    sign_in(database, link, now)
    tomorrow = now + timedelta(days=1)

    with database.writing() as db:
        fresh = service.make_login_link(db, "Alice", tomorrow)
    sign_in(database, fresh, tomorrow)

    with database.reading() as db:
        assert len(db.exec(select(LoginLink)).all()) == 1
        assert len(db.exec(select(StaffLogin)).all()) == 1


def test_a_name_is_taken_once(database: Database, link: str, now: datetime) -> None:
    with pytest.raises(service.StaffExists, match="Alice"), database.writing() as db:
        service.add_staff(db, " Alice ", Role.OFFICIAL, now)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "Ali\nce", "\x00"])
def test_a_name_that_is_none_is_refused(database: Database, now: datetime, name: str) -> None:
    with pytest.raises(service.BadStaffName), database.writing() as db:
        service.add_staff(db, name, Role.OFFICIAL, now)


def test_a_link_for_nobody_says_how_to_add_somebody(database: Database, now: datetime) -> None:
    with pytest.raises(service.NoSuchStaff, match="hotspot staff add"), database.writing() as db:
        service.make_login_link(db, "Bob", now)
