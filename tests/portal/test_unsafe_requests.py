"""Whatever changes something is refused without effect when it lacks its token, has another's, or another site sent it.

All routes are walked: one that is neither of the portal's forms below nor guarded elsewhere fails the first test.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import text

from hotspot.console.access import form_cookie, staff_cookie
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from tests.portal.addresses import SAFE, addresses
from tests.portal.test_phone import NUMBER, Guest
from tests.portal.test_privacy import buttons, own_data
from tests.portal.visit import Client, Visit, handed
from tests.world import OTHER_PHONE

Fields = dict[str, str]
ELSEWHERE = {
    "another site": {"sec-fetch-site": "cross-site"},
    "a sibling": {"sec-fetch-site": "same-site"},
    "another origin": {"origin": "https://evil.example"},
    "an origin that begins as ours": {"origin": "http://127.0.0.1:8080.evil.example"},
    "an origin of another port": {"origin": "http://127.0.0.1:8081"},
    "an extension": {"origin": "chrome-extension://abcdefghijklmnop"},
}


def welcome_form(guest: Guest, action: str, **more: str) -> Fields:
    page = guest.visit.open(**handed(**more), other="1")
    return guest.form(page, action)[1]


def one_tap(guest: Guest, **more: str) -> Fields:
    return welcome_form(guest, "login", **more)


def number(guest: Guest, **more: str) -> Fields:
    return welcome_form(guest, "phone", **more) | {"number": NUMBER}


def right_code(guest: Guest, **more: str) -> Fields:
    return guest.form(guest.code_page(guest.ask(**more)), "phone/code")[1] | {"code": guest.code()}


def again(guest: Guest, **more: str) -> Fields:
    address = guest.ask(**more)
    guest.visit.clock.forward(minutes=1)
    return guest.form(guest.code_page(address), "phone/again")[1]


def grace(guest: Guest, **more: str) -> Fields:
    return guest.form(guest.code_page(guest.ask(**more)), "phone/online")[1]


def online(guest: Guest) -> Fields:
    """What the router's /login was given for a device that is online now."""
    response = guest.visit.client.post("/p/alun-alun/login", data=one_tap(guest))
    login = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    guest.visit.accept(login["username"])
    guest.visit.start(login["username"])
    return login


def own_data_form(name: str) -> Callable[..., Fields]:
    def form(guest: Guest) -> Fields:
        return buttons(guest.visit.open(own_data(guest.visit, online(guest))))[f"/p/alun-alun/privacy/{name}"]

    return form


def sign_out_form(guest: Guest) -> Fields:
    """The one that a page shows where the router is not known."""
    page = guest.visit.open(**handed(username=online(guest)["username"], link_login_only=""))
    return buttons(page)["/p/alun-alun/logout"]


FORMS: dict[str, Callable[..., Fields]] = {
    "/p/{slug}/login": one_tap,
    "/p/{slug}/phone": number,
    "/p/{slug}/phone/code": right_code,
    "/p/{slug}/phone/again": again,
    "/p/{slug}/phone/online": grace,
    "/p/{slug}/privacy/withdraw": own_data_form("withdraw"),
    "/p/{slug}/privacy/delete": own_data_form("delete"),
    "/p/{slug}/logout": sign_out_form,
}
BY_FORM = pytest.mark.parametrize("path", sorted(FORMS))


@pytest.fixture
def guest(visit: Visit) -> Guest:
    """Gina at Alun-Alun, where one tap does and a code, too; the library has the same."""
    with visit.database.writing() as db:
        for site in (visit.world.alun_alun, visit.world.perpustakaan):
            give(db, db.get_one(Site, site), "sign_in", "one-tap,phone")
            give(db, db.get_one(Site, site), "code_minutes", 3)
    state = visit.client._app.state
    state.content.look_every, state.ended = 0.0, []

    def end_sessions(sessions: Sequence[int], *, now: datetime) -> None:
        del now
        state.ended.append(sessions)

    state.end_sessions = end_sessions
    return Guest(visit)


def contents(visit: Visit) -> dict[str, tuple[int, int]]:
    """Every table's rows, counted and summed up, and how often routers were told to end sessions."""
    with visit.database.reading() as db:
        tables = db.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        ended = len(visit.client._app.state.ended)
        return {"": (ended, 0)} | {
            table: tuple(db.execute(text(f'SELECT count(*), sum(hashtext(t::text)::bigint) FROM "{table}" AS t')).one())
            for table in tables
        }


