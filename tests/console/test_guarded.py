"""Every address of the console is in one of these lists; nothing but signing in is shown to the anonymous."""

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from hotspot.console import banners, broadcasts, pages, support, terms
from hotspot.db import Database
from hotspot.staff.service import disable_staff
from tests.console.browser import Browser, Clock

FOR_ANYBODY = {
    ("GET", "/console"),  # leads on
    ("GET", "/console/login"),
    ("GET", "/console/login/{token}"),
    ("POST", "/console/login/{token}"),  # the token decides
}
FOR_STAFF = {
    ("GET", "/console/usage"),
    ("GET", "/console/usage/live"),
    ("POST", "/console/logout"),
    ("GET", "/console/terms"),
    ("GET", "/console/terms/{name}/{version}"),
    ("POST", "/console/terms/{name}/{version}/approve"),
    ("GET", "/console/banners"),
    ("GET", "/console/banners/new"),
    ("GET", "/console/banners/{number:int}"),
    ("GET", "/console/banners/{number:int}/edit"),
    ("GET", "/console/banners/{number:int}/preview"),
    ("POST", "/console/banners"),
    ("POST", "/console/banners/{number:int}"),
    ("POST", "/console/banners/{number:int}/approve"),
    ("POST", "/console/banners/{number:int}/end"),
    ("GET", "/console/broadcast"),
    ("POST", "/console/broadcast"),
    ("POST", "/console/broadcast/{number:int}/{doing}"),
    ("GET", "/console/support"),
    ("POST", "/console/support"),
}


def called(path: str) -> str:
    """An address as somebody calls it."""
    return path.replace("{token}", "x" * 43).replace("{number:int}", "1")


HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def test_every_address_is_in_a_list(app: FastAPI) -> None:
    served = {
        (method, route.path)
        for routes in (pages.routes, support.routes, terms.routes, banners.routes, broadcasts.routes)
        for route in routes.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }

    assert served == FOR_ANYBODY | FOR_STAFF
    assert not FOR_ANYBODY & FOR_STAFF


@pytest.mark.parametrize(("method", "path"), sorted(FOR_STAFF))
@pytest.mark.parametrize("cookie", [None, "", "x" * 43, "☃", "a" * 4000])
def test_the_anonymous_see_nothing(
    anonymous: Browser, city: object, method: str, path: str, cookie: str | None
) -> None:
    headers = {} if cookie is None else {"cookie": f"hotspot_staff={cookie}".encode()}

    answer = anonymous.request(method, called(path), headers=headers)

    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
    assert answer.content == b""


def test_a_fragment_has_the_page_loaded_anew_when_the_log_in_is_over(anonymous: Browser, city: object) -> None:
    answer = anonymous.get("/console/usage/live", headers={"hx-request": "true"})

    assert (answer.status_code, answer.headers["hx-refresh"]) == (401, "true")


def test_the_anonymous_are_told_how_to_get_a_link(anonymous: Browser) -> None:
    page = anonymous.get("/console/login")

    assert page.status_code == 200
    assert "hotspot staff login-link" in page.text
    assert "<form" not in page.text


@pytest.mark.parametrize(("method", "path"), sorted(FOR_ANYBODY | FOR_STAFF))
def test_every_answer_carries_the_headers(
    anonymous: Browser, alice: Browser, city: object, method: str, path: str
) -> None:
    for client in (anonymous, alice):
        answer = client.request(method, called(path))
        policy = answer.headers["content-security-policy"]

        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_errors_carry_the_headers_too(alice: Browser, city: object) -> None:
    for path in ("/console/usage?period=never", "/console/usage?area=0", "/console/usage?site=%00"):
        answer = alice.get(path)

        assert answer.status_code in {404, 422}
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), sorted(FOR_STAFF))
def test_a_disabled_account_sees_nothing(
    alice: Browser, database: Database, clock: Clock, city: object, method: str, path: str
) -> None:
    with database.writing() as db:
        disable_staff(db, "Alice", clock())

    assert alice.request(method, called(path)).status_code == 303
