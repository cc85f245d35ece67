"""The console in a real browser: charts drawn, figures fresh without a reload, focus kept, no accessibility violation."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from starlette.types import ASGIApp

from hotspot.app import create_app
from hotspot.console.words import STATIC
from hotspot.db import Database
from hotspot.guests.terms import Person, draft, ensure_default_terms, packaged_texts
from hotspot.settings import Settings
from hotspot.sites.models import Site
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff, disable_staff, make_login_link
from tests.reports.usage_city import GINA, HADI, INTAN, build_city, build_site, roll_up, visit

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Open = Callable[..., Page]

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no chromium at {CHROMIUM}")
with_scripts = pytest.mark.skipif(
    not (STATIC / "vendor/htmx/htmx.min.js").exists() or not (STATIC / "vendor/chart/chart.umd.min.js").exists(),
    reason="htmx and Chart.js were not fetched by the build",
)


@contextmanager
def serving(app: ASGIApp, listening: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def real_city(database: Database) -> dict[str, Site]:
    """The small city, busy within the last hours of the real time."""
    now = datetime.now(UTC)
    with database.writing() as db:
        city = build_city(db, now)
        for number, site in enumerate(city.values()):
            visit(db, site, GINA, now - timedelta(minutes=30 * number + 40), 20, down=10**9 // (number + 1))
            visit(db, site, HADI, now - timedelta(minutes=30 * number + 30), 20, down=None, up=None)
        roll_up(db)
        add_staff(db, "Alice", Role.ADMIN, now)
        ensure_default_terms(db, now)
        texts = packaged_texts("public") | {"en": {"title": "Terms", "summary": "- Short", "body": "# One\nLong."}}
        draft(db, "public", texts, by=Person("Bob", "console"), now=now)
        for site in city.values():
            db.expunge(site)
    return city


@pytest.fixture
def address(settings: Settings, database: Database, real_city: object) -> Iterator[str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    with serving(create_app(settings.model_copy(update={"http_port": port}), database), listening):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Chromium, address: str, database: Database) -> Iterator[Open]:
    """Sign Alice in by pressing the link's button and open a page; fail when the browser complained about anything."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(
        path: str = "/console/usage", *, width: int = 1280, may_complain: bool = False, **context: object
    ) -> Page:
        with database.writing() as db:
            link = f"/console/login/{make_login_link(db, 'Alice', datetime.now(UTC))}"
        contexts.append(chromium.new_context(locale="id-ID", viewport={"width": width, "height": 900}, **context))
        page = contexts[-1].new_page()
        if not may_complain:
            page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + link)
        page.get_by_role("button", name="Masuk").click()
        page.wait_for_url("**/console/usage")
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def violations(page: Page) -> list[str]:
    return [f"{found['id']}: {found['nodes'][0]['html']}" for found in Axe().run(page).response["violations"]]


@with_scripts
def test_charts_are_drawn_on_canvas(open_page: Open) -> None:
    page = open_page()

    expect(page.locator("html.drawn")).to_be_attached()
    expect(page.locator("canvas")).to_have_count(2)
    expect(page.locator("svg.bars").first).to_be_hidden()
    drawn = (
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(octet => octet)"
    )
    for canvas in page.locator("canvas").all():
        assert canvas.is_visible()
        assert canvas.evaluate(drawn)
    expect(page.get_by_role("img", name="Perangkat per jam: Kota Pangkalpinang")).to_be_visible()


@with_scripts
def test_figures_change_without_a_reload_and_the_focus_stays(
    open_page: Open, database: Database, real_city: dict[str, Site]
) -> None:
    page = open_page()
    page.evaluate("window.sameDocument = true")
    page.locator("summary").click()
    link = page.get_by_role("link", name="Rangkui")
    link.focus()
    page.evaluate("window.focused = document.activeElement")
    expect(page.locator("#now-online")).to_have_text("0")

    with database.writing() as db:
        visit(db, real_city["pasar-pagi"], INTAN, datetime.now(UTC) - timedelta(minutes=2), 1, leaves=False)
        roll_up(db)

    expect(page.locator("#now-online")).to_have_text("1", timeout=15_000)
    assert page.evaluate("window.sameDocument && window.focused === document.activeElement")
    assert page.locator("details").get_attribute("open") is not None
    assert page.locator("canvas").first.is_visible()


@with_scripts
def test_a_new_site_appears_in_the_table_while_the_others_stay(
    open_page: Open, database: Database, real_city: dict[str, Site]
) -> None:
    page = open_page("/console/usage?area=19.71.04.1001")
    page.evaluate("window.row = document.querySelector('table.places tbody tr')")
    with database.writing() as db:
        build_site(db, "Kios Baru", "19.71.04.1001", datetime.now(UTC))

    expect(page.get_by_role("link", name="Kios Baru")).to_be_visible(timeout=15_000)
    assert page.evaluate("window.row.isConnected")


@with_scripts
def test_whoever_is_signed_out_is_led_to_sign_in(chromium: Chromium, address: str, database: Database) -> None:
    context = chromium.new_context(locale="id-ID")
    page = context.new_page()
    with database.writing() as db:
        link = make_login_link(db, "Alice", datetime.now(UTC))
    page.goto(f"{address}/console/login/{link}")
    page.get_by_role("button", name="Masuk").click()
    page.wait_for_url("**/console/usage")
    with database.writing() as db:
        disable_staff(db, "Alice", datetime.now(UTC))

    page.wait_for_url("**/console/login", timeout=15_000)
    context.close()


@with_scripts
def test_no_connection_is_said_and_taken_back(open_page: Open, address: str) -> None:
    page = open_page(may_complain=True)
    page.route("**/usage/live*", lambda route: route.fulfill(status=503))

    expect(page.get_by_role("status")).to_have_text(
        "Tidak ada sambungan: ini angka terakhir yang diketahui.", timeout=15_000
    )
    page.unroute("**/usage/live*")
    expect(page.get_by_role("status")).to_have_text("", timeout=15_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_violates_accessibility_or_overflows(open_page: Open, width: int, scheme: str) -> None:
    page = open_page(width=width, color_scheme=scheme, reduced_motion="reduce")

    for path in (
        "/console/usage",
        "/console/usage?period=30d&area=19.71.02.1001",
        "/console/usage?site=alun-alun&lang=en&live=off",
        "/console/terms",
        "/console/terms/public/2",
        "/console/login",
        "/console/login/x",
    ):
        page.goto(page.url.partition("/console")[0] + path)
        for details in page.locator("summary").all():
            details.click()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_a_person_can_sign_in_and_drill_down(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)

    for name in ("Taman Sari", "Batin Tikal", "Alun-Alun"):
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page.get_by_role("img", name=f"Perangkat per jam: {name}")).to_be_visible()
    page.get_by_role("button", name="Keluar").click()
    expect(page.get_by_text("hotspot staff login-link")).to_be_visible()


def test_the_keyboard_reaches_everything_in_order(open_page: Open) -> None:
    page = open_page("/console/usage?live=off")
    reached = []
    for _ in range(17):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))

    wanted = ["Langsung ke isi", "Keluar", "Hari ini", "30 hari", "Gerunggang", "Rangkui", "Taman Sari"]
    assert [name for name in reached if name in wanted] == wanted