def refused(visit: Visit, path: str, fields: Fields, **headers: str) -> None:
    before = contents(visit)

    response = visit.client.post(path.replace("{slug}", "alun-alun"), data=fields, headers=headers)

    assert response.status_code in (400, 403, 404), response.text
    assert "location" not in response.headers
    assert contents(visit) == before


def test_every_route_that_changes_something_is_known(guest: Guest) -> None:
    served = {path for method, path in addresses(guest.visit.client._app) if method not in SAFE}

    ours = {path for path in served if not path.startswith(("/console/", "/api/"))}

    assert ours == set(FORMS)


@BY_FORM
def test_our_own_form_is_accepted(guest: Guest, path: str) -> None:
    """Else the refusals below would prove nothing. Browsers say null where a page lets no referrer out."""
    fields = FORMS[path](guest)
    before = contents(guest.visit)
    headers = {"sec-fetch-site": "same-origin", "origin": "null"}

    response = guest.visit.client.post(path.replace("{slug}", "alun-alun"), data=fields, headers=headers)

    assert response.status_code in (200, 303)
    assert contents(guest.visit) != before


@BY_FORM
def test_a_form_that_another_site_sends_is_refused_and_with_our_own_origin_it_is_not(guest: Guest, path: str) -> None:
    fields = FORMS[path](guest)

    for headers in ELSEWHERE.values():
        refused(guest.visit, path, fields, **headers)

    own = {"origin": "http://127.0.0.1:8080"}
    answer = guest.visit.client.post(path.replace("{slug}", "alun-alun"), data=fields, headers=own)
    assert answer.status_code in (200, 303)


@BY_FORM
def test_without_its_token_it_is_refused(guest: Guest, path: str) -> None:
    fields = FORMS[path](guest)

    for token in (None, "", "A" * len(fields["token"]), fields["token"][:-1], fields["token"].swapcase()):
        rest = {name: value for name, value in fields.items() if name != "token"}
        refused(guest.visit, path, rest if token is None else rest | {"token": token})


@BY_FORM
def test_a_token_of_another_hour_is_refused(guest: Guest, path: str) -> None:
    fields = FORMS[path](guest)
    guest.visit.clock.forward(hours=3)

    refused(guest.visit, path, fields)


@BY_FORM
def test_a_token_of_another_device_is_refused(guest: Guest, path: str) -> None:
    """Or, where it belongs to one log-in, a token of another log-in."""
    fields = FORMS[path](guest)
    other = FORMS[path](guest) if "privacy" in path or "logout" in path else one_tap(guest, mac=str(OTHER_PHONE))

    refused(guest.visit, path, fields | {"token": other["token"]})


@BY_FORM
def test_a_token_of_another_place_is_refused(guest: Guest, path: str) -> None:
    fields = FORMS[path](guest)
    with guest.visit.database.writing() as db:
        db.execute(text("UPDATE router SET login_host = '10.5.50.1'"))
    guest.visit.client._app.state.content.look_every = 0.0
    page = guest.visit.open("/p/perpustakaan", **handed())
    other = next(form for form in guest.forms(page) if form[0] == "/p/perpustakaan/login")[1]

    refused(guest.visit, path, fields | {"token": other["token"]})
    refused(guest.visit, path.replace("{slug}", "perpustakaan"), fields)


@pytest.mark.parametrize("deed", ["withdraw", "delete"])
def test_a_token_that_signs_out_neither_withdraws_nor_deletes(guest: Guest, deed: str) -> None:
    """Nor the other way round: each page's buttons can do what they say and no more."""
    signing_out = sign_out_form(guest)

    refused(guest.visit, f"/p/{{slug}}/privacy/{deed}", signing_out)

    fields = own_data_form(deed)(guest)
    refused(guest.visit, "/p/{slug}/logout", fields)


def test_the_console_and_the_api_are_closed_to_who_has_no_log_in(guest: Guest) -> None:
    """Their own tests know who may do what; here it is only that no route is forgotten."""
    stranger = replace(guest.visit, client=Client(guest.visit.client._app))
    before = contents(stranger)

    for method, path in sorted(addresses(stranger.client._app)):
        if method in SAFE or path.startswith("/p/"):
            continue
        filled = path.replace("{name}", "alun-alun-1").replace("{number}", "1").replace("{token}", "x" * 43)
        for headers in ({}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = stranger.client.request(method, filled.replace("{version}", "1"), headers=headers)
            to_log_in = answer.status_code == 303 and answer.headers["location"] == "/console/login"
            assert to_log_in or 400 <= answer.status_code < 500, (method, path, answer.status_code)
    stranger.client.close()
    assert contents(stranger) == before
    assert form_cookie(stranger.settings) != staff_cookie(stranger.settings)
