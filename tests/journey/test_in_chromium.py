"""A resident's way online and the city's view of it, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hotspot.simulator.gateway import Gateway
from tests.journey.conftest import Product
from tests.portal.browser import ARGUMENTS, CHROMIUM

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (Debian package chromium)")

PROBE = "http://captive.apple.com/hotspot-detect.html"
PATIENCE = 20_000  # milliseconds; the pages refresh every few seconds


@pytest.fixture
def gateway(product: Product) -> Iterator[Gateway]:
    with product.gateway() as gateway:
        yield gateway


@pytest.fixture
def browser(gateway: Gateway) -> Iterator[Browser]:
    """A browser behind the router: every host but loopback is the router, as its DNAT makes it."""
    behind = f"--host-resolver-rules=MAP captive.apple.com {gateway.login_host}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*ARGUMENTS, behind])
        yield browser
        browser.close()


def log_in(page: Page) -> None:
    """Be captured, read, press the one button."""
    page.goto(PROBE)
    page.wait_for_url("**/p/alun-alun*", timeout=PATIENCE)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Alun-Alun")
    page.get_by_role("button").click()
    page.wait_for_url("**/p/alun-alun/online*", timeout=PATIENCE)


def test_a_resident_gets_online_and_the_city_sees_it(browser: Browser, gateway: Gateway, product: Product) -> None:
    phone = browser.new_context(viewport={"width": 320, "height": 640}, locale="id-ID").new_page()
    log_in(phone)
    expect(phone.locator("main")).to_contain_text("Anda sudah terhubung", timeout=PATIENCE, use_inner_text=True)
    phone.goto(PROBE)
    assert "Success" in phone.content(), "the probe reaches the internet now"

    office = browser.new_context(viewport={"width": 1280, "height": 900}, locale="id-ID").new_page()
    office.goto(product.console_link())
    office.get_by_role("button").click()
    office.wait_for_url("**/console/usage*", timeout=PATIENCE)
    row = office.get_by_role("row").filter(has_text="Taman Sari")
    expect(row.get_by_role("cell").nth(1)).to_have_text("1", timeout=PATIENCE)

    for place in ("Taman Sari", "Gedung Nasional", "Alun-Alun"):
        office.get_by_role("link", name=place, exact=True).click()
        expect(office.get_by_role("heading", level=1)).to_contain_text(place)


def test_the_same_works_without_javascript(browser: Browser) -> None:
    phone = browser.new_context(java_script_enabled=False, locale="en-GB").new_page()

    log_in(phone)

    expect(phone.locator("main")).to_contain_text("You are online", timeout=PATIENCE, use_inner_text=True)


def test_a_wrong_password_is_explained_once_and_does_not_loop(browser: Browser, gateway: Gateway) -> None:
    phone = browser.new_context(locale="id-ID").new_page()
    visited: list[str] = []
    phone.on("framenavigated", lambda frame: visited.append(frame.url))

    phone.goto(f"http://{gateway.login_host}/login?username=nobody&password=wrong")
    phone.wait_for_url("**/p/alun-alun*", timeout=PATIENCE)
    expect(phone.get_by_role("heading", level=1)).to_be_visible()
    settled = len(visited)
    phone.wait_for_timeout(4_000)

    assert len(visited) == settled, "it stays where it is"
    assert gateway.router.radius.monitor.rejects == 1
