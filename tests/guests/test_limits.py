"""Limits that all processes share: how many tries are let through, for whom, and for how long."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import text

from hotspot.db import Database
from hotspot.guests.limits import Exceeded, Limit, forget_windows, give_back, take
from hotspot.security import Keys
from tests.conftest import NOW

KEYS = Keys.derive("tests-only")
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
DEVICE = Limit("device", 3, HOUR)
SITE = Limit("site", 5, HOUR)


def taken(database: Database, *counted, now=NOW) -> Exceeded | None:
    with database.writing() as db:
        return take(db, counted, keys=KEYS, now=now)


def test_the_first_tries_are_let_through_and_the_next_is_told_when_there_is_room_again(database: Database) -> None:
    first = [taken(database, DEVICE.of("gina"), now=NOW + number * SECOND) for number in range(3)]

    assert first == [None, None, None]
    assert taken(database, DEVICE.of("gina"), now=NOW + 5 * SECOND) == Exceeded(DEVICE, NOW + HOUR)


def test_the_window_of_one_is_not_that_of_another(database: Database) -> None:
    for _ in range(3):
        taken(database, DEVICE.of("gina"))

    assert taken(database, DEVICE.of("her neighbour")) is None
    assert taken(database, SITE.of("gina")) is None, "another limit counts for itself"
    assert taken(database, DEVICE.of("gin", "a")) is None, "facts don't run into each other"


def test_when_the_window_is_over_it_begins_anew(database: Database) -> None:
    for _ in range(4):
        taken(database, DEVICE.of("gina"))

    later = [taken(database, DEVICE.of("gina"), now=NOW + HOUR) for _ in range(4)]

    assert later == [None, None, None, Exceeded(DEVICE, NOW + 2 * HOUR)]


def test_who_is_stopped_by_the_narrow_limit_uses_up_nothing_of_the_wide_one(database: Database) -> None:
    for _ in range(10):
        taken(database, DEVICE.of("an abuser"), SITE.of(1))

    others = [taken(database, DEVICE.of(name), SITE.of(1)) for name in ("gina", "hadi")]

    assert others == [None, None]
    assert taken(database, DEVICE.of("indah"), SITE.of(1)) == Exceeded(SITE, NOW + HOUR)


def test_who_is_stopped_by_the_wide_limit_uses_up_nothing_of_the_narrow_one(database: Database) -> None:
    for number in range(5):
        taken(database, SITE.of(1), DEVICE.of(number))
    for _ in range(10):
        taken(database, DEVICE.of("gina"), SITE.of(1))

    assert taken(database, DEVICE.of("gina"), SITE.of(2)) is None


def test_what_was_no_guess_is_given_back(database: Database) -> None:
    for _ in range(20):
        assert taken(database, DEVICE.of("gina"), SITE.of(1)) is None
        with database.writing() as db:
            give_back(db, [DEVICE.of("gina"), SITE.of(1)], keys=KEYS, now=NOW)

    with database.writing() as db:
        give_back(db, [DEVICE.of("gina")], keys=KEYS, now=NOW)  # nothing is out: nobody gets tries on credit
    assert [taken(database, DEVICE.of("gina")) for _ in range(4)][-1] == Exceeded(DEVICE, NOW + HOUR)


def test_of_many_at_the_same_moment_no_more_are_let_through(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: taken(database, DEVICE.of(number % 7), SITE.of(1)), range(40)))

    assert found.count(None) == SITE.most


def test_the_table_names_nobody_and_what_is_over_is_deleted(database: Database) -> None:
    taken(database, DEVICE.of("gina"))
    taken(database, DEVICE.of("hadi"), now=NOW + SECOND)

    with database.writing() as db:
        rows = db.execute(text("SELECT * FROM limit_window")).all()
        gone = forget_windows(db, now=NOW + HOUR)

    assert len(rows) == 2
    assert "gina" not in str(rows)
    assert gone == 1
