"""Figures at each level of the tree are what the sessions say: sums fit together, days are local, silence is not zero octets."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlmodel import Session

from hotspot.db import Database
from hotspot.reports import queries
from hotspot.reports.figures import Figures, Usage, parse_period
from hotspot.sites.models import Site, SiteState
from hotspot.sites.service import set_state
from hotspot.sites.settings import give
from tests.reports.usage_city import GINA, HADI, INTAN, ZONE, area, build_city, build_site, roll_up, visit

TODAY = date(2026, 3, 2)
Ask = Callable[..., Usage]


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    with database.writing() as db:
        yield db


@pytest.fixture
def city(db: Session, now: datetime) -> dict[str, Site]:
    return build_city(db, now)


@pytest.fixture
def ask(db: Session, now: datetime) -> Ask:
    def ask(code: str = "", period: str = "today", at: datetime = now) -> Usage:
        return queries.usage_by_area(db, code, parse_period(period, TODAY), now=at, zone=ZONE)

    return ask


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


@pytest.fixture
def busy_day(db: Session, city: dict[str, Site]) -> dict[str, Site]:
    """Today until noon: Gina at three sites, Hadi at two, Intan at one."""
    visit(db, city["alun-alun"], GINA, local(2, 8), 30, down=5_000, up=500)
    visit(db, city["perpustakaan"], GINA, local(2, 9), 30, down=7_000, up=700)
    visit(db, city["pasar-pagi"], GINA, local(2, 11), 30, down=11_000, up=1_100)
    visit(db, city["alun-alun"], HADI, local(2, 8, 10), 30, down=13_000, up=1_300)
    visit(db, city["taman-merdeka"], HADI, local(2, 10), 30, down=17_000, up=1_700)
    visit(db, city["alun-alun"], INTAN, local(2, 8, 20), 30, down=19_000, up=1_900)
    roll_up(db)
    return city


def figures(usage: Usage) -> dict[str, Figures]:
    return {row.place.name: row.figures for row in usage.rows}


def test_figures_are_exact_at_every_level(busy_day: dict[str, Site], ask: Ask) -> None:
    kota, taman_sari, batin_tikal = ask(), ask("19.71.02"), ask("19.71.02.1001")

    assert kota.total.figures == Figures(6, 3, 3, 7_200, 72_000)
    assert figures(kota) == {
        "Gerunggang": Figures(0, 0, 0, None, None),
        "Rangkui": Figures(1, 1, 1, 1_100, 11_000),
        "Taman Sari": Figures(5, 3, 3, 6_100, 61_000),
    }
    assert taman_sari.total.figures == figures(kota)["Taman Sari"]
    assert figures(taman_sari) == {
        "Batin Tikal": Figures(4, 3, 3, 4_400, 44_000),
        "Rawa Bangun": Figures(1, 1, 1, 1_700, 17_000),
    }
    assert batin_tikal.total.figures == figures(taman_sari)["Batin Tikal"]
    assert figures(batin_tikal) == {
        "Alun-Alun": Figures(3, 3, 3, 3_700, 37_000),
        "Perpustakaan": Figures(1, 1, 1, 700, 7_000),
    }


@pytest.mark.parametrize("period", ["today", "yesterday", "7d", "30d", "2026-03", "2026-02"])
@pytest.mark.parametrize("code", ["19.71", "19.71.02", "19.71.02.1001", "19.71.04", "19.71.07"])
def test_sessions_and_octets_of_an_area_are_the_sum_of_what_lies_below(
    db: Session, city: dict[str, Site], ask: Ask, code: str, period: str
) -> None:
    for number in range(40):
        site = list(city.values())[number % 4]
        visit(db, site, UUID(int=number % 7), local(2, 11) - timedelta(hours=17 * number), 95, down=number * 1000)
    roll_up(db)

    usage = ask(code, period)

    below = [row.figures for row in usage.rows]
    assert usage.total.figures.sessions == sum(each.sessions for each in below)
    assert (usage.total.figures.octets or 0) == sum(each.octets or 0 for each in below)
    assert max((each.devices for each in below), default=0) <= usage.total.figures.devices
    assert usage.total.figures.devices <= sum(each.devices for each in below)


def test_the_series_holds_what_the_total_says(busy_day: dict[str, Site], ask: Ask) -> None:
    day, week = ask(), ask(period="7d")

    assert len(day.series) == 24
    assert [point.starts_at.hour for point in day.series] == list(range(24))
    assert [point.figures.sessions for point in day.series][8:12] == [3, 1, 1, 1]
    assert sum(point.figures.octets or 0 for point in day.series) == day.total.figures.octets
    assert [point.starts_at.date() for point in week.series] == [TODAY - timedelta(days=6 - n) for n in range(7)]
    assert [point.figures.sessions for point in week.series] == [0, 0, 0, 0, 0, 0, 6]


def test_a_day_ends_at_local_midnight(db: Session, city: dict[str, Site], ask: Ask) -> None:
    visit(db, city["alun-alun"], GINA, local(1, 23, 40), 10, down=100, up=1)  # 16:40 UTC on the 1st
    visit(db, city["alun-alun"], HADI, local(2, 0, 5), 10, down=200, up=2)  # 17:05 UTC on the 1st
    roll_up(db)

    assert ask(period="yesterday").total.figures == Figures(1, 1, 1, 1, 100)
    assert ask(period="today").total.figures == Figures(1, 1, 1, 2, 200)
    assert ask(period="yesterday").series[23].figures.sessions == 1
    assert ask(period="today").series[0].figures.sessions == 1


def test_a_session_over_midnight_counts_once_and_its_device_on_both_days(
    db: Session, city: dict[str, Site], ask: Ask
) -> None:
    visit(db, city["alun-alun"], GINA, local(1, 23, 40), 40, down=100, up=1)
    roll_up(db)

    assert ask(period="yesterday").total.figures.sessions == 1
    assert ask(period="today").total.figures.sessions == 0
    assert [ask(period=words).total.figures.devices for words in ("yesterday", "today", "7d")] == [1, 1, 2]


def test_sessions_that_never_reported_octets_have_none(db: Session, city: dict[str, Site], ask: Ask) -> None:
    visit(db, city["alun-alun"], GINA, local(2, 9), 10, down=None, up=None)
    roll_up(db)

    assert ask().total.figures == Figures(1, 1, 1, None, None)


def test_online_now_is_who_was_seen_of_late_and_has_not_left(
    db: Session, city: dict[str, Site], ask: Ask, now: datetime
) -> None:
    visit(db, city["alun-alun"], GINA, now - timedelta(minutes=20), 18, leaves=False)
    visit(db, city["alun-alun"], GINA, now - timedelta(minutes=50), 40, leaves=False)  # its Stop got lost
    visit(db, city["pasar-pagi"], HADI, now - timedelta(minutes=20), 18, leaves=True)
    visit(db, city["pasar-pagi"], INTAN, now - timedelta(hours=3), 60, leaves=False)  # the router went dark
    roll_up(db)

    assert {row.place.name: row.online for row in ask().rows} == {"Gerunggang": 0, "Rangkui": 0, "Taman Sari": 1}
    assert ask().total.online == 1
    assert ask("19.71.02.1001").rows[0].online == 1
    assert ask(at=now + timedelta(minutes=20)).total.online == 0


def test_the_peak_of_today_is_never_below_what_is_online_now(
    db: Session, city: dict[str, Site], ask: Ask, now: datetime
) -> None:
    for minutes, device in enumerate((GINA, HADI, INTAN)):
        visit(db, city["alun-alun"], device, now - timedelta(minutes=9 - minutes), 0, leaves=False)  # only their Starts
    roll_up(db)

    assert [ask(period=words).total.figures.peak for words in ("today", "7d", "yesterday")] == [3, 3, 0]
    assert max(row.figures.peak for row in ask().rows) == 3


def test_how_long_silence_is_normal_is_the_sites_own_setting(
    db: Session, city: dict[str, Site], ask: Ask, now: datetime
) -> None:
    for slug in ("alun-alun", "perpustakaan", "pasar-pagi"):
        visit(db, city[slug], GINA, now - timedelta(minutes=60), 20, leaves=False)
    give(db, area(db, "19.71.02"), "interim_seconds", 1200)
    give(db, city["perpustakaan"], "interim_seconds", 60)

    assert {row.place.name: row.online for row in ask("19.71.02.1001").rows} == {"Alun-Alun": 1, "Perpustakaan": 0}
    assert ask("19.71.04").total.online == 0


def test_a_retired_site_is_listed_only_while_it_has_a_past(
    db: Session, city: dict[str, Site], ask: Ask, now: datetime
) -> None:
    closed = build_site(db, "Kios Lama", "19.71.04.1001", now)
    set_state(db, closed, SiteState.RETIRED)
    build_site(db, "Kios Baru", "19.71.04.1001", now, SiteState.PLANNED)
    visit(db, closed, GINA, local(1, 9), 10)
    roll_up(db)

    assert [row.place.name for row in ask("19.71.04.1001").rows] == ["Kios Baru", "Pasar Pagi"]
    assert [row.place.name for row in ask("19.71.04.1001", "7d").rows] == ["Kios Baru", "Kios Lama", "Pasar Pagi"]


def test_a_site_has_its_own_usage_and_its_trail(db: Session, busy_day: dict[str, Site], now: datetime) -> None:
    usage = queries.usage_of_site(db, "alun-alun", parse_period("today", TODAY), now=now, zone=ZONE)

    assert usage.total.figures == Figures(3, 3, 3, 3_700, 37_000)
    assert usage.rows == ()
    assert [place.name for place in usage.trail] == ["Kota Pangkalpinang", "Taman Sari", "Batin Tikal", "Alun-Alun"]


@pytest.mark.parametrize("key", ["nowhere", "\x00", "a" * 10_000, "19.71' OR '1'='1", "\n"])
def test_an_unknown_place_is_not_found(db: Session, city: dict[str, Site], ask: Ask, now: datetime, key: str) -> None:
    with pytest.raises(queries.NoSuchPlace):
        ask(key)
    with pytest.raises(queries.NoSuchPlace):
        queries.usage_of_site(db, key, parse_period("today", TODAY), now=now, zone=ZONE)


def test_without_areas_there_is_no_place(db: Session, ask: Ask) -> None:
    assert queries.tree_state(db) == (0, 0)
    with pytest.raises(queries.NoSuchPlace):
        ask()


def test_months_reach_back_to_the_first_usage_but_a_year_at_most(db: Session, city: dict[str, Site]) -> None:
    assert [month.key for month in queries.months_with_usage(db, TODAY)] == ["2026-03"]

    visit(db, city["alun-alun"], GINA, datetime(2026, 1, 15, tzinfo=UTC), 10)
    roll_up(db)
    assert [month.key for month in queries.months_with_usage(db, TODAY)] == ["2026-03", "2026-02", "2026-01"]

    visit(db, city["alun-alun"], GINA, datetime(2020, 1, 15, tzinfo=UTC), 10)
    roll_up(db)
    assert len(queries.months_with_usage(db, TODAY)) == 12


def test_reports_read_roll_ups_only(db: Session, busy_day: dict[str, Site], ask: Ask) -> None:
    before = ask().total.figures
    visit(db, busy_day["alun-alun"], GINA, local(2, 11, 30), 10)

    assert ask().total.figures == before  # not rolled up yet
