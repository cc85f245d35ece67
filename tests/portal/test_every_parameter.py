"""Every attack that we can think of, in every parameter of every address of the portal, and in every text that is stored.

All routes are walked and all names that the code reads, so that what is new is attacked by itself, or fails here. A run of the suite
takes 24 of the attacks for each, other ones for each; ``HOTSPOT_ATTACKS=2000`` takes all for each, which takes minutes.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser
from sqlalchemy import text

from hotspot.app import create_app
from hotspot.db import Database
from hotspot.portal import door
from hotspot.settings import Settings
from tests.portal.addresses import of_guests
from tests.portal.attacks import ALL
from tests.portal.browser import CHROMIUM, listening, serving
from tests.portal.test_phone import Guest
from tests.portal.test_unsafe_requests import FORMS, guest
from tests.portal.visit import ROUTER, Clock, Page, Visit, furnish, handed, path_of
from tests.world import World

__all__ = ["guest"]  # the fixture

SHARE = min(int(os.environ.get("HOTSPOT_ATTACKS", "24")), len(ALL))
READ = re.compile(r'\b(?:query|form|pairs)(?:\.get\(|\[)"([\w-]+)"')
FATAL = ("mac", "link-login-only", "chap-id", "chap-challenge", "t", "r", "o", "k", "token")
"""Where an attack most often ends the request at once: each is tried alone. The others don't hinder one another."""
HARMLESS = (
    "lang",
    "ip",
    "error",
    "error-orig",
    "link-orig",
    "username",
    "server-name",
    "identity",
    "terms",
    "method",
    "press",
)
UNKNOWN = ("dst", "next", "url", "target", "theme", "page_error", "link-login", "other", "number", "code")
OURS = ("127.0.0.1:8080", "10.5.50.1")
CALM = [attack for attack in ALL if not any(unicodedata.category(character) == "Cc" for character in attack)]
"""Those that a query may hold together; a control character anywhere in it ends the request."""
_turn = count(1)


def together(names: Iterable[str], number: int) -> dict[str, str]:
    """A calm attack for each name, other ones for each number."""
    return {name: CALM[(number * 31 + place * 97) % len(CALM)] for place, name in enumerate(names)}


def attacks(share: int = SHARE) -> list[str]:
    """The next share of them, so that all get their turn."""
    begin = next(_turn) * share
    return [ALL[(begin + number) % len(ALL)] for number in range(share)]


class Watch:
    """Looks at answers; one that was seen before is not read again."""

    def __init__(self, visit: Visit) -> None:
        self.visit, self._seen = visit, set[bytes]()

    def look(self, response: httpx.Response, attack: object) -> None:
        said = repr(attack)
        assert response.status_code < 500, said
        assert "set-cookie" not in response.headers, said
        self._headers(response, said)
        digest = blake2b(response.content).digest()
        if digest in self._seen or not response.headers.get("content-type", "").startswith("text/html"):
            return
        self._seen.add(digest)
        page = Page(response.text)
        assert leaves(page) == [], said
        assert not [
            tag for tag, _ in page.elements if tag in {"script", "iframe", "object", "embed", "base", "math", "img"}
        ], said
        assert not [name for _, given in page.elements for name in given if name.startswith("on") or name == "style"], (
            said
        )
        assert "root:" not in response.text

    def _headers(self, response: httpx.Response, said: str) -> None:
        location = response.headers.get("location")
        if location is not None:
            absolute = urlsplit(urljoin("http://127.0.0.1:8080/p/alun-alun", location))
            to_router = location.startswith(f"{ROUTER}/login?username=")
            assert to_router or (absolute.netloc == OURS[0] and absolute.path.startswith("/p/")), f"{said} → {location}"
        policy = response.headers.get("content-security-policy", "")
        if response.headers.get("content-type", "").startswith("text/html"):
            assert "default-src 'none'" in policy, said
        assert "unsafe" not in policy
        assert "evil" not in policy.lower()


