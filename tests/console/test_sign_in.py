"""Signing in and out over HTTP: one button, one winner, no forged forms."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from hotspot.app import create_app
from hotspot.db import Database
from hotspot.settings import Settings
from hotspot.staff.models import LoginLink
from hotspot.staff.service import disable_staff, make_login_link
from tests.console.browser import Browser, Clock, form_token
from tests.console.conftest import Open
from tests.reports.usage_city import build_city

LAST_DAY = "max-age=43200"


def test_a_link_shows_one_button_and_the_button_signs_in(anonymous: Browser, link: str, city: object) -> None:
    page = anonymous.get(link)
    answer = anonymous.press_button(link)

    assert page.status_code == 200
    assert page.text.count("<button") == 1
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/usage")
    assert "Alice" in anonymous.get("/console/usage").text


def test_following_a_link_signs_nobody_in(anonymous: Browser, link: str, database: Database) -> None:
    for _ in range(3):
        assert anonymous.get(link).status_code == 200
    anonymous.request("HEAD", link)

    assert anonymous.get("/console/usage").status_code == 303
    with database.reading() as db:
        assert db.exec(select(LoginLink)).one().used_at is None
    assert anonymous.press_button(link).status_code == 303


def test_a_link_works_once(alice: Browser, anonymous: Browser, link: str) -> None:
    answer = anonymous.press_button(link)

    assert answer.status_code == 403
    assert "hotspot staff login-link" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_link_runs_out(anonymous: Browser, link: str, clock: Clock) -> None:
    clock.pass_by(timedelta(minutes=15))

    assert anonymous.press_button(link).status_code == 403


def test_only_one_of_many_browsers_wins(browser: Open, link: str) -> None:
    browsers = [browser() for _ in range(6)]
    tokens = [form_token(client.get(link).text) for client in browsers]

    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda pair: pair[0].post(link, data={"form_token": pair[1]}), zip(browsers, tokens, strict=True))
        )

    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403, 403, 403]


def test_the_cookie_is_out_of_scripts_reach_and_lasts_a_working_day(anonymous: Browser, link: str) -> None:
    kept = anonymous.press_button(link).headers.get_list("set-cookie")[0].lower()

    assert kept.startswith("hotspot_staff=")
    assert {"httponly", "samesite=lax", "path=/console", LAST_DAY} <= set(kept.split("; "))


@pytest.fixture
def over_https(settings: Settings, database: Database, clock: Clock) -> Iterator[Browser]:
    public = settings.model_copy(update={"public_url": "https://wifi.example"})
    with database.writing() as db:
        build_city(db, clock())
    client = Browser(create_app(public, database, now=clock), "https://wifi.example")
    yield client
    client.close()


def test_over_https_the_cookie_is_bound_to_the_host(over_https: Browser, link: str) -> None:
    kept = over_https.press_button(link).headers.get_list("set-cookie")[0]

    assert kept.startswith("__Host-hotspot_staff=")
    assert {"httponly", "secure", "path=/"} <= set(kept.lower().split("; "))
    assert "domain" not in kept.lower()
    assert over_https.get("/console/usage").status_code == 200


def test_signing_out_ends_the_log_in(alice: Browser, city: object) -> None:
    token = form_token(alice.get("/console/usage").text)
    cookie = alice.cookies["hotspot_staff"]

    answer = alice.post("/console/logout", data={"form_token": token})

    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
    assert "hotspot_staff" not in alice.cookies
    alice.cookies.set("hotspot_staff", cookie, path="/console")
    assert alice.get("/console/usage").status_code == 303


def test_a_new_log_in_ends_the_browsers_earlier_one(
    alice: Browser, browser: Open, database: Database, clock: Clock
) -> None:

    earlier = alice.cookies["hotspot_staff"]
    with database.writing() as db:
        second = f"/console/login/{make_login_link(db, 'Alice', clock())}"
    alice.press_button(second)
    other = browser()
    other.cookies.set("hotspot_staff", earlier, path="/console")

    assert alice.cookies["hotspot_staff"] != earlier
    assert other.get("/console/usage").status_code == 303


def test_a_log_in_ends_by_itself(alice: Browser, clock: Clock, city: object) -> None:
    clock.pass_by(timedelta(hours=12))

    assert alice.get("/console/usage").headers["location"] == "/console/login"


def test_a_disabled_account_is_out_at_once(alice: Browser, database: Database, clock: Clock, city: object) -> None:
    assert alice.get("/console/usage").status_code == 200
    with database.writing() as db:
        disable_staff(db, "Alice", clock())

    assert alice.get("/console/usage").headers["location"] == "/console/login"


# --- forged forms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:8080.evil.example"},
    ],
)
def test_a_form_that_another_site_sent_is_refused(
    anonymous: Browser, alice: Browser, browser: Open, link: str, headers: dict[str, str], city: object
) -> None:
    assert browser().press_button(link, **headers).status_code == 403
    token = form_token(alice.get("/console/usage").text)
    assert alice.post("/console/logout", data={"form_token": token}, headers=headers).status_code == 403
    assert alice.get("/console/usage").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8080"},
        {"sec-fetch-site": "same-origin", "origin": "null"},  # what browsers send under no-referrer
        {"origin": "http://127.0.0.1:8080"},
        {},
    ],
)
def test_our_own_form_is_accepted(anonymous: Browser, link: str, headers: dict[str, str]) -> None:
    assert anonymous.press_button(link, **headers).status_code == 303


def test_a_form_without_its_token_is_refused_and_the_link_stays_good(
    anonymous: Browser, browser: Open, link: str
) -> None:
    anonymous.get(link)
    for given in ({}, {"form_token": ""}, {"form_token": "x" * 22}, {"form_token": "☃"}, {"form_token": "x" * 10_000}):
        assert anonymous.post(link, data=given).status_code == 403

    assert anonymous.press_button(link).status_code == 303


def test_another_browsers_token_is_refused(anonymous: Browser, browser: Open, link: str) -> None:
    stolen = form_token(browser().get(link).text)
    anonymous.get(link)

    assert anonymous.post(link, data={"form_token": stolen}).status_code == 403


def test_a_browser_without_cookies_gets_an_explanation(anonymous: Browser, link: str) -> None:
    token = form_token(anonymous.get(link).text)
    anonymous.cookies.clear()

    answer = anonymous.post(link, data={"form_token": token})

    assert answer.status_code == 403
    assert "kuki" in answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"form_token=%ff%00", b"a" * 100_000])
def test_a_hostile_body_is_refused(alice: Browser, body: bytes) -> None:
    for kind in ("application/x-www-form-urlencoded", "application/json", "text/plain"):
        answer = alice.post("/console/logout", content=body, headers={"content-type": kind})
        assert answer.status_code == 403
