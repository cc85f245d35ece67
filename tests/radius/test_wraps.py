"""Counters that wrap, and counters that lie."""

import pytest

from hotspot.radius.packet import RawAttribute
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from tests.radius.radius_city import City, Clock, Router
from tests.radius.session_words import GIGAWORD, INTERIM, MINUTE, START, STOP, counted, klass, only, since, tell


def test_a_wrap_without_gigawords_is_inferred_when_nothing_else_explains_it(
    city: City, router: Router, clock: Clock
) -> None:
    tell(router, START, klass())
    for seconds, low in ((300, 4_294_900_000), (600, 100_000), (900, 150_000), (1_200, 140_000_000)):
        clock.advance(5 * MINUTE)
        tell(router, INTERIM, klass(), since(seconds), *counted(low, gigawords=False))

    session = only(city)
    assert session.octets_to_device == GIGAWORD + 140_000_000
    assert session.counting == 1, "and it is marked as inferred"


@pytest.mark.parametrize(
    ("speed", "seconds", "later"),
    [(10_000_000, 600, 100_000), (5_000, 600, 3_000_000_000), (5_000, 300, 100_000), (5_000, 9_000, 100_000)],
)
def test_a_lower_counter_that_may_have_other_reasons_is_not_taken_for_a_wrap(
    city: City, router: Router, clock: Clock, speed: int, seconds: int, later: int
) -> None:
    """The line could wrap it several times; the speed can't explain it; no time has passed; so much that it may be two wraps."""
    with city.database.writing() as db:
        give(db, db.get_one(Site, city.sites["alun-alun"]), "speed_down_kbps", speed)
    tell(router, INTERIM, klass(), since(300), *counted(4_294_900_000, gigawords=False))
    clock.advance(5 * MINUTE)
    tell(router, INTERIM, klass(), since(seconds), *counted(later, gigawords=False))

    assert (only(city).octets_to_device, only(city).counting) == (4_294_900_000, 0)


def test_a_router_that_sends_gigawords_is_believed_without_inferring(city: City, router: Router, clock: Clock) -> None:
    tell(router, INTERIM, klass(), since(300), *counted(GIGAWORD - 1))
    clock.advance(5 * MINUTE)
    tell(router, INTERIM, klass(), since(600), *counted(7, gigawords=False))

    assert (only(city).octets_to_device, only(city).counting) == (GIGAWORD - 1, 2)


@pytest.mark.parametrize(
    ("said", "suspicion"),
    [
        ((since(300), *counted(90_000_000_000)), None),
        ((since(300), *counted(90_000_000_001)), "counters"),
        (counted(20_000_000_000), "counters"),
        ((since(3_600),), "time"),
    ],
)
def test_what_can_not_be_is_kept_and_marked(
    city: City, router: Router, clock: Clock, said: tuple[RawAttribute, ...], suspicion: str | None
) -> None:
    tell(router, START, klass())
    clock.advance(5 * MINUTE)
    tell(router, INTERIM, klass(), *said)
    clock.advance(5 * MINUTE)
    tell(router, STOP, klass(), since(700), *counted(5))

    assert only(city).suspicion == suspicion