def leaves(page: Page) -> list[str]:
    """The addresses by which a browser would leave for anywhere but us and the registered router."""
    absolute = [
        urlsplit(urljoin("http://127.0.0.1:8080/p/alun-alun/online", address.strip())) for address in page.addresses
    ]
    away = [url.geturl() for url in absolute if url.scheme != "http" or url.netloc not in OURS]
    refreshes = [
        content
        for content in page.refresh
        if content and not re.fullmatch(r"\d+(; url=http://10\.5\.50\.1/.*)?", content)
    ]
    return away + refreshes


@pytest.fixture
def watch(guest: Guest) -> Watch:
    return Watch(guest.visit)


def test_every_name_that_the_code_reads_is_attacked() -> None:
    folder = Path(door.__file__).parent
    read = {name for file in folder.glob("*.py") for name in READ.findall(file.read_text())}

    assert {"mac", "lang", "code", "t"} <= read, "the pattern finds them"
    assert read <= {*FATAL, *HARMLESS, *UNKNOWN}


def test_there_are_enough_attacks() -> None:
    assert len(set(ALL)) == len(ALL) > 1_400
    assert all(
        any(family in attack for attack in ALL)
        for family in ("@", "%2f", "\u3002", "onerror", "srcdoc", "{{7*7}}", "base64")
    )


