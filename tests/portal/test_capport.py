"""The controller's captive portal API, and the page about a place."""

from datetime import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.portal.capport import takes_json
from hotspot.sites.hours import parse_hours
from hotspot.sites.models import Site, SiteState
from hotspot.sites.settings import give
from tests.portal.visit import Visit, path_of
from tests.world import OTHER_PHONE

PORTAL = "http://127.0.0.1:8080/p/alun-alun"
UNKNOWN = {"captive": True, "user-portal-url": PORTAL, "venue-info-url": f"{PORTAL}/info"}
CAPTIVE_JSON = {"accept": "application/captive+json"}


def asked(visit: Visit, query: str = "", **headers: str) -> httpx.Response:
    return visit.client.get(f"/p/alun-alun/api{query}", headers={**CAPTIVE_JSON, **headers})


def ticket_of(login: dict[str, str]) -> str:
    return f"?{path_of(login).partition('?')[2]}"


def settle(visit: Visit, **settings: object) -> None:
    with visit.database.writing() as db:
        for key, value in settings.items():
            give(db, db.get_one(Site, visit.world.alun_alun), key, value)


def test_who_shows_no_ticket_is_told_where_the_portal_is_and_never_that_it_is_free(visit: Visit) -> None:
    visit.online()

    answer = asked(visit)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/captive+json"
    assert "private" in answer.headers["cache-control"]
    assert answer.headers["vary"] == "accept"
    assert answer.json() == UNKNOWN


def test_who_shows_its_ticket_is_told_that_it_is_free_and_what_is_left(visit: Visit) -> None:
    settle(visit, data_megabytes=500, session_minutes=90)
    login = visit.log_in()
    assert asked(visit, ticket_of(login)).json() == UNKNOWN  # the router has not let it in yet
    visit.accept(login["username"])
    assert asked(visit, ticket_of(login)).json() == UNKNOWN
    visit.start(login["username"], octets_from_device=100_000_000)
    visit.clock.forward(minutes=5)

    said = asked(visit, ticket_of(login)).json()

    assert said.pop("user-portal-url").startswith(f"{PORTAL}/online?t=")
    assert said == {
        "captive": False,
        "venue-info-url": f"{PORTAL}/info",
        "seconds-remaining": 85 * 60,
        "bytes-remaining": 400_000_000,
    }


def test_without_a_limit_on_data_none_is_told_and_a_session_that_ended_is_captive(visit: Visit) -> None:
    login = visit.log_in()
    visit.accept(login["username"])
    visit.start(login["username"])
    assert "bytes-remaining" not in asked(visit, ticket_of(login)).json()

    visit.clock.forward(minutes=30)  # nobody has reported it for six interims

    assert asked(visit, ticket_of(login)).json() == UNKNOWN


def test_a_ticket_counts_at_its_own_site_only_and_a_forged_one_nowhere(visit: Visit) -> None:
    query = ticket_of(visit.online())

    there = visit.client.get(f"/p/perpustakaan/api{query}").json()

    assert there["captive"] is True
    assert asked(visit, query.replace("t=", "t=0")).json() == UNKNOWN
    assert asked(visit, f"?mac={OTHER_PHONE}&username={'0' * 32}").json() == UNKNOWN


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/p/nowhere/api", "application/captive+json", 404),
        ("/p/alun-alun/api?t=%00", "application/captive+json", 400),
        ("/p/alun-alun/api?t=a&t=b", "application/captive+json", 400),
        ("/p/alun-alun/api", "text/html", 406),
    ],
)
def test_what_can_not_be_answered_is_a_problem_in_json(visit: Visit, path: str, accept: str, status: int) -> None:
    answer = visit.client.get(path, headers={"accept": accept})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "captive" not in answer.json()
    assert "private" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("accept", "is_taken"),
    [
        ("", True),
        ("*/*", True),
        ("application/captive+json", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("APPLICATION/JSON", True),
        ("text/html", False),
        ("application/captive+json; q=0", False),
        ("application/captive+json;q=0.5", True),
    ],
)
def test_clients_that_take_our_media_type_get_it(accept: str, is_taken: bool) -> None:
    assert takes_json(accept) is is_taken


@given(st.text())
def test_no_header_is_too_odd_to_be_read(accept: str) -> None:
    assert takes_json(accept) in (True, False)


def test_nothing_but_get_is_answered_and_nothing_is_written(visit: Visit) -> None:
    login = visit.online()
    before = visit.rows()

    assert visit.client.post("/p/alun-alun/api").status_code == 405
    asked(visit, ticket_of(login))
    visit.open("/p/alun-alun/info")

    assert visit.rows() == before


# --- the place ---------------------------------------------------------------------------------------------------------------


def test_the_page_about_a_place_says_where_it_is_when_it_is_open_and_what_the_city_has_to_say(visit: Visit) -> None:
    settle(visit, opening_hours="06:00-22:00")

    page = visit.open("/p/alun-alun/info")

    assert "Wi-Fi sedang buka." in page.text  # it is noon
    assert "06.00 sampai 22.00, setiap hari" in page.text
    assert "Imunisasi gratis" in page.text
    assert "/p/alun-alun?lang=id" in page.addresses
    visit.clock.forward(hours=11)
    assert "Wi-Fi sedang tutup." in visit.open("/p/alun-alun/info").text
    assert "to 10:00" in visit.open("/p/alun-alun/info", lang="en").text


def test_a_place_that_is_planned_or_never_closes_says_so(visit: Visit) -> None:
    assert "selalu buka" in visit.open("/p/alun-alun/info").text
    with visit.database.writing() as db:
        db.get_one(Site, visit.world.alun_alun).state = SiteState.PLANNED

    assert "belum dibuka" in visit.open("/p/alun-alun/info").text
    assert visit.client.get("/p/nowhere/info").status_code == 404


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        ("", "03:00", True),
        ("06:00-22:00", "05:59", False),
        ("06:00-22:00", "06:00", True),
        ("06:00-22:00", "22:00", False),
        ("18:00-02:00", "23:00", True),
        ("18:00-02:00", "01:59", True),
        ("18:00-02:00", "02:00", False),
        ("06:00-06:00", "04:00", True),
    ],
)
def test_a_place_is_open_within_its_hours(hours: str, at: str, expected: bool) -> None:
    found = parse_hours(hours)

    assert (found is None or found.has(time.fromisoformat(at))) is expected
