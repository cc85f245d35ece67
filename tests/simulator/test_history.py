"""The demo's past: plausible, the same for the same seed, and exactly what reporting the same sessions would have left."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from hotspot.areas.importer import import_packaged_areas
from hotspot.areas.models import Level
from hotspot.areas.service import tree
from hotspot.db import Database
from hotspot.routers.service import add_router
from hotspot.settings import Settings
from hotspot.simulator.history import Hotspot, marks_of, stays_at, write_history
from hotspot.simulator.places import PLACES, Kind, busyness, choose_places
from hotspot.sites.models import SiteState
from hotspot.sites.service import add_site
from hotspot.usage.rollup import rebuild_days, rebuild_hours

ZONE = ZoneInfo("Asia/Jakarta")
WEEK = timedelta(days=7)


@pytest.fixture
def hotspot(database: Database, settings: Settings, now: datetime) -> Hotspot:
    place = PLACES[0]
    with database.writing() as db:
        import_packaged_areas(db)
        site = add_site(
            db,
            name=place.name,
            area_code=place.area,
            address="",
            latitude=None,
            longitude=None,
            state=SiteState.LIVE,
            now=now,
        )
        assert site.id is not None
        router = add_router(
            db, name="hs", site_id=site.id, address="127.0.0.1", secret="x" * 32, keys=settings.keys, now=now
        )
        assert router.id is not None
        return Hotspot(place, site.id, router.id)


def test_the_places_cover_every_kelurahan(database: Database) -> None:
    with database.writing() as db:
        import_packaged_areas(db)
        kelurahan = {area.code for area in tree(db) if area.level == Level.KELURAHAN}

    assert {place.area for place in PLACES} == kelurahan
    assert len(PLACES) >= 42
    assert len({place.name for place in choose_places(100)}) == 100


def test_offices_are_empty_on_sundays_and_squares_are_not() -> None:
    office = next(place for place in PLACES if place.kind is Kind.OFFICE)

    assert busyness(office, weekday=6, hour=10) == 0
    assert busyness(office, weekday=0, hour=10) > 0
    assert busyness(office, weekday=4, hour=12) < busyness(office, weekday=3, hour=12)
    assert busyness(PLACES[0], weekday=6, hour=19) > busyness(PLACES[0], weekday=0, hour=19)


def test_the_same_seed_makes_the_same_past_and_none_of_it_lies_in_the_future(now: datetime) -> None:
    one, same, other = (
        list(stays_at(PLACES[0], since=now - WEEK, until=now, zone=ZONE, seed=seed)) for seed in (1, 1, 2)
    )

    assert one == same
    assert one != other
    assert 200 < len(one) < 5_000
    assert all(stay.started_at >= now - WEEK and stay.started_at + stay.length < now for stay in one)


def test_a_stay_has_a_growing_mark_for_each_hour_but_its_last(now: datetime) -> None:
    hour = timedelta(hours=1)
    for stay in stays_at(PLACES[0], since=now - WEEK, until=now, zone=ZONE, seed=1):
        marks = list(marks_of(stay))
        end = (stay.octets_up, stay.octets_down)

        assert len(marks) == ((stay.started_at + stay.length).hour - stay.started_at.hour) % 24
        for (at, *counted), (later, *then) in pairwise([*marks, (marks[-1][0] + hour, *end)] if marks else []):
            assert later == at + hour
            assert counted[0] <= then[0]
            assert counted[1] <= then[1]


def test_a_month_of_a_small_city_is_rolled_up_within_seconds_of_being_written(
    hotspot: Hotspot, database: Database, now: datetime
) -> None:
    with database.writing() as db:
        write_history(db, 6 * [hotspot], since=now - 4 * WEEK, until=now, zone=ZONE, seed=1)
        db.execute(text("SET LOCAL statement_timeout = '30s'"))  # it takes one; minutes if the planner is led astray

        rebuild_hours(db, now - 4 * WEEK, now)


def test_a_written_past_rolls_up_to_its_own_totals(hotspot: Hotspot, database: Database, now: datetime) -> None:
    since = datetime(2026, 2, 23, tzinfo=ZONE)
    until = datetime(2026, 3, 2, tzinfo=ZONE)

    with database.writing() as db:
        written = write_history(db, [hotspot], since=since, until=until, zone=ZONE, seed=7)
        rebuild_hours(db, since, until)
        rebuild_days(db, since, until, ZONE)

    with database.reading() as db:
        sessions = db.execute(
            text("SELECT count(*), sum(octets_from_device), sum(octets_to_device) FROM guest_session")
        ).one()
        days = db.execute(
            text(
                "SELECT sum(sessions), sum(octets_from_device), sum(octets_to_device) FROM usage_day WHERE scope = 'site'"
            )
        ).one()
    assert written == sessions[0] > 200
    assert tuple(days) == tuple(sessions)
