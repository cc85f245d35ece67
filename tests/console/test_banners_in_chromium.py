"""Information and alerts in a real browser: previews as phones show them, nothing executed, accessible and usable at 320 px."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from hotspot.areas.service import top_area
from hotspot.db import Database
from hotspot.portal.banners import Draft, draft
from hotspot.portal.broadcasts import start
from hotspot.portal.images import keep, redraw
from hotspot.portal.schedule import Schedule
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff
from tests.console.test_in_chromium import CHROMIUM, Open, address, chromium, open_page, real_city, violations
from tests.portal.payloads import MARKUP

__all__ = ["address", "chromium", "open_page", "real_city"]  # fixtures

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no chromium at {CHROMIUM}")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (320, 160), "teal").save(path)
    return path


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_member_of_staff_writes_information_and_sees_it_as_phones_will(open_page: Open, picture: Path) -> None:
    page = open_page("/console/banners/new", width=320, may_complain=True)  # of axe, which asks sandboxed frames
    assert violations(page) == []
    assert fits(page)
    for name, words in (("title_id", "Pasar murah"), ("text_id", "Sabtu di **alun-alun**."), ("alt_id", "Pasar")):
        page.locator(f"[name={name}]").fill(words)
    for name, words in (("title_en", "Cheap market"), ("text_en", "On *Saturday*."), ("alt_en", "A market")):
        page.locator(f"[name={name}]").fill(words)
    page.locator("[name=image]").set_input_files(picture)
    page.get_by_role("button", name="Simpan rancangan dan lihat").click()
    page.wait_for_url("**/console/banners/1")

    assert violations(page) == []
    assert fits(page)
    page.locator("iframe").first.scroll_into_view_if_needed()
    shown = page.frame_locator("iframe").first
    expect(shown.get_by_role("heading", name="Pasar murah")).to_be_visible()
    expect(shown.locator("strong")).to_have_text("alun-alun")
    assert (
        shown.get_by_role("img", name="Pasar").evaluate("image => image.decode().then(() => image.naturalWidth)") == 320
    )
    light, dark = page.frame_locator("iframe").nth(0), page.frame_locator("iframe").nth(1)
    page.locator("iframe").nth(1).scroll_into_view_if_needed()
    colours = [
        look.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") for look in (light, dark)
    ]
    assert colours[0] != colours[1]


def test_the_page_of_alerts_is_accessible_and_asks_for_what_is_missing(open_page: Open, database: Database) -> None:
    now = datetime.now(UTC)
    texts = {language: {"title": "Banjir", "text": "Naik."} for language in ("id", "en")}
    with database.writing() as db:
        bob = add_staff(db, "Bob", Role.OFFICIAL, now)
        start(db, top_area(db), texts, ends_at=now + timedelta(hours=1), by=bob, languages=("id", "en"), now=now)
    for scheme in ("light", "dark"):
        page = open_page("/console/broadcast", width=320, color_scheme=scheme)
        assert violations(page) == []
        assert fits(page)

    page.get_by_role("button", name="Serahkan kepada orang kedua").click()
    assert page.locator("[name=title_id]").evaluate("field => field.validity.valueMissing")
    page.get_by_role("button", name="Kirim", exact=True).click()

    expect(page.get_by_text("Dikirim:")).to_be_visible()


def test_no_stored_text_is_executed_in_the_console_or_its_previews(
    open_page: Open, database: Database, address: str
) -> None:
    now = datetime.now(UTC)
    with database.writing() as db:
        image = keep(db, redraw(_png()), now=now)
        bob = add_staff(db, "Bob", Role.OFFICIAL, now)
        for payload in MARKUP:
            parts = {"title": payload[:80], "text": f"{payload}\n\n- {payload}", "alt": payload}
            texts = dict.fromkeys(("id", "en"), parts)
            draft(db, top_area(db), Draft(texts, Schedule(now), image=image), by=bob, now=now)
            start(db, top_area(db), texts, ends_at=now + timedelta(hours=1), by=bob, languages=("id", "en"), now=now)
    page = open_page("/console/banners", may_complain=True)  # of /favicon.ico, which a preview has not
    happened: list[str] = []
    page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: happened.append(message.text) if "Policy" in message.text else None)

    for path in ("/console/banners", "/console/broadcast"):
        page.goto(address + path)
    for number in range(1, len(MARKUP) + 1, 2):
        page.goto(f"{address}/console/banners/{number}/preview")
        assert (
            page.evaluate("document.querySelectorAll('main script, main iframe, main base, main object').length") == 0
        )
    page.goto(f"{address}/console/banners/1")

    assert happened == []
    assert [frame.url for frame in page.frames if "evil" in frame.url] == []


def _png() -> bytes:
    kept = BytesIO()
    Image.new("RGB", (64, 64)).save(kept, "PNG")
    return kept.getvalue()
