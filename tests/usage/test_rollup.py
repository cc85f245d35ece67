"""Hours and days are rebuilt from the sessions below them, and always end in what one gets by hand."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, select

from hotspot.areas.service import get_area, path_of
from hotspot.db import Database
from hotspot.sites.models import Site
from hotspot.usage.counters import LONGEST_SESSION, Report
from hotspot.usage.models import Scope, UsageDay, UsageHour
from hotspot.usage.rollup import local_days, merge, rebuild_days, rebuild_dirty, rebuild_hours
from tests.usage import by_hand
from tests.usage.by_hand import Place
from tests.usage.reports import record, reports
from tests.world import BUKIT_SARI, GEDUNG_NASIONAL, KOTA, World, make_report, make_site

JAKARTA, JAYAPURA = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Jayapura")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)  # in Jakarta; 14:00 in Jayapura


def places_of(db: Session) -> dict[int, list[Place]]:
    """What each site counts towards: itself and the areas above it."""
    areas = {code: [area.id or 0 for area in path_of(db, get_area(db, code))] for code in (GEDUNG_NASIONAL, BUKIT_SARI)}
    by_id = {path[-1]: path for path in areas.values()}
    return {
        site.id or 0: [("site", site.id or 0), *(("area", area_id) for area_id in by_id[site.area_id])]
        for site in db.exec(select(Site))
    }


def hours(db: Session) -> dict[tuple[Place, datetime], tuple[int, ...]]:
    return {
        ((row.scope, row.scope_id), row.hour): (
            row.sessions,
            row.devices,
            row.peak,
            row.octets_from_device,
            row.octets_to_device,
        )
        for row in db.exec(select(UsageHour).execution_options(populate_existing=True))
    }


def days(db: Session) -> dict[tuple[Place, date], tuple[int, ...]]:
    return {
        ((row.scope, row.scope_id), row.day): (
            row.sessions,
            row.devices,
            row.peak,
            row.octets_from_device,
            row.octets_to_device,
        )
        for row in db.exec(select(UsageDay).execution_options(populate_existing=True))
    }


def expect(db: Session, found: Iterable[Report], zone: ZoneInfo) -> None:
    reports, places = list(found), places_of(db)
    assert hours(db) == {key: figures.row for key, figures in by_hand.hours(reports, places).items()}
    assert days(db) == {key: figures.row for key, figures in by_hand.days(reports, places, zone).items()}


def kota(db: Session) -> Place:
    return ("area", get_area(db, KOTA).id or 0)


def day_of(db: Session, place: Place, day: date) -> tuple[int, ...] | None:
    return days(db).get((place, day))


# --- against the slow and plain way --------------------------------------------------------------------------------------

at_two_sites = st.one_of(
    reports(sessions=3, site_id=1, other_site_id=1), reports(sessions=3, router_id=2, site_id=2, other_site_id=2)
)


@given(
    batches=st.lists(st.lists(at_two_sites, min_size=1, max_size=4), max_size=4),
    zone=st.sampled_from([JAKARTA, JAYAPURA, ZoneInfo("UTC"), ZoneInfo("America/Bogota")]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_reported_and_whenever_it_is_rebuilt_the_figures_are_those_by_hand(
    database: Database, world: World, batches: list[list[Report]], zone: ZoneInfo
) -> None:
    with Session(database.engine) as db:
        for number, batch in enumerate(batches):
            record(db, batch)
            if number % 2:
                rebuild_dirty(db, zone)
        rebuild_dirty(db, zone)

        expect(db, [report for batch in batches for report in batch], zone)
        db.rollback()


def test_any_window_rebuilt_again_gives_the_same(database: Database, world: World) -> None:
    found = [
        make_report(started_at=NOON, session_key=UUID(int=1), down=10, up=1),
        make_report(started_at=NOON, session_key=UUID(int=1), seen_after=20 * MINUTE, stopped=True, down=50, up=5),
        make_report(started_at=NOON, session_key=UUID(int=1), seen_after=90 * MINUTE, down=80, up=8),
        make_report(started_at=NOON + HOUR, session_key=UUID(int=2), seen_after=40 * HOUR, down=99, up=9),
    ]
    with database.writing() as db:
        record(db, found)
        rebuild_dirty(db, JAKARTA)
        before = hours(db), days(db)

        for number in range(50):
            rebuild_hours(db, NOON + number * HOUR, NOON + (number + 1) * HOUR)
        for number in range(4):
            midnight = datetime(2026, 3, 1 + number, tzinfo=JAKARTA)
            rebuild_days(db, midnight, midnight + timedelta(days=1), JAKARTA)

        assert (hours(db), days(db)) == before
        expect(db, found, JAKARTA)


def test_peaks_are_those_counted_minute_by_minute(database: Database, world: World) -> None:
    stays = [(0, 50), (10, 20), (20, 45), (21, 22), (46, 130), (119, 121), (60, 60), (59, 61)]
    found = [
        make_report(started_at=NOON + start * MINUTE, seen_after=(end - start) * MINUTE, stopped=True)
        for start, end in stays
    ]
    with database.writing() as db:
        record(db, found)
        rebuild_dirty(db, JAKARTA)

        for hour in range(3):
            minutes = range(hour * 60, hour * 60 + 61)
            inside = [(start, end) for start, end in stays if start < hour * 60 + 60 and end >= hour * 60]
            expected = max(sum(start <= minute <= end for start, end in inside) for minute in minutes)
            assert hours(db)[("site", world.alun_alun), NOON + hour * HOUR][2] == expected


# --- what people rely on -------------------------------------------------------------------------------------------------


def test_the_hours_of_a_session_add_up_to_it_and_the_sites_to_their_area(database: Database, world: World) -> None:
    with database.writing() as db:
        other = make_site(db, "Pasar", GEDUNG_NASIONAL, NOON).id or 0
        for site in (world.alun_alun, other, world.perpustakaan):
            key = UUID(int=site)
            for minutes, octets in ((0, 0), (40, 1_000), (100, 5_000), (250, 5_000), (400, 90_000)):
                report = make_report(
                    started_at=NOON,
                    session_key=key,
                    site_id=site,
                    seen_after=minutes * MINUTE,
                    down=octets,
                    up=octets // 10,
                )
                record(db, [report])
        rebuild_dirty(db, JAKARTA)

        def total(place: Place) -> tuple[int, int]:
            rows = [row for (where, _), row in hours(db).items() if where == place]
            return sum(row[3] for row in rows), sum(row[4] for row in rows)

        kelurahan = ("area", get_area(db, GEDUNG_NASIONAL).id or 0)
        assert total(("site", world.alun_alun)) == (9_000, 90_000)
        assert total(kelurahan) == (18_000, 180_000)
        assert total(kota(db)) == (27_000, 270_000)
        quiet = hours(db)[("site", world.alun_alun), NOON + 2 * HOUR]
        assert quiet == (0, 1, 1, 0, 0), "present and silent is zero; no row is 'nobody'"


@pytest.mark.parametrize(("zone", "midnight"), [(JAKARTA, 17), (JAYAPURA, 15)], ids=["Jakarta", "Jayapura"])
def test_a_day_ends_at_local_midnight(database: Database, world: World, zone: ZoneInfo, midnight: int) -> None:
    border = datetime(2026, 3, 2, midnight, tzinfo=UTC)
    key = UUID(int=1)
    with database.writing() as db:
        for minutes, octets in ((-30, 0), (-1, 100), (29, 400)):
            record(
                db,
                [
                    make_report(
                        started_at=border - 30 * MINUTE,
                        session_key=key,
                        device_id=UUID(int=5),
                        seen_after=(minutes + 30) * MINUTE,
                        down=octets,
                        up=0,
                    )
                ],
            )
        rebuild_dirty(db, zone)

        assert day_of(db, kota(db), date(2026, 3, 2)) == (1, 1, 1, 0, 100)
        assert day_of(db, kota(db), date(2026, 3, 3)) == (0, 1, 1, 0, 300)
        assert len(days(db)) == 2 * 4, "two days of a site, its kelurahan, kecamatan and kota"


def test_a_device_counts_once_a_day_and_once_in_an_area(database: Database, world: World) -> None:
    with database.writing() as db:
        for number, site in enumerate((world.alun_alun, world.perpustakaan, world.alun_alun)):
            started_at = NOON + number * HOUR
            record(db, [make_report(started_at=started_at, site_id=site, device_id=world.device(), seen_after=MINUTE)])
        rebuild_dirty(db, JAKARTA)

        assert day_of(db, kota(db), date(2026, 3, 2)) == (3, 1, 1, 0, 0)
        assert day_of(db, ("site", world.alun_alun), date(2026, 3, 2)) == (2, 1, 1, 0, 0)


def test_a_late_report_reaches_its_old_hour(database: Database, world: World) -> None:
    long_ago = NOON - timedelta(days=60)
    found = [make_report(started_at=long_ago, session_key=UUID(int=1), seen_after=10 * MINUTE, down=100, up=0)]
    with database.writing() as db:
        record(db, found)
        rebuild_dirty(db, JAKARTA)
        assert rebuild_dirty(db, JAKARTA) == 0, "nothing to do twice"

        late = make_report(started_at=long_ago, session_key=UUID(int=1), seen_after=130 * MINUTE, down=700, up=0)
        record(db, [late])
        assert rebuild_dirty(db, JAKARTA) == 3

        expect(db, [*found, late], JAKARTA)
        assert day_of(db, kota(db), long_ago.astimezone(JAKARTA).date()) == (1, 1, 1, 0, 700)


def test_a_session_of_a_week_keeps_its_hours_when_others_are_rebuilt(database: Database, world: World) -> None:
    week = make_report(
        started_at=NOON - LONGEST_SESSION, session_key=UUID(int=1), seen_after=LONGEST_SESSION, down=7, up=7
    )
    guest = make_report(started_at=NOON, session_key=UUID(int=2), down=1, up=1)
    with database.writing() as db:
        record(db, [week])
        rebuild_dirty(db, JAKARTA)
        record(db, [guest])
        rebuild_dirty(db, JAKARTA)

        expect(db, [week, guest], JAKARTA)


def test_a_roll_up_that_fails_leaves_its_notes(database: Database, world: World) -> None:
    with database.writing() as db:
        record(db, [make_report(started_at=NOON)])

    def rebuild_and_fail() -> None:
        with database.writing() as db:
            rebuild_dirty(db, JAKARTA)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rebuild_and_fail()

    with database.writing() as db:
        assert db.scalar(text("SELECT count(*) FROM usage_hour")) == 0
        assert rebuild_dirty(db, JAKARTA) == 1


def test_one_routers_nonsense_does_not_stop_the_roll_up(database: Database, world: World) -> None:
    largest = 2**63 - 1
    with database.writing() as db:
        record(db, [make_report(started_at=NOON, down=largest, up=largest) for _ in range(3)])
        record(db, [make_report(started_at=NOON + HOUR, down=largest, up=1)])
        rebuild_dirty(db, JAKARTA)

        assert day_of(db, kota(db), date(2026, 3, 2)) == (4, 4, 3, largest, largest)


def test_no_personal_key_is_in_a_roll_up() -> None:
    for model in (UsageHour, UsageDay):
        assert {"device_id", "address", "session_id"}.isdisjoint(model.model_fields)
    assert [*Scope] == ["site", "area"]


# --- windows -------------------------------------------------------------------------------------------------------------

windows = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 10)).map(
        lambda pair: (NOON + pair[0] * HOUR, NOON + (pair[0] + pair[1]) * HOUR)
    ),
    max_size=8,
)


@given(windows)
def test_merged_windows_cover_the_same_hours_and_do_not_touch(found: list[tuple[datetime, datetime]]) -> None:
    def covered(some: list[tuple[datetime, datetime]]) -> set[datetime]:
        return {since + number * HOUR for since, until in some for number in range(int((until - since) / HOUR))}

    merged = merge(found)

    assert covered(merged) == covered(found)
    assert all(one[1] < other[0] for one, other in pairwise(merged))


@pytest.mark.parametrize(
    ("zone", "since", "until"),
    [
        (JAKARTA, datetime(2026, 3, 1, 17, tzinfo=UTC), datetime(2026, 3, 2, 17, tzinfo=UTC)),
        (JAYAPURA, datetime(2026, 3, 1, 15, tzinfo=UTC), datetime(2026, 3, 2, 15, tzinfo=UTC)),
    ],
)
def test_a_window_is_widened_to_whole_local_days(zone: ZoneInfo, since: datetime, until: datetime) -> None:
    assert local_days(NOON, NOON + HOUR, zone) == (since, until)
    assert local_days(since, until, zone) == (since, until), "whole days stay as they are"
    assert local_days(since, until + HOUR, zone) == (since, until + 24 * HOUR)
