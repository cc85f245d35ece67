"""Whatever a phone hands over, the answer is a page: no way out of the site, no markup, no crash, no trace in the database."""

import re
from collections.abc import Callable
from urllib.parse import quote, urlencode, urljoin, urlsplit
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from hotspot.portal.handoff import (
    RouterHost,
    Stop,
    _pairs,
    _plain_pairs,
    octal,
    octets_of,
    plain_text,
    read_handed,
    read_pairs,
    registered_base,
)
from hotspot.portal.service import get_place, progress
from hotspot.routers.models import Router
from tests.portal.payloads import ELSEWHERE, MARKUP
from tests.portal.visit import MAC, ROUTER, Page, Visit, handed, path_of

LINKS = ("link-login-only", "link-login", "link-orig", "dst", "next")
PARAMETERS = (
    *LINKS,
    "mac",
    "ip",
    "error",
    "error-orig",
    "chap-id",
    "chap-challenge",
    "server-name",
    "identity",
    "lang",
    "terms",
    "token",
    "t",
    "r",
    "o",
    "method",
    "press",
    "page_error",
)
OURS = ("127.0.0.1:8080", "10.5.50.1")
KNOWN = [RouterHost("10.9.0.2", "10.5.50.1")]


def leaves(page: Page, base: str) -> list[str]:
    """The addresses of a page by which a browser would leave for anywhere but us and the registered router."""
    absolute = [urlsplit(urljoin(base, address.strip())) for address in page.addresses]
    refreshes = [content for content in page.refresh if content and not content.isdigit()]
    return [url.geturl() for url in absolute if url.scheme != "http" or url.netloc not in OURS] + refreshes


def assert_harmless(visit: Visit, response) -> None:
    location = response.headers.get("location")
    if location is not None:
        assert location.startswith(f"{ROUTER}/login?username="), location
    assert "set-cookie" not in response.headers
    assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "evil" not in response.headers["content-security-policy"]
    page = Page(response.text)
    assert leaves(page, "http://127.0.0.1:8080/p/alun-alun/online") == []
    assert not page.all("script")
    assert not page.all("iframe")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_there_are_enough_ways_to_try() -> None:
    assert len(set(ELSEWHERE)) >= 90


@pytest.mark.parametrize("name", LINKS)
def test_no_parameter_leads_away(visit: Visit, name: str) -> None:
    _, form = visit.welcome().form

    for payload in ELSEWHERE:
        response = visit.client.get("/p/alun-alun", params=handed(**{name: payload}))
        assert response.status_code in (200, 400), payload
        assert_harmless(visit, response)
        if name == "link-login-only":
            assert response.status_code == 400, payload
        response = visit.client.post("/p/alun-alun/login", data={**form, name: payload})
        assert response.status_code in (303, 400), payload
        assert_harmless(visit, response)


@pytest.mark.parametrize("name", [*LINKS, "r", "o"])
def test_the_online_page_does_not_lead_away_either(visit: Visit, name: str) -> None:
    path = path_of(visit.online())
    kept = re.sub(rf"&{name}=[^&]*", "", path)

    for payload in set(ELSEWHERE) - {ROUTER}:
        response = visit.client.get(f"{kept}&{name}={quote(payload, safe='')}")
        assert response.status_code in ((400, 404) if name in ("r", "o") else (200, 400)), payload
        assert_harmless(visit, response)


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_parameter_becomes_markup(visit: Visit, name: str) -> None:
    absent = name if name in ("link-orig", "ip") else "x"  # an odd one is as good as none
    welcome = len(visit.welcome(**{absent: ""}).elements)

    for payload in MARKUP:
        response = visit.client.get("/p/alun-alun", params=handed(**{name: payload}))
        assert response.status_code in (200, 400), payload
        assert_harmless(visit, response)
        assert "root:" not in response.text
        if response.status_code == 200 and not name.startswith("error"):
            assert len(Page(response.text).elements) == welcome, payload
        if "<" in payload and "&lt;" not in payload:
            assert payload not in response.text


def test_a_hostile_slug_is_an_unknown_place(visit: Visit) -> None:
    for payload in [*MARKUP, *ELSEWHERE, "%00", "ALUN-ALUN", "alun-alun%20", "a" * 5000]:
        for tail in ("", "/online", "/terms"):
            encoded = payload if payload.startswith("%0") else quote(payload, safe="")
            response = visit.client.get(f"/p/{encoded}{tail}")
            if response.status_code == 307:  # a slash too many at the end
                assert response.headers["location"].startswith("http://127.0.0.1:8080/p/")
                continue
            assert response.status_code in (404, 405), payload  # ".../login" is an address of ours, for POST
            assert "location" not in response.headers


def test_text_that_we_do_not_know_is_quoted_short_and_without_what_could_mislead(visit: Visit) -> None:
    page = visit.welcome(error="<b>tutup</b> & pulang: https://evil.example/ " + "x" * 200)

    assert "btutupb pulang: https:evil.example" in page.text
    assert "x" * 30 not in page.text
    assert len(page.all("blockquote")) == 1


