"""The guest pages in a real Chromium at the narrowest width that counts: accessible, usable by keyboard, nothing cut off.

The pages have no scripts; axe is put into them from outside. ``PORTAL_PICTURES=/tmp/portal`` keeps a picture of each page.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright

from hotspot.app import create_app
from hotspot.db import Database
from hotspot.guests import vouchers
from hotspot.guests.printed_codes import grouped
from hotspot.guests.service import give_consent, issue_credential
from hotspot.portal.tickets import Ticket
from hotspot.settings import Settings
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.portal.browser import ARGUMENTS, CHROMIUM, Served, listening, serving
from tests.portal.visit import Visit, furnish
from tests.world import World

PICTURES = os.environ.get("PORTAL_PICTURES", "")
NARROW = {"width": 320, "height": 568}  # the smallest phones still carried, and WCAG 2.2 §1.4.10

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium: apt-get install chromium")


def utc_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def served(request: pytest.FixtureRequest, database: Database, settings: Settings, world: World) -> Iterator[Served]:
    portal, router = listening(), listening()
    settings = settings.model_copy(
        update={"http_port": portal.getsockname()[1], "demo": getattr(request, "param", False)}
    )
    login_host = f"127.0.0.1:{router.getsockname()[1]}"
    with database.writing() as db:
        furnish(db, world, login_host)
    visit = Visit(None, database, settings, utc_now, world, None)
    found = Served(visit, settings.base_url, f"http://{login_host}")
    with serving(create_app(settings, database, now=utc_now), portal), serving(found.router_app(), router):
        yield found


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=NARROW, color_scheme=request.param, locale="id-ID", java_script_enabled=True)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def violations(page: Page, *, but: tuple[str, ...] = ()) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {v['help']} {[n['html'] for n in v['nodes']]}" for v in found if v["id"] not in but]


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than the screen, at 200 % text."""
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.evaluate("document.documentElement.style.fontSize = ''")
    return int(wider)


def picture(page: Page, name: str) -> None:
    if PICTURES:
        scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
        page.screenshot(path=f"{PICTURES}-{name}-{scheme}.png", full_page=True)


def look(page: Page, name: str, *, but: tuple[str, ...] = ()) -> None:
    """What holds for every page."""
    picture(page, name)
    assert violations(page, but=but) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert overflow(page) == 0


def credential(served: Served, *, issued: datetime | None = None) -> str:
    """A credential of the device, and its online page's address."""
    at = issued or utc_now()
    with served.visit.database.writing() as db:
        terms_hash = "0" * 64
        consent = give_consent(
            db,
            device_id=served.visit.world.device(),
            site_id=served.visit.world.alun_alun,
            terms_sha256=terms_hash,
            language="id",
            now=at,
        )
        login = issue_credential(db, consent, keys=served.visit.settings.keys, now=at)
    ticket = Ticket(login.credential_id, served.router, "example.com")
    query = ticket.query(served.visit.settings.keys, served.visit.world.alun_alun)
    return f"{served.base}/p/alun-alun/online?{query}"


def test_every_page_is_accessible_and_fits_a_small_screen(served: Served, page: Page) -> None:
    page.goto(served.captured())
    look(page, "welcome")
    page.get_by_text("Baca ketentuan lengkap").click()
    look(page, "welcome-open")
    page.goto(served.captured(lang="en"))
    look(page, "welcome-en")
    page.goto(served.address())
    look(page, "preview")
    page.goto(served.captured(error="RADIUS server is not responding"))
    look(page, "error")
    page.goto(served.captured(error="<b>Wartungsarbeiten</b> bis 15 Uhr"))
    look(page, "error-unknown")
    page.goto(served.address("/terms"))
    look(page, "terms")
    page.goto(served.address(mac="nonsense"))
    look(page, "damaged")
    page.goto(f"{served.base}/p/nowhere")
    look(page, "nowhere")
    page.goto(credential(served, issued=utc_now() - timedelta(minutes=5)))
    look(page, "expired")


@pytest.mark.parametrize("served", [True], indirect=True, ids=["demo"])
def test_the_notice_of_a_demo_is_accessible(served: Served, page: Page) -> None:
    page.goto(served.captured())
    assert "Demonstrasi" in page.content()
    look(page, "demo")


def test_a_guest_gets_online_with_the_keyboard_alone(served: Served, page: Page) -> None:
    page.goto(served.captured())

    press_until(page, "Tab", lambda: focused(page) == "Setuju dan hubungkan")
    page.keyboard.press("Enter")
    page.wait_for_url("**/online?**")

    assert page.get_by_role("heading", level=1).inner_text() == "Anda sudah terhubung"
    look(page, "online")
    user_name = parse_qs(urlsplit(page.url).query)["t"][0].partition(".")[0]
    page.goto(served.captured(username=user_name))
    look(page, "online-again")
    press_until(page, "Tab", lambda: focused(page) == "Putuskan")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served.router}/logout")