def queries(base: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """1. The parameters that don't hinder one another all at once, each time with other attacks. 2. Each of the others alone."""
    names = (*HARMLESS, *UNKNOWN)
    for number in range(SHARE):
        for left_out in ({"error", "error-orig"}, set[str]()):  # with an error, another page is shown
            yield {**base, **together((name for name in names if name not in left_out), number)}
    for name in FATAL:
        for attack in attacks(SHARE // 4):
            yield {**base, name: attack}


def test_nothing_in_a_query_leads_away_or_becomes_markup(guest: Guest, watch: Watch) -> None:
    ticket = dict(pair.split("=", 1) for pair in path_of(_online(guest)).split("?")[1].split("&"))
    base = {**handed(), **{name: httpx.QueryParams(f"{name}={value}")[name] for name, value in ticket.items()}}
    for path in of_guests(guest.visit.client._app, "GET"):
        address = re.sub(r"\{[a-z_]+:int\}", "1", path.replace("{slug}", "alun-alun")).replace("{sha256}", "a" * 64)
        for query in queries(base):
            encoded = "&".join(
                f"{quote(name)}={quote(value, safe='', errors='replace')}" for name, value in query.items()
            )
            if len(encoded) < 8_000:
                watch.look(guest.visit.client.get(f"{address}?{encoded}"), query)


def _online(guest: Guest) -> dict[str, str]:
    response = guest.visit.client.post("/p/alun-alun/login", data=FORMS["/p/{slug}/login"](guest))
    login = dict(httpx.URL(response.headers["location"]).params)
    guest.visit.accept(login["username"])
    guest.visit.start(login["username"])
    return login


def test_nothing_in_a_path_leads_away_or_becomes_markup(guest: Guest, watch: Watch) -> None:
    for path in of_guests(guest.visit.client._app, "GET", "POST"):
        holes = re.findall(r"\{[^}]+\}", path)
        for hole in holes:
            for attack in attacks(SHARE // 6):
                filled = path.replace(hole, quote(attack, safe="", errors="replace"))
                address = re.sub(r"\{[^}]+\}", "1", filled.replace("{slug}", "alun-alun"))
                for method in ("GET", "POST"):
                    watch.look(guest.visit.client.request(method, address), (path, attack))


@pytest.mark.parametrize("path", sorted(FORMS))
def test_nothing_in_a_form_leads_away_or_becomes_markup(guest: Guest, watch: Watch, path: str) -> None:
    fields = FORMS[path](guest)
    address = path.replace("{slug}", "alun-alun")
    free = [name for name in (*fields, *UNKNOWN) if name not in FATAL]
    forms = [
        {**fields, **together((name for name in free if name != skipped), number)}
        for number in range(SHARE // 4)
        for skipped in ("terms", "")
    ]
    forms += [{**fields, name: attack} for name in fields for attack in attacks(SHARE // 8)]
    for form in forms:
        clean = {name: value.encode(errors="replace").decode() for name, value in form.items()}
        watch.look(guest.visit.client.post(address, data=clean), clean)


# --- what is stored ----------------------------------------------------------------------------------------------------------

STORED = """
    UPDATE site SET name = left(:one, 100); UPDATE area SET name = left(:two, 100); UPDATE router SET name = left(:three, 50) || id;
    UPDATE banner SET texts = jsonb_build_object(
        'id', jsonb_build_object('title', CAST(:one AS text), 'text', CAST(:two AS text), 'alt', CAST(:four AS text)));
    UPDATE terms SET texts = jsonb_build_object(
        'id', jsonb_build_object('title', CAST(:two AS text), 'summary', CAST(:three AS text), 'body', CAST(:one AS text)))
"""
SSID = """
    INSERT INTO setting (site_id, key, value) VALUES (:site, 'ssid', to_jsonb(CAST(:value AS text)))
    ON CONFLICT (site_id, key) DO UPDATE SET value = excluded.value
"""
PAGES = ("", "/terms", "/info", "/online", "/privacy", "/nowhere")


def store(visit: Visit, number: int) -> dict[str, str]:
    """Put attacks wherever text is kept that guests get to read, past everything that looks at what is entered."""
    texts = {
        name: text.encode(errors="replace").decode()
        for name, text in together(("one", "two", "three", "four"), number).items()
    }
    with visit.database.writing() as db:
        for statement in STORED.split(";"):
            db.execute(text(statement), {name: value for name, value in texts.items() if f":{name}" in statement})
        db.execute(text(SSID), {"site": visit.world.alun_alun, "value": texts["one"][:10].strip() or "x"})
    return texts


def test_nothing_that_is_stored_becomes_markup(guest: Guest, watch: Watch) -> None:
    query = path_of(_online(guest)).partition("?")[2]
    for number in range(SHARE // 2):
        stored = store(guest.visit, number)
        for page in PAGES:
            for more in (query, f"{query}&{httpx.QueryParams(handed())}"):
                watch.look(guest.visit.client.get(f"/p/alun-alun{page}?{more}"), stored)


# --- in a browser ------------------------------------------------------------------------------------------------------------

WATCHING = """
    window.ran = [];
    for (const name of ['alert', 'prompt', 'confirm', 'fetch']) window[name] = () => window.ran.push(name);
    addEventListener('securitypolicyviolation', event => window.ran.push(event.violatedDirective + ' ' + event.blockedURI));
"""


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium: apt-get install chromium")
def test_no_attack_runs_or_asks_for_anything_in_chromium(
    browser: Browser, world: World, settings: Settings, database: Database, clock: Clock
) -> None:
    """With all of them in place at once, in what is stored and in the address; a blocked one would be a report of the policy."""
    with database.writing() as db:
        furnish(db, world)
    app = create_app(settings, database, now=clock)
    app.state.content.look_every = 0.0
    visit = Visit(None, database, settings, clock, world, app)
    portal = listening()
    base = f"http://127.0.0.1:{portal.getsockname()[1]}"
    asked: list[str] = []
    context = browser.new_context(locale="id-ID")
    context.on("request", lambda request: asked.append(request.url))
    context.route(lambda url: not url.startswith(base), lambda route: route.abort())
    context.add_init_script(WATCHING)
    page = context.new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))

    with serving(app, portal):
        for number in range(SHARE // 2):
            stored = store(visit, number)
            for path, names in (("", HARMLESS[4:]), ("", HARMLESS), ("/terms", HARMLESS), ("/info", UNKNOWN)):
                page.goto(f"{base}/p/alun-alun{path}?{urlencode(handed() | together(names, number))}")
                assert page.evaluate("window.ran") == [], stored
    context.close()

    assert len(asked) >= SHARE
    assert [url for url in asked if not url.startswith(base)] == []