@pytest.mark.parametrize(
    "query",
    [
        f"mac={MAC}&mac={MAC}",
        "error=a&error=b",
        "x=1&x=1",
        "mac=not-a-mac",
        "mac=01:00:5E:00:00:01",
        "mac=00:00:00:00:00:00",
        "mac=%00",
        "error=%00",
        "error=a%0Ab",
        "error=%7F",
        "error=%C2%85",
        "error=%FF%FE",
        "error=%ED%A0%80",
        "link-orig=%C0%AF",
        "%FF=1",
        "chap-id=%5C371&chap-challenge=",
        "chap-id=%5C371%5C372&chap-challenge=abc",
        "chap-id=%5C&chap-challenge=abc",
        "chap-id=a&chap-challenge=%5Cq",
    ],
)
def test_a_damaged_query_is_a_clear_page(visit: Visit, query: str) -> None:
    response = visit.client.get(f"/p/alun-alun?{query}")

    assert response.status_code == 400
    assert "Tautan ini rusak" in response.text
    assert_harmless(visit, response)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("mac=" + "A" * 300, 414),
        ("link-orig=http://example.com/" + "a" * 4096, 414),
        ("x=" + "a" * 8192, 414),
        ("&".join(f"a{n}=" for n in range(100)), 414),
        ("&".join(f"a{n}={'x' * 500}" for n in range(20)), 414),
        ("&" * 8000, 200),
    ],
)
def test_an_overlong_query_is_a_clear_page(visit: Visit, query: str, status: int) -> None:
    response = visit.client.get(f"/p/alun-alun?{query}")

    assert response.status_code == status
    assert len(response.content) < 64 * 1024
    assert_harmless(visit, response)


def test_a_mebibyte_of_query_is_a_clear_page(visit: Visit) -> None:
    status, body = visit.client.get_raw("/p/alun-alun", b"link-orig=" + b"a" * 1024 * 1024)

    assert status == 414
    assert "Tautan ini rusak" in body


def test_an_overlong_body_is_a_clear_page_and_is_not_read_to_its_end(visit: Visit) -> None:
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1
            yield b"a" * 1024

    form = {"content-type": "application/x-www-form-urlencoded"}
    response = visit.client.post("/p/alun-alun/login", content=endless(), headers=form)

    assert response.status_code == 413
    assert sent <= 70
    assert_harmless(visit, response)


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=a", "application/json", "text/plain", ""])
def test_only_a_plain_form_is_read(visit: Visit, kind: str) -> None:
    body = urlencode(visit.welcome().form[1]).encode()

    response = visit.client.post("/p/alun-alun/login", content=body, headers={"content-type": kind})

    assert response.status_code == 400
    assert visit.rows()["credential"] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"token": ""},
        {"token": "A" * 22},
        {"token": "ä"},
        {"mac": "BC:24:11:00:00:02"},
        {"mac": ""},
        {"link-login-only": ""},
    ],
)
def test_only_our_own_form_is_accepted(visit: Visit, changed: dict[str, str]) -> None:
    response = visit.press(visit.welcome(), **changed)

    assert response.status_code in (400, 403)
    assert "Coba lagi" in response.text
    assert_harmless(visit, response)
    assert (visit.rows()["consent"], visit.rows()["credential"]) == (0, 0)


def test_a_form_holds_for_its_hour_and_the_next(visit: Visit) -> None:
    page = visit.welcome()

    visit.clock.forward(minutes=119)
    assert visit.press(page).status_code == 303
    visit.clock.forward(minutes=1)
    assert visit.press(page).status_code == 403


def test_a_form_of_another_place_is_not_ours(visit: Visit) -> None:
    with visit.database.writing() as db:
        db.get_one(Router, visit.world.other_router).login_host = "10.5.50.1"
    _, fields = visit.welcome().form

    assert visit.client.post("/p/perpustakaan/login", data=fields).status_code == 403


def test_another_website_cannot_press_the_button(visit: Visit) -> None:
    action, fields = visit.welcome().form

    refused = visit.client.post(action, data=fields, headers={"sec-fetch-site": "cross-site"})
    assert refused.status_code == 403
    assert "bukan dari" in refused.text or "tidak berasal" in refused.text
    assert visit.rows()["consent"] == 0
    assert visit.client.post(action, data=fields, headers={"sec-fetch-site": "same-origin"}).status_code == 303


@pytest.mark.parametrize("ticket", ["", "x", "0" * 32, "0" * 32 + "." + "A" * 22, "0" * 32 + ".ä", "." * 200])
def test_a_forged_ticket_is_a_clear_page(visit: Visit, ticket: str) -> None:
    response = visit.client.get("/p/alun-alun/online", params={"t": ticket})

    assert response.status_code == 404
    assert "Tautan ini tidak berlaku" in response.text
    assert "http-equiv" not in response.text


