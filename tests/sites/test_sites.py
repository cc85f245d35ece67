from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.areas.service import NoSuchArea, get_area, top_area
from hotspot.db import Database
from hotspot.errors import HotspotError
from hotspot.sites import service
from hotspot.sites.models import SiteState
from hotspot.sites.service import (
    BadSite,
    NoSuchSite,
    NotAKelurahan,
    StateNotReachable,
    add_site,
    all_sites,
    find_site,
    get_site,
    set_state,
    sites_of,
    slug_of,
)
from tests.conftest import NOW
from tests.world import BUKIT_SARI, GEDUNG_NASIONAL, GERUNGGANG, KOTA, TAMAN_SARI, World, make_site


def test_a_site_is_added_with_a_slug_made_from_its_name(database: Database, world: World) -> None:
    with database.writing() as db:
        site = add_site(
            db,
            name="  Café Bébas (Lt. 2) ",
            area_code=BUKIT_SARI,
            address="Jl. Merdeka 1",
            latitude=-2.1,
            longitude=106.1,
            state=SiteState.PLANNED,
            now=NOW,
        )
        assert site.slug == "cafe-bebas-lt-2"

    with database.reading() as db:
        found = get_site(db, "cafe-bebas-lt-2")
        assert (found.name, found.address, found.state) == ("Café Bébas (Lt. 2)", "Jl. Merdeka 1", "planned")
        assert (found.latitude, found.longitude, found.created_at) == (-2.1, 106.1, NOW)


def test_sites_of_the_same_name_get_different_slugs(database: Database, world: World) -> None:
    with database.writing() as db:
        slugs = [make_site(db, "Alun-Alun", BUKIT_SARI, NOW).slug for _ in range(3)]

    assert slugs == ["alun-alun-2", "alun-alun-3", "alun-alun-4"]


def test_two_who_add_the_same_name_at_once_both_succeed(database: Database, world: World) -> None:
    def add(_: int) -> str:
        with database.writing() as db:
            return make_site(db, "Pasar", BUKIT_SARI, NOW).slug

    with ThreadPoolExecutor(6) as threads:
        slugs = list(threads.map(add, range(6)))

    assert sorted(slugs) == ["pasar", *(f"pasar-{number}" for number in range(2, 7))]


@given(st.text(max_size=120))
def test_any_name_makes_a_slug_for_an_address(name: str) -> None:
    slug = slug_of(name)

    assert 0 < len(slug) <= service.LONGEST_SLUG
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug == slug.strip("-")
    assert slug_of(slug) == slug


def test_a_name_without_latin_letters_still_has_a_slug() -> None:
    assert slug_of("公园") == "site"
    assert slug_of("x" * 200) == "x" * service.LONGEST_SLUG


@pytest.mark.parametrize(
    ("facts", "error", "words"),
    [
        ({"area_code": "19.99"}, NoSuchArea, "19.99"),
        ({"area_code": KOTA}, NotAKelurahan, "19.71 is the kota Kota Pangkalpinang"),
        ({"area_code": TAMAN_SARI}, NotAKelurahan, "19.71.02 is the kecamatan Taman Sari"),
        ({"name": " "}, BadSite, "name: is missing"),
        ({"name": "x" * 101}, BadSite, "name: is one line of at most 100"),
        ({"name": "a\nb"}, BadSite, "name: is one line"),
        ({"address": "x" * 201}, BadSite, "address: is one line of at most 200"),
        ({"state": SiteState.RETIRED}, BadSite, "state: a new site is planned or live"),
        ({"latitude": 1.0}, BadSite, "go together"),
        ({"latitude": 91.0, "longitude": 1.0}, BadSite, "latitude: is a number"),
        ({"latitude": float("nan"), "longitude": 1.0}, BadSite, "latitude: is a number"),
        ({"latitude": 1.0, "longitude": -181.0}, BadSite, "longitude: is a number"),
    ],
)
def test_a_site_that_can_not_be_is_refused_with_the_field(
    database: Database, world: World, facts: dict[str, object], error: type[HotspotError], words: str
) -> None:
    with database.writing() as db:
        with pytest.raises(error, match=words):
            add_site(db, **{"name": "Pasar", "area_code": BUKIT_SARI, "now": NOW, **facts})  # type: ignore[arg-type]

        assert len(all_sites(db)) == 2


def test_a_site_is_found_by_slug(database: Database, world: World) -> None:
    with database.reading() as db:
        assert get_site(db, "perpustakaan").id == world.perpustakaan
        assert find_site(db, "nowhere") is None
        with pytest.raises(NoSuchSite, match="nowhere"):
            get_site(db, "nowhere")


def test_the_sites_of_an_area_are_those_of_all_below_it(database: Database, world: World) -> None:
    def slugs(code: str) -> list[str]:
        return [site.slug for site in sites_of(db, get_area(db, code))]

    with database.reading() as db:
        assert slugs(KOTA) == ["alun-alun", "perpustakaan"]
        assert slugs(GERUNGGANG) == slugs(BUKIT_SARI) == ["perpustakaan"]
        assert slugs("19.71.07") == []
        assert [site.id for site in sites_of(db, top_area(db))] == [world.alun_alun, world.perpustakaan]
        assert [(site.slug, area.code) for site, area in all_sites(db)] == [
            ("alun-alun", GEDUNG_NASIONAL),
            ("perpustakaan", BUKIT_SARI),
        ]


PLANNED, LIVE, RETIRED = SiteState


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (PLANNED, LIVE, True),
        (PLANNED, RETIRED, True),
        (LIVE, RETIRED, True),
        (RETIRED, PLANNED, True),
        (LIVE, PLANNED, False),
        (RETIRED, LIVE, False),
        (LIVE, LIVE, True),
        (RETIRED, RETIRED, True),
    ],
)
def test_a_site_moves_through_its_life(
    database: Database, world: World, before: SiteState, after: SiteState, allowed: bool
) -> None:
    reach: dict[SiteState, Callable[..., tuple[SiteState, ...]]] = {
        PLANNED: lambda: (RETIRED, PLANNED),
        LIVE: lambda: (),
        RETIRED: lambda: (RETIRED,),
    }
    with database.writing() as db:
        for state in reach[before]():
            set_state(db, get_site(db, "alun-alun"), state)

    if allowed:
        with database.writing() as db:
            set_state(db, get_site(db, "alun-alun"), after)
    else:
        with database.writing() as db, pytest.raises(StateNotReachable, match=f"alun-alun is {before}"):
            set_state(db, get_site(db, "alun-alun"), after)

    with database.reading() as db:
        assert get_site(db, "alun-alun").state == (after if allowed else before)


def test_a_state_that_somebody_else_changed_meanwhile_is_seen(database: Database, world: World) -> None:
    with database.writing() as db:
        add_site(db, name="Pasar", area_code=BUKIT_SARI, state=PLANNED, now=NOW)
    with database.writing() as mine:
        site = get_site(mine, "pasar")
        with database.writing() as theirs:
            set_state(theirs, get_site(theirs, "pasar"), RETIRED)

        with pytest.raises(StateNotReachable, match="pasar is retired; it can only become planned"):
            set_state(mine, site, LIVE)
