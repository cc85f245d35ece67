"""A short slice of the campaign of guesses, and that it notices what it is for. Over HTTP: tests/portal/test_code_methods.py."""

import random
from datetime import timedelta
from uuid import uuid4

import pytest

from benchmarks.campaign import Failed, Verdict
from benchmarks.campaign_guesses import City, allow, guess, guess_at_the_service, judge, look_alike, options_of
from benchmarks.guests_at_the_door import Answer
from hotspot.db import Database
from hotspot.guests import vouchers
from hotspot.guests.passes import Unusable
from hotspot.guests.printed_codes import read_typed
from hotspot.sites.models import Site
from tests.conftest import NOW
from tests.world import World


@pytest.fixture
def verdict() -> Verdict:
    return Verdict("")


@pytest.fixture
def city(database: Database, world: World) -> City:
    wanted = vouchers.checked_batch(NOW, name="live", count=1_000, valid_until=NOW + timedelta(days=700))
    with database.writing() as db:
        batch = vouchers.make_batch(db, wanted, db.get_one(Site, world.alun_alun), made_by="Alice", now=NOW)
        list(vouchers.add_vouchers(db, batch, 1_000, keys=world.keys))
        _, live = vouchers.take_codes(db, batch.id or 0, keys=world.keys)
    return City(database, world.keys, world.alun_alun, live)


def test_a_thousand_guesses_find_none_of_a_thousand_vouchers(city: City, verdict: Verdict) -> None:
    guess_at_the_service(city, 1_000, random.Random(1), verdict)

    assert (verdict.passed, verdict.failed) == (1_000, 0)


def test_guesses_show_nothing_where_right_codes_are_not_found(city: City, verdict: Verdict) -> None:
    with pytest.raises(Failed, match="a live voucher is elsewhere"):
        guess_at_the_service(city._replace(site_id=city.site_id + 1), 5, random.Random(1), verdict)


def test_a_hit_is_noticed(verdict: Verdict) -> None:
    judge([Unusable.UNKNOWN, uuid4(), Unusable.EXPIRED], verdict)

    assert (verdict.passed, verdict.failed) == (1, 2)


def test_more_guesses_than_the_limit_and_strange_answers_are_noticed(verdict: Verdict) -> None:
    allow("one", [403, 403, 429], 2, verdict)
    assert (verdict.passed, verdict.failed) == (3, 0)

    allow("one", [403, 403, 403, 303, 500], 2, verdict)
    assert (verdict.passed, verdict.failed) == (6, 3)


def test_answers_that_differ_in_page_or_time_are_noticed(verdict: Verdict) -> None:
    look_alike({"a": [Answer(403, "no", 0.100)], "b": [Answer(403, "no", 0.104)]}, verdict)
    assert verdict.failed == 0

    look_alike({"a": [Answer(403, "no", 0.100)], "b": [Answer(403, "no!", 0.106)]}, verdict)
    assert verdict.failed == 2


def test_a_guess_is_a_code_that_might_be() -> None:
    assert read_typed(guess(random.Random(1))) is not None
    assert options_of([]).guesses == 1_000_000