def test_a_ticket_is_good_for_its_own_credential_place_and_words_only(visit: Visit) -> None:
    path = path_of(visit.online())

    assert visit.client.get(path.replace("/p/alun-alun/", "/p/perpustakaan/")).status_code == 404
    assert visit.client.get(path.replace("o=example.com", "o=evil.example")).status_code == 404
    assert visit.client.get(path.replace("t=", "t=0", 1)).status_code == 404
    assert visit.client.get(path).status_code == 200


def test_a_ticket_whose_credential_was_forgotten_is_a_clear_page(visit: Visit) -> None:
    login = visit.log_in()
    with visit.database.writing() as db:
        db.execute(text("DELETE FROM credential"))

    assert visit.client.get(path_of(login)).status_code == 404


def test_a_credential_is_known_at_its_own_site_only(visit: Visit) -> None:
    credential_id = UUID(visit.log_in()["username"])

    with visit.database.reading() as db:
        assert progress(db, get_place(db, "alun-alun"), credential_id, now=visit.clock()) is not None
        assert progress(db, get_place(db, "perpustakaan"), credential_id, now=visit.clock()) is None


def test_a_ticket_of_a_router_that_is_gone_leads_nowhere(visit: Visit) -> None:
    path = path_of(visit.online())
    with visit.database.writing() as db:
        db.get_one(Router, visit.world.router).login_host = "10.7.7.1"

    response = visit.client.get(path)

    assert response.status_code == 400
    assert "10.5.50.1" not in response.text


# --- the pure part: any input at all -----------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
@example(b"chap-id=%5C")
@example(b"=&==&&")
def test_any_query_is_read_or_stopped(encoded: bytes) -> None:
    try:
        handed_over = read_handed(read_pairs(encoded), KNOWN)
    except Stop:
        return
    assert handed_over.router in (None, ROUTER)


def read(way: Callable[[], dict[str, str] | None]) -> object:
    try:
        return way()
    except Stop as stop:
        return stop.explanation


@given(
    st.lists(
        st.sampled_from(
            [
                b"a",
                b"chap-id",
                b"=",
                b"&",
                b"%3A",
                b"%2F",
                b"%5C",
                b"%3F",
                b"%20",
                b"%",
                b"+",
                b"2",
                b"F",
                b"\\",
                b"\x7f",
            ]
        )
    )
)
def test_the_quick_way_to_read_a_query_is_the_general_one(pieces: list[bytes]) -> None:
    encoded = b"".join(pieces)
    text = plain_text(encoded)

    if text is not None:
        assert read(lambda: _plain_pairs(text.split("&"))) == read(lambda: _pairs(encoded.split(b"&")))


@given(st.binary(max_size=64))
def test_octets_survive_their_octal_spelling(octets: bytes) -> None:
    assert octets_of(octal(octets)) == octets


@given(st.text(max_size=80))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_only_the_registered_router_is_ever_returned(tried: str) -> None:
    for url in (tried, f"http://{tried}", f"http://{tried}10.5.50.1/login", f"http://10.5.50.1{tried}/login"):
        try:
            base = registered_base(url, KNOWN, path="/login")
        except Stop:
            continue
        assert base == ROUTER


@pytest.mark.parametrize(
    ("registered", "url", "base"),
    [
        (RouterHost("10.9.0.2", "wifi.example.id"), "http://WIFI.example.id/login", "http://wifi.example.id"),
        (RouterHost("10.9.0.2", "wifi.example.id"), "https://wifi.example.id/login", "https://wifi.example.id"),
        (RouterHost("10.9.0.2", "wifi.example.id"), "https://wifi.example.id:443/login", "https://wifi.example.id"),
        (RouterHost("10.9.0.2", "10.5.50.1:8081"), "http://10.5.50.1:8081/login", "http://10.5.50.1:8081"),
        (RouterHost("10.9.0.2"), "http://10.9.0.2/login", "http://10.9.0.2"),
        (RouterHost("10.9.0.2"), "http://10.9.0.2:8123/login", "http://10.9.0.2:8123"),
        (RouterHost("fd00::2"), "http://[FD00:0::2]:81/login", "http://[fd00::2]:81"),
        (RouterHost("10.9.0.2", "[fd00::5]:81"), "http://[fd00::5]:81/login", "http://[fd00::5]:81"),
    ],
)
def test_a_registered_router_is_recognised(registered: RouterHost, url: str, base: str) -> None:
    assert registered_base(url, [registered], path="/login") == base


@pytest.mark.parametrize(
    ("registered", "url"),
    [
        (RouterHost("10.9.0.2", "10.5.50.1"), "http://10.9.0.2/login"),  # the management address is not the login page
        (RouterHost("10.9.0.2", "10.5.50.1"), "http://10.5.50.1:443/login"),
        (RouterHost("10.9.0.2", "10.5.50.1:8081"), "http://10.5.50.1/login"),
        (RouterHost("10.9.0.2"), "http://wifi.example.id/login"),
        (RouterHost("fd00::2"), "http://[fd00::3]/login"),
        (RouterHost("10.9.0.2"), "http://10.9.0.2:70000/login"),
    ],
)
def test_any_other_router_is_not(registered: RouterHost, url: str) -> None:
    with pytest.raises(Stop):
        registered_base(url, [registered], path="/login")
