"""Limits on guessing codes: a device is stopped, a site asks for more, nobody is kept out."""

from datetime import timedelta
from uuid import UUID, uuid4

from hotspot.db import Database
from hotspot.guests.guessing import DEVICE, EVERYWHERE, SITE, needs_number, note_wrong, return_try, take_try
from hotspot.guests.limits import Exceeded
from hotspot.guests.printed_codes import Typed, new_code
from hotspot.security import Keys
from tests.conftest import NOW

KEYS = Keys.derive("tests-only")
HERE, THERE = 1, 2


def tried(database: Database, device: UUID, *, site: int = HERE, number: int | None = None, now=NOW) -> Exceeded | None:
    """Try a wrong code."""
    typed = Typed(new_code(), number)
    with database.writing() as db:
        exceeded = take_try(db, typed, device_id=device, site_id=site, keys=KEYS, now=now)
        if exceeded is None:
            note_wrong(db, typed, site_id=site, keys=KEYS, now=now)
        return exceeded


def flood(database: Database, tries: int, site: int = HERE) -> None:
    """Wrong codes from so many invented devices."""
    with database.writing() as db:
        for _ in range(tries):
            note_wrong(db, Typed(new_code()), site_id=site, keys=KEYS, now=NOW)


def test_a_device_that_guesses_is_stopped_within_ten_tries_for_a_quarter_of_an_hour(database: Database) -> None:
    gina = uuid4()

    found = [tried(database, gina) for _ in range(10)]

    assert found[:8] == [None] * 8
    assert found[8:] == [Exceeded(DEVICE, NOW + timedelta(minutes=15))] * 2
    assert not needs_number(found[8])
    assert tried(database, gina, number=7) == found[8], "a number behind the code makes no difference to one device"
    assert tried(database, gina, site=THERE) is None
    assert tried(database, gina, now=NOW + timedelta(minutes=15)) is None


def test_three_hundred_residents_with_right_codes_and_an_abuser_among_them(database: Database) -> None:
    abuser = uuid4()
    for number in range(300):
        resident = {"device_id": uuid4(), "site_id": HERE, "keys": KEYS, "now": NOW}
        with database.writing() as db:
            assert take_try(db, Typed(new_code()), **resident) is None
            return_try(db, **resident)
        if number % 10 == 0:
            tried(database, abuser)

    assert tried(database, abuser) is not None
    assert tried(database, uuid4()) is None


def test_when_a_site_is_flooded_a_code_without_its_number_waits_and_one_with_it_does_not(database: Database) -> None:
    flood(database, SITE.most)

    found = tried(database, uuid4())

    assert found == Exceeded(SITE, NOW + timedelta(minutes=10))
    assert needs_number(found)
    assert tried(database, uuid4(), number=4711) is None
    gina = uuid4()
    assert [tried(database, gina) for _ in range(20)] == [found] * 20, "what is not looked at is no try"
    assert tried(database, uuid4(), site=THERE) is None, "other sites don't notice"
    assert tried(database, uuid4(), now=NOW + timedelta(minutes=10)) is None


def test_guesses_spread_over_all_sites_have_one_budget(database: Database) -> None:
    for site in range(EVERYWHERE.most // 250):
        flood(database, 250, site)

    found = tried(database, uuid4(), site=99)

    assert found is not None
    assert found.limit is EVERYWHERE
    assert tried(database, uuid4(), site=99, number=1) is None
