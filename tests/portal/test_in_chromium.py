"""A guest's way in a real Chromium on a small screen: by keyboard, without scripts, in one request. `test_samples_in_chromium` has each page."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from hotspot.app import create_app
from hotspot.db import Database
from hotspot.guests import vouchers
from hotspot.guests.printed_codes import grouped
from hotspot.settings import Settings
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.portal.browser import CHROMIUM, NARROW, Served, listening, serving
from tests.portal.visit import Visit, furnish
from tests.world import World

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium: apt-get install chromium")


def utc_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def served(database: Database, settings: Settings, world: World) -> Iterator[Served]:
    portal, router = listening(), listening()
    settings = settings.model_copy(update={"http_port": portal.getsockname()[1]})
    login_host = f"127.0.0.1:{router.getsockname()[1]}"
    with database.writing() as db:
        furnish(db, world, login_host)
    visit = Visit(None, database, settings, utc_now, world, None)
    found = Served(visit, settings.base_url, f"http://{login_host}")
    with serving(create_app(settings, database, now=utc_now), portal), serving(found.router_app(), router):
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=NARROW, locale="id-ID")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_a_guest_gets_online_with_the_keyboard_alone(served: Served, page: Page) -> None:
    page.goto(served.captured())

    press_until(page, "Tab", lambda: focused(page) == "Setuju dan hubungkan")
    page.keyboard.press("Enter")
    page.wait_for_url("**/online?**")

    assert page.get_by_role("heading", level=1).inner_text() == "Anda sudah terhubung"
    user_name = parse_qs(urlsplit(page.url).query)["t"][0].partition(".")[0]
    page.goto(served.captured(username=user_name))
    press_until(page, "Tab", lambda: focused(page) == "Putuskan")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served.router}/logout")


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
    field = page.get_by_label("Kode pada voucher Anda")

    field.fill("RTK4-9QXW-2HJD")
    field.press("Enter")
    assert page.get_by_role("heading", level=1).inner_text() == "Kode ini tidak dikenal"
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