def test_the_pages_about_ones_own_data_are_accessible(served: Served, page: Page) -> None:
    online = credential(served)
    user_name = parse_qs(urlsplit(online).query)["t"][0].partition(".")[0]
    served.visit.accept(user_name)
    served.visit.start(user_name)
    page.goto(online)

    page.get_by_role("link", name="Data Anda").click()
    look(page, "your-data")
    page.get_by_role("button", name="Tarik persetujuan saya").click()
    look(page, "withdrawn")
    page.get_by_role("button", name="Hapus data saya").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Data Anda sudah dihapus"
    look(page, "deleted")


def test_a_guest_with_a_voucher_gets_online_with_the_keyboard_alone(served: Served, page: Page) -> None:
    visit = served.visit
    with visit.database.writing() as db:
        site, now = get_site(db, "alun-alun"), utc_now()
        give(db, site, "sign_in", "voucher,resident")
        wanted = vouchers.checked_batch(now, name="Rapat", count=1, valid_until=now + timedelta(days=1))
        batch = vouchers.make_batch(db, wanted, site, made_by="Alice", now=now)
        list(vouchers.add_vouchers(db, batch, 1, keys=visit.settings.keys))
        _, (made,) = vouchers.take_codes(db, batch.id or 0, keys=visit.settings.keys)
    page.goto(served.captured())
    look(page, "voucher")
    field = page.get_by_label("Kode pada voucher Anda")

    field.fill("RTK4-9QXW-2HJD")
    field.press("Enter")
    assert page.get_by_role("heading", level=1).inner_text() == "Kode ini tidak dikenal"
    look(page, "voucher-unknown")
    page.get_by_role("link", name="Coba lagi").click()
    field.fill(grouped(made.code).lower())
    press_until(page, "Tab", lambda: focused(page) == "Setuju dan pakai voucher")
    page.keyboard.press("Enter")
    page.wait_for_url("**/online?**")

    assert page.get_by_role("heading", level=1).inner_text() == "Anda sudah terhubung"


def test_the_connecting_page_becomes_the_online_page_by_itself(served: Served, page: Page) -> None:
    served.reports_start = False
    page.goto(served.captured())

    page.get_by_role("button").click()
    page.wait_for_url("**/online?**")
    assert page.get_by_role("heading", level=1).inner_text() == "Menghubungkan…"
    served.visit.start(re.search(r"t=([0-9a-f]{32})", page.url)[1])

    page.get_by_role("heading", name="Anda sudah terhubung").wait_for()


def test_the_connecting_page_is_accessible(served: Served, page: Page) -> None:
    def hold(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace('content="2"', 'content="600"'))

    page.route("**/online?**", hold)  # or it would be gone while axe looks at it
    page.goto(credential(served))

    assert page.get_by_role("heading", level=1).inner_text() == "Menghubungkan…"
    # Looking again is what the page is for; nothing to read or fill in is lost (WCAG 2.2 §2.2.1, "essential").
    look(page, "connecting", but=("meta-refresh",))


def test_full_terms_open_with_the_keyboard_and_without_scripts(served: Served, browser: Browser) -> None:
    context = browser.new_context(viewport=NARROW, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(served.captured())

    page.get_by_text("Read the full terms").focus()
    page.keyboard.press("Enter")

    assert page.get_by_role("heading", name="What we don't record").is_visible()
    page.get_by_role("link", name="Bahasa Indonesia").click()
    page.get_by_role("button", name="Setuju dan hubungkan").click()
    page.wait_for_url("**/online?**")
    assert page.get_by_role("heading", level=1).inner_text() == "Anda sudah terhubung"
    assert context.cookies() == []
    context.close()


def test_the_first_view_is_one_request_and_nothing_is_reported_by_the_policy(served: Served, page: Page) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))

    page.goto(served.captured(), wait_until="networkidle")

    assert asked == [served.captured()]
    assert said == []


def test_what_is_touched_is_big_enough(served: Served, page: Page) -> None:
    page.goto(served.captured())

    boxes = [element.bounding_box() for element in page.locator("a, button, summary").all()]

    assert len(boxes) >= 3
    assert [box for box in boxes if box is None or box["height"] < 44] == []


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.innerText"))


def press_until(page: Page, key: str, reached: Callable[[], bool]) -> None:
    for _ in range(20):
        page.keyboard.press(key)
        if reached():
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid"
            return
    raise AssertionError("not reached with the keyboard")
